/* base/loop: order, timers, descriptors, and the end. */
#include "cmocka_all.h"

#undef NDEBUG /* also in a release build */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/loop.h"

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
