/* The budget: what users allow, what platforms say, and who goes first. */
#include "cmocka_all.h"

#include <string.h>

#include "http/budget.h"
#include "http/head.h"

static unsigned spend(struct budget *b, enum http_class class, int64_t now, unsigned most)
{
    unsigned n = 0;
    while (n < most && budget_when(b, class, now) <= now) {
        budget_take(b, now);
        n++;
    }
    return n;
}

static void nothing_said_is_no_limit(void **state)
{
    struct budget b;
    budget_init(&b, 0);
    assert_int_equal(spend(&b, HTTP_BACKGROUND, 1000, 5000), 5000);
    budget_finish(&b);
}

static void users_limit_is_exact_in_any_minute(void **state)
{
    struct budget b;
    budget_init(&b, 10);
    assert_int_equal(spend(&b, HTTP_SAVE, 0, 4), 4);
    assert_int_equal(spend(&b, HTTP_SAVE, 30000, 99), 6);
    assert_int_equal(spend(&b, HTTP_SAVE, 59999, 99), 0);
    assert_int_equal(budget_when(&b, HTTP_SAVE, 59999), 60000);
    assert_int_equal(spend(&b, HTTP_SAVE, 60000, 99), 4);
    assert_int_equal(spend(&b, HTTP_SAVE, 90000, 99), 6);
    budget_finish(&b);
}

static void classes_leave_room_for_those_before(void **state)
{
    struct budget b;
    budget_init(&b, 100);
    assert_int_equal(spend(&b, HTTP_BACKGROUND, 0, 999), 50);
    assert_int_equal(spend(&b, HTTP_READAHEAD, 0, 999), 25);
    assert_int_equal(spend(&b, HTTP_INTERACTIVE, 0, 999), 20);
    assert_int_equal(spend(&b, HTTP_SAVE, 0, 999), 5);
    budget_finish(&b);
}

static void a_limit_of_one_serves_everybody(void **state)
{
    struct budget b;
    budget_init(&b, 1);
    assert_int_equal(spend(&b, HTTP_BACKGROUND, 0, 9), 1);
    assert_int_equal(budget_when(&b, HTTP_SAVE, 1), 60000);
    budget_finish(&b);
}

static void platforms_word_is_kept(void **state)
{
    struct budget b;
    struct budget_news news = {.limit = 100, .remaining = 60, .reset_ms = 20000};
    budget_init(&b, 0);
    budget_learn(&b, &news, 0, 1000);
    assert_int_equal(spend(&b, HTTP_BACKGROUND, 1000, 999), 10);
    assert_int_equal(budget_when(&b, HTTP_BACKGROUND, 1000), 21000);
    assert_int_equal(spend(&b, HTTP_SAVE, 1000, 999), 50);
    assert_int_equal(budget_when(&b, HTTP_SAVE, 1000), 21000);
    /* the next window begins with the whole limit */
    assert_int_equal(spend(&b, HTTP_SAVE, 21000, 999), 100);
    budget_finish(&b);
}

static void requests_in_flight_count(void **state)
{
    struct budget b;
    struct budget_news news = {.limit = 10, .remaining = 5, .reset_ms = 1000};
    budget_init(&b, 0);
    budget_learn(&b, &news, 7, 0);
    assert_int_equal(spend(&b, HTTP_SAVE, 0, 99), 0);
    budget_learn(&b, &news, 0, 0);
    assert_int_equal(spend(&b, HTTP_SAVE, 0, 99), 5);
    budget_finish(&b);
}

static void nothing_left_and_no_reset_waits_five_seconds(void **state)
{
    struct budget b;
    struct budget_news news = {.limit = -1, .remaining = 0, .reset_ms = -1};
    budget_init(&b, 0);
    budget_learn(&b, &news, 0, 100);
    assert_int_equal(budget_when(&b, HTTP_SAVE, 100), 5100);
    assert_int_equal(spend(&b, HTTP_SAVE, 5100, 3), 3);
    budget_finish(&b);
}

static void a_pause_holds_everybody_but_never_for_days(void **state)
{
    struct budget b;
    budget_init(&b, 0);
    budget_pause(&b, 3000, 1000);
    assert_int_equal(budget_when(&b, HTTP_SAVE, 1000), 4000);
    budget_pause(&b, 10, 1000);
    assert_int_equal(budget_when(&b, HTTP_SAVE, 1000), 4000);
    budget_pause(&b, INT64_C(999999999999), 1000);
    assert_int_equal(budget_when(&b, HTTP_SAVE, 1000), 3601000);
    budget_finish(&b);
}

/* ---- what headers and bodies say --------------------------------------------------- */

#define EPOCH_MS INT64_C(1760000000000)

static struct head read_line(const char *line)
{
    struct head h;
    head_init(&h);
    head_line(&h, line, strlen(line));
    head_end(&h, EPOCH_MS);
    return h;
}

static void reset_is_read_in_every_unit(void **state)
{
    static const struct {
        const char *line;
        int64_t reset_ms;
    } cases[] = {
        {"X-RateLimit-Reset: 30\r\n", 30000},
        {"x-ratelimit-reset:0.5\r\n", 500},
        {"X-RateLimit-Reset: 1760000030\r\n", 30000},
        {"X-RateLimit-Reset: 1760000030000\r\n", 30000},
        {"X-RateLimit-Reset: 1750000000\r\n", 0},
        {"X-RateLimit-Reset: 120000\r\n", 120000},
        {"X-RateLimit-Reset: soon\r\n", -1},
        {"X-RateLimit-Reset: -5\r\n", -1},
        {"X-RateLimit-Reset: 1e300\r\n", -1},
        {"X-RateLimit-Reset:\r\n", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(read_line(cases[i].line).news.reset_ms, cases[i].reset_ms);
}

static void other_fields_are_read(void **state)
{
    assert_int_equal(read_line("X-RateLimit-Limit: 100, 100;w=60\r\n").news.limit, 100);
    assert_int_equal(read_line("X-RATELIMIT-REMAINING: 7\r\n").news.remaining, 7);
    assert_int_equal(read_line("Retry-After: 3\r\n").wait_ms, 3000);
    assert_int_equal(read_line("Retry-After: Thu, 09 Oct 2025 08:53:30 GMT\r\n").wait_ms,
                     10000);
    assert_int_equal(read_line("Retry-After: Thu, 09 Oct 2014 08:53:30 GMT\r\n").wait_ms,
                     0);
    assert_int_equal(read_line("Retry-After: tomorrow\r\n").wait_ms, -1);
    assert_int_equal(read_line("X-Retry-After: 3\r\n").wait_ms, -1);
    assert_int_equal(read_line("garbage").wait_ms, -1);
}

static void moments_go_by_the_servers_clock(void **state)
{
    static const char *const lines[] = {"X-RateLimit-Reset: 1760000630\r\n",
                                        "Retry-After: Thu, 09 Oct 2025 09:03:45 GMT\r\n",
                                        "Date: Thu, 09 Oct 2025 09:03:35 GMT\r\n"};
    struct head h;
    head_init(&h);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        head_line(&h, lines[i], strlen(lines[i]));
    head_end(&h, EPOCH_MS); /* ours is ten minutes behind */
    assert_int_equal(h.news.reset_ms, 15000);
    assert_int_equal(h.wait_ms, 10000);
}

static void waits_in_bodies_are_found(void **state)
{
    static const struct {
        const char *body;
        int64_t wait;
    } cases[] = {
        {"{\"retry_after\": 2}", 2000},
        {"{\"retry_after\": \"2\"}", 2000},
        {"{\"error\":{\"details\":{\"retry_after_seconds\":1.5}}}", 1500},
        {"{\"details\":{\"retry_after_seconds\":3}}", 3000},
        {"{\"error\":{\"retry_after\":4}}", 4000},
        {"{\"data\":{\"error\":{\"details\":{\"retry_after_seconds\":5}}}}", 5000},
        {"{\"retry_after\": -2}", 0},
        {"{\"retry_after\": []}", 0},
        {"{\"retry_after\": 1e999}", 0},
        {"[{\"retry_after\": 2}]", 0},
        {"not json", 0},
        {"", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(head_body_wait(cases[i].body, strlen(cases[i].body)),
                         cases[i].wait);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_said_is_no_limit),
        cmocka_unit_test(users_limit_is_exact_in_any_minute),
        cmocka_unit_test(classes_leave_room_for_those_before),
        cmocka_unit_test(a_limit_of_one_serves_everybody),
        cmocka_unit_test(platforms_word_is_kept),
        cmocka_unit_test(requests_in_flight_count),
        cmocka_unit_test(nothing_left_and_no_reset_waits_five_seconds),
        cmocka_unit_test(a_pause_holds_everybody_but_never_for_days),
        cmocka_unit_test(reset_is_read_in_every_unit),
        cmocka_unit_test(other_fields_are_read),
        cmocka_unit_test(moments_go_by_the_servers_clock),
        cmocka_unit_test(waits_in_bodies_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
