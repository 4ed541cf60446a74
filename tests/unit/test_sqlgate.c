/* The gate: what it lets through, what it refuses and where, and what it stops. */
#include <errno.h>
#include <stdio.h>

#include "gate_fixture.h"

#include "json/json.h"
#include "local/sqlfunc.h"
#include "local/sqltext.h"

static int run_params(void **state, const char *sql, const char *params,
                      struct sqlgate_result *ret, struct sqlgate_error *e)
{
    struct sqlgate_query q = {.sql = sql, .params_text = params};
    if (params)
        assert_int_equal(
            json_check(params, strlen(params), &JSON_LIMITS_WIRE, &q.params, NULL), 0);
    return sqlgate_run(gate_of(state), &q, ret, e);
}

static void expect_rows(void **state, const char *sql, const char *params,
                        const char *rows)
{
    struct sqlgate_result res;
    struct sqlgate_error e;
    int r = run_params(state, sql, params, &res, &e);
    if (r < 0)
        fail_msg("%s: %s", sql, e.message);
    assert_string_equal(res.rows.data, rows);
    assert_int_equal(
        json_check(res.rows.data, res.rows.len, &JSON_LIMITS_WIRE, NULL, NULL), 0);
    sqlgate_result_finish(&res);
}

/* ---- what runs -------------------------------------------------------------------- */

static void test_values(void **state)
{
    expect_rows(
        state,
        "SELECT 9007199254740993 AS i, 0.1 AS d, 1e300 AS big, 9e999 AS inf, NULL "
        "AS n, 'a\"b' AS t, x'00ff' AS b, 1.0 AS one",
        NULL,
        "[{\"i\":9007199254740993,\"d\":0.1,\"big\":1e+300,\"inf\":null,\"n\":null,"
        "\"t\":\"a\\\"b\",\"b\":\"00ff\",\"one\":1}]");
    expect_rows(state, "SELECT 0.1 + 0.2 AS d", NULL, "[{\"d\":0.30000000000000004}]");
    expect_rows(state, "SELECT 1 WHERE 0", NULL, "[]");
}

static void test_text_is_always_utf8(void **state)
{
    expect_rows(state, "SELECT CAST(x'61ff62' AS TEXT) AS t", NULL,
                "[{\"t\":\"a\xef\xbf\xbd"
                "b\"}]");
    expect_rows(state, "SELECT CAST(x'eda080' AS TEXT) AS surrogate", NULL,
                "[{\"surrogate\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"}]");
    expect_rows(state, "SELECT 'h\xc3\xa9' AS t", NULL, "[{\"t\":\"h\xc3\xa9\"}]");
}

static void test_repeated_columns(void **state)
{
    expect_rows(state, "SELECT 1 AS a, 2 AS a, 3 AS a_2, 4 AS a", NULL,
                "[{\"a\":1,\"a_2\":2,\"a_2_2\":3,\"a_3\":4}]");
}

static void test_params(void **state)
{
    const char *sql = "SELECT @n AS n, @s AS s, @b AS b, @z AS z, @missing AS m, @o AS o";
    expect_rows(state, sql,
                "{\"n\":1.5,\"s\":\"it's; DROP\",\"b\":true,\"z\":null,\"o\":{\"a\": 1}}",
                "[{\"n\":1.5,\"s\":\"it's; DROP\",\"b\":1,\"z\":null,\"m\":null,"
                "\"o\":\"{\\\"a\\\":1}\"}]");
    expect_rows(state, "SELECT :n + 1 AS n, $n AS m", "{\"n\":9007199254740993}",
                "[{\"n\":9007199254740994,\"m\":9007199254740993}]");
    expect_rows(state, "SELECT COUNT(*) AS n FROM interactions WHERE channel = @c",
                "{\"c\":\"call\"}", "[{\"n\":150}]");
}

static void test_question_marks_are_refused(void **state)
{
    struct sqlgate_result res;
    struct sqlgate_error e;
    assert_int_equal(run_params(state, "SELECT ?", "{}", &res, &e), -EINVAL);
    assert_non_null(strstr(e.message, "@name"));
}

static void test_row_limit(void **state)
{
    struct sqlgate_result res;
    struct sqlgate_error e;
    struct sqlgate_query q = {.sql = "SELECT id FROM interactions", .row_limit = 5};
    assert_int_equal(sqlgate_run(gate_of(state), &q, &res, &e), 0);
    assert_int_equal(res.row_count, 5);
    assert_true(res.truncated);
    sqlgate_result_finish(&res);
    q.row_limit = 300;
    assert_int_equal(sqlgate_run(gate_of(state), &q, &res, &e), 0);
    assert_int_equal(res.row_count, 300);
    assert_false(res.truncated);
    sqlgate_result_finish(&res);
}

static void test_allowed_forms(void **state)
{
    static const char *const sqls[] = {
        "SELECT * FROM interactions",
        "select count(*) from Interactions;  -- done\n",
        "WITH t AS (SELECT id FROM interactions) SELECT COUNT(*) FROM t ; ;",
        "WITH t(x) AS (SELECT 1), u AS (SELECT 2) SELECT 1 FROM t, u",
        "SELECT a.id FROM interactions a JOIN interactions b ON a.id = b.id",
        "SELECT id, ROW_NUMBER() OVER (ORDER BY amount) FROM interactions",
        "SELECT stage, GROUP_CONCAT(id, ',') FROM interactions GROUP BY 1",
        "SELECT id FROM interactions ORDER BY 1 LIMIT 3 OFFSET 1",
        "SELECT id FROM interactions UNION SELECT owner FROM interactions",
        "SELECT SUM(amount) FILTER (WHERE channel IN ('call')) FROM interactions",
        "SELECT 'business_id; DROP TABLE x' AS text -- business_id\n",
        "SELECT UPPER(SUBSTR(summary, 1, 3)), PRINTF('%d', 3) FROM interactions",
        "SELECT EXISTS (SELECT 1 FROM interactions WHERE summary LIKE '%said%')",
    };
    for (size_t i = 0; i < ARRAY_LEN(sqls); i++) {
        struct sqlgate_result res;
        struct sqlgate_error e;
        if (run_params(state, sqls[i], NULL, &res, &e) < 0)
            fail_msg("%s: %s", sqls[i], e.message);
        sqlgate_result_finish(&res);
    }
}

static void test_tenant_column_is_hidden(void **state)
{
    struct sqlgate_columns c;
    struct sqlgate_error e;
    assert_int_equal(sqlgate_check(gate_of(state), "SELECT * FROM interactions", &c, &e),
                     0);
    assert_int_equal(c.count, 18);
    assert_true(sqlgate_columns_has(&c, "deal_stage"));
    assert_false(sqlgate_columns_has(&c, "business_id"));
    sqlgate_columns_finish(&c);
    cleanup_buf struct buf out = BUF_INIT;
    sqlgate_describe(gate_of(state), &out);
    assert_non_null(strstr(out.data, "{\"name\":\"amount\",\"type\":\"REAL\"}"));
    assert_null(strstr(out.data, "business_id"));
}

/* ---- what is refused -------------------------------------------------------------- */

struct refusal {
    const char *sql;
    const char *part; /* of the message */
    unsigned line, column;
};

static void expect_refused(void **state, const struct refusal *r)
{
    struct sqlgate_error e;
    if (sqlgate_check(gate_of(state), r->sql, NULL, &e) == 0)
        fail_msg("accepted: %s", r->sql);
    if (!strstr(e.message, r->part))
        fail_msg("%s: %s", r->sql, e.message);
    if (e.line != r->line || e.column != r->column)
        fail_msg("%s: %u:%u, not %u:%u", r->sql, e.line, e.column, r->line, r->column);
}

static const struct refusal refusals[] = {
    {"", "missing", 0, 0},
    {"  -- nothing\n", "missing", 0, 0},
    {";", "missing", 0, 0},
    {"SELECT 1; SELECT 2", "one statement", 1, 11},
    {"SELECT 1; DROP TABLE interactions", "one statement", 1, 11},
    {"SELECT 1; /* x */ ; \n x", "one statement", 2, 2},
    {"DELETE FROM interactions", "", 0, 0},
    {"INSERT INTO interactions (id) VALUES (1)", "", 0, 0},
    {"UPDATE interactions SET id = 1", "", 0, 0},
    {"DROP VIEW interactions", "only one SELECT", 0, 0},
    {"CREATE TABLE x (a)", "only one SELECT", 0, 0},
    {"CREATE TEMP TABLE x (a)", "only one SELECT", 0, 0},
    {"ATTACH '/etc/passwd' AS p", "only one SELECT", 0, 0},
    {"DETACH main", "only one SELECT", 0, 0},
    {"PRAGMA table_info(interactions)", "only one SELECT", 0, 0},
    {"PRAGMA writable_schema = 1", "only one SELECT", 0, 0},
    {"BEGIN", "only one SELECT", 0, 0},
    {"SAVEPOINT a", "only one SELECT", 0, 0},
    {"VACUUM INTO '/tmp/stolen.db'", "", 0, 0},
    {"REINDEX", "only one SELECT", 0, 0},
    {"ANALYZE", "", 0, 0},
    {"EXPLAIN SELECT 1", "only one SELECT", 0, 0},
    {"EXPLAIN QUERY PLAN SELECT 1", "only one SELECT", 0, 0},
    {"SELECT load_extension('x')", "load_extension", 1, 8},
    {"SELECT readfile('/etc/passwd')", "readfile", 1, 8},
    {"SELECT writefile('/tmp/x', 'y')", "writefile", 1, 8},
    {"SELECT hex(randomblob(10))", "randomblob", 1, 12},
    {"SELECT zeroblob(1000000000)", "zeroblob", 1, 8},
    {"SELECT sqlite_version()", "sqlite_version", 1, 8},
    {"SELECT * FROM sqlite_master", "sqlite_master", 1, 15},
    {"SELECT *\nFROM \"sqlite_schema\"", "not available", 0, 0},
    {"SELECT * FROM sqlite_temp_master", "sqlite_temp_master", 1, 15},
    {"SELECT * FROM pragma_table_info('interactions')", "available", 1, 15},
    {"SELECT * FROM pragma_database_list", "available", 0, 0},
    {"SELECT * FROM json_each('[1]')", "available", 0, 0},
    {"SELECT secret FROM keys", "table keys is not available", 1, 20},
    {"SELECT COUNT(*) FROM keys", "keys", 1, 22},
    {"SELECT 1 FROM Keys, interactions", "Keys", 1, 15},
    {"SELECT COUNT(*) FROM main.keys", "keys", 1, 27},
    {"SELECT COUNT(*) FROM sqlite_master", "sqlite_master", 1, 22},
    {"SELECT COUNT(*) FROM pragma_database_list", "available", 0, 0},
    {"SELECT (SELECT secret FROM main.keys)", "keys", 1, 33},
    {"WITH interactions AS (SELECT * FROM keys) SELECT * FROM interactions", "keys", 1,
     37},
    {"SELECT * FROM nowhere", "no such table: nowhere", 0, 0},
    {"SELECT business_id FROM interactions", "business_id may not", 1, 8},
    {"SELECT \"business_id\" FROM interactions", "business_id may not", 1, 8},
    {"SELECT [Business_ID] AS x FROM interactions", "business_id may not", 1, 8},
    {"SELECT `business_id` FROM interactions", "business_id may not", 1, 8},
    {"SELECT i.business_id AS x\nFROM interactions i", "business_id may not", 1, 8},
    {"SELECT main.interactions.business_id FROM main.interactions", "business_id may not",
     1, 26},
    {"SELECT * FROM main.interactions", "business_id may not", 0, 0},
    {"SELECT id\nFROM interactions\nWHERE business_id = 'x'", "business_id may not", 3,
     7},
    {"SELECT 1 AS business_id", "business_id may not", 0, 0},
    {"SELECT 1 FROM interactions GROUP BY business_id", "business_id may not", 1, 37},
    {"SELECT id\nFROM interactions\nWHERE amnt > 3", "no such column: amnt", 3, 7},
    {"SELECT \"nosuch\" FROM interactions", "no such column", 1, 8},
    {"SELECT id FRM interactions", "syntax error", 1, 15},
    {"SELECT 'h\xc3\xa9', foo FROM interactions", "no such column: foo", 1, 15},
    {"SELECT 'unterminated", "unrecognized token", 1, 8},
    {"SELECT id FROM interactions WHERE (", "incomplete input", 0, 0},
};

static void test_refusals(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
        expect_refused(state, &refusals[i]);
    expect_rows(state, "SELECT COUNT(*) AS n FROM interactions", NULL, "[{\"n\":300}]");
}

/* ---- what is stopped -------------------------------------------------------------- */

static void expect_stopped(void **state, const char *sql, int error)
{
    struct sqlgate_result res;
    struct sqlgate_error e;
    struct sqlgate_query q = {.sql = sql, .time_limit_ms = 300};
    int r = sqlgate_run(gate_of(state), &q, &res, &e);
    if (r == 0)
        fail_msg("ran to its end: %s", sql);
    assert_true(e.message[0]);

    if (error && r != error)
        fail_msg("%s: %s", sql, e.message);
    expect_rows(state, "SELECT 1 AS still_works", NULL, "[{\"still_works\":1}]");
}

static void test_bombs(void **state)
{
    expect_stopped(state,
                   "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) "
                   "SELECT COUNT(*) FROM t",
                   -ETIMEDOUT);
    expect_stopped(state,
                   "SELECT COUNT(*) FROM interactions a, interactions b, interactions c, "
                   "interactions d WHERE a.amount + b.amount > c.amount + d.amount",
                   -ETIMEDOUT);
    expect_stopped(state, "SELECT ABS(-9223372036854775807 - 1)", 0);
    expect_stopped(state,
                   "WITH RECURSIVE t(x) AS (SELECT 'aaaaaaaaaaaaaaaa' UNION ALL SELECT x "
                   "|| x FROM t) SELECT MAX(LENGTH(x)) FROM t",
                   0);
    expect_stopped(state,
                   "SELECT SUM(INSTR(REPLACE(PRINTF('%300000s', ''), ' ', 'a'), "
                   "REPLACE(PRINTF('%100000s', id), ' ', 'a') || 'b')) FROM interactions",
                   -ETIMEDOUT);
    expect_stopped(state, "SELECT REPLACE(PRINTF('%500000d', 1), ' ', 'aaaaaaaaaaaaaaa')",
                   0);
}

static void test_no_huge_strings(void **state)
{
    struct sqlgate_result res;
    struct sqlgate_error e;
    if (run_params(state, "SELECT PRINTF('%*d', 2000000000, 1) AS s", NULL, &res, &e) < 0)
        return;
    assert_true(res.rows.len < 2000000); /* NULL, in some versions of SQLite */
    sqlgate_result_finish(&res);
}

static void test_memory_is_bounded(void **state)
{
    struct sqlgate_result res;
    struct sqlgate_error e;
    struct sqlgate_query q = {
        .sql = "WITH RECURSIVE t(i, x) AS (SELECT 1, PRINTF('%400000d', 1) UNION ALL "
               "SELECT i + 1, x || i FROM t LIMIT 100000) SELECT i, x FROM t ORDER BY x",
        .time_limit_ms = 60000,
    };
    assert_int_equal(sqlgate_run(gate_of(state), &q, &res, &e), -EFBIG);
    assert_non_null(strstr(e.message, "memory"));
    q.sql = "SELECT PRINTF('%400000d', 1) AS x FROM interactions";
    assert_int_equal(sqlgate_run(gate_of(state), &q, &res, &e), -EFBIG);
    assert_non_null(strstr(e.message, "large"));
}

static void test_sql_too_long_or_too_deep(void **state)
{
    cleanup_buf struct buf sql = BUF_INIT;
    struct sqlgate_error e;
    buf_puts(&sql, "SELECT ");
    for (int i = 0; i < 5000; i++)
        buf_putc(&sql, '(');
    assert_int_equal(sqlgate_check(gate_of(state), sql.data, NULL, &e), -EINVAL);
    buf_clear(&sql);
    buf_puts(&sql, "SELECT 1");
    for (int i = 0; i < 100000; i++)
        buf_puts(&sql, " + 1");
    assert_int_equal(sqlgate_check(gate_of(state), sql.data, NULL, &e), -EINVAL);
}

static void test_doubling_is_stopped(void **state)
{
    cleanup_buf struct buf sql = BUF_INIT;
    struct sqlgate_error e;
    buf_puts(&sql, "WITH a0 AS (SELECT 1)");
    for (int i = 1; i < 40; i++)
        buf_printf(&sql, ", a%d AS (SELECT 1 FROM a%d, a%d)", i, i - 1, i - 1);
    buf_puts(&sql, " SELECT 1 FROM a39");
    assert_int_equal(sqlgate_check(gate_of(state), sql.data, NULL, &e), -EINVAL);
    assert_non_null(strstr(e.message, "too complex"));
    expect_rows(state, "SELECT 1 AS still_works", NULL, "[{\"still_works\":1}]");
}

/* ---- other dialects --------------------------------------------------------------- */

static void expect_rewrite(const char *sql, const char *expected)
{
    cleanup_free char *copy = xstrdup(sql);
    sql_text_rewrite(copy);
    assert_string_equal(copy, expected);
    assert_int_equal(strlen(copy), strlen(sql));
}

static void test_rewrite(void **state)
{
    expect_rewrite("SELECT a - INTERVAL '90 days' FROM b",
                   "SELECT a -> '-90 days'        FROM b");
    expect_rewrite("a+interval'1 h'", "a-> '+1 h'     ");
    expect_rewrite("a - INTERVAL 90 DAY, b", "a -> '-90 DAY'     , b");
    expect_rewrite("DATE '2026-01-01' - INTERVAL '1 day'",
                   "     '2026-01-01' -> '-1 day'       ");
    expect_rewrite("'x - INTERVAL ''9 days'' -- '", "'x - INTERVAL ''9 days'' -- '");
    expect_rewrite("a -- - INTERVAL '9 days'\n", "a -- - INTERVAL '9 days'\n");
    expect_rewrite("a /* - INTERVAL '9 d' */ + 1", "a /* - INTERVAL '9 d' */ + 1");
    expect_rewrite("\"- INTERVAL '1 day'\"", "\"- INTERVAL '1 day'\"");
    expect_rewrite("date(x), a - interval", "date(x), a - interval");
    expect_rewrite("a - INTERVAL", "a - INTERVAL");
    expect_rewrite("a - INTERVAL 'unterminated", "a - INTERVAL 'unterminated");
}

static void test_intervals(void **state)
{
    expect_rows(
        state,
        "SELECT DATE '2026-03-31' - INTERVAL '1 month' AS m, '2026-03-01 10:00:00' "
        "- INTERVAL '36 hours' AS h, '2024-02-29' + INTERVAL '1 year' AS y, "
        "'2026-01-01' + INTERVAL '1 month 2 days' - INTERVAL 1 DAY AS chain, NULL - "
        "INTERVAL '1 day' AS n, 'x' + INTERVAL '1 day' AS bad",
        NULL,
        "[{\"m\":\"2026-02-28\",\"h\":\"2026-02-27 22:00:00\",\"y\":\"2025-02-28\","
        "\"chain\":\"2026-02-02\",\"n\":null,\"bad\":null}]");
    expect_rows(
        state,
        "SELECT CURRENT_DATE - INTERVAL '90 days' = date('now', '-90 days') AS d, "
        "NOW() - INTERVAL '1 week' > datetime('now', '-8 days') AS w",
        NULL, "[{\"d\":1,\"w\":1}]");
    struct sqlgate_result res;
    struct sqlgate_error e;
    assert_int_equal(
        run_params(state, "SELECT '2026-01-01' - INTERVAL 'soon'", NULL, &res, &e),
        -EINVAL);
    assert_non_null(strstr(e.message, "interval"));
}

static void test_position_behind_a_rewrite(void **state)
{
    const struct refusal r = {
        "SELECT id FROM interactions\nWHERE closed_at > CURRENT_DATE "
        "- INTERVAL '90 days' AND nope = 1",
        "no such column: nope", 2, 57};
    expect_refused(state, &r);
}

static void test_date_functions(void **state)
{
    expect_rows(
        state,
        "SELECT DATE_TRUNC('month', '2026-05-17 10:11:12') AS m, "
        "DATE_TRUNC('quarter', '2026-05-17') AS q, DATE_TRUNC('year', '2026-05-17') "
        "AS y, DATE_TRUNC('week', '2026-05-17') AS w, DATE_TRUNC('hour', "
        "'2026-05-17T10:11:12Z') AS h",
        NULL,
        "[{\"m\":\"2026-05-01\",\"q\":\"2026-04-01\",\"y\":\"2026-01-01\",\"w\":"
        "\"2026-05-11\",\"h\":\"2026-05-17 10:00:00\"}]");
    expect_rows(
        state,
        "SELECT DATE_PART('year', '2026-05-17') AS y, DATE_PART('month', "
        "'2026-05-17') AS m, DATE_PART('quarter', '2026-05-17') AS q, "
        "DATE_PART('day', '2026-05-17') AS d, DATE_PART('week', '2026-05-17') AS w",
        NULL, "[{\"y\":2026,\"m\":5,\"q\":2,\"d\":17,\"w\":20}]");
}

static void test_function_names(void **state)
{
    static const char *const good[] = {"->",  "->>", "ABS",    "count",       "Upper",
                                       "now", "sum", "concat", "json_extract"};
    static const char *const bad[] = {"", "load_extension", "zzz", "a", "random"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(sqlfunc_is_allowed(good[i]));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(sqlfunc_is_allowed(bad[i]));
}

/* ---- the file --------------------------------------------------------------------- */

static void test_sees_later_writes_and_odd_columns(void **state)
{
    struct gate_fixture *f = *state;
    sqlite3 *db;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "BEGIN; DROP TABLE interactions; CREATE TABLE "
                                  "interactions (\"odd \"\" name\" TEXT, business_id); "
                                  "INSERT INTO interactions VALUES ('v', 't'); COMMIT",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    sqlgate_close(f->gate);
    assert_int_equal(sqlgate_open(f->path, &f->gate), 0);
    expect_rows(state, "SELECT * FROM interactions", NULL, "[{\"odd \\\" name\":\"v\"}]");
}

static void test_missing_file(void **state)
{
    struct sqlgate *g = NULL;
    assert_int_equal(sqlgate_open("/nonexistent/data.db", &g), -EIO);
    assert_null(g);
}

#define CASE(test)                                                                       \
    cmocka_unit_test_setup_teardown(test, gate_fixture_setup, gate_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_values),
        CASE(test_text_is_always_utf8),
        CASE(test_repeated_columns),
        CASE(test_params),
        CASE(test_question_marks_are_refused),
        CASE(test_row_limit),
        CASE(test_allowed_forms),
        CASE(test_tenant_column_is_hidden),
        CASE(test_refusals),
        CASE(test_bombs),
        CASE(test_no_huge_strings),
        CASE(test_memory_is_bounded),
        CASE(test_sql_too_long_or_too_deep),
        CASE(test_doubling_is_stopped),
        CASE(test_intervals),
        CASE(test_position_behind_a_rewrite),
        CASE(test_date_functions),
        CASE(test_sees_later_writes_and_odd_columns),
        cmocka_unit_test(test_rewrite),
        cmocka_unit_test(test_function_names),
        cmocka_unit_test(test_missing_file),
    };
    return cmocka_run_group_tests_name("sqlgate", tests, NULL, NULL);
}
