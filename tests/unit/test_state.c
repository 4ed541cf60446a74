/* What outlives the process: state.db alone, without pages or a platform. */
#include "cmocka_all.h"

#undef NDEBUG /* also in a release build */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <semaphore.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "workspace/state.h"

struct fixture {
    char dir[64];
    struct loop *loop;
    struct state *state;
};

static void open_state(struct fixture *f)
{
    cleanup_free char *reason = NULL;
    assert_int_equal(loop_create(&f->loop), 0);
    assert_int_equal(loop_start(f->loop), 0);
    assert_int_equal(state_open(f->dir, f->loop, &f->state, &reason), 0);
}

static void close_state(struct fixture *f)
{
    state_stop(f->state);
    loop_stop(f->loop);
    state_close(f->state);
    loop_destroy(f->loop);
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    strcpy(f->dir, "/tmp/test_state.XXXXXX");
    assert(mkdtemp(f->dir));
    open_state(f);
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
    close_state(f);
    nftw(f->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

/* ---- waiting ---------------------------------------------------------------------- */

struct answer {
    sem_t done;
    int err;
    struct buf rows; /* "file=text@seconds;" each */
};

static void on_done(void *arg, int err)
{
    struct answer *a = arg;
    a->err = err;
    sem_post(&a->done);
}

static void on_rows(void *arg, const struct state_text *rows, size_t count)
{
    struct answer *a = arg;
    for (size_t i = 0; i < count; i++)
        buf_printf(&a->rows, "%s=%s@%lld.%09ld;", rows[i].file,
                   rows[i].shown ? rows[i].shown->data : "-",
                   (long long)rows[i].when.tv_sec, rows[i].when.tv_nsec);
    sem_post(&a->done);
}

static int commit(struct fixture *f, struct state_change *c)
{
    struct answer a = {.err = -1};
    sem_init(&a.done, 0, 0);
    state_commit(f->state, c, on_done, &a);
    while (sem_wait(&a.done) != 0)
        continue;
    sem_destroy(&a.done);
    return a.err;
}

static char *replaced(struct fixture *f, const char *key, const char *file)
{
    struct answer a = {.rows = BUF_INIT};
    sem_init(&a.done, 0, 0);
    state_read_replaced(f->state, key, file, on_rows, &a);
    while (sem_wait(&a.done) != 0)
        continue;
    sem_destroy(&a.done);
    return buf_steal(&a.rows);
}

static char *texts(struct fixture *f, const char *key)
{
    struct answer a = {.rows = BUF_INIT};
    sem_init(&a.done, 0, 0);
    state_read_texts(f->state, key, on_rows, &a);
    while (sem_wait(&a.done) != 0)
        continue;
    sem_destroy(&a.done);
    return buf_steal(&a.rows);
}

/* ---- what is there ---------------------------------------------------------------- */

static void see_page(void *arg, const struct state_page *p)
{
    buf_printf(arg, "page %s %s %s %s %d;", p->key, p->id ? p->id : "-", p->dir,
               p->name ? p->name : "-", p->own_dir);
}

static void see_draft(void *arg, const struct state_draft *d)
{
    buf_printf(arg, "draft %s %s %d %d %s %s %s %s %lld;", d->key, d->file, (int)d->slot,
               (int)d->stage, d->text->data, d->base ? d->base->data : "-",
               d->problem ? d->problem->data : "-", d->verdict ? d->verdict->data : "-",
               (long long)d->mtime.tv_sec);
}

static void see_params(void *arg, const struct state_text *t)
{
    buf_printf(arg, "params %s %s;", t->key, t->shown->data);
}

static char *all(struct fixture *f)
{
    static const struct state_visitor visitor = {see_page, see_draft, see_params};
    struct buf out = BUF_INIT;
    close_state(f);
    open_state(f);
    assert_int_equal(state_load(f->state, &visitor, &out), 0);
    return buf_steal(&out);
}

static void put_draft(struct state_change *c, const char *text, enum state_stage stage)
{
    cleanup_text struct text *t = text_from_string(text);
    cleanup_text struct text *problem =
        stage == STATE_REFUSED ? text_from_string("why") : NULL;
    const struct state_draft draft = {.key = "k",
                                      .file = "spec.json",
                                      .slot = STATE_DRAFT,
                                      .stage = stage,
                                      .text = t,
                                      .base = t,
                                      .problem = problem,
                                      .mtime = {7, 8}};
    state_put_draft(c, &draft);
}

/* ---- tests ------------------------------------------------------------------------ */

static void test_drafts_and_pages(void **state)
{
    struct fixture *f = *state;
    struct state_change *c = state_change_new();
    const struct state_page page = {"k", "pg-1", "weekly", "Weekly", true};
    const struct state_page local = {"here-1", NULL, "new", NULL, true};
    state_put_page(c, &page);
    state_put_page(c, &local);
    put_draft(c, "one", STATE_SAVING);
    put_draft(c, "two", STATE_REFUSED);
    assert_int_equal(commit(f, c), 0);
    cleanup_free char *seen = all(f);
    assert_string_equal(seen, "page k pg-1 weekly Weekly 1;page here-1 - new - 1;"
                              "draft k spec.json 0 2 two two why - 7;");

    c = state_change_new();
    const struct state_draft waits = {
        .key = "k", .file = "spec.json", .stage = STATE_WAITING};
    state_mark_draft(c, &waits);
    assert_int_equal(commit(f, c), 0);
    free(seen);
    seen = all(f);
    assert_string_equal(seen, "page k pg-1 weekly Weekly 1;page here-1 - new - 1;"
                              "draft k spec.json 0 1 two two - - 7;");

    c = state_change_new();
    state_drop_draft(c, "k", "spec.json", STATE_MOVED);
    assert_int_equal(commit(f, c), 0);
    cleanup_free char *other_slot = all(f);
    assert_string_equal(other_slot, seen);

    c = state_change_new();
    state_drop_draft(c, "k", "spec.json", STATE_DRAFT);
    state_drop_page(c, "here-1");
    assert_int_equal(commit(f, c), 0);
    cleanup_free char *rest = all(f);
    assert_string_equal(rest, "page k pg-1 weekly Weekly 1;");
}

/* A page made here that got an id takes the place of what a sweep had put for that id. */
static void test_one_row_an_id(void **state)
{
    struct fixture *f = *state;
    struct state_change *c = state_change_new();
    const struct state_page swept = {"pg-1", "pg-1", "new~pg-1", "new", false};
    const struct state_page made = {"here-1", "pg-1", "new", "new", true};
    state_put_page(c, &swept);
    state_put_page(c, &made);
    assert_int_equal(commit(f, c), 0);
    cleanup_free char *seen = all(f);
    assert_string_equal(seen, "page here-1 pg-1 new new 1;");
}

static void test_texts(void **state)
{
    struct fixture *f = *state;
    cleanup_text struct text *nul = text_new("a\0b", 3);
    cleanup_text struct text *params = text_from_string("{}");
    struct state_change *c = state_change_new();
    struct state_text t = {"k", "spec.json", nul, NULL, {-1, 5}};
    state_put_text(c, &t);
    t.file = "params.json";
    t.shown = params;
    state_put_text(c, &t);
    t.file = "queries.json";
    t.shown = NULL;
    state_put_text(c, &t);
    state_commit(f->state, c, NULL, NULL); /* asked at once: in order all the same */
    cleanup_free char *said = texts(f, "k");
    assert_non_null(strstr(said, "spec.json=a@-1.000000005;"));
    assert_non_null(strstr(said, "queries.json=-@"));
    cleanup_free char *none = texts(f, "other");
    assert_string_equal(none, "");
    cleanup_free char *seen = all(f);
    assert_string_equal(seen, "params k {};");
}

static void put_replaced(struct state_change *c, const char *file, const char *text,
                         time_t at)
{
    cleanup_text struct text *t = text_from_string(text);
    const struct state_text old = {"k", file, t, NULL, {at, 0}};
    state_put_replaced(c, &old);
}

static void test_replaced(void **state)
{
    struct fixture *f = *state;
    struct state_change *c = state_change_new();
    time_t now = time(NULL);
    put_replaced(c, "spec.json", "ancient", now - 31 * 24 * 3600);
    put_replaced(c, "queries.json", "q1", now - 20);
    put_replaced(c, "spec.json", "s1", now - 20);
    put_replaced(c, "spec.json", "s2", now - 10);
    assert_int_equal(commit(f, c), 0);
    cleanup_free char *newest = replaced(f, "k", NULL);
    assert_true(!strncmp(newest, "spec.json=s2@", 13) && strchr(newest, ';')[1] == '\0');
    cleanup_free char *queries = replaced(f, "k", "queries.json");
    assert_true(!strncmp(queries, "queries.json=q1@", 16));

    cleanup_free char *path = xasprintf("%s/state.db", f->dir);
    sqlite3 *db;
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_prepare_v2(db, "SELECT count(*) FROM history", -1, &stmt, NULL);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(stmt, 0), 3); /* the ancient one is gone */
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}

/* No more bytes in any file: all of a change, or nothing; and it goes on afterwards. */
static void test_full_disk(void **state)
{
    struct fixture *f = *state;
    struct rlimit old;
    struct state_change *c = state_change_new();
    char *much = xmalloc(300001);
    memset(much, 'x', 300000);
    much[300000] = '\0';
    put_draft(c, "small", STATE_SAVING);
    assert_int_equal(commit(f, c), 0);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    struct rlimit tight = {100000, old.rlim_max};
    setrlimit(RLIMIT_FSIZE, &tight);
    c = state_change_new();
    state_drop_draft(c, "k", "spec.json", STATE_DRAFT);
    put_draft(c, much, STATE_SAVING);
    int err = commit(f, c);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(err, -ENOSPC);
    c = state_change_new();
    const struct state_page page = {"k", "pg-1", "weekly", NULL, false};
    state_put_page(c, &page);
    assert_int_equal(commit(f, c), 0);
    cleanup_free char *seen = all(f);
    assert_string_equal(
        seen, "page k pg-1 weekly - 0;draft k spec.json 0 0 small small - - 7;");
    free(much);
}

static void test_after_the_stop(void **state)
{
    struct fixture *f = *state;
    state_stop(f->state);
    struct state_change *c = state_change_new();
    put_draft(c, "late", STATE_SAVING);
    assert_int_equal(commit(f, c), -ECANCELED);
}

/* A process that is killed right after the answer has lost nothing. */
static void test_killed(void **state)
{
    struct fixture *f = *state;
    close_state(f);
    pid_t pid = fork();
    if (!pid) {
        open_state(f);
        struct state_change *c = state_change_new();
        const struct state_page page = {"k", NULL, "new", NULL, true};
        state_put_page(c, &page);
        put_draft(c, "text", STATE_SAVING);
        if (commit(f, c) == 0)
            kill(getpid(), SIGKILL);
        _exit(1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    open_state(f);
    cleanup_free char *seen = all(f);
    assert_string_equal(seen, "page k - new - 1;draft k spec.json 0 0 text text - - 7;");
}

static void refused(struct fixture *f, int want, const char *words)
{
    cleanup_free char *reason = NULL;
    struct state *none = NULL;
    assert_int_equal(state_open(f->dir, f->loop, &none, &reason), want);
    assert_null(none);
    assert_non_null(reason);
    if (!strstr(reason, words))
        fail_msg("\"%s\" is not in: %s", words, reason);
}

static void test_newer(void **state)
{
    struct fixture *f = *state;
    cleanup_free char *path = xasprintf("%s/state.db", f->dir);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 2", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    refused(f, -EPROTONOSUPPORT, "newer amdahlfs");
}

static void test_damaged(void **state)
{
    struct fixture *f = *state;
    char dir[sizeof f->dir];
    strcpy(dir, f->dir);
    cleanup_free char *other = xasprintf("%s/other", dir);
    cleanup_free char *path = xasprintf("%s/state.db", other);
    assert_int_equal(mkdir(other, 0700), 0);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    for (int i = 0; i < 100; i++)
        assert_int_equal(write(fd, "no database at all\n", 19), 19);
    close(fd);
    strcpy(f->dir, other);
    refused(f, -EIO, "move it away");
    strcpy(f->dir, dir);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 1900);
}

static void test_mode(void **state)
{
    struct fixture *f = *state;
    cleanup_free char *path = xasprintf("%s/state.db", f->dir);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_drafts_and_pages),
        TEST(test_one_row_an_id),
        TEST(test_texts),
        TEST(test_replaced),
        TEST(test_full_disk),
        TEST(test_after_the_stop),
        TEST(test_killed),
        TEST(test_newer),
        TEST(test_damaged),
        TEST(test_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
