/* base/: buffers, texts, the clock and the loop. */
#include "cmocka_all.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
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

/* ---- loop ---------------------------------------------------------------------------
 */

/* What callbacks did, in order; `done` is posted when a test's last one has run. On the
 * loop's thread it is assert(): cmocka's checks jump, and only on the test's own. */
struct trace {
    struct loop *loop;
    char steps[256];
    size_t len;
    sem_t done;
    int pipe[2];
    struct loop_timer timers[8];
    unsigned runs;
};

struct step {
    struct trace *trace;
    char name;
};

static void trace_begin(struct trace *t)
{
    memset(t, 0, sizeof *t);
    assert_int_equal(sem_init(&t->done, 0, 0), 0);
    assert_int_equal(loop_create(&t->loop), 0);
}

static void trace_end(struct trace *t)
{
    loop_stop(t->loop);
    loop_stop(t->loop);
    loop_destroy(t->loop);
    sem_destroy(&t->done);
}

/* A callback that does not come is a failure, not a hang. */
static void trace_wait(struct trace *t)
{
    struct timespec until = clock_now();
    until.tv_sec += 20;
    assert_int_equal(sem_timedwait(&t->done, &until), 0);
}

static void on_step(void *arg)
{
    struct step *s = arg;
    struct trace *t = s->trace;
    t->steps[t->len++] = s->name;
    if (s->name == '!')
        sem_post(&t->done);
}

static void on_done(void *arg)
{
    struct trace *t = arg;
    sem_post(&t->done);
}

static void test_loop_order(void **state)
{
    struct trace t;
    struct step steps[] = {{&t, 'a'}, {&t, 'b'}, {&t, 'c'}, {&t, '!'}};
    trace_begin(&t);
    loop_post(t.loop, on_step, &steps[0]); /* before the start: waits for it */
    assert_int_equal(loop_start(t.loop), 0);
    for (size_t i = 1; i < ARRAY_LEN(steps); i++)
        loop_post(t.loop, on_step, &steps[i]);
    trace_wait(&t);
    assert_string_equal(t.steps, "abc!");
    assert_false(loop_is_current(t.loop));
    trace_end(&t);
}

static void on_nested(void *arg)
{
    struct trace *t = arg;
    assert(loop_is_current(t->loop));
    if (++t->runs < 100)
        loop_post(t->loop, on_nested, t);
}

/* What is posted runs before the end, and so does what that posts. */
static void test_loop_stop_runs_tasks(void **state)
{
    struct trace t;
    trace_begin(&t);
    assert_int_equal(loop_start(t.loop), 0);
    loop_post(t.loop, on_nested, &t);
    loop_stop(t.loop);
    assert_int_equal(t.runs, 100);
    loop_post(t.loop, on_nested, &t); /* too late: dropped, and not leaked */
    loop_timer_set(t.loop, &t.timers[0], 0, on_nested, &t);
    trace_end(&t);
    assert_int_equal(t.runs, 100);
    loop_destroy(NULL);
}

static void test_loop_never_started(void **state)
{
    struct trace t;
    trace_begin(&t);
    loop_post(t.loop, on_nested, &t);
    trace_end(&t);
    assert_int_equal(t.runs, 0);
}

static void test_loop_timers(void **state)
{
    struct trace t;
    struct step steps[] = {{&t, 'a'}, {&t, 'b'}, {&t, 'c'},
                           {&t, 'd'}, {&t, 'e'}, {&t, '!'}};
    trace_begin(&t);
    loop_timer_set(t.loop, &t.timers[0], 60, on_step, &steps[2]);
    loop_timer_set(t.loop, &t.timers[1], 30, on_step, &steps[1]);
    loop_timer_set(t.loop, &t.timers[2], 5, on_step, &steps[3]); /* moved behind c */
    loop_timer_set(t.loop, &t.timers[3], 5000, on_step,
                   &steps[0]);                                    /* moved to the front */
    loop_timer_set(t.loop, &t.timers[4], 10, on_step, &steps[4]); /* cleared */
    loop_timer_set(t.loop, &t.timers[5], 120, on_step, &steps[5]);
    loop_timer_set(t.loop, &t.timers[2], 90, on_step, &steps[3]);
    loop_timer_set(t.loop, &t.timers[3], -5, on_step, &steps[0]);
    loop_timer_clear(t.loop, &t.timers[4]);
    loop_timer_clear(t.loop, &t.timers[4]);
    assert_int_equal(t.timers[4].slot, 0);
    int64_t begin = clock_ms();
    assert_int_equal(loop_start(t.loop), 0);
    trace_wait(&t);
    assert_true(clock_ms() - begin >= 100);
    assert_string_equal(t.steps, "abcd!");
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(t.timers[i].slot, 0);
    trace_end(&t);
}

/* A timer set from another thread wakes a loop that sleeps without one, or for longer. */
static void test_loop_timer_wakes(void **state)
{
    struct trace t;
    trace_begin(&t);
    assert_int_equal(loop_start(t.loop), 0);
    usleep(20000);
    loop_timer_set(t.loop, &t.timers[0], 100000, on_done, &t);
    usleep(20000);
    loop_timer_set(t.loop, &t.timers[1], 10, on_done, &t);
    trace_wait(&t);
    assert_int_not_equal(t.timers[0].slot, 0);
    trace_end(&t);
}

enum { MANY_TIMERS = 500 };

struct many {
    struct trace *trace;
    struct loop_timer timer;
    int64_t due;
};

static int64_t many_last;

static void on_many(void *arg)
{
    struct many *m = arg;
    if (m->due < many_last)
        m->trace->steps[0] = 'x'; /* out of order */
    many_last = m->due;
    if (++m->trace->runs == MANY_TIMERS / 2)
        sem_post(&m->trace->done);
}

/* The heap holds its order through many moves and removals. */
static void test_loop_many_timers(void **state)
{
    static struct many many[MANY_TIMERS];
    struct trace t;
    trace_begin(&t);
    memset(many, 0, sizeof many);
    many_last = 0;
    for (int round = 0; round < 3; round++)
        for (unsigned i = 0; i < MANY_TIMERS; i++) {
            many[i].trace = &t;
            loop_timer_set(t.loop, &many[i].timer, (i * 7919u + (unsigned)round) % 50,
                           on_many, &many[i]);
            many[i].due = many[i].timer.due_ms;
        }
    for (unsigned i = 0; i < MANY_TIMERS; i += 2)
        loop_timer_clear(t.loop, &many[(i * 31) % MANY_TIMERS].timer);
    assert_int_equal(loop_start(t.loop), 0);
    trace_wait(&t);
    loop_stop(t.loop);
    assert_int_equal(t.runs, MANY_TIMERS / 2);
    assert_int_equal(t.steps[0], 0);
    trace_end(&t);
}

static void on_greedy(void *arg)
{
    struct trace *t = arg;
    loop_timer_set(t->loop, &t->timers[0], 0, on_greedy, t);
}

/* libcurl sets its timer to 0 again and again: tasks and descriptors still have a turn.
 */
static void test_loop_greedy_timer(void **state)
{
    struct trace t;
    trace_begin(&t);
    loop_timer_set(t.loop, &t.timers[0], 0, on_greedy, &t);
    assert_int_equal(loop_start(t.loop), 0);
    usleep(5000);
    loop_post(t.loop, on_done, &t);
    trace_wait(&t);
    trace_end(&t);
}

/* Reads a byte at a time; '!' ends the watching. */
static void on_readable(void *arg, int fd, uint32_t events)
{
    struct trace *t = arg;
    char c = 0;
    assert(events & EPOLLIN);
    assert(fd == t->pipe[0]);
    assert(read(fd, &c, 1) == 1);
    t->steps[t->len++] = c;
    if (c == '!') {
        assert(loop_watch(t->loop, fd, 0, NULL, NULL) == 0);
        sem_post(&t->done);
    }
}

static void test_loop_watch(void **state)
{
    struct trace t;
    trace_begin(&t);
    assert_int_equal(pipe(t.pipe), 0);
    assert_int_equal(loop_watch(t.loop, t.pipe[0], EPOLLOUT, on_readable, &t), 0);
    assert_int_equal(loop_watch(t.loop, t.pipe[0], EPOLLIN, on_readable, &t), 0);
    assert_int_equal(loop_start(t.loop), 0);
    assert_int_equal(write(t.pipe[1], "ab", 2), 2);
    usleep(10000);
    assert_int_equal(write(t.pipe[1], "c!z", 3), 3);
    trace_wait(&t);
    usleep(10000);
    assert_string_equal(t.steps, "abc!"); /* and not z */
    loop_stop(t.loop);
    assert_int_equal(loop_watch(t.loop, t.pipe[0], 0, NULL, NULL), 0);
    assert_int_equal(loop_watch(t.loop, -1, EPOLLIN, on_readable, &t), -EBADF);
    close(t.pipe[0]);
    close(t.pipe[1]);
    trace_end(&t);
}

/* A descriptor that was closed while watched, its number taken by a new one. */
static void test_loop_watch_reused(void **state)
{
    struct trace t;
    trace_begin(&t);
    assert_int_equal(pipe(t.pipe), 0);
    assert_int_equal(loop_watch(t.loop, t.pipe[0], EPOLLIN, on_readable, &t), 0);
    int old = t.pipe[0];
    close(t.pipe[0]);
    close(t.pipe[1]);
    assert_int_equal(pipe(t.pipe), 0);
    assert_int_equal(t.pipe[0], old);
    assert_int_equal(loop_watch(t.loop, t.pipe[0], EPOLLIN, on_readable, &t), 0);
    assert_int_equal(loop_start(t.loop), 0);
    assert_int_equal(write(t.pipe[1], "!", 1), 1);
    trace_wait(&t);
    close(t.pipe[0]);
    close(t.pipe[1]);
    trace_end(&t);
}

static void *post_many(void *arg)
{
    for (int i = 0; i < 2000; i++)
        loop_post(((struct trace *)arg)->loop, on_nested, arg);
    return NULL;
}

static void test_loop_threads(void **state)
{
    pthread_t threads[4];
    struct trace t;
    trace_begin(&t);
    t.runs = 1000; /* on_nested posts itself no more */
    assert_int_equal(loop_start(t.loop), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, &t), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    loop_stop(t.loop);
    assert_int_equal(t.runs, 1000 + 4 * 2000);
    trace_end(&t);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf),
        cmocka_unit_test(test_buf_steal),
        cmocka_unit_test(test_alloc),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_clock_parse),
        cmocka_unit_test(test_clock_format_extremes),
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_loop_order),
        cmocka_unit_test(test_loop_stop_runs_tasks),
        cmocka_unit_test(test_loop_never_started),
        cmocka_unit_test(test_loop_timers),
        cmocka_unit_test(test_loop_timer_wakes),
        cmocka_unit_test(test_loop_many_timers),
        cmocka_unit_test(test_loop_greedy_timer),
        cmocka_unit_test(test_loop_watch),
        cmocka_unit_test(test_loop_watch_reused),
        cmocka_unit_test(test_loop_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
