/* Params out of a directory's name. */
#include "cmocka_all.h"

#include <string.h>

#include "base/alloc.h"
#include "workspace/data_params.h"

static void expect(const char *name, const char *json)
{
    cleanup_buf struct buf out = BUF_INIT;
    if (!data_params_parse(name, &out))
        fail_msg("%s is refused", name);
    assert_string_equal(out.data, json);
}

static void test_values(void **state)
{
    (void)state;
    expect("region=emea", "{\"region\":\"emea\"}");
    expect("a=1,b=-1.50,c=1e400,d=12345678901234567890",
           "{\"a\":1,\"b\":-1.50,\"c\":1e400,\"d\":12345678901234567890}");
    expect("a=true,b=false,c=null,d=True", "{\"a\":true,\"b\":false,\"c\":\"null\","
                                           "\"d\":\"True\"}");
    expect("a=01,b=+1,c=.5,d=0x1,e=1.,f=%201,g=NaN",
           "{\"a\":\"01\",\"b\":\"+1\",\"c\":\".5\",\"d\":\"0x1\",\"e\":\"1.\","
           "\"f\":\" 1\",\"g\":\"NaN\"}");
    expect("a=", "{\"a\":\"\"}");
    expect("a=[1],b=\"x\",c={}", "{\"a\":\"[1]\",\"b\":\"\\\"x\\\"\",\"c\":\"{}\"}");
    expect("since=2026-01-01", "{\"since\":\"2026-01-01\"}");
}

static void test_escapes(void **state)
{
    (void)state;
    expect("a=x%2Cy%3dz=w", "{\"a\":\"x,y=z=w\"}");
    expect("a%3Db=%25", "{\"a=b\":\"%\"}");
    expect("a=%c3%A9\xc3\xa9%0a%22", "{\"a\":\"\xc3\xa9\xc3\xa9\\n\\\"\"}");
    expect("a=%2Fx", "{\"a\":\"/x\"}");
    expect("a=%31", "{\"a\":1}"); /* decoded first */
    expect("a=a+b", "{\"a\":\"a+b\"}");
}

static void test_what_says_none(void **state)
{
    static const char *const names[] = {
        "",      "a",      "=",       "=1",        "a=1,",  ",a=1",    "a=1,,b=2",
        "a=1,b", "a=%",    "a=%2",    "a=%g0",     "a=%0g", "a=%00",   "%00=1",
        "a=%ff", "a=\xff", "a=1,a=2", "a=1,%61=2", "%=1",   "a=%,b=1", "a=%2,b=1"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        cleanup_buf struct buf out = BUF_INIT;
        if (data_params_parse(names[i], &out))
            fail_msg("%s is taken for %s", names[i], out.data);
        assert_int_equal(out.len, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_what_says_none),
    };
    return cmocka_run_group_tests_name("data params", tests, NULL, NULL);
}
