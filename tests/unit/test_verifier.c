/* The verifier: one case for each thing it can say, with the path it says it at. */
#include <stdio.h>

#include "gate_fixture.h"

#include "json/json.h"
#include "local/catalog.h"
#include "local/verifier.h"

static char *read_fixture(const char *name)
{
    cleanup_buf struct buf b = BUF_INIT;
    cleanup_free char *path = xasprintf("%s/%s", FIXTURES, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    buf_reserve(&b, 1 << 16);
    b.len = fread(b.data, 1, 1 << 16, f);
    b.data[b.len] = '\0';
    fclose(f);
    return buf_steal(&b);
}

static struct json_span span_of(const char *text)
{
    struct json_span span = {0, 0, JSON_NULL};
    struct json_error e;
    if (text && json_check(text, strlen(text), &JSON_LIMITS_WIRE, &span, &e) < 0)
        fail_msg("the test's own JSON: %s at %zu: %s", e.message, e.offset, text);
    return span;
}

static void verify(void **state, const char *spec, const char *queries,
                   struct verdict *ret)
{
    const struct verify_input in = {spec, span_of(spec), queries, span_of(queries)};
    verify_page(gate_of(state), &in, ret);
}

static void expect_ok(void **state, const char *spec, const char *queries)
{
    cleanup_verdict struct verdict v;
    cleanup_buf struct buf out = BUF_INIT;
    verify(state, spec, queries, &v);
    verdict_print(&v, &out);
    assert_string_equal(
        out.data,
        "{\"ok\":true,\"stages\":{\"compile\":true,\"query\":true,\"bind\":true},"
        "\"errors\":[],\"has_custom_nodes\":false}");
}

/* ---- one refusal each ------------------------------------------------------------- */

struct refusal {
    const char *spec, *queries;
    enum verify_stage stage;
    const char *field, *part;
};

#define ROOT(node) "{\"version\":1,\"root\":" node "}"
#define PROPS(type, props) ROOT("{\"type\":\"" type "\",\"props\":{" props "}}")
#define QUERY(rest) "[{\"name\":\"q\"," rest "}]"
#define SQL(sql) QUERY("\"sql\":\"" sql "\"")
#define GOOD SQL("SELECT channel, COUNT(*) AS n FROM interactions GROUP BY channel")
#define TEXT ROOT("{\"type\":\"Text\"}")

/* Each has exactly this one error. */
static const struct refusal refusals[] = {
    /* the spec */
    {NULL, NULL, VERIFY_COMPILE, "spec", "missing"},
    {"null", NULL, VERIFY_COMPILE, "spec", "object"},
    {"[]", NULL, VERIFY_COMPILE, "spec", "object"},
    {"{\"root\":{\"type\":\"Text\"}}", NULL, VERIFY_COMPILE, "spec.version", "missing"},
    {"{\"version\":2,\"root\":{\"type\":\"Text\"}}", NULL, VERIFY_COMPILE, "spec.version",
     "must be 1"},
    {"{\"version\":\"1\",\"root\":{\"type\":\"Text\"}}", NULL, VERIFY_COMPILE,
     "spec.version", "must be 1"},
    {"{\"version\":1}", NULL, VERIFY_COMPILE, "spec.root", "missing"},
    {"{\"version\":1,\"root\":{\"type\":\"Text\"},\"root\":{\"type\":\"Text\"}}", NULL,
     VERIFY_COMPILE, "spec.root", "one root"},
    {"{\"version\":1,\"root\":{\"type\":\"Text\"},\"layout\":\"grid\"}", NULL,
     VERIFY_COMPILE, "spec.layout", "dashboard, single or document"},
    {"{\"version\":1,\"root\":{\"type\":\"Text\"},\"theme\":\"x\"}", NULL, VERIFY_COMPILE,
     "spec.theme", "version, root and layout"},
    {"{\"version\":1,\"type\":\"Text\",\"root\":{\"type\":\"Text\"}}", NULL,
     VERIFY_COMPILE, "spec.type", "version, root and layout"},
    {ROOT("[]"), NULL, VERIFY_COMPILE, "spec.root", "object"},
    /* nodes */
    {ROOT("{}"), NULL, VERIFY_COMPILE, "spec.root", "needs a type"},
    {ROOT("{\"type\":7}"), NULL, VERIFY_COMPILE, "spec.root.type", "string"},
    {ROOT("{\"type\":\"Chart3D\"}"), NULL, VERIFY_COMPILE, "spec.root.type",
     "unknown component type Chart3D"},
    {ROOT("{\"type\":\"BarChrt\"}"), NULL, VERIFY_COMPILE, "spec.root.type",
     "unknown component type BarChrt; did you mean BarChart"},
    {ROOT("{\"type\":\"section\"}"), NULL, VERIFY_COMPILE, "spec.root.type",
     "did you mean Section"},
    {ROOT("{\"type\":\"Layout\"}"), NULL, VERIFY_COMPILE, "spec.root.type", "unknown"},
    {ROOT("{\"type\":\"Text\",\"props\":[]}"), NULL, VERIFY_COMPILE, "spec.root.props",
     "object"},
    {ROOT("{\"type\":\"Text\",\"text\":\"x\"}"), NULL, VERIFY_COMPILE, "spec.root.text",
     "belongs in props"},
    {ROOT("{\"type\":\"Row\",\"children\":{}}"), NULL, VERIFY_COMPILE,
     "spec.root.children", "array"},
    {ROOT("{\"type\":\"Row\",\"children\":[{\"type\":\"Text\"},5]}"), NULL,
     VERIFY_COMPILE, "spec.root.children[1]", "object"},
    {ROOT("{\"type\":\"Row\",\"children\":[{\"type\":\"Row\",\"children\":[{\"type\":"
          "\"Nope\"}]}]}"),
     NULL, VERIFY_COMPILE, "spec.root.children[0].children[0].type", "Nope"},
    {ROOT("{\"type\":\"StatRow\",\"children\":[{\"type\":\"Text\"}]}"), NULL,
     VERIFY_COMPILE, "spec.root.children[0].type", "only Stat"},
    {ROOT(
         "{\"type\":\"Divider\",\"children\":[{\"type\":\"Text\"},{\"type\":\"Text\"}]}"),
     NULL, VERIFY_COMPILE, "spec.root.children", "no children"},
    /* props */
    {PROPS("Markdown", ""), NULL, VERIFY_COMPILE, "spec.root", "needs the prop body"},
    {PROPS("Markdown", "\"body\":{\"$value\":{\"query\":\"q\",\"field\":\"n\"}}"), GOOD,
     VERIFY_COMPILE, "spec.root.props.body", "string"},
    {PROPS("Heading", "\"text\":5"), NULL, VERIFY_COMPILE, "spec.root.props.text",
     "Heading.text must be a string"},
    {PROPS("Heading", "\"level\":4"), NULL, VERIFY_COMPILE, "spec.root.props.level",
     "from 1 to 3"},
    {PROPS("Heading", "\"level\":\"2\""), NULL, VERIFY_COMPILE, "spec.root.props.level",
     "whole number"},
    {PROPS("Heading", "\"level\":1.5"), NULL, VERIFY_COMPILE, "spec.root.props.level",
     "whole number"},
    {PROPS("Callout", "\"tone\":\"angry\""), NULL, VERIFY_COMPILE, "spec.root.props.tone",
     "neutral, positive, warning"},
    {PROPS("Callout", "\"text\":\"x\""), NULL, VERIFY_COMPILE, "spec.root.props.text",
     "child Text"},
    {PROPS("Table", "\"columns\":\"a\""), NULL, VERIFY_COMPILE, "spec.root.props.columns",
     "array"},
    {PROPS("Table", "\"columns\":[\"a\",5]"), NULL, VERIFY_COMPILE,
     "spec.root.props.columns[1]", "name of a column"},
    {PROPS("BarChart", "\"x\":5"), NULL, VERIFY_COMPILE, "spec.root.props.x", "column"},
    {PROPS("List", "\"items\":\"a\""), NULL, VERIFY_COMPILE, "spec.root.props.items",
     "rows"},
    /* bindings */
    {PROPS("Table", "\"data\":[1]"), NULL, VERIFY_COMPILE, "spec.root.props.data",
     "takes rows: write"},
    {PROPS("Table", "\"data\":{\"$value\":{\"query\":\"q\",\"field\":\"n\"}}"), GOOD,
     VERIFY_COMPILE, "spec.root.props.data", "not one $value"},
    {PROPS("Stat", "\"value\":{\"$query\":\"q\"}"), GOOD, VERIFY_COMPILE,
     "spec.root.props.value", "not the rows of $query"},
    {PROPS("Stat", "\"value\":[1]"), NULL, VERIFY_COMPILE, "spec.root.props.value",
     "one value"},
    {PROPS("Table", "\"data\":{\"$query\":\"q\",\"limit\":5}"), GOOD, VERIFY_COMPILE,
     "spec.root.props.data", "malformed $query"},
    {PROPS("Table", "\"data\":{\"$query\":\"\"}"), GOOD, VERIFY_COMPILE,
     "spec.root.props.data", "malformed $query"},
    {PROPS("Stat", "\"value\":{\"$value\":\"q.n\"}"), GOOD, VERIFY_COMPILE,
     "spec.root.props.value", "malformed $value"},
    {PROPS("Stat", "\"value\":{\"$value\":{\"query\":\"q\"}}"), GOOD, VERIFY_COMPILE,
     "spec.root.props.value", "malformed $value"},
    {PROPS("Stat", "\"value\":{\"$value\":{\"query\":\"q\",\"field\":\"n\",\"col\":1}}"),
     GOOD, VERIFY_COMPILE, "spec.root.props.value", "malformed $value"},
    {PROPS("Stat", "\"value\":{\"$value\":{\"query\":\"q\",\"field\":\"n\",\"row\":-1}}"),
     GOOD, VERIFY_COMPILE, "spec.root.props.value", "row must be"},
    {PROPS("Table", "\"data\":{\"$quary\":\"q\"}"), GOOD, VERIFY_COMPILE,
     "spec.root.props.data", "unknown binding $quary"},
    {PROPS("Insight", "\"deep\":[{\"a b\":{\"$query\":5}}]"), GOOD, VERIFY_COMPILE,
     "spec.root.props.deep[0][\"a b\"]", "malformed $query"},
    /* queries */
    {TEXT, "{}", VERIFY_QUERY, "declared_queries", "array"},
    {TEXT, "[5]", VERIFY_QUERY, "declared_queries[0]", "object"},
    {TEXT, "[{\"sql\":\"SELECT 1\"}]", VERIFY_QUERY, "declared_queries[0].name", "needs"},
    {TEXT, "[{\"name\":\"\",\"sql\":\"SELECT 1\"}]", VERIFY_QUERY,
     "declared_queries[0].name", "needs"},
    {TEXT,
     "[{\"name\":\"a\",\"sql\":\"SELECT 1\"},{\"name\":\"a\",\"sql\":\"SELECT 1\"}]",
     VERIFY_QUERY, "declared_queries[1].name", "another"},
    {TEXT, QUERY("\"source\":\"mongo\""), VERIFY_QUERY, "declared_queries[0].source",
     "unknown source"},
    {TEXT, QUERY("\"source\":null"), VERIFY_QUERY, "declared_queries[0].source",
     "unknown source"},
    {TEXT, QUERY("\"source\":\"sql\""), VERIFY_QUERY, "declared_queries[0].sql", "needs"},
    {TEXT, QUERY("\"sql\":\"  \""), VERIFY_QUERY, "declared_queries[0].sql", "needs"},
    {TEXT, QUERY("\"sql\":\"SELECT 1\\u0000\""), VERIFY_QUERY, "declared_queries[0].sql",
     "needs"},
    {TEXT, QUERY("\"source\":\"cluster_search\",\"query\":\"x\""), VERIFY_QUERY,
     "declared_queries[0].target", "needs"},
    {TEXT, QUERY("\"source\":\"cluster_search\",\"query\":\"x\",\"target\":\"pages\""),
     VERIFY_QUERY, "declared_queries[0].target", "unknown target"},
    {PROPS("Table", "\"data\":{\"$query\":\"q\"},\"columns\":[\"title\",\"size\"]"),
     QUERY("\"source\":\"kb_search\",\"query\":\"x\""), VERIFY_BIND,
     "spec.root.props.columns[1]", "no column size"},
    {PROPS("Table", "\"data\":{\"$query\":\"q\"},\"columns\":[\"size\",\"title\"]"),
     QUERY("\"source\":\"cluster_search\",\"query\":\"x\",\"target\":\"interactions\""),
     VERIFY_BIND, "spec.root.props.columns[1]", "no column title"},
    {TEXT, QUERY("\"source\":\"kb_search\""), VERIFY_QUERY, "declared_queries[0].query",
     "needs"},
    {TEXT, QUERY("\"sql\":\"SELECT 1\",\"params\":[]"), VERIFY_QUERY,
     "declared_queries[0].params", "object"},
    {TEXT, SQL("SELECT business_id FROM interactions"), VERIFY_QUERY,
     "declared_queries[0].sql", "business_id"},
    {TEXT, SQL("SELECT 1; SELECT 2"), VERIFY_QUERY, "declared_queries[0].sql",
     "one statement"},
    {TEXT, SQL("DROP TABLE interactions"), VERIFY_QUERY, "declared_queries[0].sql",
     "SELECT"},
    {TEXT, SQL("SELECT * FROM keys"), VERIFY_QUERY, "declared_queries[0].sql", "keys"},
    /* bind */
    {PROPS("Table", "\"data\":{\"$query\":\"deals\"}"), NULL, VERIFY_BIND,
     "spec.root.props.data", "binding `$query: deals` names an undeclared query"},
    {PROPS("Table", "\"data\":{\"$query\":\"Q\"},\"columns\":[\"x\"]"), GOOD, VERIFY_BIND,
     "spec.root.props.data", "binding `$query: Q`"},
    {PROPS("Stat", "\"value\":{\"$value\":{\"query\":\"d\",\"field\":\"n\"}}"), GOOD,
     VERIFY_BIND, "spec.root.props.value", "binding `$value: d` names"},
    {PROPS("Stat", "\"value\":{\"$value\":{\"query\":\"q\",\"field\":\"m\"}}"), GOOD,
     VERIFY_BIND, "spec.root.props.value.$value.field",
     "query q has no column m; it has channel, n"},
    {PROPS("BarChart", "\"data\":{\"$query\":\"q\"},\"x\":\"chanel\",\"y\":\"n\""), GOOD,
     VERIFY_BIND, "spec.root.props.x", "no column chanel"},
    {PROPS("BarChart", "\"data\":{\"$query\":\"q\"},\"y\":[\"n\",\"m\"]"), GOOD,
     VERIFY_BIND, "spec.root.props.y[1]", "no column m"},
    {PROPS("Table", "\"data\":{\"$query\":\"q\"},\"columns\":[\"n\",\"m\"]"), GOOD,
     VERIFY_BIND, "spec.root.props.columns[1]", "no column m"},
    {PROPS("Insight", "\"deep\":[{\"$query\":\"no\"}]"), GOOD, VERIFY_BIND,
     "spec.root.props.deep[0]", "undeclared"},
    /* the bare form */
    {"{\"type\":\"Table\",\"data\":{\"$query\":\"no\"}}", GOOD, VERIFY_BIND, "spec.data",
     "undeclared"},
    {"{\"type\":\"Section\",\"children\":[{\"type\":\"Table\",\"data\":{\"$query\":\"q\"}"
     ","
     "\"columns\":[\"m\"]}]}",
     GOOD, VERIFY_BIND, "spec.children[0].columns[0]", "no column m"},
    {"{\"type\":\"Nope\"}", NULL, VERIFY_COMPILE, "spec.type", "Nope"},
};

/* The path must lead to something in the documents, or to where it is missing. */
static void check_path(const struct refusal *r)
{
    const char *text = strncmp(r->field, "spec", 4) == 0 ? r->spec : r->queries;
    const char *path = strpbrk(r->field, ".[");
    struct json_span found;
    if (!text || !path || strstr(r->part, "missing") || strstr(r->part, "needs"))
        return;
    if (!json_path(text, span_of(text), path + (*path == '.'), &found))
        fail_msg("%s leads nowhere in %s", r->field, text);
}

static void test_refusals(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        const struct refusal *r = &refusals[i];
        const char *shown = r->spec ? r->spec : "(none)";
        cleanup_verdict struct verdict v;
        cleanup_buf struct buf out = BUF_INIT;
        verify(state, r->spec, r->queries, &v);
        verdict_print(&v, &out);
        span_of(out.data);
        if (v.error_count != 1 || v.errors[0].stage != r->stage || !v.failed[r->stage] ||
            strcmp(v.errors[0].field, r->field) != 0 ||
            !strstr(v.errors[0].message, r->part))
            fail_msg("%s with %s: %s", shown, r->queries ? r->queries : "(none)",
                     out.data);
        check_path(r);
    }
}

/* ---- what passes ------------------------------------------------------------------ */

static void test_accepted(void **state)
{
    expect_ok(state, TEXT, NULL);
    expect_ok(state, TEXT, "null");
    expect_ok(state, TEXT, "[]");
    expect_ok(state,
              "{\"version\":1.0,\"layout\":\"document\",\"root\":{\"type\":\"Text\"}}",
              NULL);
    expect_ok(state, PROPS("Text", "\"unheard\":{\"of\":[1,null]}"), NULL);
    expect_ok(state, PROPS("Stat", "\"value\":42,\"format\":\"currency\""), NULL);
    expect_ok(state,
              PROPS("Stat",
                    "\"value\":{\"$value\":{\"query\":\"q\",\"field\":\"n\",\"row\":"
                    "3}},\"sparkline\":{\"$query\":\"q\"}"),
              GOOD);
    expect_ok(state, PROPS("List", "\"items\":[\"a\",\"b\"]"), NULL);
    expect_ok(state, PROPS("Table", "\"data\":{\"$query\":\"q\"},\"columns\":[\"body\"]"),
              QUERY("\"source\":\"kb_search\",\"query\":\"x\""));
    expect_ok(state,
              PROPS("Table", "\"data\":{\"$query\":\"q\"},\"columns\":[\"label\"]"),
              QUERY("\"source\":\"cluster_search\",\"query\":\"x\",\"target\":"
                    "\"interactions\""));
    expect_ok(state, PROPS("Table", "\"data\":{\"$query\":\"q\"},\"columns\":[\"id\"]"),
              QUERY("\"sql\":\"SELECT * FROM interactions WHERE channel = @c\","
                    "\"params\":{\"c\":\"string\"}"));
}

/* The two documents of the platform's own guides, and the cookbook's page. */
static void test_the_guides_pages(void **state)
{
    expect_ok(
        state,
        "{\"type\":\"Section\",\"children\":[{\"type\":\"Table\",\"data\":{\"$query\":"
        "\"by_channel\"}}]}",
        "[{\"name\":\"by_channel\",\"sql\":\"SELECT channel, COUNT(*) AS events FROM "
        "interactions GROUP BY channel\"}]");
    expect_ok(
        state,
        "{\"version\":1,\"root\":{\"type\":\"Section\",\"children\":[{\"type\":"
        "\"Heading\",\"props\":{\"text\":\"Open pipeline by stage\"}},{\"type\":"
        "\"BarChart\",\"props\":{\"data\":{\"$query\":\"deals\"},\"x\":\"stage\",\"y\":"
        "\"count\"}}]}}",
        "[{\"name\":\"deals\",\"source\":\"sql\",\"sql\":\"SELECT stage, COUNT(*) AS "
        "count FROM interactions GROUP BY stage\"}]");
}

static void test_cookbook_page(void **state)
{
    cleanup_free char *text = read_fixture("pipeline-health.json");
    cleanup_verdict struct verdict v;
    struct verify_input in = {.spec_text = text, .queries_text = text};
    struct json_span all = span_of(text);
    assert_true(json_member(text, all, "spec", &in.spec));
    assert_true(json_member(text, all, "declared_queries", &in.queries));
    verify_page(gate_of(state), &in, &v);
    assert_true(verdict_ok(&v));
}

static void test_catalog(void **state)
{
    assert_int_equal(catalog_type_count, 29);
    for (size_t i = 0; i < catalog_type_count; i++) {
        assert_ptr_equal(catalog_find(catalog_types[i].name), &catalog_types[i]);
        cleanup_free char *spec = xasprintf(
            "{\"version\":1,\"root\":{\"type\":\"%s\",\"props\":{\"body\":\"x\"}}}",
            catalog_types[i].name);
        cleanup_verdict struct verdict v;
        verify(state, spec, NULL, &v);
        assert_true(verdict_ok(&v));
        assert_int_equal(v.has_custom_nodes, catalog_types[i].is_custom);
    }
}

static void test_custom(void **state)
{
    const char *spec = ROOT(
        "{\"type\":\"Row\",\"children\":[{\"type\":\"Custom\",\"props\":{\"code\":\"x\","
        "\"data\":{\"$query\":\"q\"}}}]}");
    cleanup_verdict struct verdict v;
    verify(state, spec, GOOD, &v);
    assert_true(verdict_ok(&v) && v.has_custom_nodes);
    verdict_finish(&v);
    verify(state, spec, NULL, &v);
    assert_int_equal(v.error_count, 1);
    assert_string_equal(v.errors[0].field, "spec.root.children[0].props.data");
}

/* ---- the verdict as a whole ------------------------------------------------------- */

static void test_all_errors_at_once(void **state)
{
    cleanup_verdict struct verdict v;
    cleanup_buf struct buf out = BUF_INIT;
    verify(state,
           "{\"version\":3,\"root\":{\"type\":\"Section\",\"children\":[{\"type\":"
           "\"Bogus\"},"
           "{\"type\":\"Table\",\"props\":{\"data\":{\"$query\":\"gone\"}}}]}}",
           "[{\"name\":\"a\",\"sql\":\"SELECT id,\\n nope FROM interactions\"}]", &v);
    verdict_print(&v, &out);
    assert_string_equal(
        out.data,
        "{\"ok\":false,\"stages\":{\"compile\":false,\"query\":false,\"bind\":false},"
        "\"errors\":[{\"stage\":\"compile\",\"message\":\"version must be 1\",\"field\":"
        "\"spec.version\"},{\"stage\":\"compile\",\"message\":\"unknown component type "
        "Bogus\",\"field\":\"spec.root.children[0].type\"},{\"stage\":\"query\","
        "\"message\":"
        "\"no such column: nope\",\"field\":\"declared_queries[0].sql\",\"line\":2,"
        "\"column\":2},{\"stage\":\"bind\",\"message\":\"binding `$query: gone` names an "
        "undeclared query\",\"field\":\"spec.root.children[1].props.data\"}],"
        "\"has_custom_nodes\":false}");
}

static void test_broken_query_is_still_declared(void **state)
{
    cleanup_verdict struct verdict v;
    verify(state, PROPS("Table", "\"data\":{\"$query\":\"q\"},\"columns\":[\"x\"]"),
           SQL("SELECT nope FROM interactions"), &v);
    assert_int_equal(v.error_count, 1);
    assert_false(v.failed[VERIFY_BIND]);
}

static void test_errors_are_bounded(void **state)
{
    cleanup_buf struct buf spec = BUF_INIT;
    cleanup_verdict struct verdict v;
    buf_puts(&spec, "{\"version\":1,\"root\":{\"type\":\"Row\",\"children\":[");
    for (int i = 0; i < 5000; i++)
        buf_puts(&spec, i ? ",{\"type\":\"No\"}" : "{\"type\":\"No\"}");
    buf_puts(&spec, "]}}");
    verify(state, spec.data, NULL, &v);
    assert_int_equal(v.error_count, VERIFY_ERRORS_MAX + 1);
    assert_non_null(strstr(v.errors[VERIFY_ERRORS_MAX].message, "more errors"));
}

static void test_long_keys_and_many_bindings(void **state)
{
    cleanup_buf struct buf spec = BUF_INIT;
    cleanup_buf struct buf out = BUF_INIT;
    cleanup_verdict struct verdict v;
    buf_puts(&spec, "{\"version\":1,\"root\":{\"type\":\"Insight\",\"props\":{\"");
    for (int i = 0; i < 1000000; i++)
        buf_putc(&spec, 'k');
    buf_puts(&spec, "\":[");
    for (int i = 0; i < 20000; i++)
        buf_puts(&spec, i ? ",{\"$query\":\"q\"}" : "{\"$query\":\"q\"}");
    buf_puts(&spec, "]}}}");
    verify(state, spec.data, GOOD, &v);
    verdict_print(&v, &out);
    if (!strstr(out.data, "too many bindings"))
        fail_msg("%.300s", out.data);
    assert_true(out.len < 1000000);
}

static void nest(struct buf *b, const char *open, const char *close, int times)
{
    for (int i = 0; i < times; i++)
        buf_puts(b, open);
    buf_puts(b, "{\"type\":\"Text\"}");
    for (int i = 0; i < times; i++)
        buf_puts(b, close);
}

static void test_nesting_is_bounded(void **state)
{
    cleanup_buf struct buf spec = BUF_INIT;
    cleanup_verdict struct verdict v;
    buf_puts(&spec, "{\"version\":1,\"root\":");
    nest(&spec, "{\"type\":\"Row\",\"children\":[", "]}", 400);
    buf_puts(&spec, "}");
    verify(state, spec.data, NULL, &v);
    assert_int_equal(v.error_count, 1);
    assert_non_null(strstr(v.errors[0].message, "too deep"));
    verdict_finish(&v);
    buf_clear(&spec);
    buf_puts(&spec, "{\"version\":1,\"root\":{\"type\":\"Text\",\"props\":{\"x\":");
    nest(&spec, "[", "]", 900);
    buf_puts(&spec, "}}}");
    verify(state, spec.data, NULL, &v);
    assert_int_equal(v.error_count, 1);
    assert_non_null(strstr(v.errors[0].message, "too deep"));
}

#define CASE(test)                                                                       \
    cmocka_unit_test_setup_teardown(test, gate_fixture_setup, gate_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_refusals),
        CASE(test_accepted),
        CASE(test_the_guides_pages),
        CASE(test_cookbook_page),
        CASE(test_catalog),
        CASE(test_custom),
        CASE(test_all_errors_at_once),
        CASE(test_broken_query_is_still_declared),
        CASE(test_errors_are_bounded),
        CASE(test_long_keys_and_many_bindings),
        CASE(test_nesting_is_bounded),
    };
    return cmocka_run_group_tests_name("verifier", tests, NULL, NULL);
}
