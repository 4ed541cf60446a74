/* json/: positions, paths, strings, printing and comparing, case by case. (What is JSON:
 * test_json_check.c; random documents: test_json_random.c.) */
#include "cmocka_all.h"

#include <string.h>

#include "base/alloc.h"
#include "json/json.h"

static struct json_span span_of(const char *text)
{
    struct json_span root;
    struct json_error error;
    int err = json_check(text, strlen(text), &JSON_LIMITS_WIRE, &root, &error);
    if (err < 0)
        fail_msg("%s: line %u, column %u: %s", text, error.line, error.column,
                 error.message);
    return root;
}

/* ---- walking and paths --------------------------------------------------------------
 */

static const char document[] =
    "{\n"
    "  \"version\": 1,\n"
    "  \"r\\u006fot\": {\n"
    "    \"children\": [\n"
    "      {\"type\": \"Text\"},\n"
    "      {\"caf\xc3\xa9\": \"\xc3\xa9\xc3\xa9\", \"props\": {\"data\": 0.10}}\n"
    "    ],\n"
    "    \"odd key\": 1, \"odd.key\": 2, \"a/b\": 3, \"m~n\": 4, \"it's\": 5, \"\": 6,\n"
    "    \"twice\": 1, \"twice\": 2, \"grid\": [[1, 2], [3, [4, 5]]], \"$ref\": 7\n"
    "  }\n"
    "}\n";

static const struct path_case {
    const char *path;
    const char *value; /* the text of what is reached */
    bool whole;
    unsigned line, column;
} path_cases[] = {
    {"root.children[1].props.data", "0.10", true, 6, 43},
    {"$.root.children[1].props.data", "0.10", true, 6, 43},
    {"root.children.1.props.data", "0.10", true, 6, 43},
    {"/root/children/1/props/data", "0.10", true, 6, 43},
    {"root[\"children\"][1]['props'].data", "0.10", true, 6, 43},
    {"root.children[1].caf\xc3\xa9", "\"\xc3\xa9\xc3\xa9\"", true, 6, 17},
    {"root['odd key']", "1", true, 8, 16},
    {"root[\"odd.key\"]", "2", true, 8, 30},
    {"/root/odd.key", "2", true, 8, 30},
    {"/root/a~1b", "3", true, 8, 40},
    {"/root/m~0n", "4", true, 8, 50},
    {"root['it\\'s']", "5", true, 8, 61},
    {"root[\"it's\"]", "5", true, 8, 61},
    {"/root/", "6", true, 8, 68},
    {"root['']", "6", true, 8, 68},
    {"root.twice", "2", true, 9, 26},
    {"root.grid[1][1][0]", "4", true, 9, 51},
    {"root.grid[1][1][2]", "[4, 5]", false, 9, 50},
    {"root.grid[01][1]", "[4, 5]", true, 9, 50},
    {"root.$ref", "7", true, 9, 68},
    {"root.children[0].props.data", "{\"type\": \"Text\"}", false, 5, 7},
    {"root.children[0].type.x", "\"Text\"", false, 5, 16},
    {"root.children[0].type[0]", "\"Text\"", false, 5, 16},
    {"version[", "1", false, 2, 14},
    {"version['a", "1", false, 2, 14},
    {"version[0", "1", false, 2, 14},
};

static void test_paths(void **state)
{
    struct json_span root = span_of(document);
    struct json_span at;
    assert_true(json_path(document, root, "", &at) && at.start == 0);
    assert_true(json_path(document, root, "$", &at) && at.start == 0);
    assert_false(json_path(document, root, "nope", &at));
    assert_int_equal(at.start, 0);
    assert_false(json_path(document, root, "[0]", &at));
    assert_false(json_path(document, root, "[99999999999999999999999]", &at));
    for (size_t i = 0; i < ARRAY_LEN(path_cases); i++) {
        const struct path_case *p = &path_cases[i];
        unsigned line;
        unsigned column;
        bool whole = json_path(document, root, p->path, &at);
        json_position(document, strlen(document), at.start, &line, &column);
        if (whole != p->whole || at.end - at.start != strlen(p->value) ||
            memcmp(document + at.start, p->value, at.end - at.start) || line != p->line ||
            column != p->column)
            fail_msg("%s: %d %u:%u %.*s", p->path, whole, line, column,
                     (int)(at.end - at.start), document + at.start);
    }
}

static void test_walk(void **state)
{
    static const char text[] = " [ 1 , {\"a\":[1,{}],\"b\" : \"],}\"} ,\"\\\"\", [] ] ";
    static const char *const elements[] = {"1", "{\"a\":[1,{}],\"b\" : \"],}\"}",
                                           "\"\\\"\"", "[]"};
    struct json_iter it;
    struct json_span value;
    json_iter_init(&it, text, span_of(text));
    for (size_t i = 0; i < ARRAY_LEN(elements); i++) {
        assert_true(json_iter_next(&it));
        assert_int_equal(it.index, i);
        assert_int_equal(it.value.end - it.value.start, strlen(elements[i]));
        assert_memory_equal(text + it.value.start, elements[i], strlen(elements[i]));
        assert_true(json_element(text, span_of(text), i, &value));
        assert_int_equal(value.start, it.value.start);
    }
    assert_false(json_iter_next(&it));
    assert_false(json_element(text, span_of(text), 4, &value));
    assert_false(json_member(text, span_of(text), "a", &value));
    assert_true(json_element(text, span_of(text), 1, &value));
    assert_true(json_member(text, value, "b", &value));
    assert_true(json_string_is(text, value, "],}"));
    json_iter_init(&it, text, value);
    assert_false(json_iter_next(&it)); /* a string has no insides */
}

/* ---- strings ------------------------------------------------------------------------
 */

static void test_strings(void **state)
{
    static const char text[] =
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20AC\\ud83d\\ude00x\"";
    static const char decoded[] = "\"\\/\b\f\n\r\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80x";
    struct json_span span = span_of(text);
    cleanup_buf struct buf quoted = BUF_INIT;
    cleanup_free char *s = json_string_dup(text, span);
    assert_string_equal(s, decoded);
    assert_true(json_string_is(text, span, decoded));
    assert_false(json_string_is(text, span, "x"));
    json_quotes(&quoted, decoded);
    assert_string_equal(quoted.data, "\"\\\"\\\\/\\b\\f\\n\\r\\t\xc3\xa9\xe2\x82\xac"
                                     "\xf0\x9f\x98\x80x\"");
    buf_clear(&quoted);
    json_quote(&quoted, "a\0\x1f\x7f", 4);
    assert_string_equal(quoted.data, "\"a\\u0000\\u001f\x7f\"");

    static const char nul[] = "\"a\\u0000b\"";
    assert_null(json_string_dup(nul, span_of(nul)));
    assert_null(json_string_dup("12", span_of("12")));
    assert_false(json_string_is("12", span_of("12"), "1"));
    assert_false(json_string_is(nul, span_of(nul), "a"));
}

/* SQL in a JSON string: where the verifier's offset into the SQL stands in the file. */
static void test_sql_offsets(void **state)
{
    static const char text[] =
        "[\n  {\"name\": \"q\", \"sql\": \"SELECT \\\"a\\\",\\n  '\xc3\xa9\\u00e9',\\t"
        "bad\\nFROM t\"}\n]\n";
    struct json_span sql;
    unsigned line;
    unsigned column;
    assert_true(json_path(text, span_of(text), "[0].sql", &sql));
    cleanup_free char *decoded = json_string_dup(text, sql);
    assert_string_equal(decoded, "SELECT \"a\",\n  '\xc3\xa9\xc3\xa9',\tbad\nFROM t");
    size_t bad = (size_t)(strstr(decoded, "bad") - decoded);
    size_t at = json_string_offset(text, sql, bad);
    assert_memory_equal(text + at, "bad", 3);
    json_position(text, strlen(text), at, &line, &column);
    assert_int_equal(line, 2);
    assert_int_equal(column, 55);
    /* the SQL's own line and column */
    json_position(decoded, strlen(decoded), bad, &line, &column);
    assert_int_equal(line, 2);
    assert_int_equal(column, 11);
    /* both bytes of an escaped letter stand at the escape */
    size_t letter = (size_t)(strstr(decoded, "\xc3\xa9',") - decoded);
    assert_memory_equal(text + json_string_offset(text, sql, letter), "\\u00e9", 6);
    assert_int_equal(json_string_offset(text, sql, letter),
                     json_string_offset(text, sql, letter + 1));
    /* the end, and behind it */
    assert_int_equal(json_string_offset(text, sql, strlen(decoded)), sql.end - 1);
    assert_int_equal(json_string_offset(text, sql, 1000), sql.end - 1);
    assert_int_equal(json_string_offset(text, sql, 0), sql.start + 1);
}

static void test_position(void **state)
{
    unsigned line;
    unsigned column;
    json_position("ab\r\n\nc", 6, 5, &line, &column);
    assert_true(line == 3 && column == 1);
    json_position("ab\r\n\nc", 6, 3, &line, &column);
    assert_true(line == 1 && column == 4);
    json_position("ab\n", 3, 3, &line, &column);
    assert_true(line == 2 && column == 1);
    json_position("ab\n", 3, 99, &line, &column);
    assert_true(line == 2 && column == 1);
    json_position("", 0, 0, &line, &column);
    assert_true(line == 1 && column == 1);
}

static void test_utf8(void **state)
{
    size_t at;
    assert_true(json_utf8_valid("a\0\xc3\xa9", 4, NULL));
    assert_false(json_utf8_valid("ab\xc3", 3, &at));
    assert_int_equal(at, 2);
    assert_true(json_utf8_valid("", 0, NULL));
}

/* ---- printing -----------------------------------------------------------------------
 */

static void test_print(void **state)
{
    static const char text[] =
        " {\"b\" :1.0,\"a\":[ ],\"c\":[1e400,{ },{\"x\":[[0.10]]}] , \"b\":\"\\u00e9\"}";
    static const char indented[] = "{\n"
                                   "  \"b\": 1.0,\n"
                                   "  \"a\": [],\n"
                                   "  \"c\": [\n"
                                   "    1e400,\n"
                                   "    {},\n"
                                   "    {\n"
                                   "      \"x\": [\n"
                                   "        [\n"
                                   "          0.10\n"
                                   "        ]\n"
                                   "      ]\n"
                                   "    }\n"
                                   "  ],\n"
                                   "  \"b\": \"\\u00e9\"\n"
                                   "}\n";
    cleanup_buf struct buf out = BUF_INIT;
    json_reindent(&out, text, span_of(text));
    assert_string_equal(out.data, indented);
    buf_clear(&out);
    json_compact(&out, text, span_of(text));
    assert_string_equal(out.data, "{\"b\":1.0,\"a\":[],\"c\":[1e400,{},{\"x\":[[0.10]]}],"
                                  "\"b\":\"\\u00e9\"}");
    buf_clear(&out);
    json_reindent(&out, " 1.0 ", span_of(" 1.0 "));
    assert_string_equal(out.data, "1.0\n");
}

/* ---- comparing ----------------------------------------------------------------------
 */

static const struct pair_case {
    const char *a, *b;
    bool same_tokens, same_value;
} pair_cases[] = {
    {"[1, 2]", "[1,2]", true, true},
    {"[1.0]", "[1]", false, true},
    {"[1,2]", "[2,1]", false, false},
    {"[1]", "[1,1]", false, false},
    {"[]", "{}", false, false},
    {"null", "false", false, false},
    {"\"\\u00e9\"", "\"\xc3\xa9\"", true, true},
    {"\"\\/\"", "\"/\"", true, true},
    {"\"a\"", "\"ab\"", false, false},
    {"\"1\"", "1", false, false},
    {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", false, true},
    {"{\"a\":1,\"a\":2}", "{\"\\u0061\":2}", false, true},
    {"{\"a\":2,\"a\":1}", "{\"a\":2}", false, false},
    {"{\"a\":1,\"b\":1}", "{\"a\":1,\"c\":1}", false, false},
    {"{\"a\":1}", "{\"a\":1,\"b\":1}", false, false},
    {"{\"a\":[{\"x\":[]},{\"y\":1e0}],\"b\":{}}",
     "{\"b\":{},\"a\":[{\"x\":[]},{\"y\":1}]}", false, true},
    {"{\"a\":[{\"x\":[]},{\"y\":1}],\"b\":{}}", "{\"b\":{},\"a\":[{\"x\":[]},{\"y\":2}]}",
     false, false},
    {"[[],[[]],[1]]", "[[],[[]],[2]]", false, false},
    {"10e-1", "1.0", false, true},
    {"1E+2", "100", false, true},
    {"1e2", "1E2", false, true},
    {"0.10", "0.1", false, true},
    {"0.001", "1e-3", false, true},
    {"123.456e3", "123456", false, true},
    {"-1", "1", false, false},
    {"-0", "0", false, true},
    {"-0.00e5", "0e99999999999999999999999", false, true},
    {"1e400", "1e401", false, false},
    {"1e400", "10e399", false, true},
    {"12345678901234567890", "12345678901234567891", false, false},
    {"12345678901234567890", "1234567890123456789e1", false, true},
    {"0.1", "0.1000000000000000055511151231257827", false, false},
    {"1e99999999999999999999", "10e99999999999999999998", false, true},
    {"1e99999999999999999999", "1e99999999999999999998", false, false},
    {"1e100000000000000000000", "0.1e+100000000000000000001", false, true},
    {"1e1000000000000000000", "10e999999999999999999", false, true},
    {"1e-1000000000000000000", "0.1e-999999999999999999", false, true},
    {"1e-99999999999999999999", "0.01e-99999999999999999997", false, true},
    {"100e-100000000000000000001", "1e-99999999999999999999", false, true},
    {"1e-99999999999999999999", "1e99999999999999999999", false, false},
    {"1e00000000000000000000000000005", "100000", false, true},
    {"120", "12", false, false},
    {"1.02", "1.2", false, false},
    {"10.2", "1.02", false, false},
};

static void test_compare(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(pair_cases); i++) {
        const struct pair_case *p = &pair_cases[i];
        struct json_span a = span_of(p->a);
        struct json_span b = span_of(p->b);
        if (json_same_tokens(p->a, a, p->b, b) != p->same_tokens ||
            json_same_tokens(p->b, b, p->a, a) != p->same_tokens)
            fail_msg("%s and %s: same_tokens", p->a, p->b);
        if (json_same_value(p->a, a, p->b, b) != p->same_value ||
            json_same_value(p->b, b, p->a, a) != p->same_value)
            fail_msg("%s and %s: same_value", p->a, p->b);
        assert_true(json_same_value(p->a, a, p->a, a));
        assert_true(json_same_tokens(p->b, b, p->b, b));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),    cmocka_unit_test(test_walk),
        cmocka_unit_test(test_strings),  cmocka_unit_test(test_sql_offsets),
        cmocka_unit_test(test_position), cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_print),    cmocka_unit_test(test_compare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
