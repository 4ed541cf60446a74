/* workspace/present.c: tokens come through as they were. */
#include "cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "workspace/present.h"

/* ---- pages as files ---------------------------------------------------------------- */

/* A page whose spans are those that the keys name; its strings are not needed here. */
static struct platform_page page_of(const char *json)
{
    struct platform_page page = {.text = text_from_string(json)};
    struct json_error error;
    if (json_check(json, strlen(json), &JSON_LIMITS_WIRE, &page.object, &error) < 0)
        fail_msg("%s: %s", json, error.message);
    json_member(json, page.object, "spec", &page.spec);
    json_member(json, page.object, "declared_queries", &page.queries);
    json_member(json, page.object, "tags", &page.tags);
    return page;
}

static void assert_presented(struct text *(*present)(const struct platform_page *),
                             const char *json, const char *expected)
{
    struct platform_page page = page_of(json);
    cleanup_text struct text *shown = present(&page);
    assert_string_equal(shown->data, expected);
    assert_int_equal(shown->len, strlen(expected));
    text_unref(page.text);
}

#define ODD_TOKENS                                                                       \
    "{\"n\":[1.0,12345678901234567890,1e400,-0.0],\"k\":1,\"k\":2,"                      \
    "\"s\":\"\\u00e9\\/\\ud83d\\ude00\"}"
#define ODD_TOKENS_SHOWN                                                                 \
    "{\n  \"n\": [\n    1.0,\n    12345678901234567890,\n    1e400,\n    -0.0\n  ],\n"   \
    "  \"k\": 1,\n  \"k\": 2,\n  \"s\": \"\\u00e9\\/\\ud83d\\ude00\"\n}\n"

static void test_spec_keeps_tokens(void **state)
{
    assert_presented(present_spec, "{\"spec\":" ODD_TOKENS "}", ODD_TOKENS_SHOWN);
    assert_presented(present_queries, "{\"declared_queries\" : " ODD_TOKENS "}",
                     ODD_TOKENS_SHOWN);
}

static void test_absent_fields(void **state)
{
    const struct platform_page empty = {0};
    assert_presented(present_spec, "{\"id\":\"p\"}", "null\n");
    assert_presented(present_queries, "{\"id\":\"p\"}", "[]\n");
    assert_presented(present_spec, "{\"spec\":null}", "null\n");
    cleanup_text struct text *page = present_page(&empty);
    assert_string_equal(page->data, "{\n  \"id\": \"\"\n}\n");
    cleanup_text struct text *info = present_info(&empty);
    assert_string_equal(info->data, "{}\n");
}

static void test_page_order(void **state)
{
    assert_presented(present_page,
                     "{\"description\":\"d\\u0041\",\"status\":\"draft\",\"tags\":[],"
                     "\"x\":1,\"name\":\"\\u0041 B\",\"spec\":{},\"id\":7}",
                     "{\n  \"id\": 7,\n  \"name\": \"\\u0041 B\",\n  \"tags\": [],\n"
                     "  \"description\": \"d\\u0041\"\n}\n");
    assert_presented(present_page, "{\"name\":null,\"id\":\"p\"}",
                     "{\n  \"id\": \"p\",\n  \"name\": null\n}\n");
}

static void test_page_id_from_elsewhere(void **state)
{
    struct platform_page page = page_of("{\"name\":\"n\"}");
    page.id = xstrdup("p\"1");
    cleanup_text struct text *shown = present_page(&page);
    assert_string_equal(shown->data, "{\n  \"id\": \"p\\\"1\",\n  \"name\": \"n\"\n}\n");
    free(page.id);
    text_unref(page.text);
}

static void test_info_is_the_rest(void **state)
{
    assert_presented(present_info,
                     "{\"version\":1.0,\"spec\":{\"a\":1},\"id\":\"p\",\"st\\u0061tus\":"
                     "\"draft\",\"\\u0073pec\":2,\"odd\":{},\"odd\":[],\"name\":\"n\","
                     "\"declared_queries\":[],\"tags\":[],\"description\":\"\"}",
                     "{\n  \"version\": 1.0,\n  \"st\\u0061tus\": \"draft\",\n"
                     "  \"odd\": {},\n  \"odd\": []\n}\n");
    assert_presented(present_info, "{\"id\":\"p\"}", "{}\n");
}

/* A platform that calls the queries something else: they are shown once. */
static void test_info_hides_by_place(void **state)
{
    struct platform_page page = page_of("{\"queries\":[1],\"status\":\"x\"}");
    json_member(page.text->data, page.object, "queries", &page.queries);
    cleanup_text struct text *info = present_info(&page);
    assert_string_equal(info->data, "{\n  \"status\": \"x\"\n}\n");
    cleanup_text struct text *queries = present_queries(&page);
    assert_string_equal(queries->data, "[\n  1\n]\n");
    text_unref(page.text);
}

static void test_template(void **state)
{
    assert_presented(present_template,
                     "{\"slug\":\"s\",\"spec\":{},\"name\":\"N\",\"declared_queries\":[],"
                     "\"intent\":\"i\"}",
                     "{\n  \"template\": {\n    \"slug\": \"s\",\n    \"name\": \"N\",\n"
                     "    \"intent\": \"i\"\n  }\n}\n");
}

/* ---- page.json saved ----------------------------------------------------------------
 */

static int changes(const char *now, const char *base, const char *id, struct buf *fields,
                   struct json_error *error)
{
    cleanup_text struct text *now_text = text_from_string(now);
    cleanup_text struct text *base_text = base ? text_from_string(base) : NULL;
    return present_page_changes(now_text, base_text, id, fields, error);
}

static void assert_changes(const char *now, const char *base, const char *id,
                           const char *expected)
{
    cleanup_buf struct buf fields = BUF_INIT;
    struct json_error error = {0};
    int err = changes(now, base, id, &fields, &error);
    if (err < 0)
        fail_msg("%s: %d: %s", now, err, error.message);
    assert_string_equal(fields.data, expected);
}

static void assert_refused(const char *now, const char *id, unsigned line,
                           unsigned column, const char *word)
{
    cleanup_buf struct buf fields = BUF_INIT;
    struct json_error error = {0};
    assert_int_equal(changes(now, "{\"id\":\"p\",\"name\":\"n\"}", id, &fields, &error),
                     -EPROTO);
    assert_int_equal(fields.len, 0);
    assert_int_equal(error.line, line);
    assert_int_equal(error.column, column);
    assert_non_null(strstr(error.message, word));
    assert_int_equal(changes(now, NULL, id, &fields, NULL), -EPROTO);
}

static void test_changes(void **state)
{
    const char *base = "{\"id\":\"p\",\"name\":\"n\",\"tags\":[\"a\"],\"rank\":1.0}";
    assert_changes(base, base, "p", "{}");
    assert_changes("{ \"tags\": [ \"\\u0061\" ], \"name\": \"n\" }", base, "p", "{}");
    assert_changes("{}", base, "p", "{}");
    assert_changes("{\"name\": \"\\u00e9\"}", base, "p", "{\"name\":\"\\u00e9\"}");
    assert_changes("{\"rank\":1}", base, "p", "{\"rank\":1}");
    assert_changes("{\"rank\":1.00,\"big\":12345678901234567890,\"id\":\"p\","
                   "\"tags\":[ \"a\", \"b\" ]}",
                   base, "p",
                   "{\"rank\":1.00,\"big\":12345678901234567890,"
                   "\"tags\":[ \"a\", \"b\" ]}");
}

static void test_changes_of_a_new_page(void **state)
{
    assert_changes("{\"id\":\"other\",\"name\":\"n\",\"template\":{\"slug\":\"s\"},"
                   "\"t\\u0065mplate\\u0032\":1}",
                   NULL, NULL, "{\"name\":\"n\",\"t\\u0065mplate\\u0032\":1}");
    assert_changes("{\"template\":{\"slug\":\"s\"}}", NULL, NULL, "{}");
    assert_changes("{\"name\":\"n\"}", "not json", NULL, "{\"name\":\"n\"}");
    assert_changes("{\"name\":\"n\"}", "[1]", NULL, "{\"name\":\"n\"}");
}

/* What the platform itself gave is not judged. */
static void test_changes_beside_odd_values(void **state)
{
    assert_changes("{\"tags\":null,\"name\":\"new\"}", "{\"tags\":null,\"name\":\"\"}",
                   "p", "{\"name\":\"new\"}");
    assert_changes("{\"tags\":null,\"name\":\"\"}", "{\"tags\":null,\"name\":\"\"}", "p",
                   "{}");
}

static void test_changes_id(void **state)
{
    assert_changes("{\"id\":\"\\u0070\"}", NULL, "p", "{}");
    assert_changes("{\"id\":12}", NULL, "12", "{}");
    assert_refused("{\"name\":\"n\",\n \"id\":\"q\"}", "p", 2, 7, "p");
    assert_refused("{\"id\":13}", "12", 1, 7, "12");
    assert_refused("{\"id\":null}", "p", 1, 7, "p");
}

static void test_changes_refused(void **state)
{
    assert_refused("[]", "p", 1, 1, "object");
    assert_refused("{\"name\":\n 7}", "p", 2, 2, "string");
    assert_refused("{\"name\":\" \\t\\u00a0\"}", "p", 1, 9, "blank");
    assert_refused("{\"name\":\"\"}", "p", 1, 9, "blank");
    assert_refused("{\"tags\":\"a\"}", "p", 1, 9, "array");
    assert_refused("{\"tags\":[\"a\",\r\n1]}", "p", 2, 1, "strings");
    assert_refused("{\"spec\":{}}", "p", 1, 9, "spec.json");
    assert_refused("{\"declared_queries\":[]}", "p", 1, 21, "queries.json");
    assert_refused("{\"a\":1,\"a\":2}", "p", 1, 8, "");
    assert_refused("{\"a\":1,}", "p", 1, 7, "");
    assert_refused("", "p", 1, 1, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spec_keeps_tokens),
        cmocka_unit_test(test_absent_fields),
        cmocka_unit_test(test_page_order),
        cmocka_unit_test(test_page_id_from_elsewhere),
        cmocka_unit_test(test_info_is_the_rest),
        cmocka_unit_test(test_info_hides_by_place),
        cmocka_unit_test(test_template),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_changes_of_a_new_page),
        cmocka_unit_test(test_changes_beside_odd_values),
        cmocka_unit_test(test_changes_id),
        cmocka_unit_test(test_changes_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
