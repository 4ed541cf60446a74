/* Rows as csv, ndjson and json: what is printed, and that any piece of it is the same. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "json/rows.h"

static struct json_span checked(const char *text, size_t len)
{
    struct json_span root;
    assert_int_equal(json_check(text, len, &JSON_LIMITS_WIRE, &root, NULL), 0);
    return root;
}

static struct rows *rows_of(enum rows_form form, const char *text)
{
    struct rows *r = NULL;
    assert_int_equal(rows_new(form, text, checked(text, strlen(text)), &r), 0);
    return r;
}

static void assert_form(enum rows_form form, const char *text, const char *expected)
{
    cleanup_buf struct buf out = BUF_INIT;
    struct rows *r = rows_of(form, text);
    buf_puts(&out, "");
    rows_read(r, 0, 1 << 20, &out);
    assert_string_equal(out.data, expected);
    assert_int_equal(rows_size(r), strlen(expected));
    rows_free(r);
}

static void assert_csv(const char *text, const char *expected)
{
    assert_form(ROWS_CSV, text, expected);
}

static void test_csv_columns(void **state)
{
    (void)state;
    assert_csv("[{\"b\": 1, \"a\": 2}, {\"a\": 3, \"c\": 4}, {\"b\": 5}]",
               "b,a,c\n1,2,\n,3,4\n5,,\n");
    assert_csv("[{\"a\": 1, \"a\": 2, \"\\u0061\": 3}]", "a\n3\n");
    assert_csv("[{\"a\": 1}, {\"\\u0061\": 2}]", "a\n1\n2\n");
    assert_csv("[]", "");
    assert_csv("null", "");
    assert_csv("[{}, {}]", "");
    assert_csv("[{}, {\"a\": 1}]", "a\n\"\"\n1\n");
    assert_csv("[{\"\": 1, \"x,y\": 2, \"q\\\"\": 3}]", ",\"x,y\",\"q\"\"\"\n1,2,3\n");
    assert_csv("[{\"\": 1}]", "\"\"\n1\n");
}

static void test_csv_values(void **state)
{
    (void)state;
    assert_csv("[{\"n\": 1.0, \"e\": 1e400, \"b\": 12345678901234567890}]",
               "n,e,b\n1.0,1e400,12345678901234567890\n");
    assert_csv("[{\"a\": null, \"b\": true, \"c\": false, \"d\": \"\"}]",
               "a,b,c,d\n,true,false,\n");
    assert_csv("[{\"a\": null}, {\"a\": \"\"}]", "a\n\"\"\n\"\"\n");
    assert_csv("[{\"a\": \"x,y\", \"b\": \"say \\\"hi\\\"\", \"c\": \"l1\\nl2\", "
               "\"d\": \"cr\\r\"}]",
               "a,b,c,d\n\"x,y\",\"say \"\"hi\"\"\",\"l1\nl2\",\"cr\r\"\n");
    assert_csv("[{\"a\": \" blank \", \"b\": \"\\u00e9\\ud83d\\ude00\"}]",
               "a,b\n blank ,\xc3\xa9\xf0\x9f\x98\x80\n");
    assert_csv("[{\"a\": {\"x\" : [1 , \"y z\"]}, \"b\": []}]",
               "a,b\n\"{\"\"x\"\":[1,\"\"y z\"\"]}\",\"[]\"\n");
}

static void test_csv_rows_that_are_no_objects(void **state)
{
    (void)state;
    assert_csv("[1, \"a,b\", null, [1, 2]]", "value\n1\n\"a,b\"\n\"\"\n\"[1,2]\"\n");
    assert_csv("[{\"a\": 1}, 2]", "a,value\n1,\n,2\n");
    assert_csv("[{\"value\": 1}, 2]", "value\n1\n2\n");
}

static void test_csv_nul(void **state)
{
    cleanup_buf struct buf out = BUF_INIT;
    struct rows *r = rows_of(ROWS_CSV, "[{\"k\\u0000\": \"a\\u0000b\", \"k\": 1}]");
    (void)state;
    rows_read(r, 0, 100, &out);
    assert_int_equal(out.len, 11);
    assert_memory_equal(out.data, "k\0,k\na\0b,1\n", 11);
    rows_free(r);
}

static void test_ndjson(void **state)
{
    (void)state;
    assert_form(ROWS_NDJSON, "[ {\"a\" : 1.0, \"b\": \"x \\\" y\"} ,\n[ ], null, \"z\" ]",
                "{\"a\":1.0,\"b\":\"x \\\" y\"}\n[]\nnull\n\"z\"\n");
    assert_form(ROWS_NDJSON, "[]", "");
}

static void test_json(void **state)
{
    static const char *const texts[] = {"[]", "[ ]", "[1]", "[{}, [], {\"a\": [1, {}]}]",
                                        "[{\"a\":1,\"b\":{\"c\":[]}},\n{\"a\":\"x\"}]"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        cleanup_buf struct buf whole = BUF_INIT;
        json_reindent(&whole, texts[i], checked(texts[i], strlen(texts[i])));
        assert_form(ROWS_JSON, texts[i], whole.data);
    }
    assert_form(ROWS_JSON, "null", "[]\n");
}

static void test_what_is_no_array(void **state)
{
    struct rows *r = NULL;
    (void)state;
    assert_int_equal(rows_new(ROWS_CSV, "{}", checked("{}", 2), &r), -EPROTO);
    assert_int_equal(rows_new(ROWS_JSON, "1", checked("1", 1), &r), -EPROTO);
    assert_null(r);
}

static void put_many(struct buf *text, size_t count)
{
    buf_putc(text, '[');
    for (size_t i = 0; i < count; i++)
        buf_printf(text, "%s{\"id\": %zu, \"name\": \"row, %zu\", \"list\": [%zu, {}]}",
                   i ? ", " : "", i, i, i);
    buf_putc(text, ']');
}

/* Several MiB in each form, so that there are marks: reads anywhere, in any order. */
static void test_any_piece_is_the_same(void **state)
{
    cleanup_buf struct buf text = BUF_INIT;
    (void)state;
    put_many(&text, 100000);
    struct json_span root = checked(text.data, text.len);
    for (enum rows_form form = ROWS_CSV; form <= ROWS_JSON; form++) {
        cleanup_buf struct buf whole = BUF_INIT;
        struct rows *r = NULL;
        struct rows *fresh = NULL;
        assert_int_equal(rows_new(form, text.data, root, &r), 0);
        assert_int_equal(rows_new(form, text.data, root, &fresh), 0);
        uint64_t size = rows_size(fresh);
        rows_read(r, 0, SIZE_MAX, &whole);
        assert_int_equal(whole.len, size);
        assert_true(size > 2u << 20);
        srandom(1);
        for (int i = 0; i < 300; i++) {
            cleanup_buf struct buf piece = BUF_INIT;
            uint64_t off = (uint64_t)random() % (size + 100);
            size_t want = (size_t)random() % 300000;
            size_t left = off < size ? (size_t)(size - off) : 0;
            rows_read(i & 1 ? r : fresh, off, want, &piece);
            assert_int_equal(piece.len, want < left ? want : left);
            if (piece.len)
                assert_memory_equal(piece.data, whole.data + off, piece.len);
        }
        rows_free(r);
        rows_free(fresh);
    }
}

/* A header longer than a chunk comes once. */
static void test_a_long_header(void **state)
{
    cleanup_buf struct buf text = BUF_INIT;
    cleanup_buf struct buf out = BUF_INIT;
    (void)state;
    buf_puts(&text, "[{\"");
    for (int i = 0; i < 300000; i++)
        buf_putc(&text, 'k');
    buf_puts(&text, "\": 1}, {}]");
    struct rows *r = rows_of(ROWS_CSV, text.data);
    rows_read(r, 0, SIZE_MAX, &out);
    assert_int_equal(out.len, 300000 + 1 + 2 + 3);
    assert_string_equal(out.data + 300000, "\n1\n\"\"\n");
    rows_free(r);
}

static int csv_of_keys(size_t rows, size_t keys)
{
    cleanup_buf struct buf text = BUF_INIT;
    struct rows *r = NULL;
    buf_putc(&text, '[');
    for (size_t i = 0; i < rows; i++) {
        buf_puts(&text, i ? ",{" : "{");
        for (size_t k = 0; k < keys; k++)
            buf_printf(&text, "%s\"%zu.%zu\":1", k ? "," : "", i, k);
        buf_putc(&text, '}');
    }
    buf_putc(&text, ']');
    int err = rows_new(ROWS_CSV, text.data, checked(text.data, text.len), &r);
    rows_free(r);
    return err;
}

static void test_too_many_columns(void **state)
{
    (void)state;
    assert_int_equal(csv_of_keys(1, ROWS_COLUMNS_MAX), 0);
    assert_int_equal(csv_of_keys(1, ROWS_COLUMNS_MAX + 1), -EFBIG);
    assert_int_equal(csv_of_keys(900, 1), 0);
    assert_int_equal(csv_of_keys(20000, 1), -EFBIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv_columns),
        cmocka_unit_test(test_csv_values),
        cmocka_unit_test(test_csv_rows_that_are_no_objects),
        cmocka_unit_test(test_csv_nul),
        cmocka_unit_test(test_ndjson),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_what_is_no_array),
        cmocka_unit_test(test_any_piece_is_the_same),
        cmocka_unit_test(test_a_long_header),
        cmocka_unit_test(test_too_many_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
