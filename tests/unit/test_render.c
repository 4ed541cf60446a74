/* Rendering: each query's rows, or its own error and no other's. */
#include <stdio.h>

#include "gate_fixture.h"

#include "base/clock.h"
#include "json/json.h"
#include "local/render.h"

static struct json_span span_of(const char *text)
{
    struct json_span span = {0, 0, JSON_NULL};
    if (text)
        assert_int_equal(json_check(text, strlen(text), &JSON_LIMITS_WIRE, &span, NULL),
                         0);
    return span;
}

static char *render(void **state, const char *queries, const char *params)
{
    cleanup_buf struct buf out = BUF_INIT;
    render_queries(gate_of(state), queries, span_of(queries), params, span_of(params),
                   &out);
    span_of(out.data);
    return buf_steal(&out);
}

static void expect(void **state, const char *queries, const char *params,
                   const char *expected)
{
    cleanup_free char *got = render(state, queries, params);
    assert_string_equal(got, expected);
}

static void test_rows(void **state)
{
    expect(state, NULL, NULL, "{\"results\":{}}");
    expect(state, "null", NULL, "{\"results\":{}}");
    expect(state, "[]", "{}", "{\"results\":{}}");
    expect(
        state,
        "[{\"name\":\"by \\\"channel\\\"\",\"sql\":\"SELECT channel, COUNT(*) AS n FROM "
        "interactions GROUP BY channel\"},{\"name\":\"b\",\"source\":\"sql\",\"sql\":"
        "\"SELECT 1.5 AS x\"}]",
        NULL,
        "{\"results\":{\"by "
        "\\\"channel\\\"\":{\"rows\":[{\"channel\":\"call\",\"n\":150},"
        "{\"channel\":\"email\",\"n\":150}]},\"b\":{\"rows\":[{\"x\":1.5}]}}}");
}

static void test_params(void **state)
{
    const char *queries =
        "[{\"name\":\"q\",\"sql\":\"SELECT COUNT(*) AS n FROM interactions "
        "WHERE channel = @channel\",\"params\":{\"channel\":\"string\"}}]";
    expect(state, queries, "{\"channel\":\"email\"}",
           "{\"results\":{\"q\":{\"rows\":[{\"n\":150}]}}}");
    expect(state, queries, NULL, "{\"results\":{\"q\":{\"rows\":[{\"n\":0}]}}}");
}

static void test_one_failure_is_its_own(void **state)
{
    expect(state,
           "[{\"name\":\"a\",\"sql\":\"SELECT 1 AS x\"},{\"name\":\"b\",\"sql\":\"SELECT "
           "gone FROM interactions\"},{\"name\":\"c\",\"source\":\"kb_search\",\"query\":"
           "\"x\"},{\"name\":\"d\"},{\"name\":\"e\",\"sql\":\"SELECT 2 AS x\"}]",
           "{}",
           "{\"results\":{\"a\":{\"rows\":[{\"x\":1}]},\"b\":{\"rows\":[],\"error\":\"no "
           "such "
           "column: gone\"},\"c\":{\"rows\":[],\"error\":\"no such table: "
           "main.documents_fts\"},\"d\":{\"rows\":[],\"error\":\"the query has no SQL\"},"
           "\"e\":{\"rows\":[{\"x\":2}]}}}");
}

static void test_slow_query_is_stopped(void **state)
{
    int64_t start = clock_ms();
    cleanup_free char *got = render(
        state,
        "[{\"name\":\"slow\",\"sql\":\"WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT "
        "x + "
        "1 FROM t) SELECT MAX(x) FROM t\"},{\"name\":\"b\",\"sql\":\"SELECT 2 AS x\"}]",
        NULL);
    assert_true(clock_ms() - start >= 1900);
    assert_string_equal(got,
                        "{\"results\":{\"slow\":{\"rows\":[],\"error\":\"stopped: it ran "
                        "longer than 2 s\"},\"b\":{\"rows\":[{\"x\":2}]}}}");
}

static void test_row_limit(void **state)
{
    cleanup_free char *got = render(
        state,
        "[{\"name\":\"many\",\"sql\":\"SELECT 1 AS a FROM interactions a, interactions "
        "b\"}]",
        NULL);
    size_t rows = 0;
    for (const char *s = got; (s = strstr(s, "{\"a\":1}")); s++)
        rows++;
    assert_int_equal(rows, SQLGATE_ROWS_MAX);
}

static void test_cookbook_page(void **state)
{
    static char text[1 << 16];
    FILE *f = fopen(FIXTURES "/pipeline-health.json", "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    fclose(f);
    struct json_span queries, value;
    assert_true(json_member(text, span_of(text), "declared_queries", &queries));
    cleanup_buf struct buf out = BUF_INIT;
    render_queries(gate_of(state), text, queries, NULL, queries, &out);
    struct json_span all = span_of(out.data);
    assert_null(strstr(out.data, "\"error\""));
    assert_true(json_path(out.data, all, "results.open_pipeline_total.rows[0].open_deals",
                          &value));
    assert_int_equal(strtol(out.data + value.start, NULL, 10), 50);
    assert_true(
        json_path(out.data, all, "results.pipeline_by_stage.rows[3].acv", &value));
    assert_true(json_path(out.data, all, "results.win_rate_90d.rows[0].win_pct", &value));
    assert_int_equal(value.type, JSON_NUMBER);
}

#define CASE(test)                                                                       \
    cmocka_unit_test_setup_teardown(test, gate_fixture_setup, gate_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_rows),
        CASE(test_params),
        CASE(test_one_failure_is_its_own),
        CASE(test_slow_query_is_stopped),
        CASE(test_row_limit),
        CASE(test_cookbook_page),
    };
    return cmocka_run_group_tests_name("render", tests, NULL, NULL);
}
