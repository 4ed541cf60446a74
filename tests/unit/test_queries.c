/* workspace/queries.h: files of queries, and edits that keep every other byte. */
#include "cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "random_source.h"
#include "workspace/names.h"
#include "workspace/queries.h"

static struct queries read_queries(const char *json)
{
    cleanup_text struct text *text = text_from_string(json);
    struct queries q = {0};
    struct json_error error;
    if (queries_read(text, &q, &error) != 0)
        fail_msg("%s: %s", json, error.message);
    return q;
}

static const struct query *find(const struct queries *q, const char *file)
{
    const struct query *query = queries_find(q, file);
    if (!query)
        fail_msg("no %s in %s", file, q->text->data);
    return query;
}

static void assert_text(struct text *text, const char *expected)
{
    assert_non_null(text);
    assert_string_equal(text->data, expected);
    assert_int_equal(text->len, strlen(expected));
    text_unref(text);
}

/* ---- files ------------------------------------------------------------------- */

static void assert_files(const char *json, const char *expected)
{
    struct queries q = read_queries(json);
    cleanup_buf struct buf files = BUF_INIT;
    for (size_t i = 0; i < q.count; i++)
        buf_printf(&files, "%s%s", i ? " " : "", q.list[i].file);
    assert_string_equal(files.len ? files.data : "", expected);
    queries_finish(&q);
}

static void test_which_have_files(void **state)
{
    assert_files("[]", "");
    assert_files("[{\"name\":\"a\",\"sql\":\"x\"},{\"name\":\"b\",\"source\":\"sql\","
                 "\"sql\":\"y\"},{\"name\":\"c\",\"source\":null,\"sql\":\"z\"}]",
                 "a.sql b.sql c.sql");
    assert_files("[{\"name\":\"a\",\"source\":\"kb_search\",\"sql\":\"x\"},"
                 "{\"name\":\"b\",\"sql\":1},{\"name\":\"c\"},7,null,[\"sql\"],"
                 "{\"name\":\"d\",\"source\":[],\"sql\":\"x\"}]",
                 "");
}

static void test_names_are_made_safe(void **state)
{
    assert_files("[{\"name\":\"x.sql\",\"sql\":\"\"},{\"name\":\"Nä me\",\"sql\":\"\"}]",
                 "x.sql.sql Nä me.sql");
    assert_files("[{\"name\":\"../x\",\"sql\":\"\"}]", "x~5c237dda.sql");
    assert_files("[{\"name\":\"a/b\",\"sql\":\"\"},{\"name\":\"a-b\",\"sql\":\"\"}]",
                 "a-b~3a8e75c1.sql a-b.sql");
    assert_files(
        "[{\"sql\":\"\"},{\"name\":\"\",\"sql\":\"\"},{\"name\":4,\"sql\":\"\"}]",
        "query~811c9dc5.sql query~811c9dc5~2.sql query~811c9dc5~3.sql");
    assert_files("[{\"name\":\"a\",\"sql\":\"\"},{\"name\":\"a\",\"sql\":\"\"},"
                 "{\"name\":\"a~2\",\"sql\":\"\"},{\"name\":\"a\",\"sql\":\"\"}]",
                 "a.sql a~3.sql a~2.sql a~4.sql");
}

static void test_any_name_is_one_component(void **state)
{
    static const char *const odd[] = {".", "..",      ".hidden",    "#auto#",  "a\\nb",
                                      "/", "\\u0000", "\\u202eabc", "\\u007f", "a\\/b"};
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        cleanup_free char *json =
            xasprintf("[{\"name\":\"%s\",\"sql\":\"\"},{\"name\":\"%s\",\"sql\":\"\"}]",
                      odd[i], odd[i]);
        struct queries q = read_queries(json);
        assert_int_equal(q.count, 2);
        for (size_t k = 0; k < 2; k++) {
            assert_true(name_is_component(q.list[k].file));
            assert_true(q.list[k].file[0] != '.' && q.list[k].file[0] != '#');
            assert_ptr_equal(queries_find(&q, q.list[k].file), &q.list[k]);
        }
        assert_string_not_equal(q.list[0].file, q.list[1].file);
        queries_finish(&q);
    }
}

static void test_long_names(void **state)
{
    char name[400];
    memset(name, 'n', sizeof name);
    for (size_t len = 240; len < sizeof name; len += 11) {
        cleanup_free char *json = xasprintf(
            "[{\"name\":\"%.*s\",\"sql\":\"\"},{\"name\":\"%.*s\",\"sql\":\"\"}]",
            (int)len, name, (int)len, name);
        struct queries q = read_queries(json);
        assert_true(name_is_component(q.list[0].file));
        assert_true(name_is_component(q.list[1].file));
        queries_finish(&q);
    }
}

static void test_names_of_files(void **state)
{
    static const char *const scratch[] = {
        ".deals.sql.swp", "4913",  "deals.sql~", "#deals.sql#", ".sql", "sql",
        ".deals.sql",     "#.sql", "sedXYZ",     "a\nb.sql",    "",     ".#deals.sql"};
    for (size_t i = 0; i < ARRAY_LEN(scratch); i++)
        assert_null(queries_name_of_file(scratch[i]));
    cleanup_free char *plain = queries_name_of_file("deals.sql");
    cleanup_free char *twice = queries_name_of_file("x.sql.sql");
    assert_string_equal(plain, "deals");
    assert_string_equal(twice, "x.sql");
}

static void test_what_is_no_list(void **state)
{
    static const char *const texts[] = {"", "{}", "[", "nul", "\"[]\"", "\xef\xbb\xbf[]"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        cleanup_text struct text *text = text_from_string(texts[i]);
        struct queries q = {0};
        struct json_error error = {0};
        assert_int_equal(queries_read(text, &q, &error), -EPROTO);
        assert_true(error.line >= 1 && *error.message);
        assert_null(q.text);
    }
}

/* ---- one string -------------------------------------------------------------- */

static void assert_shown(const char *string, const char *expected)
{
    cleanup_free char *json = xasprintf("[{\"name\":\"a\",\"sql\":\"%s\"}]", string);
    struct queries q = read_queries(json);
    cleanup_buf struct buf shown = BUF_INIT;
    queries_show(&q, find(&q, "a.sql"), &shown);
    assert_string_equal(shown.len ? shown.data : "", expected);
    /* Written back as it is, with the newline or without: no change. */
    struct text *same = queries_set_sql(&q, &q.list[0], shown.data, shown.len);
    assert_ptr_equal(same, q.text);
    text_unref(same);
    queries_finish(&q);
}

static void test_shown(void **state)
{
    assert_shown("SELECT 1", "SELECT 1\n");
    assert_shown("SELECT 1\\n", "SELECT 1\n");
    assert_shown("a\\n\\n", "a\n\n");
    assert_shown("", "");
    assert_shown("a\\r", "a\r\n");
    assert_shown("\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00é",
                 "\"\\/\b\f\n\r\té\xf0\x9f\x98\x80é\n");
}

static void assert_set(const char *json, const char *file, const char *sql,
                       const char *expected)
{
    struct queries q = read_queries(json);
    assert_text(queries_set_sql(&q, find(&q, file), sql, strlen(sql)), expected);
    queries_finish(&q);
}

static void test_set(void **state)
{
    assert_set("[{\"name\":\"a\",\"sql\":\"x\"}]", "a.sql", "SELECT \"q\" -- \\ \t é\n",
               "[{\"name\":\"a\",\"sql\":\"SELECT \\\"q\\\" -- \\\\ \\t é\"}]");
    assert_set("[{\"name\":\"a\",\"sql\":\"x\"}]", "a.sql", "1\n2\n\n",
               "[{\"name\":\"a\",\"sql\":\"1\\n2\\n\\n\"}]");
    assert_set("[{\"name\":\"a\",\"sql\":\"x\\n\"}]", "a.sql", "1\n",
               "[{\"name\":\"a\",\"sql\":\"1\\n\"}]");
    assert_set("[{\"name\":\"a\",\"sql\":\"x\\n\"}]", "a.sql", "1",
               "[{\"name\":\"a\",\"sql\":\"1\"}]");
    assert_set("[{\"name\":\"a\",\"sql\":\"x\"}]", "a.sql", "1\r\n2\r\n",
               "[{\"name\":\"a\",\"sql\":\"1\\r\\n2\\r\"}]");
    assert_set("[{\"sql\":\"x\",\"name\":\"a\"},{\"name\":\"a\",\"sql\":\"x\"}]",
               "a~2.sql", "2\n",
               "[{\"sql\":\"x\",\"name\":\"a\"},{\"name\":\"a\",\"sql\":\"2\"}]");
}

static void test_set_keeps_the_rest(void **state)
{
    assert_set("\r\n [\t{ \"n\" : 1.0 , \"name\":\"\\u0061\",\r\n\"x\":1e400,\"x\":2,"
               "\"sql\" : \"\\u0041\\/\" } , 12345678901234567890 ]\r\n",
               "a.sql", "B",
               "\r\n [\t{ \"n\" : 1.0 , \"name\":\"\\u0061\",\r\n\"x\":1e400,\"x\":2,"
               "\"sql\" : \"B\" } , 12345678901234567890 ]\r\n");
}

static void test_rename_and_remove(void **state)
{
    struct queries q =
        read_queries("[ {\"name\" : \"\\u0061\", \"sql\":\"x\"} ,\n"
                     "  {\"name\":\"b\",\"sql\":\"y\"},{\"sql\":\"z\"}]\n");
    assert_text(queries_rename(&q, find(&q, "a.sql"), "q\"\\"),
                "[ {\"name\" : \"q\\\"\\\\\", \"sql\":\"x\"} ,\n"
                "  {\"name\":\"b\",\"sql\":\"y\"},{\"sql\":\"z\"}]\n");
    assert_null(queries_rename(&q, &q.list[2], "c"));
    assert_text(queries_remove(&q, &q.list[0]),
                "[ {\"name\":\"b\",\"sql\":\"y\"},{\"sql\":\"z\"}]\n");
    assert_text(queries_remove(&q, &q.list[1]),
                "[ {\"name\" : \"\\u0061\", \"sql\":\"x\"},{\"sql\":\"z\"}]\n");
    assert_text(queries_remove(&q, &q.list[2]),
                "[ {\"name\" : \"\\u0061\", \"sql\":\"x\"} ,\n"
                "  {\"name\":\"b\",\"sql\":\"y\"}]\n");
    queries_finish(&q);
    q = read_queries("[\n  {\"name\":\"a\",\"sql\":\"\"}\n]");
    assert_text(queries_remove(&q, &q.list[0]), "[\n  \n]");
    queries_finish(&q);
}

/* ---- elements that are added -------------------------------------------------- */

static void assert_added(const char *json, const char *expected)
{
    struct queries q = read_queries(json);
    assert_text(queries_add(&q, "n", "S\n", 2), expected);
    queries_finish(&q);
}

static void test_add(void **state)
{
    const char *shown = "[\n  {\n    \"name\": \"n\",\n    \"source\": \"sql\",\n"
                        "    \"sql\": \"S\"\n  }\n]";
    assert_added("[]", shown);
    assert_added("[ \n ]", shown);
    assert_added("\r\n[]", "\r\n[\r\n  {\r\n    \"name\": \"n\",\r\n"
                           "    \"source\": \"sql\",\r\n    \"sql\": \"S\"\r\n  }\r\n]");
    assert_added("[{\"name\":\"a\",\"sql\":\"\"}]",
                 "[{\"name\":\"a\",\"sql\":\"\"},"
                 "{\"name\":\"n\",\"source\":\"sql\",\"sql\":\"S\"}]");
    assert_added("[ { \"name\" : \"a\" , \"sql\" : \"\" } ]",
                 "[ { \"name\" : \"a\" , \"sql\" : \"\" }, "
                 "{ \"name\" : \"n\", \"source\" : \"sql\", \"sql\" : \"S\" } ]");
    assert_added(
        "[\r\n\t{\r\n\t\t\"name\": \"a\",\r\n\t\t\"sql\": \"\"\r\n\t}\r\n]\r\n",
        "[\r\n\t{\r\n\t\t\"name\": \"a\",\r\n\t\t\"sql\": \"\"\r\n\t},\r\n\t{\r\n"
        "\t\t\"name\": \"n\",\r\n\t\t\"source\": \"sql\",\r\n"
        "\t\t\"sql\": \"S\"\r\n\t}\r\n]\r\n");
    assert_added("[\n  {\"a\": {\n    \"b\": 1}},\n  {}]",
                 "[\n  {\"a\": {\n    \"b\": 1}},\n  {},\n"
                 "  {\"name\": \"n\",\"source\": \"sql\",\"sql\": \"S\"}]");
    assert_added("[\n  1\n]", "[\n  1,\n  {\n    \"name\": \"n\",\n"
                              "    \"source\": \"sql\",\n    \"sql\": \"S\"\n  }\n]");
    assert_added("[1]", "[1,{\"name\":\"n\",\"source\":\"sql\",\"sql\":\"S\"}]");
}

/* ---- random texts -------------------------------------------------------------- */

static void put_blanks(struct buf *out)
{
    static const char *const blanks[] = {"", "", " ", "\n", "\r\n  ", "\t"};
    buf_puts(out, blanks[random_below(ARRAY_LEN(blanks))]);
}

static void put_string(struct buf *out)
{
    static const char *const pieces[] = {
        "a",   "\\n",     "\\\"", "\\\\",           "\\/", "é",  "\\b", "\\u0041",
        "x y", "\\u0000", "/",    "\\ud83d\\ude00", ".",   "\\r"};
    buf_putc(out, '"');
    for (size_t n = random_below(6); n; n--)
        buf_puts(out, pieces[random_below(ARRAY_LEN(pieces))]);
    buf_putc(out, '"');
}

static void put_query(struct buf *out)
{
    static const char *const sources[] = {"", "\"source\":\"sql\",", "\"source\": null ,",
                                          "\"source\":\"kb\","};
    buf_putc(out, '{');
    put_blanks(out);
    buf_puts(out, sources[random_below(ARRAY_LEN(sources))]);
    if (random_percent(80)) {
        buf_puts(out, "\"name\":");
        put_string(out);
        buf_putc(out, ',');
        put_blanks(out);
    }
    buf_puts(out, "\"sql\":");
    put_blanks(out);
    put_string(out);
    put_blanks(out);
    buf_putc(out, '}');
}

static struct text *random_queries(void)
{
    struct buf out = BUF_INIT;
    put_blanks(&out);
    buf_putc(&out, '[');
    for (size_t n = random_below(6), i = 0; i < n; i++) {
        if (i)
            buf_putc(&out, ',');
        put_blanks(&out);
        if (random_percent(80))
            put_query(&out);
        else
            buf_puts(&out, "{\"k\":[1.0,{}]}");
        put_blanks(&out);
    }
    buf_putc(&out, ']');
    put_blanks(&out);
    return text_from_buf(&out);
}

static struct buf random_sql(void)
{
    static const char *const pieces[] = {"SELECT", "\n", "\"", "\\", "é",
                                         "\r\n",   " ",  "\t", "\1"};
    struct buf sql = BUF_INIT;
    for (size_t n = 1 + random_below(8); n; n--)
        buf_puts(&sql, pieces[random_below(ARRAY_LEN(pieces))]);
    return sql;
}

/* The bytes before and behind are those that were, and what is read is what was written. */
static void check_set(const struct queries *q, const struct query *query)
{
    cleanup_buf struct buf sql = random_sql();
    cleanup_buf struct buf shown = BUF_INIT;
    cleanup_text struct text *now = queries_set_sql(q, query, sql.data, sql.len);
    struct queries again = {0};
    assert_int_equal(queries_read(now, &again, NULL), 0);
    const struct query *same = find(&again, query->file);
    size_t tail = q->text->len - query->sql.end;
    assert_int_equal(same->sql.start, query->sql.start);
    assert_memory_equal(now->data, q->text->data, query->sql.start);
    assert_int_equal(now->len - same->sql.end, tail);
    assert_memory_equal(now->data + same->sql.end, q->text->data + query->sql.end, tail);
    queries_show(&again, same, &shown);
    if (sql.data[sql.len - 1] != '\n')
        buf_putc(&sql, '\n');
    assert_string_equal(shown.data, sql.data);
    queries_finish(&again);
}

static void check_rest(const struct queries *q)
{
    cleanup_text struct text *more = queries_add(q, "n", "S", 1);
    struct queries again = {0};
    assert_int_equal(queries_read(more, &again, NULL), 0);
    assert_int_equal(again.count, q->count + 1);
    assert_string_equal(again.list[q->count].file, "n.sql");
    cleanup_text struct text *less = queries_remove(&again, &again.list[q->count]);
    if (q->count) /* (an empty array loses its blanks) */
        assert_true(text_equal(less, q->text));
    queries_finish(&again);
}

static void test_random(void **state)
{
    random_seed();
    for (int i = 0; i < 3000; i++) {
        cleanup_text struct text *text = random_queries();
        struct queries q = {0};
        assert_int_equal(queries_read(text, &q, NULL), 0);
        for (size_t k = 0; k < q.count; k++)
            check_set(&q, &q.list[k]);
        check_rest(&q);
        queries_finish(&q);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which_have_files),
        cmocka_unit_test(test_names_are_made_safe),
        cmocka_unit_test(test_any_name_is_one_component),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_names_of_files),
        cmocka_unit_test(test_what_is_no_list),
        cmocka_unit_test(test_shown),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_set_keeps_the_rest),
        cmocka_unit_test(test_rename_and_remove),
        cmocka_unit_test(test_add),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
