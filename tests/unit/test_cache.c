/* What may be forgotten: cache.db alone, without pages or a platform. */
#include "cmocka_all.h"

#include <assert.h>
#include <fcntl.h>
#include <ftw.h>
#include <semaphore.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "workspace/cache.h"

enum { LIMIT = 1000 };

struct fixture {
    char dir[64];
    struct loop *loop;
    struct cache *cache;
};

static void open_cache(struct fixture *f, uint64_t limit)
{
    assert_int_equal(loop_create(&f->loop), 0);
    assert_int_equal(loop_start(f->loop), 0);
    f->cache = cache_open(f->dir, limit, f->loop);
}

static void close_cache(struct fixture *f)
{
    cache_stop(f->cache);
    loop_stop(f->loop);
    cache_close(f->cache);
    loop_destroy(f->loop);
}

static void reopen(struct fixture *f)
{
    close_cache(f);
    open_cache(f, LIMIT);
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    strcpy(f->dir, "/tmp/test_cache.XXXXXX");
    assert(mkdtemp(f->dir));
    open_cache(f, LIMIT);
    *state = f;
    return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    return remove(path);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    close_cache(f);
    nftw(f->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

static char *file(struct fixture *f)
{
    return xasprintf("%s/cache.db", f->dir);
}

/* ---- bodies ------------------------------------------------------------------------ */

static void put(struct fixture *f, const char *id, const char *token, const char *text)
{
    cleanup_text struct text *t = text_from_string(text);
    const struct cache_body body = {t, token, {1000, 5}};
    cache_put_body(f->cache, id, &body);
}

struct answer {
    sem_t done;
    char *words; /* "token text@seconds.ns", or NULL */
};

static void on_body(void *arg, const struct cache_body *body)
{
    struct answer *a = arg;
    a->words =
        body ? xasprintf("%s %s@%lld.%ld", body->token ? body->token : "-",
                         body->text->data, (long long)body->at.tv_sec, body->at.tv_nsec)
             : NULL;
    sem_post(&a->done);
}

static char *get(struct fixture *f, const char *id)
{
    struct answer a = {.words = NULL};
    sem_init(&a.done, 0, 0);
    cache_read_body(f->cache, id, on_body, &a);
    while (sem_wait(&a.done) != 0)
        continue;
    sem_destroy(&a.done);
    return a.words;
}

static void assert_body(struct fixture *f, const char *id, const char *want)
{
    cleanup_free char *got = get(f, id);
    if (want)
        assert_string_equal(got, want);
    else
        assert_null(got);
}

static void test_bodies_come_back(void **state)
{
    struct fixture *f = *state;
    put(f, "a", "t1", "{\"id\":\"a\"}");
    put(f, "b", NULL, "text of b");
    assert_body(f, "a", "t1 {\"id\":\"a\"}@1000.5");
    reopen(f);
    assert_body(f, "a", "t1 {\"id\":\"a\"}@1000.5");
    assert_body(f, "b", "- text of b@1000.5");
    assert_body(f, "c", NULL);
}

static void test_the_last_one_counts(void **state)
{
    struct fixture *f = *state;
    put(f, "a", "t1", "one");
    put(f, "a", "t2", "two");
    assert_body(f, "a", "t2 two@1000.5");
    cache_drop_body(f->cache, "a");
    assert_body(f, "a", NULL);
    reopen(f);
    assert_body(f, "a", NULL);
}

/* 400 bytes each: two have room. */
static void put_large(struct fixture *f, const char *id)
{
    char text[401];
    memset(text, 'x', sizeof text - 1);
    text[400] = '\0';
    put(f, id, NULL, text);
}

static bool has(struct fixture *f, const char *id)
{
    cleanup_free char *got = get(f, id);
    return got != NULL;
}

static void test_the_least_recently_used_goes(void **state)
{
    struct fixture *f = *state;
    put_large(f, "a");
    put_large(f, "b");
    assert_true(has(f, "a"));
    put_large(f, "c");
    assert_false(has(f, "b"));
    assert_true(has(f, "a"));
    reopen(f); /* the order of use is kept */
    put_large(f, "d");
    assert_false(has(f, "c"));
    assert_true(has(f, "a"));
}

static void test_one_that_is_too_large_pushes_nobody_out(void **state)
{
    struct fixture *f = *state;
    cleanup_free char *huge = xcalloc(1, LIMIT + 2);
    memset(huge, 'x', LIMIT + 1);
    put_large(f, "a");
    put(f, "b", NULL, "small");
    put(f, "b", NULL, huge);
    assert_true(has(f, "a"));
    assert_false(has(f, "b")); /* nor does the older one stay */
}

static void test_a_smaller_limit_is_kept_at_once(void **state)
{
    struct fixture *f = *state;
    put_large(f, "a");
    put_large(f, "b");
    close_cache(f);
    open_cache(f, 500);
    assert_false(has(f, "a"));
    assert_true(has(f, "b"));
}

/* ---- the list ---------------------------------------------------------------------- */

static void see(void *arg, const char *id, struct text *summary)
{
    buf_printf(arg, "%s=%s;", id, summary->data);
}

/* What a new mount is told; it is another one afterwards. */
static char *load(struct fixture *f)
{
    struct buf out = BUF_INIT;
    struct timespec at = {0};
    struct text *me = NULL;
    reopen(f);
    if (cache_load(f->cache, see, &out, &at, &me))
        buf_printf(&out, "at %lld", (long long)at.tv_sec);
    else
        buf_puts(&out, "none");
    if (me)
        buf_printf(&out, " me %s", me->data);
    text_unref(me);
    return buf_steal(&out);
}

static void assert_load(struct fixture *f, const char *want)
{
    cleanup_free char *got = load(f);
    assert_string_equal(got, want);
}

static void list_put(struct cache_list *list, const char *id, const char *text)
{
    cleanup_text struct text *t = text_from_string(text);
    cache_list_put(list, id, t);
}

static const struct timespec then = {77, 0};

static void put_list(struct fixture *f)
{
    struct cache_list *list = cache_list_begin(f->cache);
    list_put(list, "a", "A");
    list_put(list, "b", "B");
    cache_list_end(f->cache, list, &then);
}

static void test_a_list_comes_back(void **state)
{
    struct fixture *f = *state;
    cleanup_text struct text *me = text_from_string("{}");
    assert_load(f, "none");
    put_list(f);
    cache_put_me(f->cache, me);
    assert_load(f, "a=A;b=B;at 77 me {}");
    put(f, "b", NULL, "body");
    struct cache_list *list = cache_list_begin(f->cache);
    assert_false(cache_list_is_anew(list));
    cache_list_drop(list, "b");
    list_put(list, "c", "C");
    cache_list_end(f->cache, list, &then);
    assert_load(f, "a=A;c=C;at 77 me {}");
    assert_false(has(f, "b"));
}

static void test_a_part_of_a_list_is_none(void **state)
{
    struct fixture *f = *state;
    struct cache_list *list = cache_list_begin(f->cache);
    assert_true(cache_list_is_anew(list));
    list_put(list, "z", "Z");
    cache_list_end(f->cache, list, NULL);
    assert_load(f, "z=Z;none");
    put_list(f); /* what a whole one has not, is gone */
    assert_load(f, "a=A;b=B;at 77");
}

static void test_a_long_list(void **state)
{
    struct fixture *f = *state;
    struct cache_list *list = cache_list_begin(f->cache);
    for (int i = 0; i < 3210; i++) {
        cleanup_free char *id = xasprintf("%d", i);
        list_put(list, id, "x");
    }
    cache_list_end(f->cache, list, &then);
    cleanup_free char *got = load(f);
    size_t count = 0;
    for (const char *at = got; (at = strchr(at, ';')); at++)
        count++;
    assert_int_equal(count, 3210);
}

/* ---- damage ------------------------------------------------------------------------ */

static void change(struct fixture *f, const char *sql)
{
    cleanup_free char *path = file(f);
    sqlite3 *db;
    close_cache(f);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    open_cache(f, LIMIT);
}

static void test_a_changed_row_is_a_miss(void **state)
{
    static const char *const changes[] = {
        "UPDATE bodies SET text = CAST('other' AS BLOB)",
        "UPDATE bodies SET token = 'other'",
        "UPDATE bodies SET at = at + 1",
        "UPDATE bodies SET sum = sum + 1",
        "UPDATE bodies SET id = 'b'",
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        put(f, "a", "t1", "one");
        change(f, changes[i]);
        assert_body(f, "b", NULL);
        if (i < 4)
            assert_body(f, "a", NULL);
        put(f, "a", "t1", "one"); /* and it goes on */
        assert_body(f, "a", "t1 one@1000.5");
    }
}

static void test_a_changed_summary_is_no_list(void **state)
{
    struct fixture *f = *state;
    put_list(f);
    change(f, "UPDATE summaries SET text = CAST('other' AS BLOB) WHERE id = 'b'");
    assert_load(f, "a=A;none");
    struct cache_list *list = cache_list_begin(f->cache);
    assert_true(cache_list_is_anew(list));
    cache_list_end(f->cache, list, NULL);
}

static void test_another_version_is_begun_anew(void **state)
{
    struct fixture *f = *state;
    put(f, "a", "t1", "one");
    change(f, "PRAGMA user_version = 2");
    assert_non_null(f->cache);
    assert_body(f, "a", NULL);
    put(f, "a", "t1", "one");
    reopen(f);
    assert_body(f, "a", "t1 one@1000.5");
    change(f, "PRAGMA application_id = 1");
    assert_body(f, "a", NULL);
}

/* A list that is meant for a file which is begun anew meanwhile is not put by halves. */
static void test_a_reset_forgets_the_list(void **state)
{
    struct fixture *f = *state;
    put_list(f);
    put(f, "a", "t1", "one");
    change(f, "UPDATE bodies SET sum = sum + 1");
    cleanup_free char *list_there = load(f);
    assert_string_equal(list_there, "a=A;b=B;at 77");
    struct cache_list *early = cache_list_begin(f->cache);
    assert_false(cache_list_is_anew(early));
    assert_body(f, "a", NULL); /* found damaged */
    list_put(early, "c", "C");
    cache_list_end(f->cache, early, &then);
    struct cache_list *late = cache_list_begin(f->cache);
    assert_true(cache_list_is_anew(late));
    cache_list_end(f->cache, late, NULL);
    assert_load(f, "none");
}

static void test_it_may_be_removed(void **state)
{
    struct fixture *f = *state;
    put(f, "a", "t1", "one");
    assert_body(f, "a", "t1 one@1000.5");
    nftw(f->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    assert_body(f, "a", "t1 one@1000.5");
    put(f, "b", NULL, "two");
    assert_body(f, "b", "- two@1000.5");
    assert_int_equal(mkdir(f->dir, 0700), 0);
    reopen(f);
    assert_body(f, "a", NULL);
    put(f, "a", "t1", "one");
    reopen(f);
    assert_body(f, "a", "t1 one@1000.5");
}

static void test_none_where_there_can_be_none(void **state)
{
    struct fixture *f = *state;
    cleanup_free char *path = file(f);
    assert_null(cache_open("/proc/no-such-directory", LIMIT, f->loop));
    assert_null(cache_open(f->dir, LIMIT, f->loop)); /* in use */
    close_cache(f);
    nftw(f->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    assert_int_equal(mkdir(f->dir, 0700), 0);
    assert_int_equal(mkdir(path, 0700), 0); /* a directory is left alone */
    open_cache(f, LIMIT);
    assert_null(f->cache);
    put(f, "a", "t1", "one"); /* all of these are lost */
    cache_drop_body(f->cache, "a");
    struct cache_list *list = cache_list_begin(f->cache);
    assert_false(cache_list_is_anew(list));
    list_put(list, "a", "A");
    cache_list_end(f->cache, list, &then);
}

static void test_after_the_end_there_is_no_answer_but_none(void **state)
{
    struct fixture *f = *state;
    put(f, "a", "t1", "one");
    cache_stop(f->cache);
    assert_body(f, "a", NULL);
    put(f, "b", NULL, "two");
    reopen(f);
    assert_body(f, "a", "t1 one@1000.5");
    assert_body(f, "b", NULL);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_bodies_come_back),
        CASE(test_the_last_one_counts),
        CASE(test_the_least_recently_used_goes),
        CASE(test_one_that_is_too_large_pushes_nobody_out),
        CASE(test_a_smaller_limit_is_kept_at_once),
        CASE(test_a_list_comes_back),
        CASE(test_a_part_of_a_list_is_none),
        CASE(test_a_long_list),
        CASE(test_a_changed_row_is_a_miss),
        CASE(test_a_changed_summary_is_no_list),
        CASE(test_another_version_is_begun_anew),
        CASE(test_a_reset_forgets_the_list),
        CASE(test_it_may_be_removed),
        CASE(test_none_where_there_can_be_none),
        CASE(test_after_the_end_there_is_no_answer_but_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
