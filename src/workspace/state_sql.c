/* state_sql.c - state.db: its schema, its statements, and what its errors mean. */
#include "workspace/state_sql.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"

enum { STATE_VERSION = 1, NS = 1000000000, BUSY_MS = 5000 };

/* Times are nanoseconds since 1970. `sqlite3 state.db` is a legitimate way to look for a
 * draft, so stages and slots are words. */
static const char state_schema[] =
    "BEGIN;"
    "CREATE TABLE pages (key TEXT PRIMARY KEY, id TEXT UNIQUE, dir TEXT NOT NULL,"
    "  name TEXT, own_dir INTEGER NOT NULL);"
    "CREATE TABLE drafts (key TEXT NOT NULL, file TEXT NOT NULL, slot TEXT NOT NULL,"
    "  stage TEXT NOT NULL, text BLOB NOT NULL, problem BLOB, verdict BLOB,"
    "  base BLOB, mtime INTEGER NOT NULL, PRIMARY KEY (key, file, slot));"
    "CREATE TABLE texts (key TEXT NOT NULL, file TEXT NOT NULL, shown BLOB, remote BLOB,"
    "  mtime INTEGER NOT NULL, PRIMARY KEY (key, file));"
    "CREATE TABLE history (seq INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL,"
    "  file TEXT NOT NULL, text BLOB NOT NULL, at INTEGER NOT NULL);"
    "CREATE INDEX history_by_page ON history (key, at);"
    "CREATE INDEX history_by_age ON history (at);"
    "PRAGMA user_version = 1;"
    "COMMIT;";

static const char *const state_sql[SQL_COUNT] = {
    [SQL_PUT_PAGE] = "INSERT OR REPLACE INTO pages (key, id, dir, name, own_dir)"
                     " VALUES (?1, ?2, ?3, ?4, ?5)",
    [SQL_DROP_PAGE] = "DELETE FROM pages WHERE key = ?1",
    [SQL_DROP_PAGE_DRAFTS] = "DELETE FROM drafts WHERE key = ?1",
    [SQL_DROP_PAGE_TEXTS] = "DELETE FROM texts WHERE key = ?1",
    [SQL_PUT_DRAFT] = "INSERT OR REPLACE INTO drafts"
                      " (key, file, slot, stage, text, problem, verdict, base,"
                      " mtime) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [SQL_MARK_DRAFT] =
        "UPDATE drafts SET stage = ?4, problem = ?5, verdict = ?6,"
        " base = coalesce(?7, base) WHERE key = ?1 AND file = ?2 AND slot = ?3",
    [SQL_DROP_DRAFT] = "DELETE FROM drafts WHERE key = ?1 AND file = ?2 AND slot = ?3",
    [SQL_PUT_TEXT] = "INSERT OR REPLACE INTO texts (key, file, shown, remote, mtime)"
                     " VALUES (?1, ?2, ?3, ?4, ?5)",
    [SQL_PUT_REPLACED] =
        "INSERT INTO history (key, file, text, at) VALUES (?1, ?2, ?3, ?4)",
    [SQL_PRUNE] = "DELETE FROM history WHERE at < ?1",
    [SQL_READ_TEXTS] = "SELECT file, shown, remote, mtime FROM texts WHERE key = ?1",
    [SQL_READ_REPLACED] =
        "SELECT file, text, NULL, at FROM history WHERE key = ?1"
        " AND (?2 IS NULL OR file = ?2) AND at = (SELECT max(at) FROM history"
        " WHERE key = ?1 AND (?2 IS NULL OR file = ?2))",
};

static const char *const slot_words[] = {
    [STATE_DRAFT] = "draft",
    [STATE_MOVED] = "moved",
};
static const char *const stage_words[] = {
    [STATE_SAVING] = "saving",
    [STATE_WAITING] = "waiting",
    [STATE_REFUSED] = "refused",
};

const char *state_slot_word(enum state_slot slot)
{
    return slot_words[slot];
}

const char *state_stage_word(enum state_stage stage)
{
    return stage_words[stage];
}

int64_t state_time(struct timespec ts)
{
    return (int64_t)ts.tv_sec * NS + ts.tv_nsec;
}

static struct timespec time_of(int64_t ns)
{
    int64_t rest = (ns % NS + NS) % NS;
    return (struct timespec){.tv_sec = (time_t)((ns - rest) / NS), .tv_nsec = rest};
}

/* ---- errors ------------------------------------------------------------------ */

/* SQLite itself knows only ENOSPC; of a failed write that was a quota's, or met a limit on
 * the size of files, it says no more than "I/O error", and errno is still what write()
 * left. A quota is no room either; and to a writer EFBIG would say that the document is
 * too large. */
static int db_errno(int rc, int left)
{
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_READONLY:
        return -EROFS;
    case SQLITE_CANTOPEN:
        return left ? -left : -ENOENT;
    case SQLITE_IOERR:
        return left == ENOSPC || left == EDQUOT || left == EFBIG ? -ENOSPC : -EIO;
    default:
        return -EIO;
    }
}

static int db_failed(struct state_db *d, const char *what, int rc)
{
    int err = db_errno(rc, errno);
    log_error("state.db: %s: %s (%s)", what, sqlite3_errmsg(d->db), strerror(-err));
    return err;
}

/* ---- statements -------------------------------------------------------------- */

static sqlite3_stmt *db_statement(struct state_db *d, enum state_statement which)
{
    sqlite3_stmt **slot = &d->statements[which];
    if (!*slot)
        sqlite3_prepare_v3(d->db, state_sql[which], -1, SQLITE_PREPARE_PERSISTENT, slot,
                           NULL);
    return *slot;
}

static void bind_value(sqlite3_stmt *stmt, int at, const struct state_value *v)
{
    switch (v->type) {
    case VALUE_STRING:
        sqlite3_bind_text(stmt, at, v->string, -1, SQLITE_STATIC);
        break;
    case VALUE_TEXT:
        sqlite3_bind_blob64(stmt, at, v->text->data, v->text->len, SQLITE_STATIC);
        break;
    case VALUE_NUMBER:
        sqlite3_bind_int64(stmt, at, v->number);
        break;
    case VALUE_NULL:
        break;
    }
}

static sqlite3_stmt *db_bind(struct state_db *d, const struct state_step *step)
{
    sqlite3_stmt *stmt = db_statement(d, step->which);
    if (!stmt)
        return NULL;
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    for (unsigned i = 0; i < step->count; i++)
        bind_value(stmt, (int)i + 1, &step->values[i]);
    return stmt;
}

void state_step_free(struct state_step *step)
{
    for (unsigned i = 0; i < step->count; i++) {
        free(step->values[i].string);
        text_unref(step->values[i].text);
    }
    free(step);
}

static int db_exec(struct state_db *d, const char *sql)
{
    errno = 0;
    int rc = sqlite3_exec(d->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : db_failed(d, sql, rc);
}

static int db_step(struct state_db *d, const struct state_step *step)
{
    sqlite3_stmt *stmt = db_bind(d, step);
    errno = 0;
    int rc = stmt ? sqlite3_step(stmt) : sqlite3_errcode(d->db);
    int err = rc == SQLITE_DONE ? 0 : db_failed(d, state_sql[step->which], rc);
    if (stmt)
        sqlite3_reset(stmt);
    return err;
}

int state_db_run(struct state_db *d, const struct state_step *steps)
{
    int err = db_exec(d, "BEGIN IMMEDIATE");
    for (; !err && steps; steps = steps->next)
        err = db_step(d, steps);
    if (!err)
        err = db_exec(d, "COMMIT");
    if (!sqlite3_get_autocommit(d->db))
        sqlite3_exec(d->db, "ROLLBACK", NULL, NULL, NULL);
    return err;
}

/* ---- reading ----------------------------------------------------------------- */

static const char *column_string(sqlite3_stmt *stmt, int at)
{
    return (const char *)sqlite3_column_text(stmt, at);
}

static struct text *column_bytes(sqlite3_stmt *stmt, int at)
{
    if (sqlite3_column_type(stmt, at) == SQLITE_NULL)
        return NULL;
    const void *data = sqlite3_column_blob(stmt, at);
    int len = sqlite3_column_bytes(stmt, at);
    return text_new(data ? data : "", data ? (size_t)len : 0);
}

static int column_word(sqlite3_stmt *stmt, int at, const char *const *words, int count)
{
    const char *word = column_string(stmt, at);
    for (int i = 0; word && i < count; i++)
        if (!strcmp(word, words[i]))
            return i;
    return 0;
}

void state_rows_free(struct state_text *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *file = (char *)(uintptr_t)rows[i].file; /* ours, const to the reader */
        free(file);
        text_unref(rows[i].shown);
        text_unref(rows[i].remote);
    }
    free(rows);
}

int state_db_ask(struct state_db *d, const struct state_step *step,
                 struct state_text **ret_rows, size_t *ret_count)
{
    sqlite3_stmt *stmt = db_bind(d, step);
    struct state_text *rows = NULL;
    size_t count = 0;
    int rc = stmt ? SQLITE_OK : sqlite3_errcode(d->db);
    while (stmt && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        rows = xrealloc(rows, (count + 1) * sizeof *rows);
        rows[count++] = (struct state_text){
            .file = xstrdup(column_string(stmt, 0)),
            .shown = column_bytes(stmt, 1),
            .remote = column_bytes(stmt, 2),
            .when = time_of(sqlite3_column_int64(stmt, 3)),
        };
    }
    int err = rc == SQLITE_DONE ? 0 : db_failed(d, state_sql[step->which], rc);
    if (stmt)
        sqlite3_reset(stmt);
    *ret_rows = rows;
    *ret_count = count;
    return err;
}

static void load_page(sqlite3_stmt *stmt, const struct state_visitor *v, void *arg)
{
    struct state_page page = {
        .key = column_string(stmt, 0),
        .id = column_string(stmt, 1),
        .dir = column_string(stmt, 2),
        .name = column_string(stmt, 3),
        .own_dir = sqlite3_column_int(stmt, 4) != 0,
    };
    if (page.key && page.dir)
        v->page(arg, &page);
}

static void load_draft(sqlite3_stmt *stmt, const struct state_visitor *v, void *arg)
{
    cleanup_text struct text *text = column_bytes(stmt, 4);
    cleanup_text struct text *problem = column_bytes(stmt, 5);
    cleanup_text struct text *verdict = column_bytes(stmt, 6);
    cleanup_text struct text *base = column_bytes(stmt, 7);
    struct state_draft draft = {
        .key = column_string(stmt, 0),
        .file = column_string(stmt, 1),
        .slot = (enum state_slot)column_word(stmt, 2, slot_words, ARRAY_LEN(slot_words)),
        .stage =
            (enum state_stage)column_word(stmt, 3, stage_words, ARRAY_LEN(stage_words)),
        .text = text,
        .problem = problem,
        .verdict = verdict,
        .base = base,
        .mtime = time_of(sqlite3_column_int64(stmt, 8)),
    };
    if (draft.key && draft.file && text)
        v->draft(arg, &draft);
}

static void load_params(sqlite3_stmt *stmt, const struct state_visitor *v, void *arg)
{
    cleanup_text struct text *shown = column_bytes(stmt, 1);
    struct state_text params = {
        .key = column_string(stmt, 0),
        .file = "params.json",
        .shown = shown,
        .when = time_of(sqlite3_column_int64(stmt, 2)),
    };
    if (params.key && shown)
        v->params(arg, &params);
}

static const struct {
    const char *sql;
    void (*row)(sqlite3_stmt *stmt, const struct state_visitor *v, void *arg);
} loads[] = {
    {"SELECT key, id, dir, name, own_dir FROM pages ORDER BY rowid", load_page},
    {"SELECT key, file, slot, stage, text, problem, verdict, base, mtime FROM"
     " drafts ORDER BY rowid",
     load_draft},
    {"SELECT key, shown, mtime FROM texts WHERE file = 'params.json'", load_params},
};

int state_db_load(struct state_db *d, const struct state_visitor *visitor, void *arg)
{
    for (size_t i = 0; i < ARRAY_LEN(loads); i++) {
        sqlite3_stmt *stmt = NULL;
        int rc = sqlite3_prepare_v2(d->db, loads[i].sql, -1, &stmt, NULL);
        while (rc == SQLITE_OK || rc == SQLITE_ROW) {
            rc = sqlite3_step(stmt);
            if (rc == SQLITE_ROW)
                loads[i].row(stmt, visitor, arg);
        }
        int err = rc == SQLITE_DONE ? 0 : db_failed(d, loads[i].sql, rc);
        sqlite3_finalize(stmt);
        if (err)
            return err;
    }
    return 0;
}

/* ---- opening ----------------------------------------------------------------- */

/* SQLite would make it, and its WAL, with the umask alone. */
static int db_make_file(const char *path)
{
    cleanup_fd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd < 0 ? -errno : 0;
}

/* The schema's version; 0 of a new file. SQLite looks at a file only when it is asked
 * something. */
static int db_version(struct state_db *d, int *ret_version)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(d->db, "PRAGMA user_version", -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *ret_version = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW ? 0 : db_errno(rc, errno);
}

static int db_prepare(struct state_db *d, int version)
{
    int err = db_exec(d, "PRAGMA journal_mode = WAL");
    if (!err)
        err = db_exec(d, "PRAGMA synchronous = FULL");
    if (!err && version == 0)
        err = db_exec(d, state_schema);
    return err;
}

static char *open_reason(struct state_db *d, const char *path, int err, int version)
{
    if (err == -EPROTONOSUPPORT)
        return xasprintf(
            "%s was written by a newer amdahlfs (its version is %d, this one "
            "knows %d); it is left as it is",
            path, version, STATE_VERSION);
    return xasprintf("%s cannot be used: %s; it is left as it is. It holds the drafts of "
                     "this workspace: move it away, do not remove it, to begin a new one",
                     path, d->db ? sqlite3_errmsg(d->db) : strerror(-err));
}

static int db_open(struct state_db *d, const char *path, int *ret_version)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    int err = db_make_file(path);
    if (err)
        return err;
    int rc = sqlite3_open_v2(path, &d->db, flags, NULL);
    if (rc != SQLITE_OK)
        return db_errno(rc, errno);
    sqlite3_busy_timeout(d->db, BUSY_MS);
    err = db_version(d, ret_version);
    if (err)
        return err;
    return *ret_version > STATE_VERSION ? -EPROTONOSUPPORT : db_prepare(d, *ret_version);
}

int state_db_open(struct state_db *d, const char *path, char **ret_reason)
{
    int version = 0;
    *d = (struct state_db){0};
    int err = db_open(d, path, &version);
    if (!err)
        return 0;
    *ret_reason = open_reason(d, path, err, version);
    if (d->db) /* closing must not write into what is not understood */
        sqlite3_db_config(d->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    state_db_close(d);
    return err;
}

void state_db_close(struct state_db *d)
{
    for (size_t i = 0; i < SQL_COUNT; i++)
        sqlite3_finalize(d->statements[i]);
    sqlite3_close(d->db);
    *d = (struct state_db){0};
}
