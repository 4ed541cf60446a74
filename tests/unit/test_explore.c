/* Exploring: types by the values, counts, values; an unknown table; a deadline. */
#include <stdio.h>

#include "gate_fixture.h"

#include "json/json.h"
#include "local/explore.h"

static const struct explore_column *column(const struct explore *e, const char *name)
{
    assert_int_equal(e->table_count, 1);
    const struct explore_column *c = explore_column(&e->tables[0], name);
    assert_non_null(c);
    return c;
}

static void test_types_and_figures(void **state)
{
    cleanup_explore struct explore e;
    explore_run(gate_of(state), EXPLORE_TIME_MS, &e);
    assert_string_equal(e.tables[0].name, "interactions");
    assert_int_equal(e.tables[0].row_count, 300);
    assert_null(explore_column(&e.tables[0], DEMO_TENANT_COLUMN));
    assert_int_equal(column(&e, "timestamp")->type, EXPLORE_TIMESTAMP);
    assert_int_equal(column(&e, "amount")->type, EXPLORE_REAL);
    assert_int_equal(column(&e, "amount")->filled, 100);
    assert_int_equal(column(&e, "amount")->nulls, 200);
    assert_string_equal(column(&e, "amount")->low.text, "1500.75");
    assert_true(column(&e, "amount")->low.is_number);
    assert_int_equal(column(&e, "summary")->type, EXPLORE_TEXT);
    assert_int_equal(column(&e, "summary")->uniques, 300);
    assert_true(column(&e, "summary")->words > 3);
    for (size_t i = 0; i < e.tables[0].column_count; i++)
        assert_true(e.tables[0].columns[i].known);
}

static void test_values(void **state)
{
    cleanup_explore struct explore e;
    cleanup_buf struct buf sql = BUF_INIT;
    explore_run(gate_of(state), EXPLORE_TIME_MS, &e);
    const struct explore_column *c = column(&e, "interaction_type");
    assert_true(c->is_enumerated);
    assert_int_equal(c->value_count, 2);
    assert_string_equal(c->values[0].text, "conversation");
    assert_int_equal(c->values[0].count, 200);
    assert_string_equal(c->values[1].text, "deal");
    c = column(&e, "id");
    assert_false(c->is_enumerated);
    assert_int_equal(c->value_count, EXPLORE_SAMPLES_MAX);
    explore_quote_name(&sql, "a\"b");
    char word[] = "it's", number[] = "1.5";
    explore_quote_value(&sql, &(struct explore_value){word, false, 0});
    explore_quote_value(&sql, &(struct explore_value){number, true, 0});
    assert_string_equal(sql.data, "\"a\"\"b\"'it''s'1.5");
}

static void test_no_time_left(void **state)
{
    cleanup_explore struct explore e;
    explore_run(gate_of(state), 0, &e);
    assert_int_equal(e.tables[0].row_count, -1);
    assert_int_equal(column(&e, "amount")->type, EXPLORE_REAL);
    assert_false(column(&e, "amount")->known);
    assert_null(e.tables[0].sample_rows);
}

static void test_printed(void **state)
{
    cleanup_explore struct explore e;
    cleanup_buf struct buf out = BUF_INIT;
    struct json_span root, at;
    explore_run(gate_of(state), EXPLORE_TIME_MS, &e);
    explore_print(&e, true, &out);
    assert_int_equal(json_check(out.data, out.len, &JSON_LIMITS_WIRE, &root, NULL), 0);
    assert_true(json_path(out.data, root, "[0].sample_rows[2].summary", &at));
    assert_true(json_path(out.data, root, "[0].columns[3].values[1].value", &at));
    buf_clear(&out);
    explore_print(&e, false, &out);
    assert_int_equal(json_check(out.data, out.len, &JSON_LIMITS_WIRE, &root, NULL), 0);
    assert_null(strstr(out.data, "Company 1"));
    assert_null(strstr(out.data, "\"values\""));
}

/* Columns of a file of somebody's: odd names, mixed values, nothing at all. */
static void test_other_columns(void **state)
{
    struct gate_fixture *f = *state;
    sqlite3 *db;
    cleanup_explore struct explore e;
    sqlgate_close(f->gate);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db,
                     "DROP TABLE interactions;"
                     "CREATE TABLE interactions (\"a \"\"b\" TEXT, n INTEGER, day TEXT,"
                     " none INTEGER, \"rank\" REAL, mixed TEXT);"
                     "INSERT INTO interactions VALUES"
                     " ('x', 1, '2026-01-02', NULL, 1, '2026-01-02'),"
                     " ('', 2, '2026-01-03', NULL, 2.5, 'today'),"
                     " (NULL, 3, '2026-01-04', NULL, NULL, '2026-01-02 10:00')",
                     NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(sqlgate_open(f->path, &f->gate), 0);
    explore_run(f->gate, EXPLORE_TIME_MS, &e);
    assert_int_equal(e.tables[0].row_count, 3);
    assert_int_equal(column(&e, "a \"b")->uniques, 2);
    assert_int_equal(column(&e, "n")->type, EXPLORE_INTEGER);
    assert_int_equal(column(&e, "day")->type, EXPLORE_DATE);
    assert_int_equal(column(&e, "none")->type, EXPLORE_INTEGER);
    assert_null(column(&e, "none")->low.text);
    assert_int_equal(column(&e, "none")->value_count, 0);
    assert_int_equal(column(&e, "rank")->type, EXPLORE_REAL);
    assert_int_equal(column(&e, "mixed")->type, EXPLORE_TEXT);
}

#define CASE(test)                                                                       \
    cmocka_unit_test_setup_teardown(test, gate_fixture_setup, gate_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_types_and_figures), CASE(test_values),        CASE(test_no_time_left),
        CASE(test_printed),           CASE(test_other_columns),
    };
    return cmocka_run_group_tests_name("explore", tests, NULL, NULL);
}
