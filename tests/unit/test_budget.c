/* The budget: what users allow, what platforms say, and who goes first. */
#include "cmocka_all.h"

#include <string.h>

#include "http/budget.h"
#include "http/head.h"

/* All that may start now; they are on their way from then on. */
static unsigned spend(struct budget *b, enum http_class class, int64_t now, unsigned most)
{
    unsigned n = 0;
    while (n < most && budget_when(b, class, false, now) <= now) {
        budget_start(b, class, now);
        n++;
    }
    return n;
}

/* The same, answered at once. */
static unsigned spend_now(struct budget *b, enum http_class class, int64_t now,
                          unsigned most)
{
    unsigned n = spend(b, class, now, most);
    for (unsigned i = 0; i < n; i++)
        budget_end(b, class, true, now);
    return n;
}

static void learn(struct budget *b, long limit, long remaining, int64_t reset_ms,
                  int64_t now)
{
    struct budget_news news = {limit, remaining, reset_ms};
    budget_learn(b, &news, b->ended - 1, now);
}

static void nothing_said_is_no_limit(void **state)
{
    struct budget b;
    struct budget_view view;
    budget_init(&b, 0, 1000);
    assert_int_equal(spend(&b, HTTP_BACKGROUND, 1000, 5000), 5000);
    budget_view(&b, 1000, &view);
    assert_int_equal(view.limit, -1);
    assert_int_equal(view.remaining, -1);
    assert_true(budget_due_at(&b, HTTP_BACKGROUND, 0) == INT64_MAX);
}

static void users_limit_holds_in_any_minute(void **state)
{
    struct budget b;
    budget_init(&b, 10, 0);
    assert_int_equal(spend_now(&b, HTTP_SAVE, 0, 4), 4);
    assert_int_equal(spend_now(&b, HTTP_SAVE, 30000, 99), 6);
    assert_int_equal(spend_now(&b, HTTP_SAVE, 59999, 99), 0);
    /* a step late, never early */
    assert_in_range(budget_when(&b, HTTP_SAVE, false, 59999), 60000, 60250);
    assert_int_equal(spend_now(&b, HTTP_SAVE, 60250, 99), 4);
    assert_int_equal(spend_now(&b, HTTP_SAVE, 90250, 99), 6);
}

static void one_is_counted_until_a_minute_after_its_end(void **state)
{
    struct budget b;
    budget_init(&b, 1, 0);
    assert_int_equal(spend(&b, HTTP_SAVE, 0, 9), 1);
    assert_int_equal(spend(&b, HTTP_SAVE, 70000, 9), 0); /* it hangs */
    budget_end(&b, HTTP_SAVE, true, 80000);
    assert_int_equal(spend(&b, HTTP_SAVE, 139999, 9), 0);
    assert_int_equal(spend(&b, HTTP_SAVE, 140250, 9), 1);
}

static void what_was_not_taken_does_not_count(void **state)
{
    struct budget b;
    budget_init(&b, 1, 0);
    for (int64_t now = 0; now < 5000; now += 1000) {
        assert_int_equal(spend(&b, HTTP_SAVE, now, 1), 1);
        budget_end(&b, HTTP_SAVE, false, now);
    }
}

static void classes_leave_room_for_those_before(void **state)
{
    struct budget b;
    budget_init(&b, 100, 0);
    assert_int_equal(spend(&b, HTTP_BACKGROUND, 0, 999), 10); /* half of a fifth */
    assert_int_equal(spend(&b, HTTP_RENDER, 0, 999), 20);     /* half of its share */
    assert_int_equal(spend(&b, HTTP_READAHEAD, 0, 999), 20);  /* half of the budget */
    assert_int_equal(spend(&b, HTTP_INTERACTIVE, 0, 999), 0); /* the burst is over */
    assert_int_equal(spend(&b, HTTP_SAVE, 0, 999), 50);       /* for them there is none */
}

/* How many of a class go out in a minute in which nobody else wants anything. */
static unsigned in_a_minute(enum http_class class)
{
    struct budget b;
    unsigned n = 0;
    budget_init(&b, 100, 0);
    for (int64_t now = 0; now < 60000; now += 50)
        n += spend_now(&b, class, now, 999);
    return n;
}

static void each_class_has_its_most(void **state)
{
    assert_int_equal(in_a_minute(HTTP_SAVE), 100);
    assert_in_range(in_a_minute(HTTP_INTERACTIVE), 88, 90);
    assert_in_range(in_a_minute(HTTP_RENDER), 38, 40);
    assert_in_range(in_a_minute(HTTP_READAHEAD), 58, 60);
    assert_in_range(in_a_minute(HTTP_BACKGROUND), 18, 20);
}

static void what_is_left_after_a_burst_is_spread(void **state)
{
    struct budget b;
    int64_t last = 0;
    budget_init(&b, 100, 0);
    assert_int_equal(spend_now(&b, HTTP_INTERACTIVE, 0, 999), 50);
    for (int64_t now = 50; now < 58000; now += 50) {
        if (spend_now(&b, HTTP_INTERACTIVE, now, 999) == 0)
            continue;
        assert_in_range(now - last, 1000, 2000);
        last = now;
    }
    assert_true(last > 55000);
}

static void a_limit_of_one_serves_everybody(void **state)
{
    struct budget b;
    budget_init(&b, 1, 0);
    assert_int_equal(spend_now(&b, HTTP_BACKGROUND, 0, 9), 0); /* it is for people */
    assert_int_equal(spend_now(&b, HTTP_INTERACTIVE, 0, 9), 1);
    assert_int_equal(spend_now(&b, HTTP_SAVE, 59999, 9), 0);
    assert_int_equal(spend_now(&b, HTTP_SAVE, 60250, 9), 1);
    assert_int_equal(budget_due_at(&b, HTTP_BACKGROUND, 0), 600000);
    assert_true(budget_when(&b, HTTP_BACKGROUND, true, 600000) <= 600000);
    assert_int_equal(spend_now(&b, HTTP_RENDER, 600000, 9), 1);
}

static void platforms_word_is_kept(void **state)
{
    struct budget b;
    budget_init(&b, 0, 0);
    learn(&b, 100, 60, 20000, 1000);
    assert_int_equal(spend_now(&b, HTTP_BACKGROUND, 1000, 999), 10);
    assert_true(budget_when(&b, HTTP_READAHEAD, false, 2000) <= 2000);
    assert_int_equal(spend_now(&b, HTTP_SAVE, 1000, 999), 50);
    assert_int_equal(budget_when(&b, HTTP_SAVE, false, 1000), 21000);
    /* the next window begins with what the last minute leaves of the limit */
    assert_int_equal(spend_now(&b, HTTP_SAVE, 21000, 999), 40);
}

static void a_limit_that_is_not_told_is_found_out(void **state)
{
    struct budget b;
    struct budget_view view;
    budget_init(&b, 0, 0);
    assert_int_equal(spend_now(&b, HTTP_INTERACTIVE, 0, 1), 1);
    learn(&b, -1, 0, 5000, 0); /* others were here */
    assert_int_equal(budget_when(&b, HTTP_SAVE, false, 0), 5000);
    /* of the new window nothing is known: one goes and asks */
    assert_int_equal(spend(&b, HTTP_SAVE, 5000, 99), 1);
    budget_end(&b, HTTP_SAVE, true, 5100);
    learn(&b, -1, 19, 59000, 5100);
    budget_view(&b, 5100, &view);
    assert_in_range(view.limit, 20, 21);
    assert_int_equal(view.remaining, 19);
    assert_in_range(spend(&b, HTTP_SAVE, 5100, 99), 18, 19);
}

static void requests_in_flight_count(void **state)
{
    struct budget b;
    budget_init(&b, 0, 0);
    assert_int_equal(spend(&b, HTTP_SAVE, 0, 7), 7);
    learn(&b, 10, 5, 1000, 0);
    assert_int_equal(spend(&b, HTTP_SAVE, 0, 99), 0);
    for (unsigned i = 0; i < 7; i++)
        budget_end(&b, HTTP_SAVE, false, 0);
    learn(&b, 10, 5, 1000, 0);
    assert_int_equal(spend(&b, HTTP_SAVE, 0, 99), 5);
}

static void nothing_left_and_no_reset_waits_five_seconds(void **state)
{
    struct budget b;
    budget_init(&b, 0, 0);
    learn(&b, -1, 0, -1, 100);
    assert_int_equal(budget_when(&b, HTTP_SAVE, false, 100), 5100);
    assert_int_equal(spend(&b, HTTP_SAVE, 5100, 3), 1);
}

static void a_pause_holds_everybody_but_never_for_days(void **state)
{
    struct budget b;
    struct budget_view view;
    budget_init(&b, 0, 0);
    assert_int_equal(budget_refused(&b, 3000, 1000), 3000);
    assert_int_equal(budget_when(&b, HTTP_SAVE, false, 1000), 4000);
    budget_refused(&b, 10, 1000);
    assert_int_equal(budget_when(&b, HTTP_SAVE, false, 1000), 4000);
    budget_refused(&b, INT64_C(999999999999), 1000);
    assert_int_equal(budget_when(&b, HTTP_SAVE, false, 1000), 3601000);
    budget_view(&b, 1000, &view);
    assert_int_equal(view.paused_until, 3601000);
}

static void a_429_without_a_word_waits_longer_each_time(void **state)
{
    static const int64_t waits[] = {5000, 10000, 20000, 40000, 60000, 60000};
    struct budget b;
    int64_t now = 1000;
    budget_init(&b, 0, now);
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        assert_int_equal(budget_refused(&b, 0, now), waits[i]);
        assert_int_equal(budget_refused(&b, 0, now + 100), waits[i]); /* sent beside it */
        now += waits[i] + 100;
    }
    assert_int_equal(spend_now(&b, HTTP_SAVE, now, 1), 1); /* one is taken */
    assert_int_equal(budget_refused(&b, 0, now), 5000);
}

static void a_limit_is_learned_from_a_429(void **state)
{
    struct budget b;
    struct budget_view view;
    budget_init(&b, 0, 0);
    assert_int_equal(spend_now(&b, HTTP_SAVE, 0, 30), 30);
    assert_int_equal(spend(&b, HTTP_SAVE, 0, 15), 15);
    budget_end(&b, HTTP_SAVE, false, 100); /* refused before the others are answered */
    budget_refused(&b, 0, 100);
    for (unsigned i = 0; i < 10; i++)
        budget_end(&b, HTTP_SAVE, true, 200);
    for (unsigned i = 0; i < 4; i++)
        budget_end(&b, HTTP_SAVE, false, 200);
    budget_view(&b, 200, &view);
    assert_int_equal(view.limit, 40);
    assert_int_equal(spend_now(&b, HTTP_SAVE, 60500, 999), 40);
    /* and is tried a little higher when it has held for a while */
    budget_start(&b, HTTP_SAVE, 400000);
    budget_end(&b, HTTP_SAVE, true, 400000);
    budget_view(&b, 400000, &view);
    assert_int_equal(view.limit, 51);
    /* the platform's own word is better */
    learn(&b, 100, 99, 60000, 400000);
    budget_view(&b, 400000, &view);
    assert_int_equal(view.limit, 100);
}

/* Who was here before us may have used the budget up. */
static void nothing_is_learned_from_a_429_at_the_start(void **state)
{
    struct budget b;
    struct budget_view view;
    budget_init(&b, 0, 0);
    assert_int_equal(spend_now(&b, HTTP_SAVE, 0, 2), 2);
    budget_refused(&b, 0, 100);
    budget_view(&b, 100, &view);
    assert_int_equal(view.limit, -1);
    /* but one goes and asks */
    assert_int_equal(spend(&b, HTTP_SAVE, 5100, 99), 1);
    budget_end(&b, HTTP_SAVE, true, 5200);
    assert_int_equal(spend(&b, HTTP_SAVE, 5200, 99), 99);
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
        {"X-RateLimit-Reset: 1760000030\r\n", 31000}, /* it may be rounded down */
        {"X-RateLimit-Reset: 1760000030000\r\n", 30000},
        {"X-RateLimit-Reset: 1750000000\r\n", 0},
        {"X-RateLimit-Reset: Thu, 09 Oct 2025 08:53:30 GMT\r\n", 11000},
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
    assert_int_equal(h.news.reset_ms, 16000);
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
        cmocka_unit_test(users_limit_holds_in_any_minute),
        cmocka_unit_test(one_is_counted_until_a_minute_after_its_end),
        cmocka_unit_test(what_was_not_taken_does_not_count),
        cmocka_unit_test(classes_leave_room_for_those_before),
        cmocka_unit_test(each_class_has_its_most),
        cmocka_unit_test(what_is_left_after_a_burst_is_spread),
        cmocka_unit_test(a_limit_of_one_serves_everybody),
        cmocka_unit_test(platforms_word_is_kept),
        cmocka_unit_test(a_limit_that_is_not_told_is_found_out),
        cmocka_unit_test(requests_in_flight_count),
        cmocka_unit_test(nothing_left_and_no_reset_waits_five_seconds),
        cmocka_unit_test(a_pause_holds_everybody_but_never_for_days),
        cmocka_unit_test(a_429_without_a_word_waits_longer_each_time),
        cmocka_unit_test(a_limit_is_learned_from_a_429),
        cmocka_unit_test(nothing_is_learned_from_a_429_at_the_start),
        cmocka_unit_test(reset_is_read_in_every_unit),
        cmocka_unit_test(other_fields_are_read),
        cmocka_unit_test(moments_go_by_the_servers_clock),
        cmocka_unit_test(waits_in_bodies_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
