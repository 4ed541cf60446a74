/* The spool: what is kept, where readers are, and who is woken. */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "cmocka_all.h"

#include "base/alloc.h"
#include "workspace/spool.h"

enum { CAP = 64 };

struct fixture {
    struct loop *loop;
    struct spool *spool;
};

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    assert_int_equal(loop_create(&f->loop), 0);
    assert_int_equal(loop_start(f->loop), 0);
    spool_create(f->loop, CAP, &f->spool);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    loop_stop(f->loop);
    loop_destroy(f->loop);
    spool_unref(f->spool);
    free(f);
    return 0;
}

static void add(struct fixture *f, const char *line)
{
    spool_add(f->spool, line, strlen(line));
}

/* "L0000007", 9 bytes with its newline. */
static void add_number(struct fixture *f, int number)
{
    cleanup_free char *line = xasprintf("L%07d", number);
    add(f, line);
}

static void expect(struct spool_reader *r, uint64_t off, size_t size, const char *want)
{
    cleanup_buf struct buf out = BUF_INIT;
    spool_read(r, off, size, &out);
    assert_int_equal(out.len, strlen(want));
    assert_string_equal(out.data ? out.data : "", want);
}

static uint64_t size_of(struct fixture *f)
{
    uint64_t size;
    struct timespec when;
    spool_size(f->spool, &size, &when);
    return size;
}

/* ---- waits ------------------------------------------------------------------------ */

struct waiting {
    struct wait wait;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    int times, err;
};

static void waiting_done(struct wait *w, int err)
{
    struct waiting *at = container_of(w, struct waiting, wait);
    pthread_mutex_lock(&at->lock);
    at->times++;
    at->err = err;
    pthread_cond_signal(&at->cond);
    pthread_mutex_unlock(&at->lock);
}

static struct waiting waiting_new(void)
{
    return (struct waiting){.wait.done = waiting_done,
                            .lock = PTHREAD_MUTEX_INITIALIZER,
                            .cond = PTHREAD_COND_INITIALIZER};
}

static void waiting_end(struct waiting *w)
{
    pthread_mutex_lock(&w->lock);
    while (!w->times)
        pthread_cond_wait(&w->cond, &w->lock);
    assert_int_equal(w->times, 1);
    assert_int_equal(w->err, 0);
    w->times = 0;
    pthread_mutex_unlock(&w->lock);
}

static void on_passed(void *arg)
{
    waiting_done(arg, 0);
}

/* All that was posted by now has run. */
static void loop_pass(struct loop *l)
{
    struct waiting w = waiting_new();
    loop_post(l, on_passed, &w.wait);
    waiting_end(&w);
}

/* ---- reading ---------------------------------------------------------------------- */

static void test_offsets(void **state)
{
    struct fixture *f = *state;
    struct spool_reader *r = spool_open(f->spool);
    expect(r, 0, 10, "");
    add(f, "one");
    add(f, "two");
    assert_int_equal(size_of(f), 8);
    expect(r, 0, 100, "one\ntwo\n");
    expect(r, 8, 100, "");
    expect(r, 2, 3, "e\nt"); /* it seeked */
    expect(r, 5, 100, "wo\n");
    expect(r, 1000, 100, "");
    add(f, "");
    expect(r, 8, 100, "\n");
    assert_null(spool_close(r));
}

static void test_a_byte_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct spool_reader *r = spool_open(f->spool);
    add(f, "ab");
    expect(r, 0, 1, "a");
    expect(r, 1, 1, "b");
    expect(r, 2, 1, "\n");
    expect(r, 3, 1, "");
    spool_close(r);
}

/* Who is overtaken goes on at a whole line, and is given all that comes after it once. */
static void test_a_reader_who_is_overtaken(void **state)
{
    struct fixture *f = *state;
    struct spool_reader *r = spool_open(f->spool);
    add_number(f, 0);
    expect(r, 0, 100, "L0000000\n");
    for (int i = 1; i < 9; i++) /* with the eighth there are 72 bytes: 45 stay */
        add_number(f, i);
    assert_int_equal(size_of(f), 81);
    cleanup_buf struct buf out = BUF_INIT;
    uint64_t off = 9;
    for (size_t before = 0;; before = out.len) {
        spool_read(r, off + out.len, 7, &out);
        if (out.len == before)
            break;
    }
    assert_string_equal(out.data,
                        "L0000003\nL0000004\nL0000005\nL0000006\nL0000007\nL0000008\n");
    add_number(f, 9);
    expect(r, off + out.len, 100, "L0000009\n");
    spool_close(r);
}

/* In the middle of a line: that one ends where it was left. */
static void test_a_line_that_is_lost_half(void **state)
{
    struct fixture *f = *state;
    struct spool_reader *r = spool_open(f->spool);
    add_number(f, 0);
    expect(r, 0, 4, "L000");
    for (int i = 1; i < 9; i++)
        add_number(f, i);
    expect(r, 4, 10, "\nL0000003\n");
    expect(r, 14, 9, "L0000004\n");
    spool_close(r);
}

static void test_a_new_reader_below_the_floor(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 100; i++)
        add_number(f, i);
    assert_int_equal(size_of(f), 900);
    struct spool_reader *r = spool_open(f->spool);
    cleanup_buf struct buf out = BUF_INIT;
    spool_read(r, 0, 1000, &out);
    assert_true(out.len <= CAP && out.len % 9 == 0 && out.len >= 18);
    assert_memory_equal(out.data + out.len - 9, "L0000099\n", 9);
    expect(r, 891, 100, "L0000099\n"); /* as tail seeks */
    expect(r, 900, 100, "");
    spool_close(r);
}

static void test_a_line_longer_than_all(void **state)
{
    struct fixture *f = *state;
    struct spool_reader *r = spool_open(f->spool);
    cleanup_free char *line = xmalloc(301);
    memset(line, 'x', 300);
    line[300] = '\0';
    add(f, "short");
    add(f, line);
    cleanup_buf struct buf out = BUF_INIT;
    spool_read(r, 0, 1000, &out);
    assert_int_equal(out.len, 301);
    assert_int_equal(out.data[0], 'x');
    add(f, "next");
    expect(r, 301, 100, "next\n");
    assert_int_equal(size_of(f), 6 + 301 + 5);
    spool_close(r);
}

/* ---- waiting ---------------------------------------------------------------------- */

static void test_a_wait(void **state)
{
    struct fixture *f = *state;
    struct spool_reader *r = spool_open(f->spool);
    struct waiting w = waiting_new();
    assert_int_equal(spool_wait(r, 0, &w.wait), -EINPROGRESS);
    loop_pass(f->loop);
    assert_int_equal(w.times, 0);
    add(f, "one");
    waiting_end(&w);
    assert_int_equal(spool_wait(r, 0, &w.wait), 0);
    assert_int_equal(spool_wait(r, 3, &w.wait), 0);
    assert_int_equal(spool_wait(r, 4, &w.wait), -EINPROGRESS);
    add(f, "two");
    waiting_end(&w);
    spool_close(r);
}

static void test_all_who_wait(void **state)
{
    struct fixture *f = *state;
    enum { MANY = 100 };
    struct spool_reader *r = spool_open(f->spool);
    struct waiting w[MANY];
    for (int i = 0; i < MANY; i++) {
        w[i] = waiting_new();
        assert_int_equal(spool_wait(r, (uint64_t)i, &w[i].wait), -EINPROGRESS);
    }
    add(f, "one");
    for (int i = 0; i < MANY; i++)
        waiting_end(&w[i]); /* also those for whom it is not enough: they ask again */
    spool_close(r);
}

static void test_a_wait_that_is_taken_back(void **state)
{
    struct fixture *f = *state;
    struct spool_reader *r = spool_open(f->spool);
    struct waiting w = waiting_new();
    assert_false(spool_cancel(r, &w.wait));
    assert_int_equal(spool_wait(r, 0, &w.wait), -EINPROGRESS);
    assert_true(spool_cancel(r, &w.wait));
    assert_false(spool_cancel(r, &w.wait));
    add(f, "one");
    loop_pass(f->loop);
    assert_int_equal(w.times, 0);
    spool_close(r);
}

static void test_the_end(void **state)
{
    struct fixture *f = *state;
    struct spool_reader *r = spool_open(f->spool);
    struct waiting w = waiting_new();
    add(f, "one");
    assert_int_equal(spool_wait(r, 4, &w.wait), -EINPROGRESS);
    assert_false(spool_has_ended(r));
    spool_end(f->spool);
    waiting_end(&w);
    assert_true(spool_has_ended(r));
    assert_int_equal(spool_wait(r, 4, &w.wait), 0);
    expect(r, 4, 100, "");
    add(f, "two");
    assert_int_equal(size_of(f), 4);
    expect(r, 0, 100, "one\n");
    spool_close(r);
}

static void test_watches(void **state)
{
    struct fixture *f = *state;
    struct spool_reader *r = spool_open(f->spool);
    struct wait *before;
    struct waiting w = waiting_new();
    struct waiting other = waiting_new();
    assert_int_equal(spool_watch(r, &w.wait, &before), -EINPROGRESS);
    assert_null(before);
    assert_int_equal(spool_watch(r, &other.wait, &before), -EINPROGRESS);
    assert_ptr_equal(before, &w.wait);
    add(f, "one");
    waiting_end(&other);
    assert_int_equal(w.times, 0);
    assert_int_equal(spool_watch(r, &w.wait, &before), 0);
    assert_null(before);
    expect(r, 0, 100, "one\n"); /* from here on it has seen it */
    assert_int_equal(spool_watch(r, NULL, &before), -EINPROGRESS);
    assert_int_equal(spool_watch(r, &w.wait, &before), -EINPROGRESS);
    assert_ptr_equal(spool_close(r), &w.wait);
    add(f, "two");
    loop_pass(f->loop);
    assert_int_equal(w.times, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_offsets),
        CASE(test_a_byte_at_a_time),
        CASE(test_a_reader_who_is_overtaken),
        CASE(test_a_line_that_is_lost_half),
        CASE(test_a_new_reader_below_the_floor),
        CASE(test_a_line_longer_than_all),
        CASE(test_a_wait),
        CASE(test_all_who_wait),
        CASE(test_a_wait_that_is_taken_back),
        CASE(test_the_end),
        CASE(test_watches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
