/* The platform is gone, and comes back: who tries, who waits, who fails at once. */
#include "cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "http/breaker.h"

static bool fails(struct breaker *b, bool trial, int64_t started, int64_t ended)
{
    struct breaker_attempt a = {.trial = trial,
                                .gone = true,
                                .started = started,
                                .ended = ended,
                                .err = -ECONNREFUSED,
                                .reason = "refused"};
    if (trial)
        b->trial = true;
    return breaker_note(b, &a);
}

static bool answers(struct breaker *b, bool trial, int64_t now)
{
    struct breaker_attempt a = {.trial = trial, .answered = true, .ended = now};
    return breaker_note(b, &a);
}

static void closed_it_lets_everybody_pass(void **state)
{
    struct breaker b = {0};
    for (enum breaker_kind kind = BREAKER_FRESH; kind <= BREAKER_PROBE; kind++)
        assert_int_equal(breaker_way(&b, kind, 1000), BREAKER_PASS);
    assert_false(answers(&b, false, 1000));
}

static void it_opens_when_nobody_can_connect(void **state)
{
    struct breaker b = {0};
    assert_true(fails(&b, false, 1000, 1001));
    assert_true(b.open);
    assert_int_equal(b.err, -ECONNREFUSED);
    assert_string_equal(b.reason, "refused");
    assert_int_equal(breaker_way(&b, BREAKER_FRESH, 1002), BREAKER_REFUSE);
    assert_int_equal(breaker_way(&b, BREAKER_SAVE, 1002), BREAKER_REFUSE);
    assert_int_equal(breaker_way(&b, BREAKER_AGAIN, 1002), BREAKER_NAP);
    assert_int_equal(breaker_way(&b, BREAKER_PROBE, 1002), BREAKER_PASS);
    /* others that were on their way change nothing */
    assert_false(fails(&b, false, 1000, 1500));
    assert_int_equal(b.tried_at, 1001);
}

static void it_stays_closed_without_proof(void **state)
{
    struct breaker b = {0};
    struct breaker_attempt answered_meanwhile = {
        .gone = true, .started = 1000, .ended = 2000, .last_ok = 1500, .reason = ""};
    struct breaker_attempt cut = {
        .gone = true, .cut_short = true, .started = 1000, .ended = 1010, .reason = ""};
    struct breaker_attempt hung = {.started = 1000, .ended = 31000, .reason = ""};
    assert_false(breaker_note(&b, &answered_meanwhile));
    assert_false(breaker_note(&b, &cut));
    assert_false(breaker_note(&b, &hung));
    assert_false(b.open);
}

static void one_trial_at_a_time_and_one_a_second(void **state)
{
    struct breaker b = {0};
    fails(&b, false, 1000, 1001);
    assert_int_equal(breaker_way(&b, BREAKER_FRESH, 2000), BREAKER_REFUSE);
    assert_int_equal(breaker_way(&b, BREAKER_FRESH, 2001), BREAKER_PASS);
    b.trial = true;
    for (enum breaker_kind kind = BREAKER_FRESH; kind <= BREAKER_PROBE; kind++)
        assert_int_equal(breaker_way(&b, kind, 2001), BREAKER_HOLD);
    assert_true(fails(&b, true, 2001, 2002)); /* those that held are to be told */
    assert_int_equal(breaker_way(&b, BREAKER_SAVE, 2003), BREAKER_REFUSE);
}

static void when_trials_take_time_only_saves_make_them(void **state)
{
    struct breaker b = {0};
    fails(&b, false, 1000, 11000);
    assert_true(b.slow);
    assert_int_equal(breaker_way(&b, BREAKER_FRESH, 60000), BREAKER_REFUSE);
    assert_int_equal(breaker_way(&b, BREAKER_SAVE, 60000), BREAKER_PASS);
    b.trial = true;
    assert_int_equal(breaker_way(&b, BREAKER_FRESH, 60000), BREAKER_REFUSE);
    assert_int_equal(breaker_way(&b, BREAKER_SAVE, 60000), BREAKER_HOLD);
}

static void probes_come_ever_more_seldom(void **state)
{
    static const int64_t pauses[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000};
    struct breaker b = {0};
    int64_t now = 1000;
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
        fails(&b, i > 0, now, now);
        assert_int_equal(b.probe_ms, pauses[i]);
        now += pauses[i];
    }
    assert_true(answers(&b, true, now));
    fails(&b, false, now + 1, now + 1);
    assert_int_equal(b.probe_ms, 1000);
}

static void any_answer_closes_it(void **state)
{
    struct breaker b = {0};
    struct breaker_attempt hangs = {.trial = true, .ended = 9000, .reason = ""};
    fails(&b, false, 1000, 1001);
    assert_true(answers(&b, false, 1500)); /* of one that was sent before */
    assert_false(b.open);
    fails(&b, false, 2000, 2001);
    assert_true(breaker_note(&b, &hangs)); /* it was connected, at least */
    assert_false(b.open);
    assert_false(b.trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_it_lets_everybody_pass),
        cmocka_unit_test(it_opens_when_nobody_can_connect),
        cmocka_unit_test(it_stays_closed_without_proof),
        cmocka_unit_test(one_trial_at_a_time_and_one_a_second),
        cmocka_unit_test(when_trials_take_time_only_saves_make_them),
        cmocka_unit_test(probes_come_ever_more_seldom),
        cmocka_unit_test(any_answer_closes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
