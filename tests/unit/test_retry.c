/* What is sent again, and what never. */
#include "cmocka_all.h"

#include <errno.h>

#include "http/retry.h"

static struct retry_outcome outcome(int err, long status, bool sent)
{
    return (struct retry_outcome){
        .err = err, .status = status, .sent = sent, .was_online = true, .tries = 1};
}

static void answers(void **state)
{
    static const struct {
        long status;
        bool safe, ask, once;
    } cases[] = {
        {200, false, false, false}, {301, false, false, false},
        {400, false, false, false}, {401, false, false, false},
        {404, false, false, false}, {422, false, false, false},
        {429, true, true, true},    {500, true, false, false},
        {501, false, false, false}, {502, true, false, false},
        {503, true, true, false},   {504, true, false, false},
        {599, true, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct retry_outcome o = outcome(0, cases[i].status, true);
        assert_int_equal(retry_wanted(RETRY_SAFE, &o), cases[i].safe);
        assert_int_equal(retry_wanted(RETRY_ASK, &o), cases[i].ask);
        assert_int_equal(retry_wanted(RETRY_ONCE, &o), cases[i].once);
    }
}

static void lost_answers_are_for_the_caller_to_settle(void **state)
{
    struct retry_outcome o = outcome(-ECONNRESET, 0, true);
    assert_true(retry_wanted(RETRY_SAFE, &o));
    assert_false(retry_wanted(RETRY_ASK, &o));
    assert_false(retry_wanted(RETRY_ONCE, &o));
    o.err = -ETIMEDOUT;
    assert_true(retry_wanted(RETRY_SAFE, &o));
    assert_false(retry_wanted(RETRY_ONCE, &o));
}

static void what_was_not_sent_is_tried_again_while_there_is_hope(void **state)
{
    struct retry_outcome o = outcome(-ECONNREFUSED, 0, false);
    assert_true(retry_wanted(RETRY_SAFE, &o));
    assert_true(retry_wanted(RETRY_ASK, &o));
    assert_true(retry_wanted(RETRY_ONCE, &o));
    o.was_online = false;
    assert_false(retry_wanted(RETRY_SAFE, &o));
    o = outcome(-EHOSTUNREACH, 0, false);
    assert_false(retry_wanted(RETRY_SAFE, &o));
    o = outcome(-EIO, 0, false);
    assert_false(retry_wanted(RETRY_SAFE, &o));
    o = outcome(-EFBIG, 0, true);
    assert_false(retry_wanted(RETRY_SAFE, &o));
}

static void four_attempts_and_no_more(void **state)
{
    struct retry_outcome o = outcome(0, 500, true);
    o.tries = 3;
    assert_true(retry_wanted(RETRY_SAFE, &o));
    o.tries = 4;
    assert_false(retry_wanted(RETRY_SAFE, &o));
    o.status = 429;
    assert_false(retry_wanted(RETRY_SAFE, &o));
    o.server_wait_ms = 1000; /* the platform says when: only the deadline ends it */
    assert_true(retry_wanted(RETRY_SAFE, &o));
}

static void delays_double_and_the_server_goes_first(void **state)
{
    struct retry_outcome o = outcome(0, 500, true);
    assert_int_equal(retry_delay_ms(&o, 0), 500);
    assert_int_equal(retry_delay_ms(&o, 200), 700);
    assert_in_range(retry_delay_ms(&o, 123456789), 500, 700);
    o.tries = 2;
    assert_int_equal(retry_delay_ms(&o, 0), 1000);
    o.tries = 3;
    assert_int_equal(retry_delay_ms(&o, 0), 2000);
    o.server_wait_ms = 7000;
    assert_int_equal(retry_delay_ms(&o, 0), 7000);
    o = (struct retry_outcome){.status = 429}; /* tries 0: the first was not counted */
    assert_int_equal(retry_delay_ms(&o, 0), 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(lost_answers_are_for_the_caller_to_settle),
        cmocka_unit_test(what_was_not_sent_is_tried_again_while_there_is_hope),
        cmocka_unit_test(four_attempts_and_no_more),
        cmocka_unit_test(delays_double_and_the_server_goes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
