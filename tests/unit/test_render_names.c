/* Names below render/: of files, and of sets of params with what is sent for them. */
#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "workspace/render_names.h"

static struct render_names names_of(const char *queries)
{
    struct render_names n;
    cleanup_text struct text *text = text_from_string(queries);
    render_names_read(text, &n);
    return n;
}

static void test_stems(void **state)
{
    struct render_names n = names_of(
        "[{\"name\": \"deals\"}, {\"name\": \"a/b\"}, {\"name\": \"deals\"}, {\"name\": "
        "\"../x\"}, {\"name\": \"\"}, {}, 1, {\"name\": \"render\"}, {\"name\": "
        "\"n\\u0000\"}]");
    (void)state;
    assert_int_equal(n.count, 6);
    assert_string_equal(n.queries[0].stem, "deals");
    assert_true(!strncmp(n.queries[1].stem, "a-b~", 4));
    for (size_t i = 1; i < n.count; i++) {
        assert_non_null(strchr(n.queries[i].stem, '~'));
        assert_null(strchr(n.queries[i].stem, '/'));
        assert_int_not_equal(n.queries[i].stem[0], '.');
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(n.queries[i].stem, n.queries[k].stem);
    }
    assert_int_equal(n.queries[5].name.len, 2);
    render_names_finish(&n);
}

/* A query may be called what another one's name was made into. */
static void test_a_stem_that_is_taken(void **state)
{
    struct render_names n = names_of("[{\"name\": \"a/b\"}]");
    cleanup_free char *text =
        xasprintf("[{\"name\": \"a/b\"}, {\"name\": \"%s\"}]", n.queries[0].stem);
    struct render_names both = names_of(text);
    (void)state;
    assert_string_equal(both.queries[1].stem, n.queries[0].stem);
    assert_string_not_equal(both.queries[0].stem, both.queries[1].stem);
    render_names_finish(&n);
    render_names_finish(&both);
}

static void test_what_is_no_array_names_none(void **state)
{
    static const char *const texts[] = {"{}", "null", "", "[", "[[], \"x\"]"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct render_names n = names_of(texts[i]);
        assert_int_equal(n.count, 0);
        render_names_finish(&n);
    }
}

static void test_valid(void **state)
{
    static const char *const good[] = {
        "a=",      "a=1",   "a=1,b=2",           "a=1=2",
        "%61=%2C", "a=%00", "\xc3\xa9=\xc3\xa9", "%C3%A9=1"};
    static const char *const bad[] = {
        "",      "a",   "=1",    "a=1,",   ",a=1",   "a=%",      "a=%2",     "a=%g0",
        "a=%0g", "%=1", "a=%ff", "\xff=1", "a=1,a=", "a=1,,b=2", "a=1,%61=2"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(render_params_valid(good[i]));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(render_params_valid(bad[i]));
}

static void assert_sent(const char *params, const char *name, const char *defaults,
                        const char *sent)
{
    cleanup_free char *queries = xasprintf("[{\"name\": \"q\", \"params\": %s}]", params);
    cleanup_text struct text *kept = text_from_string(defaults);
    cleanup_buf struct buf out = BUF_INIT;
    struct render_names n = names_of(queries);
    render_params_make(&n, name, kept, &out);
    assert_string_equal(out.data, sent);
    render_names_finish(&n);
}

static void test_types(void **state)
{
    static const char hints[] =
        "{\"n\": \"number\", \"i\": \"INTEGER\", \"f\": {\"type\": \"float64\"}, "
        "\"b\": \"bool\", \"d\": \"date\", \"s\": \"string\", \"v\": \"interval\", "
        "\"k\": 5}";
    (void)state;
    assert_sent(hints, "n=1.50,i=7,f=1e3,k=2", "{}",
                "{\"n\":1.50,\"i\":7,\"f\":1e3,\"k\":2}");
    assert_sent(hints, "n=abc,i=,f=01,b=yes", "{}",
                "{\"n\":\"abc\",\"i\":\"\",\"f\":\"01\",\"b\":\"yes\"}");
    assert_sent(hints, "b=true,d=2026-01-01,s=5,v=1,u=6", "{}",
                "{\"b\":true,\"d\":\"2026-01-01\",\"s\":\"5\",\"v\":\"1\",\"u\":\"6\"}");
    assert_sent("[{\"name\": \"n\", \"type\": \"number\"}]", "n=1", "{}", "{\"n\":1}");
    assert_sent("7", "n=1", "{}", "{\"n\":\"1\"}");
}

static void test_defaults(void **state)
{
    (void)state;
    assert_sent("{}", "a=1", "{ \"\\u0061\": 2, \"b\": 1.0 }", "{\"b\":1.0,\"a\":\"1\"}");
    assert_sent("{}", "a=%2C%3D%25%00%22", "[]", "{\"a\":\",=%\\u0000\\\"\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stems),
        cmocka_unit_test(test_a_stem_that_is_taken),
        cmocka_unit_test(test_what_is_no_array_names_none),
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
