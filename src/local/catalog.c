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

/* clang-format off: tables */
#define PROP(prop, ...)                                                                  \
    {                                                                                    \
        .name = prop, .kind = __VA_ARGS__                                                \
    }
#define END                                                                              \
    {                                                                                    \
        .name = NULL                                                                     \
    }

static const struct catalog_prop section_props[] = {PROP("title", PROP_TEXT), END};
static const struct catalog_prop heading_props[] = {
    PROP("text", PROP_TEXT), PROP("level", PROP_INTEGER, .min = 1, .max = 3), END};
static const struct catalog_prop text_props[] = {PROP("text", PROP_TEXT), END};
static const struct catalog_prop markdown_props[] = {
    PROP("body", PROP_LITERAL, .required = true), END};
static const struct catalog_prop stat_props[] = {
    PROP("label", PROP_TEXT), PROP("value", PROP_SCALAR),   PROP("format", PROP_LITERAL),
    PROP("trend", PROP_ANY),  PROP("sparkline", PROP_LIST), END};
static const struct catalog_prop callout_props[] = {
    PROP("title", PROP_TEXT), PROP("tone", PROP_WORD, .words = tones),
    PROP("text", PROP_REFUSED, .hint = "its message is a child Text or Markdown"), END};
static const struct catalog_prop list_props[] = {PROP("items", PROP_LIST), END};
static const struct catalog_prop table_props[] = {PROP("data", PROP_ROWS),
                                                  PROP("columns", PROP_COLUMNS), END};
static const struct catalog_prop chart_props[] = {
    PROP("data", PROP_ROWS), PROP("x", PROP_COLUMN), PROP("y", PROP_COLUMN), END};
static const struct catalog_prop gauge_props[] = {PROP("value", PROP_SCALAR), END};
static const struct catalog_prop sankey_props[] = {PROP("nodes", PROP_LIST),
                                                   PROP("links", PROP_LIST), END};

#define TYPE(type, ...)                                                                  \
    {                                                                                    \
        .name = type, ##__VA_ARGS__                                                      \
    }
#define LEAF .children = no_children

const struct catalog_type catalog_types[] = {
    /* layout */
    TYPE("Section", .props = section_props),
    TYPE("Row"),
    TYPE("Grid"),
    TYPE("Card"),
    TYPE("Divider", LEAF),
    TYPE("Spacer", LEAF),
    /* content */
    TYPE("Heading", .props = heading_props, LEAF),
    TYPE("Text", .props = text_props, LEAF),
    TYPE("Markdown", .props = markdown_props, LEAF),
    TYPE("Stat", .props = stat_props, LEAF),
    TYPE("StatRow", .children = stat_only),
    TYPE("Badge", LEAF),
    TYPE("Callout", .props = callout_props),
    TYPE("List", .props = list_props),
    /* data */
    TYPE("Table", .props = table_props, LEAF),
    TYPE("BarChart", .props = chart_props, LEAF),
    TYPE("LineChart", .props = chart_props, LEAF),
    TYPE("PieChart", .props = chart_props, LEAF),
    TYPE("AreaChart", .props = chart_props, LEAF),
    TYPE("ScatterChart", .props = chart_props, LEAF),
    TYPE("ComposedChart", .props = chart_props, LEAF),
    TYPE("FunnelChart", .props = chart_props, LEAF),
    TYPE("RadarChart", .props = chart_props, LEAF),
    TYPE("GaugeChart", .props = gauge_props, LEAF),
    TYPE("Treemap", .props = chart_props, LEAF),
    TYPE("Sankey", .props = sankey_props, LEAF),
    TYPE("SignalMap"),
    TYPE("Insight"),
    /* the escape hatch */
    TYPE("Custom", .is_custom = true),
};
/* clang-format on */

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
