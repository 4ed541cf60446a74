/* json_check: what is JSON, what is not and why, and hostile texts. */
#include "cmocka_all.h"

#include <errno.h>
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
    assert_int_equal(e.offset, 1100);
    assert_non_null(strstr(e.message, "deeper than 1100"));
    assert_int_equal(json_check(b.data, b.len, &limitless, NULL, &e), -EPROTO);
    assert_int_equal(e.offset, JSON_DEPTH_MAX);
    assert_int_equal(json_check(b.data + 8900, 2200, &JSON_LIMITS_WIRE, NULL, &e), 0);
    assert_int_equal(json_check(b.data + 9000, 2000, &JSON_LIMITS_USER, NULL, &e), 0);

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
}

static void test_deep_and_wide(void **state)
{
    cleanup_buf struct buf a = BUF_INIT;
    cleanup_buf struct buf out = BUF_INIT;
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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),      cmocka_unit_test(test_root_span),
        cmocka_unit_test(test_refused),       cmocka_unit_test(test_duplicate_keys),
        cmocka_unit_test(test_size_limit),    cmocka_unit_test(test_depth),
        cmocka_unit_test(test_huge_strings),  cmocka_unit_test(test_many_keys),
        cmocka_unit_test(test_deep_and_wide), cmocka_unit_test(test_truncated_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
