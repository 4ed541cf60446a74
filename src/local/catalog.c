/* catalog.c - the catalog of components: one table.
 *
 * 29 types: 18 of the first documents, 10 that the page cookbook adds, and Custom, the
 * escape hatch that needs pages:admin. ("Layout", "Content" and "Data-viz" in the
 * documents are the headings of groups, not types.) Few props are documented, so what is
 * not listed here is accepted as it is; only its bindings are checked. */
#include "local/catalog.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"

static const char *const no_children[] = {NULL};
static const char *const stat_only[] = {"Stat", NULL};
static const char *const tones[] = {"neutral", "positive", "warning", NULL};

static const struct catalog_prop section_props[] = {{"title", PROP_TEXT}, {NULL}};
static const struct catalog_prop heading_props[] = {
    {"text", PROP_TEXT}, {"level", PROP_INTEGER, .min = 1, .max = 3}, {NULL}};
static const struct catalog_prop text_props[] = {{"text", PROP_TEXT}, {NULL}};
static const struct catalog_prop markdown_props[] = {
    {"body", PROP_LITERAL, .required = true}, {NULL}};
static const struct catalog_prop stat_props[] = {
    {"label", PROP_TEXT}, {"value", PROP_SCALAR},   {"format", PROP_LITERAL},
    {"trend", PROP_ANY},  {"sparkline", PROP_LIST}, {NULL}};
static const struct catalog_prop callout_props[] = {
    {"title", PROP_TEXT},
    {"tone", PROP_WORD, .words = tones},
    {"text", PROP_REFUSED, .hint = "its message is a child Text or Markdown"},
    {NULL}};
static const struct catalog_prop list_props[] = {{"items", PROP_LIST}, {NULL}};
static const struct catalog_prop table_props[] = {
    {"data", PROP_ROWS}, {"columns", PROP_COLUMNS}, {NULL}};
static const struct catalog_prop chart_props[] = {
    {"data", PROP_ROWS}, {"x", PROP_COLUMN}, {"y", PROP_COLUMN}, {NULL}};
static const struct catalog_prop gauge_props[] = {{"value", PROP_SCALAR}, {NULL}};
static const struct catalog_prop sankey_props[] = {
    {"nodes", PROP_LIST}, {"links", PROP_LIST}, {NULL}};

const struct catalog_type catalog_types[] = {
    /* layout */
    {"Section", section_props},
    {"Row"},
    {"Grid"},
    {"Card"},
    {"Divider", .children = no_children},
    {"Spacer", .children = no_children},
    /* content */
    {"Heading", heading_props, no_children},
    {"Text", text_props, no_children},
    {"Markdown", markdown_props, no_children},
    {"Stat", stat_props, no_children},
    {"StatRow", .children = stat_only},
    {"Badge", .children = no_children},
    {"Callout", callout_props},
    {"List", list_props},
    /* data */
    {"Table", table_props, no_children},
    {"BarChart", chart_props, no_children},
    {"LineChart", chart_props, no_children},
    {"PieChart", chart_props, no_children},
    {"AreaChart", chart_props, no_children},
    {"ScatterChart", chart_props, no_children},
    {"ComposedChart", chart_props, no_children},
    {"FunnelChart", chart_props, no_children},
    {"RadarChart", chart_props, no_children},
    {"GaugeChart", gauge_props, no_children},
    {"Treemap", chart_props, no_children},
    {"Sankey", sankey_props, no_children},
    {"SignalMap"},
    {"Insight"},
    {"Custom", .is_custom = true},
};
const size_t catalog_type_count = ARRAY_LEN(catalog_types);

const struct catalog_type *catalog_find(const char *name)
{
    for (size_t i = 0; i < catalog_type_count; i++) {
        if (strcmp(catalog_types[i].name, name) == 0)
            return &catalog_types[i];
    }
    return NULL;
}

const struct catalog_prop *catalog_prop(const struct catalog_type *type, const char *name)
{
    for (const struct catalog_prop *p = type->props; p && p->name; p++) {
        if (strcmp(p->name, name) == 0)
            return p;
    }
    return NULL;
}

/* Is b what a becomes by one letter added, dropped, changed or swapped with its
 * neighbour? Letters in any case. */
static bool is_one_slip_away(const char *a, const char *b)
{
    while (*a && strncasecmp(a, b, 1) == 0)
        a++, b++;
    return strcasecmp(a, b) == 0 || (*a && *b && strcasecmp(a + 1, b + 1) == 0) ||
           (*a && strcasecmp(a + 1, b) == 0) || (*b && strcasecmp(a, b + 1) == 0) ||
           (*a && *b && strncasecmp(a, b + 1, 1) == 0 && strncasecmp(a + 1, b, 1) == 0 &&
            strcasecmp(a + 2, b + 2) == 0);
}

const struct catalog_type *catalog_nearest(const char *name)
{
    for (size_t i = 0; i < catalog_type_count; i++) {
        if (is_one_slip_away(name, catalog_types[i].name))
            return &catalog_types[i];
    }
    return NULL;
}
