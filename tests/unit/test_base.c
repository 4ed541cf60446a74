/* base/: buffers, texts, the clock and the log. (The loop: test_loop.c.) */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/strset.h"
#include "base/text.h"

/* ---- buf, text ----------------------------------------------------------------------
 */

static void test_buf(void **state)
{
    cleanup_buf struct buf b = BUF_INIT;
    buf_clear(&b);
    buf_resize(&b, 0);
    assert_null(b.data);
    buf_puts(&b, "");
    assert_string_equal(b.data, "");
    buf_printf(&b, "%s-%d", "a", 12);
    buf_putc(&b, '!');
    assert_string_equal(b.data, "a-12!");
    buf_append(&b, "x\0y", 3);
    assert_int_equal(b.len, 8);
    assert_memory_equal(b.data, "a-12!x\0y", 9);
    buf_resize(&b, 1);
    assert_string_equal(b.data, "a");
    buf_resize(&b, 100);
    for (size_t i = 1; i <= 100; i++)
        assert_int_equal(b.data[i], 0);
    buf_clear(&b);
    for (int i = 0; i < 10000; i++)
        buf_printf(&b, "%04d", i);
    assert_int_equal(b.len, 40000);
    assert_memory_equal(b.data + 4 * 1234, "12341235", 8);
    buf_reserve(&b, 100000);
    char *before = b.data;
    buf_resize(&b, b.len + 100000);
    assert_ptr_equal(b.data, before);
}

static void test_buf_steal(void **state)
{
    struct buf b = BUF_INIT;
    cleanup_free char *empty = buf_steal(&b);
    assert_string_equal(empty, "");
    buf_puts(&b, "kept");
    cleanup_free char *kept = buf_steal(&b);
    assert_string_equal(kept, "kept");
    assert_null(b.data);
    assert_int_equal(b.len + b.cap, 0);
}

static void test_strset(void **state)
{
    struct strset set = STRSET_INIT;
    char word[16];
    assert_true(strset_add(&set, ""));
    assert_false(strset_add(&set, ""));
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 5000; i++) {
            snprintf(word, sizeof word, "id-%d", i);
            assert_int_equal(strset_add(&set, word), round == 0);
        }
    }
    assert_int_equal(set.count, 5001);
    assert_false(strset_add(&set, "id-17"));
    assert_true(strset_add(&set, "id-17 "));
    strset_clear(&set);
    assert_true(strset_add(&set, "id-17"));
    strset_clear(&set);
}

static void test_alloc(void **state)
{
    assert_null(xstrdup(NULL));
    cleanup_free char *cut = xstrndup("abc", 2);
    assert_string_equal(cut, "ab");
    cleanup_free char *printed = xasprintf("%d/%s", 1, "x");
    assert_string_equal(printed, "1/x");
    char *stolen = steal_ptr(printed);
    assert_null(printed);
    free(stolen);
    cleanup_fd int none = -1;
    assert_int_equal(none, -1);
}

static void test_text(void **state)
{
    struct buf b = BUF_INIT;
    buf_append(&b, "a\0b", 3);
    struct text *t = text_from_buf(&b);
    assert_null(b.data);
    assert_int_equal(t->len, 3);
    cleanup_text struct text *same = text_new("a\0b", 3);
    cleanup_text struct text *other = text_new("a\0c", 3);
    cleanup_text struct text *empty = text_new(NULL, 0);
    cleanup_text struct text *string = text_from_string("x");
    assert_true(text_equal(t, same));
    assert_false(text_equal(t, other));
    assert_false(text_equal(t, empty));
    assert_false(text_equal(t, NULL));
    assert_true(text_equal(NULL, NULL));
    assert_string_equal(empty->data, "");
    assert_string_equal(string->data, "x");
    struct text *second = text_ref(t);
    assert_ptr_equal(second, t);
    text_unref(t);
    assert_memory_equal(second->data, "a\0b", 4);
    text_replace(&second, text_ref(other));
    assert_ptr_equal(second, other);
    text_replace(&second, NULL);
    assert_null(text_ref(NULL));
    text_unref(NULL);
}

/* ---- clock --------------------------------------------------------------------------
 */

static const struct {
    const char *text;
    const char *formatted; /* NULL: refused */
    long ns;
} clock_cases[] = {
    {"2026-04-14T09:30:00Z", "2026-04-14T09:30:00.000Z", 0},
    {"2026-04-14T09:30:00.123Z", "2026-04-14T09:30:00.123Z", 123000000},
    {"2026-04-14T09:30:00.123456789Z", "2026-04-14T09:30:00.123Z", 123456789},
    {"2026-04-14T09:30:00.1234567899Z", "2026-04-14T09:30:00.123Z", 123456789},
    {"2026-04-14t09:30:00,5z", "2026-04-14T09:30:00.500Z", 500000000},
    {"2026-04-14 09:30:00", "2026-04-14T09:30:00.000Z", 0},
    {"2026-04-14T09:30:00+02:00", "2026-04-14T07:30:00.000Z", 0},
    {"2026-04-14T09:30:00-0530", "2026-04-14T15:00:00.000Z", 0},
    {"2026-04-14T09:30:00.25+02", "2026-04-14T07:30:00.250Z", 250000000},
    {"2026-04-14T00:30:00+01:00", "2026-04-13T23:30:00.000Z", 0},
    {"2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z", 0},
    {"2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z", 0},
    {"1969-12-31T23:59:59Z", "1969-12-31T23:59:59.000Z", 0},
    {"1776158400", "2026-04-14T09:20:00.000Z", 0},
    {"1776158400.123", "2026-04-14T09:20:00.123Z", 123000000},
    {"1776158400123", "2026-04-14T09:20:00.123Z", 123000000},
    {"1776158400123.5", "2026-04-14T09:20:00.123Z", 123500000},
    {"0", "1970-01-01T00:00:00.000Z", 0},
    {"", NULL, 0},
    {" 1776158400", NULL, 0},
    {"-1", NULL, 0},
    {"1e9", NULL, 0},
    {"0x10", NULL, 0},
    {"inf", NULL, 0},
    {"nan", NULL, 0},
    {"99999999999999999999999", NULL, 0},
    {"12.", NULL, 0},
    {"yesterday", NULL, 0},
    {"2026-04-14", NULL, 0},
    {"2026-04-14T", NULL, 0},
    {"2026-04-14T09:30", NULL, 0},
    {"2026-4-14T09:30:00Z", NULL, 0},
    {"2026-13-14T09:30:00Z", NULL, 0},
    {"2026-00-14T09:30:00Z", NULL, 0},
    {"2026-02-29T09:30:00Z", NULL, 0},
    {"2026-04-00T09:30:00Z", NULL, 0},
    {"2026-04-14T24:00:00Z", NULL, 0},
    {"2026-04-14T09:60:00Z", NULL, 0},
    {"2026-04-14T09:30:61Z", NULL, 0},
    {"2026-04-14x09:30:00Z", NULL, 0},
    {"2026-04-14T09:30:00.Z", NULL, 0},
    {"2026-04-14T09:30:00Zx", NULL, 0},
    {"2026-04-14T09:30:00+24:00", NULL, 0},
    {"2026-04-14T09:30:00+02:0", NULL, 0},
    {"2026-04-14T09:30:00+02:00x", NULL, 0},
    {"2026-04-14T09:30:00+", NULL, 0},
    {"2026- 4-14T09:30:00Z", NULL, 0},
};

static void test_clock_parse(void **state)
{
    char shown[CLOCK_TEXT];
    assert_false(clock_parse(NULL, NULL));
    for (size_t i = 0; i < ARRAY_LEN(clock_cases); i++) {
        struct timespec ts = {-7, 7};
        bool parsed = clock_parse(clock_cases[i].text, &ts);
        if (parsed != (clock_cases[i].formatted != NULL))
            fail_msg("'%s' is %s", clock_cases[i].text, parsed ? "taken" : "refused");
        if (!parsed) {
            assert_true(ts.tv_sec == -7 && ts.tv_nsec == 7);
            continue;
        }
        assert_string_equal(clock_format(ts, shown), clock_cases[i].formatted);
        assert_int_equal(ts.tv_nsec, clock_cases[i].ns);
    }
}

static void test_clock_format_extremes(void **state)
{
    char shown[CLOCK_TEXT];
    clock_format((struct timespec){INT64_MAX, 999999999}, shown);
    assert_true(strlen(shown) < CLOCK_TEXT);
    clock_format((struct timespec){(int64_t)1 << 55, 0}, shown);
    assert_non_null(strchr(shown, 'Z'));
    int64_t before = clock_ms();
    assert_true(clock_ms() >= before);
    assert_true(clock_now().tv_sec > 1700000000);
}

/* ---- log ----------------------------------------------------------------------------
 */

static void test_log(void **state)
{
    cleanup_buf struct buf seen = BUF_INIT;
    log_setup("test", LOG_LEVEL_INFO, LOG_SINK_NONE);
    log_debug("not kept");
    log_info("one\nline %d", 1);
    log_error("the last");
    log_snapshot(&seen);
    assert_null(strstr(seen.data, "not kept"));
    const char *one = strstr(seen.data, "info: one line 1\n");
    assert_non_null(one);
    assert_non_null(strstr(one, "error: the last\n"));
    for (int i = 0; i < 1500; i++)
        log_info("fill %d", i);
    buf_clear(&seen);
    log_snapshot(&seen);
    assert_null(strstr(seen.data, "the last"));
    assert_null(strstr(seen.data, "fill 499\n"));
    const char *oldest = strstr(seen.data, "fill 500\n");
    assert_non_null(oldest);
    assert_non_null(strstr(oldest, "fill 1499\n"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf),
        cmocka_unit_test(test_buf_steal),
        cmocka_unit_test(test_strset),
        cmocka_unit_test(test_alloc),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_clock_parse),
        cmocka_unit_test(test_clock_format_extremes),
        cmocka_unit_test(test_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
