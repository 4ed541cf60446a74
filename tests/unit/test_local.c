/* local/: the small parts of the server, and the demo data. */
#include "cmocka_all.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "local/demo.h"
#include "local/demo_schema.h"
#include "local/keyring.h"
#include "local/ratelimit.h"
#include "local/store.h"

/* ---- the budget ------------------------------------------------------------------- */

static void test_ratelimit(void **state)
{
    struct ratelimit l = {.lock = PTHREAD_MUTEX_INITIALIZER, .window_start = -1000000};
    assert_true(ratelimit_parse("2/10", &l));
    assert_int_equal(ratelimit_take(&l, 5000).remaining, 1);
    struct ratelimit_state last = ratelimit_take(&l, 5001);
    assert_true(last.allowed);
    assert_int_equal(last.remaining, 0);
    struct ratelimit_state refused = ratelimit_take(&l, 14500);
    assert_false(refused.allowed);
    assert_int_equal(refused.reset_seconds, 1); /* half a second is not none */
    assert_true(ratelimit_take(&l, 15000).allowed);
}

static void test_ratelimit_option(void **state)
{
    static const char *const wrong[] = {"", "0", "x", "5/", "5/0", "5 ", "-5", "5/x"};
    struct ratelimit l;
    assert_true(ratelimit_parse("100", &l));
    assert_int_equal(l.limit, 100);
    assert_int_equal(l.window_ms, 60000);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        if (ratelimit_parse(wrong[i], &l))
            fail_msg("'%s' was taken", wrong[i]);
}

/* ---- keys ------------------------------------------------------------------------- */

static void test_keys(void **state)
{
    char path[] = "/tmp/test_local.XXXXXX";
    int fd = mkstemp(path);
    struct stat st;
    struct keyring first;
    struct keyring again;
    close(fd);
    unlink(path);
    assert_int_equal(keyring_open(&first, path), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(keyring_open(&again, path), 0);
    for (size_t i = 0; i < KEY_ROLES; i++) {
        const char *secret = first.keys[i].secret;
        assert_true(strlen(secret) >= 32);
        assert_ptr_equal(keyring_find(&again, secret), &again.keys[i]);
        assert_null(keyring_find(&again, secret + 1));
    }
    assert_null(keyring_find(&again, ""));
    assert_true(key_has(&first.keys[KEY_ADMIN], SCOPE_PAGES_DELETE));
    assert_false(key_has(&first.keys[KEY_AUTHOR], SCOPE_PAGES_DELETE));
    assert_true(key_has(&first.keys[KEY_READER], SCOPE_NONE));
    assert_false(key_has(&first.keys[KEY_READER], SCOPE_PAGES_WRITE));
    keyring_finish(&first);
    keyring_finish(&again);
    unlink(path);
}

static void test_a_broken_key_file_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "{\"admin\":\"a\",\"author\":\"b\"}",
        "{\"admin\":\"\",\"author\":\"b\",\"reader\":\"c\"}",
        "{\"admin\":1,\"author\":\"b\",\"reader\":\"c\"}"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        char path[] = "/tmp/test_local.XXXXXX";
        int fd = mkstemp(path);
        struct keyring k;
        assert_true(write(fd, texts[i], strlen(texts[i])) >= 0);
        close(fd);
        assert_true(keyring_open(&k, path) < 0);
        unlink(path);
    }
}

/* ---- the demo data ---------------------------------------------------------------- */

static sqlite3 *demo_at(time_t now, char path[])
{
    struct store *store;
    sqlite3 *db;
    close(mkstemp(path));
    assert_int_equal(store_sqlite_open(path, &store), 0);
    assert_int_equal(demo_data(store, "tenant", now), 0);
    store_close(store);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    return db;
}

static void demo_close(sqlite3 *db, const char *path)
{
    sqlite3_close(db); /* the last one takes the WAL away */
    unlink(path);
}

static char *ask(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    char *value = xstrdup((const char *)sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
    return value;
}

static void assert_answer(sqlite3 *db, const char *sql, const char *want)
{
    cleanup_free char *got = ask(db, sql);
    assert_string_equal(got, want);
}

#define NOON_2026_11_23 1795435200
#define COLUMN_LIST                                                                      \
    "SELECT group_concat(name || ' ' || type) FROM pragma_table_info('interactions')"

static void test_demo_has_the_columns_it_promises(void **state)
{
    char path[] = "/tmp/test_local.XXXXXX";
    sqlite3 *promised;
    sqlite3 *db = demo_at(NOON_2026_11_23, path);
    assert_int_equal(sqlite3_open(":memory:", &promised), SQLITE_OK);
    assert_int_equal(sqlite3_exec(promised, DEMO_INTERACTIONS_SQL, NULL, NULL, NULL),
                     SQLITE_OK);
    cleanup_free char *want = ask(promised, COLUMN_LIST);
    assert_answer(db, COLUMN_LIST, want);
    sqlite3_close(promised);
    demo_close(db, path);
}

static void test_demo_is_plausible(void **state)
{
    char path[] = "/tmp/test_local.XXXXXX";
    sqlite3 *db = demo_at(NOON_2026_11_23, path);
    assert_answer(db, "SELECT count(*) >= 5000 FROM interactions", "1");
    assert_answer(db, "SELECT count(DISTINCT id) = count(*) FROM interactions", "1");
    assert_answer(db, "SELECT max(timestamp) <= '2026-11-23 12:00:00' FROM interactions",
                  "1");
    assert_answer(db,
                  "SELECT min(timestamp) BETWEEN '2025-05-01' AND '2025-06-30'"
                  " FROM interactions",
                  "1");
    /* no month of the 18 is empty */
    assert_answer(db,
                  "SELECT count(DISTINCT substr(timestamp, 1, 7)) >= 18"
                  " FROM interactions",
                  "1");
    assert_answer(db, "SELECT count(DISTINCT channel) FROM interactions", "5");
    assert_answer(db, "SELECT count(DISTINCT deal_stage) FROM interactions", "6");
    /* closed deals have a date, which is past; open ones have none */
    assert_answer(db,
                  "SELECT count(*) FROM interactions WHERE deal_stage IS NOT NULL AND"
                  " (deal_stage LIKE 'closed%') != (closed_at IS NOT NULL)",
                  "0");
    assert_answer(db,
                  "SELECT count(*) FROM interactions WHERE closed_at > "
                  "'2026-11-23 12:00:00' OR closed_at < timestamp",
                  "0");
    assert_answer(db,
                  "SELECT count(*) FROM interactions WHERE (interaction_type = 'deal')"
                  " != (sentiment IS NULL) OR (interaction_type = 'deal') !="
                  " (amount IS NOT NULL)",
                  "0");
    assert_answer(db,
                  "SELECT count(*) FROM interactions AS i WHERE last_touch_at != (SELECT"
                  " max(timestamp) FROM interactions WHERE company_name ="
                  " i.company_name AND interaction_type != 'deal') AND id < 'int_000100'",
                  "0");
    demo_close(db, path);
}

static void test_demo_is_the_same_everywhere(void **state)
{
    static const char sum[] =
        "SELECT count(*) || ' ' || sum(deal_amount) || ' ' || group_concat(sentiment)"
        " FROM interactions";
    char path[] = "/tmp/test_local.XXXXXX";
    char other_path[] = "/tmp/test_local.XXXXXX";
    sqlite3 *db = demo_at(NOON_2026_11_23, path);
    sqlite3 *other = demo_at(NOON_2026_11_23, other_path);
    cleanup_free char *want = ask(db, sum);
    assert_answer(other, sum, want);
    demo_close(db, path);
    demo_close(other, other_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ratelimit),
        cmocka_unit_test(test_ratelimit_option),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_a_broken_key_file_is_refused),
        cmocka_unit_test(test_demo_has_the_columns_it_promises),
        cmocka_unit_test(test_demo_is_plausible),
        cmocka_unit_test(test_demo_is_the_same_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
