/* local/store: the contract that any second implementation has to keep, too. What must
 * be on disk is looked at through a connection of our own. */
#include "cmocka_all.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "local/store.h"

struct fixture {
    char dir[64];
    char *path;
    struct store *store;
};

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    strcpy(f->dir, "/tmp/test_store.XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->path = xasprintf("%s/workspace.db", f->dir);
    assert_int_equal(store_sqlite_open(f->path, &f->store), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    struct fixture *f = *state;
    store_close(f->store);
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        cleanup_free char *name = xasprintf("%s%s", f->path, suffixes[i]);
        unlink(name);
    }
    rmdir(f->dir);
    free(f->path);
    free(f);
    return 0;
}

static struct page page_of(const char *name)
{
    return (struct page){
        .name = xstrdup(name),
        .tags = xstrdup("[\"a\",  \"b\"]"),
        .spec = xstrdup("{ \"b\":1.0,\"a\" : 12345678901234567890 }"),
        .queries = xstrdup("[ ]"),
    };
}

static void create(struct fixture *f, const char *name, struct page *ret)
{
    *ret = page_of(name);
    assert_int_equal(f->store->ops->page_create(f->store, ret), 0);
}

/* One integer, asked of the file itself. */
static int64_t ask(struct fixture *f, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READONLY, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return value;
}

/* ---- pages ------------------------------------------------------------------------ */

static void test_texts_come_back_as_they_were(void **state)
{
    struct fixture *f = *state;
    cleanup_page struct page made = {0};
    cleanup_page struct page got = {0};
    create(f, "O\"Neil \xc3\xa9", &made);
    assert_int_equal(strlen(made.id), UUID_TEXT - 1);
    assert_int_equal(made.version, 1);
    assert_int_equal(f->store->ops->page_get(f->store, made.id, &got), 0);
    assert_string_equal(got.id, made.id);
    assert_string_equal(got.name, made.name);
    assert_string_equal(got.tags, made.tags);
    assert_string_equal(got.spec, made.spec);
    assert_string_equal(got.queries, made.queries);
    assert_null(got.description);
    assert_int_equal(got.status, PAGE_DRAFT);
    assert_int_equal(got.created_ms, got.updated_ms);
}

static void test_missing(void **state)
{
    struct fixture *f = *state;
    cleanup_page struct page page = page_of("x");
    struct page got;
    char *value;
    strcpy(page.id, "nobody");
    assert_int_equal(f->store->ops->page_get(f->store, "nobody", &got), -ENOENT);
    assert_int_equal(f->store->ops->page_update(f->store, &page), -ENOENT);
    assert_int_equal(f->store->ops->page_delete(f->store, "nobody"), -ENOENT);
    assert_int_equal(f->store->ops->meta_get(f->store, "nothing", &value), -ENOENT);
}

static void test_each_write_is_a_version_and_later(void **state)
{
    struct fixture *f = *state;
    cleanup_page struct page page = {0};
    create(f, "p", &page);
    for (int i = 0; i < 40; i++) {
        int64_t before = page.updated_ms;
        assert_int_equal(f->store->ops->page_update(f->store, &page), 0);
        assert_true(page.updated_ms > before); /* even within one millisecond */
        assert_int_equal(page.version, i + 2);
    }
    assert_int_equal(ask(f, "SELECT count(*) FROM page_versions"), 41);
    assert_int_equal(ask(f, "SELECT count(DISTINCT written_ms) FROM page_versions"), 41);
}

static void test_an_old_copy_does_not_overwrite(void **state)
{
    struct fixture *f = *state;
    cleanup_page struct page page = {0};
    cleanup_page struct page old = {0};
    create(f, "p", &page);
    assert_int_equal(f->store->ops->page_get(f->store, page.id, &old), 0);
    assert_int_equal(f->store->ops->page_update(f->store, &page), 0);
    free(old.name);
    old.name = xstrdup("from the past");
    assert_int_equal(f->store->ops->page_update(f->store, &old), -ESTALE);
    assert_int_equal(old.version, 1);
    assert_int_equal(ask(f, "SELECT count(*) FROM pages WHERE name = 'p'"), 1);
    assert_int_equal(ask(f, "SELECT count(*) FROM page_versions"), 2);
}

static void test_delete_takes_the_versions(void **state)
{
    struct fixture *f = *state;
    cleanup_page struct page page = {0};
    cleanup_page struct page other = {0};
    create(f, "p", &page);
    create(f, "q", &other);
    assert_int_equal(f->store->ops->page_delete(f->store, page.id), 0);
    assert_int_equal(ask(f, "SELECT count(*) FROM page_versions"), 1);
    assert_int_equal(ask(f, "SELECT count(*) FROM pages"), 1);
}

static void test_survives_reopening(void **state)
{
    struct fixture *f = *state;
    cleanup_page struct page page = {0};
    cleanup_page struct page got = {0};
    cleanup_free char *value = NULL;
    create(f, "p", &page);
    assert_int_equal(f->store->ops->meta_set(f->store, "k", "1"), 0);
    assert_int_equal(f->store->ops->meta_set(f->store, "k", "2"), 0);
    store_close(f->store);
    assert_int_equal(store_sqlite_open(f->path, &f->store), 0);
    assert_int_equal(f->store->ops->page_get(f->store, page.id, &got), 0);
    assert_int_equal(f->store->ops->meta_get(f->store, "k", &value), 0);
    assert_string_equal(value, "2");
}

/* ---- lists ------------------------------------------------------------------------ */

enum { MANY = 25 };

static void create_many(struct fixture *f)
{
    for (int i = 0; i < MANY; i++) {
        char name[32];
        cleanup_page struct page page = {0};
        snprintf(name, sizeof name, "page %02d", i);
        create(f, name, &page);
    }
}

static struct page_list list(struct fixture *f, struct page_filter filter)
{
    struct page_list l = {0};
    assert_int_equal(f->store->ops->page_list(f->store, &filter, &l), 0);
    return l;
}

static void test_list_newest_first_without_bodies(void **state)
{
    struct fixture *f = *state;
    create_many(f);
    struct page_filter filter = PAGE_FILTER_INIT;
    filter.limit = 10;
    filter.offset = 20;
    cleanup_page_list struct page_list l = list(f, filter);
    assert_int_equal(l.count, 5);
    assert_int_equal(l.total, MANY);
    assert_false(l.more);
    assert_string_equal(l.items[0].name, "page 04");
    assert_string_equal(l.items[4].name, "page 00");
    assert_null(l.items[0].spec);
    assert_null(l.items[0].queries);
}

static void test_list_by_cursor_sees_each_once(void **state)
{
    struct fixture *f = *state;
    create_many(f);
    struct page_filter filter = PAGE_FILTER_INIT;
    filter.limit = 10;
    int seen = 0;
    for (bool more = true; more;) {
        cleanup_page_list struct page_list l = list(f, filter);
        cleanup_page struct page between = {0};
        for (size_t i = 0; i < l.count; i++, seen++) {
            char name[32];
            snprintf(name, sizeof name, "page %02d", MANY - 1 - seen);
            assert_string_equal(l.items[i].name, name);
        }
        more = l.more;
        filter.has_after = true;
        filter.after_created = l.items[l.count - 1].created_ms;
        filter.after_seq = l.items[l.count - 1].seq;
        create(f, "made meanwhile", &between); /* newer: moves nothing */
    }
    assert_int_equal(seen, MANY);
}

static void test_list_filters(void **state)
{
    struct fixture *f = *state;
    cleanup_page struct page page = {0};
    create_many(f);
    create(f, "Odd One", &page);
    page.status = PAGE_ARCHIVED;
    page.description = xstrdup("Needle");
    usleep(2000);
    assert_int_equal(f->store->ops->page_update(f->store, &page), 0);

    struct page_filter filter = PAGE_FILTER_INIT;
    filter.limit = 100;
    cleanup_page_list struct page_list drafts = list(f, filter);
    assert_int_equal(drafts.total, MANY);
    filter.status = PAGE_ARCHIVED;
    cleanup_page_list struct page_list archived = list(f, filter);
    assert_int_equal(archived.count, 1);
    filter.q = "needle";
    cleanup_page_list struct page_list by_description = list(f, filter);
    assert_int_equal(by_description.total, 1);
    filter.q = "odd o";
    cleanup_page_list struct page_list by_name = list(f, filter);
    assert_int_equal(by_name.total, 1);
    filter.updated_gte = page.updated_ms;
    cleanup_page_list struct page_list newest = list(f, filter);
    assert_int_equal(newest.total, 1);
    filter.updated_gte = page.updated_ms + 1;
    cleanup_page_list struct page_list none = list(f, filter);
    assert_int_equal(none.total, 0);
    assert_int_equal(none.count, 0);
}

/* ---- the data table --------------------------------------------------------------- */

struct feed {
    int rows, fail_at, next;
};

static int feed_next(void *arg, struct data_value *row)
{
    struct feed *feed = arg;
    if (feed->next == feed->fail_at)
        return -EPROTO;
    if (feed->next == feed->rows)
        return 0;
    row[0] = (struct data_value){.type = DATA_INTEGER, .integer = feed->next++};
    row[1] = (struct data_value){.type = DATA_REAL, .real = 0.5};
    row[2] = (struct data_value){.type = DATA_TIMESTAMP, .text = "2026-01-01 00:00:00"};
    row[3] = (struct data_value){.type = DATA_NULL};
    return 1;
}

static const struct data_column feed_columns[] = {
    {"n", DATA_INTEGER}, {"r", DATA_REAL}, {"t", DATA_TIMESTAMP}, {"x", DATA_TEXT}};

static int replace(struct fixture *f, struct feed feed)
{
    return f->store->ops->data_replace(f->store, feed_columns, ARRAY_LEN(feed_columns),
                                       feed_next, &feed);
}

static void test_data_is_replaced_whole_or_not(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(replace(f, (struct feed){.rows = 10, .fail_at = -1}), 0);
    assert_int_equal(
        ask(f, "SELECT sum(n) FROM interactions WHERE r = 0.5 AND x IS NULL"), 45);
    assert_int_equal(replace(f, (struct feed){.rows = 10, .fail_at = 5}), -EPROTO);
    assert_int_equal(ask(f, "SELECT count(*) FROM interactions"), 10);
    assert_int_equal(replace(f, (struct feed){.rows = 3, .fail_at = -1}), 0);
    assert_int_equal(ask(f, "SELECT count(*) FROM interactions"), 3);
}

/* A file of an older program has no index: it is made when the file is opened. */
static void test_an_old_file_gets_its_index(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(replace(f, (struct feed){.rows = 10, .fail_at = -1}), 0);
    assert_int_equal(ask(f, "SELECT count(*) FROM interactions_fts"), 10);
    sqlite3 *db;
    store_close(f->store);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "DROP TABLE interactions_fts", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(store_sqlite_open(f->path, &f->store), 0);
    assert_int_equal(ask(f,
                         "SELECT count(*) FROM interactions_fts WHERE interactions_fts "
                         "MATCH '\"2026-01-01\"'"),
                     10);
}

/* ---- threads ---------------------------------------------------------------------- */

enum { WRITERS = 4, WRITES = 25 };

struct writer {
    struct store *store;
    const char *id;
};

static void *write_many(void *arg)
{
    struct writer *w = arg;
    for (int i = 0; i < WRITES;) {
        cleanup_page struct page page = {0};
        int r = w->store->ops->page_get(w->store, w->id, &page);
        if (r == 0)
            r = w->store->ops->page_update(w->store, &page);
        if (r < 0 && r != -ESTALE)
            return (void *)1;
        i += r == 0;
    }
    return NULL;
}

static void test_no_write_is_lost_between_threads(void **state)
{
    struct fixture *f = *state;
    cleanup_page struct page page = {0};
    pthread_t threads[WRITERS];
    create(f, "p", &page);
    struct writer w = {f->store, page.id};
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &w), 0);
    for (int i = 0; i < WRITERS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(ask(f, "SELECT max(version) FROM pages"), 1 + WRITERS * WRITES);
    assert_int_equal(ask(f, "SELECT count(*) FROM page_versions"), 1 + WRITERS * WRITES);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_texts_come_back_as_they_were),
        CASE(test_missing),
        CASE(test_each_write_is_a_version_and_later),
        CASE(test_an_old_copy_does_not_overwrite),
        CASE(test_delete_takes_the_versions),
        CASE(test_survives_reopening),
        CASE(test_list_newest_first_without_bodies),
        CASE(test_list_by_cursor_sees_each_once),
        CASE(test_list_filters),
        CASE(test_data_is_replaced_whole_or_not),
        CASE(test_an_old_file_gets_its_index),
        CASE(test_no_write_is_lost_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
