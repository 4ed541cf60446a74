/* json/: grammar, positions, paths, strings, printing and comparing, case by case.
 * (Random documents: test_json_random.c.) */
#include "cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
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

/* ---- what is JSON ------------------------------------------------------------------ */

static void test_accepted(void **state)
{
    static const char *const texts[] = {
        "null",
        "true",
        " false\r\n",
        "0",
        "-0",
        "-0.0e-0",
        "1E+2",
        "1e400",
        "12345678901234567890",
        "1.0",
        "\"\"",
        "\"\\u0000\\ud83d\\ude00\\/\"",
        "[]",
        "{}",
        "[ ]",
        "{ }",
        "[1, [2, {\"a\": []}]]",
        "{\"a\": 1, \"b\": {\"a\": 2}}",
        "\"\x7f\"",
        "\"\xc3\xa9\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"",
        "{\"\": 1}",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        span_of(texts[i]);
}

static void test_root_span(void **state)
{
    struct json_span root = span_of(" \n{\"a\": 1} \n");
    assert_int_equal(root.start, 2);
    assert_int_equal(root.end, 10);
    assert_int_equal(root.type, JSON_OBJECT);
    root = span_of("-1");
    assert_int_equal(root.start, 0);
    assert_int_equal(root.end, 2);
    assert_int_equal(root.type, JSON_NUMBER);
}

/* A text with its length, for NUL bytes. */
#define TEXT(s) s, sizeof s - 1

static const struct refused {
    const char *text;
    size_t len;
    unsigned line, column;
    const char *message; /* a part of it */
} refused[] = {
    {TEXT(""), 1, 1, "the text is empty"},
    {TEXT(" \n "), 2, 2, "the text is empty"},
    {TEXT("\xEF\xBB\xBF{}"), 1, 1, "byte-order mark"},
    {TEXT("\xFF\xFE{\0}\0"), 1, 1, "byte-order mark of UTF-16"},
    {TEXT("{}\0"), 1, 3, "NUL byte"},
    {TEXT("[1,\0 2]"), 1, 4, "NUL byte"},
    {TEXT("[\"a\0b\"]"), 1, 4, "NUL byte"},
    {TEXT("[1, 2,]"), 1, 6, "comma behind the last element of an array"},
    {TEXT("{\"a\": 1,\n}"), 1, 8, "comma behind the last member of an object"},
    {TEXT("[1 2]"), 1, 4, "',' or ']' is wanted here, not '2'"},
    {TEXT("{\"a\" 1}"), 1, 6, "':' behind the key"},
    {TEXT("{\"a\": 1 \"b\": 2}"), 1, 9, "',' or '}' is wanted"},
    {TEXT("{a: 1}"), 1, 2, "a key in double quotes is wanted here, not 'a'"},
    {TEXT("{'a': 1}"), 1, 2, "strings take double quotes"},
    {TEXT("{\"a\": }"), 1, 7, "a value is wanted here, not '}'"},
    {TEXT("[,1]"), 1, 2, "a value is wanted here, not ','"},
    {TEXT("[1]]"), 1, 4, "behind the end of the value"},
    {TEXT("{\n  \"a\": [1,\n"), 3, 1, "inside the array that begins at line 2, column 8"},
    {TEXT("{\"a\""), 1, 5, "inside the object that begins at line 1, column 1"},
    {TEXT("{\n \"a\": \"b"), 2, 7, "not closed before the text ends"},
    {TEXT("[\"a\\"), 1, 4, "backslash"},
    {TEXT("\"a\nb\""), 1, 3, "line break"},
    {TEXT("\"a\tb\""), 1, 3, "a tab"},
    {TEXT("\"\x01\""), 1, 2, "control character"},
    {TEXT("\"\\x41\""), 1, 2, "unknown escape \\x"},
    {TEXT("\"\\u12g4\""), 1, 2, "four hexadecimal digits"},
    {TEXT("\"\\u12"), 1, 2, "four hexadecimal digits"},
    {TEXT("\"\\ud800\""), 1, 2, "first half of a surrogate pair"},
    {TEXT("\"\\ud800\\u0041\""), 1, 2, "first half of a surrogate pair"},
    {TEXT("\"\\ude00\""), 1, 2, "second half of a surrogate pair"},
    {TEXT("\"\xc0\xaf\""), 1, 2, "not valid UTF-8"},
    {TEXT("\"\xe0\x80\x80\""), 1, 2, "not valid UTF-8"},
    {TEXT("\"\xed\xa0\x80\""), 1, 2, "not valid UTF-8"},
    {TEXT("\"\xf4\x90\x80\x80\""), 1, 2, "not valid UTF-8"},
    {TEXT("\"\xf8\x88\x80\x80\""), 1, 2, "not valid UTF-8"},
    {TEXT("\"\xc3"), 1, 2, "not valid UTF-8"},
    {TEXT("\"\xc3\""), 1, 2, "not valid UTF-8"},
    {TEXT("01"), 1, 1, "must not begin with 0"},
    {TEXT("-01"), 1, 1, "must not begin with 0"},
    {TEXT("+1"), 1, 1, "must not begin with '+'"},
    {TEXT(".5"), 1, 1, "must not begin with '.'"},
    {TEXT("1."), 1, 1, "digit behind its point"},
    {TEXT("1e"), 1, 1, "digit in its exponent"},
    {TEXT("-"), 1, 1, "without a digit"},
    {TEXT("0x10"), 1, 2, "behind the end of the value"},
    {TEXT("[NaN]"), 1, 2, "'NaN' is no JSON value (write null"},
    {TEXT("[True]"), 1, 2, "'True' is no JSON value (write true"},
    {TEXT("[nul]"), 1, 2, "'nul' is no JSON value"},
    {TEXT("// a\n{}"), 1, 1, "no comments"},
    {TEXT("[\xc3\xa9]"), 1, 2, "not '\xc3\xa9'"},
    {TEXT("[\xc3]"), 1, 2, "not the byte 0xc3"},
    {TEXT("{\"a\": 1,\n \"\\u0061\": 2}"), 2, 2,
     "duplicate key \"\\u0061\" (the first is at line 1, column 2)"},
    {TEXT("{\"x\":[{\"b\":1,\"c\":{\"b\":1},\"b\":1}]}"), 1, 26, "duplicate key \"b\""},
};

static void test_refused(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        const struct refused *r = &refused[i];
        struct json_error e;
        int err = json_check(r->text, r->len, &JSON_LIMITS_USER, NULL, &e);
        if (err != -EPROTO)
            fail_msg("case %zu is accepted: %s", i, r->text);
        if (e.line != r->line || e.column != r->column || !strstr(e.message, r->message))
            fail_msg("case %zu, %s: %u:%u: %s", i, r->text, e.line, e.column, e.message);
    }
}

/* Several pairs: the first second key of the text is named, and keys are cut whole. */
static void test_duplicate_keys(void **state)
{
    struct json_error e;
    static const char two[] = "{\"a\":1,\"b\":2,\"b\":3,\"a\":4,\"a\":5}";
    assert_int_equal(json_check(TEXT(two), &JSON_LIMITS_USER, NULL, &e), -EPROTO);
    assert_int_equal(e.offset, 13);
    assert_int_equal(json_check(TEXT(two), &JSON_LIMITS_WIRE, NULL, &e), 0);

    cleanup_buf struct buf key = BUF_INIT;
    cleanup_buf struct buf text = BUF_INIT;
    for (int i = 0; i < 100; i++)
        buf_puts(&key, "\xc3\xa9");
    buf_printf(&text, "{\"x%s\": 1, \"x%s\": 2}", key.data, key.data);
    assert_int_equal(json_check(text.data, text.len, &JSON_LIMITS_USER, NULL, &e),
                     -EPROTO);
    assert_true(json_utf8_valid(e.message, strlen(e.message), NULL));
    assert_non_null(strstr(e.message, "column 2)"));
}

static void test_size_limit(void **state)
{
    struct json_limits limits = {4, 10, true};
    struct json_error e;
    assert_int_equal(json_check("[12]", 4, &limits, NULL, &e), 0);
    assert_int_equal(json_check("[123]", 5, &limits, NULL, &e), -EFBIG);
    assert_non_null(strstr(e.message, "5 bytes"));
    assert_int_equal(json_check("[123]", 5, &limits, NULL, NULL), -EFBIG);
}

/* ---- hostile texts: quick refusals ------------------------------------------------- */

static void repeat(struct buf *b, const char *s, size_t times)
{
    while (times--)
        buf_puts(b, s);
}

static void test_depth(void **state)
{
    cleanup_buf struct buf b = BUF_INIT;
    struct json_error e;
    struct json_limits limitless = {SIZE_MAX, UINT32_MAX, true};
    repeat(&b, "[", 10000);
    repeat(&b, "]", 10000);
    assert_int_equal(json_check(b.data, b.len, &JSON_LIMITS_WIRE, NULL, &e), -EPROTO);
    assert_int_equal(e.offset, 1000);
    assert_non_null(strstr(e.message, "deeper than 1000"));
    assert_int_equal(json_check(b.data, b.len, &limitless, NULL, &e), -EPROTO);
    assert_int_equal(e.offset, JSON_DEPTH_MAX);
    assert_int_equal(json_check(b.data + 9000, 2000, &JSON_LIMITS_WIRE, NULL, &e), 0);

    buf_clear(&b);
    repeat(&b, "[", 5 << 20);
    assert_int_equal(json_check(b.data, b.len, &JSON_LIMITS_USER, NULL, &e), -EPROTO);
    assert_int_equal(e.offset, 1000);
    buf_clear(&b);
    repeat(&b, "{\"a\":", 5 << 17);
    assert_int_equal(json_check(b.data, b.len, &JSON_LIMITS_USER, NULL, &e), -EPROTO);
    assert_int_equal(e.offset, 5000);
}

static void test_huge_strings(void **state)
{
    cleanup_buf struct buf b = BUF_INIT;
    cleanup_buf struct buf decoded = BUF_INIT;
    struct json_span root;
    buf_putc(&b, '"');
    repeat(&b, "x\\n\\ud83d\\ude00\xc3\xa9", 300000);
    assert_int_equal(json_check(b.data, b.len, &JSON_LIMITS_USER, NULL, NULL), -EPROTO);
    buf_putc(&b, '"');
    assert_int_equal(json_check(b.data, b.len, &JSON_LIMITS_USER, &root, NULL), 0);
    json_string_decode(b.data, root, &decoded);
    assert_int_equal(decoded.len, 300000 * 8);
    assert_int_equal(json_string_offset(b.data, root, 299999 * 8), 1 + 299999 * 17);
}

/* Linear where a careless reader is quadratic: 300,000 keys, and 1,000 levels around
 * 300,000 elements. Minutes if it were not; the bound is meant for slow machines. */
static void test_many_keys(void **state)
{
    cleanup_buf struct buf a = BUF_INIT;
    cleanup_buf struct buf b = BUF_INIT;
    enum { KEYS = 300000 };
    int64_t begin = clock_ms();
    buf_putc(&a, '{');
    buf_putc(&b, '{');
    for (int i = 0; i < KEYS; i++) {
        buf_printf(&a, "%s\"key%d\": %d", i ? "," : "", i, i);
        buf_printf(&b, "%s\"key%d\": %d.0", i ? "," : "", KEYS - 1 - i, KEYS - 1 - i);
    }
    buf_puts(&a, ",\"key7\":1}");
    buf_putc(&b, '}');
    struct json_error e;
    struct json_span sb = span_of(b.data);
    assert_int_equal(json_check(a.data, a.len, &JSON_LIMITS_USER, NULL, &e), -EPROTO);
    assert_int_equal(e.offset, a.len - 9);
    assert_false(json_same_value(a.data, span_of(a.data), b.data, sb));
    memcpy(a.data + a.len - 2, "7}", 2);
    assert_true(json_same_value(a.data, span_of(a.data), b.data, sb));
    assert_true(clock_ms() - begin < 60000);
}

static void test_deep_and_wide(void **state)
{
    cleanup_buf struct buf a = BUF_INIT;
    cleanup_buf struct buf out = BUF_INIT;
    int64_t begin = clock_ms();
    repeat(&a, "[", 999);
    repeat(&a, "[],", 300000);
    repeat(&a, "[]", 1);
    repeat(&a, "]", 999);
    struct json_span root = span_of(a.data);
    assert_true(json_same_value(a.data, root, a.data, root));
    json_reindent(&out, a.data, root);
    assert_true(out.len < 10 * a.len);
    cleanup_buf struct buf again = BUF_INIT;
    json_reindent(&again, out.data, span_of(out.data));
    assert_string_equal(out.data, again.data);
    assert_true(clock_ms() - begin < 60000);
}

static void test_truncated_everywhere(void **state)
{
    static const char sample[] =
        "{\"version\": 1, \"root\": {\"type\": \"Stack\", \"n\": [-0.5e+10, 1E2, true, "
        "false, null],\n \"caf\xc3\xa9\": \"\\u00e9\\ud83d\\ude00 \xf0\x9f\x98\x80\", "
        "\"e\": [{}, []]}}";
    for (size_t len = 0; len < sizeof sample - 1; len++) {
        struct json_error e;
        cleanup_free char *cut = xmalloc(len); /* exactly as long: ASan sees more */
        memcpy(cut, sample, len);
        assert_int_equal(json_check(cut, len, &JSON_LIMITS_USER, NULL, &e), -EPROTO);
        assert_true(e.offset <= len);
        assert_true(e.line >= 1 && e.line <= 2 && e.column >= 1);
        assert_true(e.message[0]);
    }
    span_of(sample);
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
        cmocka_unit_test(test_accepted),      cmocka_unit_test(test_root_span),
        cmocka_unit_test(test_refused),       cmocka_unit_test(test_duplicate_keys),
        cmocka_unit_test(test_size_limit),    cmocka_unit_test(test_depth),
        cmocka_unit_test(test_huge_strings),  cmocka_unit_test(test_many_keys),
        cmocka_unit_test(test_deep_and_wide), cmocka_unit_test(test_truncated_everywhere),
        cmocka_unit_test(test_paths),         cmocka_unit_test(test_walk),
        cmocka_unit_test(test_strings),       cmocka_unit_test(test_sql_offsets),
        cmocka_unit_test(test_position),      cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_print),         cmocka_unit_test(test_compare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
