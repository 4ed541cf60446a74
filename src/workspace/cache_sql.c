/* cache_sql.c - cache.db: its schema, its statements, and when it is begun anew. */
#include "workspace/cache_sql.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/log.h"

/* The application id ("amfc") keeps us from a database that is somebody else's. */
enum { CACHE_VERSION = 1, CACHE_APPLICATION = 0x616d6663, NS = 1000000000 };

/* Times are nanoseconds since 1970; used counts up, `sum` is row_sum() of the row. */
static const char cache_schema[] =
    "BEGIN;"
    "CREATE TABLE bodies (id TEXT PRIMARY KEY, token TEXT, at INTEGER NOT NULL,"
    "  used INTEGER NOT NULL, size INTEGER NOT NULL, sum INTEGER NOT NULL,"
    "  text BLOB NOT NULL);"
    "CREATE INDEX bodies_by_use ON bodies (used, size);"
    "CREATE TABLE summaries (id TEXT PRIMARY KEY, sum INTEGER NOT NULL,"
    "  text BLOB NOT NULL);"
    "CREATE TABLE meta (name TEXT PRIMARY KEY, sum INTEGER NOT NULL,"
    "  text BLOB NOT NULL);"
    "PRAGMA application_id = 1634559587;"
    "PRAGMA user_version = 1;"
    "COMMIT;";

static const char *const cache_sql[CACHE_STATEMENTS] = {
    [CACHE_PUT_BODY] = "REPLACE INTO bodies VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [CACHE_READ_BODY] = "SELECT token, at, used, sum, text FROM bodies WHERE id = ?1",
    [CACHE_USE_BODY] = "UPDATE bodies SET used = ?2 WHERE id = ?1",
    [CACHE_DROP_BODY] = "DELETE FROM bodies WHERE id = ?1",
    [CACHE_OLDEST_BODY] = "SELECT id FROM bodies ORDER BY used LIMIT 1",
    [CACHE_SIZE_BODY] = "SELECT size FROM bodies WHERE id = ?1",
    [CACHE_PUT_SUMMARY] = "REPLACE INTO summaries VALUES (?1, ?2, ?3)",
    [CACHE_READ_SUMMARY] = "SELECT sum, text FROM summaries WHERE id = ?1",
    [CACHE_DROP_SUMMARY] = "DELETE FROM summaries WHERE id = ?1",
    [CACHE_PUT_META] = "REPLACE INTO meta VALUES (?1, ?2, ?3)",
};

/* ---- errors and sums --------------------------------------------------------- */

static int db_errno(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW:
        return 0;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_READONLY:
        return -EROFS;
    case SQLITE_BUSY:
        return -EBUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* a table that is not there */
    case SQLITE_MISMATCH:
    case SQLITE_SCHEMA:
        return -EUCLEAN;
    case SQLITE_IOERR:
        return rc == SQLITE_IOERR_SHORT_READ ? -EUCLEAN : -EIO;
    default:
        return -EIO;
    }
}

static uint64_t sum_bytes(uint64_t sum, const void *data, size_t len)
{
    const unsigned char *p = data;
    while (len--)
        sum = (sum ^ *p++) * 1099511628211u;
    return sum;
}

/* What is called id; the NULs keep the parts apart. */
static uint64_t row_sum(const char *id, const char *token, int64_t at, const void *data,
                        size_t len)
{
    uint64_t sum = 14695981039346656037u;
    sum = sum_bytes(sum, id, strlen(id) + 1);
    sum = sum_bytes(sum, token ? token : "", token ? strlen(token) + 1 : 0);
    sum = sum_bytes(sum, &at, sizeof at);
    return sum_bytes(sum, data, len);
}

uint64_t cache_sum(const char *id, const void *data, size_t len)
{
    return row_sum(id, NULL, 0, data, len);
}

static int64_t time_ns(struct timespec ts)
{
    return (int64_t)ts.tv_sec * NS + ts.tv_nsec;
}

static struct timespec time_of(int64_t ns)
{
    int64_t rest = (ns % NS + NS) % NS;
    return (struct timespec){.tv_sec = (time_t)((ns - rest) / NS), .tv_nsec = rest};
}

/* ---- statements -------------------------------------------------------------- */

/* NULL: the file has not what it should. Bound from 1: the id, and what the caller adds.
 */
static sqlite3_stmt *db_statement(struct cache_db *d, enum cache_statement which,
                                  const char *id)
{
    sqlite3_stmt **slot = &d->statements[which];
    if (!*slot)
        sqlite3_prepare_v3(d->db, cache_sql[which], -1, SQLITE_PREPARE_PERSISTENT, slot,
                           NULL);
    if (!*slot)
        return NULL;
    sqlite3_reset(*slot);
    sqlite3_clear_bindings(*slot);
    if (id)
        sqlite3_bind_text(*slot, 1, id, -1, SQLITE_STATIC);
    return *slot;
}

static int db_failed(struct cache_db *d, const char *what, int rc)
{
    int err = db_errno(rc);
    if (err)
        log_debug("cache.db: %s: %s", what, sqlite3_errmsg(d->db));
    return err;
}

/* One that gives no rows. */
static int db_run(struct cache_db *d, enum cache_statement which, sqlite3_stmt *stmt)
{
    int rc = stmt ? sqlite3_step(stmt) : sqlite3_errcode(d->db);
    int err = db_failed(d, cache_sql[which], rc);
    sqlite3_reset(stmt);
    return err;
}

static int db_exec(struct cache_db *d, const char *sql)
{
    return db_failed(d, sql, sqlite3_exec(d->db, sql, NULL, NULL, NULL));
}

int cache_db_begin(struct cache_db *d)
{
    return db_exec(d, "BEGIN IMMEDIATE");
}

int cache_db_end(struct cache_db *d, int err)
{
    if (!err)
        err = db_exec(d, "COMMIT");
    if (!sqlite3_get_autocommit(d->db))
        sqlite3_exec(d->db, "ROLLBACK", NULL, NULL, NULL);
    return err;
}

/* The one number a statement gives; 0 when it gives none. */
static int db_number(struct cache_db *d, const char *sql, int64_t *ret)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(d->db, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    *ret = rc == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
    int err = db_failed(d, sql, rc);
    sqlite3_finalize(stmt);
    return err;
}

static struct text *column_bytes(sqlite3_stmt *stmt, int at)
{
    const void *data = sqlite3_column_blob(stmt, at);
    int len = sqlite3_column_bytes(stmt, at);
    return text_new(data ? data : "", data ? (size_t)len : 0);
}

/* ---- bodies ------------------------------------------------------------------ */

static int db_size(struct cache_db *d, const char *id, uint64_t *ret)
{
    sqlite3_stmt *stmt = db_statement(d, CACHE_SIZE_BODY, id);
    int rc = stmt ? sqlite3_step(stmt) : sqlite3_errcode(d->db);
    *ret = rc == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_reset(stmt);
    return db_failed(d, cache_sql[CACHE_SIZE_BODY], rc);
}

int cache_db_drop_body(struct cache_db *d, const char *id)
{
    uint64_t size;
    int err = db_size(d, id, &size);
    if (!err)
        err = db_run(d, CACHE_DROP_BODY, db_statement(d, CACHE_DROP_BODY, id));
    if (!err)
        d->total -= size < d->total ? size : d->total;
    return err;
}

static char *db_oldest(struct cache_db *d)
{
    sqlite3_stmt *stmt = db_statement(d, CACHE_OLDEST_BODY, NULL);
    bool found = stmt && sqlite3_step(stmt) == SQLITE_ROW;
    char *id = found ? xstrdup((const char *)sqlite3_column_text(stmt, 0)) : NULL;
    sqlite3_reset(stmt);
    return id;
}

/* The least recently used go until `more` bytes have room. */
static int db_make_room(struct cache_db *d, uint64_t more)
{
    while (d->total + more > d->max) {
        cleanup_free char *id = db_oldest(d);
        if (!id)
            return d->total ? -EUCLEAN : 0; /* counted, and not there */
        int err = cache_db_drop_body(d, id);
        if (err)
            return err;
    }
    return 0;
}

int cache_db_put_body(struct cache_db *d, const char *id, const struct cache_body *body)
{
    int64_t at = time_ns(body->at);
    const struct text *text = body->text;
    int err = cache_db_drop_body(d, id);
    if (err || text->len > d->max)
        return err;
    err = db_make_room(d, text->len);
    sqlite3_stmt *stmt = err ? NULL : db_statement(d, CACHE_PUT_BODY, id);
    if (err || !stmt)
        return err ? err : -EUCLEAN;
    if (body->token)
        sqlite3_bind_text(stmt, 2, body->token, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 3, at);
    sqlite3_bind_int64(stmt, 4, ++d->clock);
    sqlite3_bind_int64(stmt, 5, (int64_t)text->len);
    sqlite3_bind_int64(stmt, 6,
                       (int64_t)row_sum(id, body->token, at, text->data, text->len));
    sqlite3_bind_blob64(stmt, 7, text->data, text->len, SQLITE_STATIC);
    err = db_run(d, CACHE_PUT_BODY, stmt);
    if (!err)
        d->total += text->len;
    return err;
}

/* A row that was read: whole, and of this id? */
static int db_take_body(sqlite3_stmt *stmt, const char *id, struct text **ret_text,
                        char **ret_token, struct timespec *ret_at)
{
    const char *token = (const char *)sqlite3_column_text(stmt, 0);
    int64_t at = sqlite3_column_int64(stmt, 1);
    cleanup_text struct text *text = column_bytes(stmt, 4);
    if ((uint64_t)sqlite3_column_int64(stmt, 3) !=
        row_sum(id, token, at, text->data, text->len))
        return -EUCLEAN;
    *ret_text = steal_ptr(text);
    *ret_token = xstrdup(token);
    *ret_at = time_of(at);
    return 0;
}

/* What was used last is not written again: a file that is read over and over costs no
 * writing. */
static int db_use_body(struct cache_db *d, const char *id, int64_t used)
{
    if (used == d->clock)
        return 0;
    sqlite3_stmt *stmt = db_statement(d, CACHE_USE_BODY, id);
    if (stmt)
        sqlite3_bind_int64(stmt, 2, ++d->clock);
    return db_run(d, CACHE_USE_BODY, stmt);
}

int cache_db_read_body(struct cache_db *d, const char *id, struct text **ret_text,
                       char **ret_token, struct timespec *ret_at)
{
    sqlite3_stmt *stmt = db_statement(d, CACHE_READ_BODY, id);
    int rc = stmt ? sqlite3_step(stmt) : sqlite3_errcode(d->db);
    int err = rc == SQLITE_DONE ? -ENOENT : db_failed(d, "a body", rc);
    int64_t used = rc == SQLITE_ROW ? sqlite3_column_int64(stmt, 2) : 0;
    if (!err)
        err = db_take_body(stmt, id, ret_text, ret_token, ret_at);
    sqlite3_reset(stmt);
    if (!err)
        db_use_body(d, id, used); /* a disk that is full is no reason not to read */
    return err;
}

/* ---- the list ---------------------------------------------------------------- */

static int db_put_text(struct cache_db *d, enum cache_statement which, const char *id,
                       const void *data, size_t len)
{
    sqlite3_stmt *stmt = db_statement(d, which, id);
    if (stmt) {
        sqlite3_bind_int64(stmt, 2, (int64_t)row_sum(id, NULL, 0, data, len));
        sqlite3_bind_blob64(stmt, 3, data, len, SQLITE_STATIC);
    }
    return db_run(d, which, stmt);
}

int cache_db_put_summary(struct cache_db *d, const char *id, struct text *text)
{
    return db_put_text(d, CACHE_PUT_SUMMARY, id, text->data, text->len);
}

int cache_db_read_summary(struct cache_db *d, const char *id, struct text **ret_text)
{
    sqlite3_stmt *stmt = db_statement(d, CACHE_READ_SUMMARY, id);
    int rc = stmt ? sqlite3_step(stmt) : sqlite3_errcode(d->db);
    int err = rc == SQLITE_DONE ? -ENOENT : db_failed(d, "a summary", rc);
    cleanup_text struct text *text = err ? NULL : column_bytes(stmt, 1);
    if (text &&
        (uint64_t)sqlite3_column_int64(stmt, 0) != cache_sum(id, text->data, text->len))
        err = -EUCLEAN;
    sqlite3_reset(stmt);
    if (!err)
        *ret_text = steal_ptr(text);
    return err;
}

int cache_db_drop_summary(struct cache_db *d, const char *id)
{
    return db_run(d, CACHE_DROP_SUMMARY, db_statement(d, CACHE_DROP_SUMMARY, id));
}

int cache_db_forget_list(struct cache_db *d)
{
    return db_exec(d, "DELETE FROM summaries; DELETE FROM meta WHERE name = 'listed'");
}

int cache_db_put_time(struct cache_db *d, struct timespec at)
{
    int64_t ns = time_ns(at);
    return db_put_text(d, CACHE_PUT_META, "listed", &ns, sizeof ns);
}

int cache_db_put_me(struct cache_db *d, struct text *me)
{
    return db_put_text(d, CACHE_PUT_META, "me", me->data, me->len);
}

/* Rows of an id, a sum and a text; each gets those that are whole. */
static int db_each(struct cache_db *d, const char *sql, cache_summary_fn *each, void *arg)
{
    sqlite3_stmt *stmt = NULL;
    int bad = 0;
    int rc = sqlite3_prepare_v2(d->db, sql, -1, &stmt, NULL);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(stmt);
        const char *id =
            rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
        if (rc != SQLITE_ROW)
            continue;
        cleanup_text struct text *text = column_bytes(stmt, 2);
        if (id && (uint64_t)sqlite3_column_int64(stmt, 1) ==
                      cache_sum(id, text->data, text->len))
            each(arg, id, text);
        else
            bad = -EUCLEAN;
    }
    int err = db_failed(d, sql, rc);
    sqlite3_finalize(stmt);
    return err ? err : bad;
}

struct meta {
    bool listed;
    struct timespec at;
    struct text *me;
};

static void meta_take(void *arg, const char *name, struct text *text)
{
    struct meta *meta = arg;
    int64_t ns;
    if (!strcmp(name, "me"))
        text_replace(&meta->me, text_ref(text));
    if (strcmp(name, "listed") != 0 || text->len != sizeof ns)
        return;
    memcpy(&ns, text->data, sizeof ns);
    meta->at = time_of(ns);
    meta->listed = true;
}

int cache_db_load(struct cache_db *d, cache_summary_fn *each, void *arg,
                  struct timespec *ret_at, struct text **ret_me)
{
    struct meta meta = {0};
    int err = db_each(d, "SELECT name, sum, text FROM meta", meta_take, &meta);
    if (!err)
        err = db_each(d, "SELECT id, sum, text FROM summaries", each, arg);
    *ret_at = meta.at;
    *ret_me = meta.me;
    return err ? err : meta.listed ? 0 : -ENOENT;
}

/* ---- opening ----------------------------------------------------------------- */

/* SQLite would make it, and its WAL, with the umask alone. */
static int db_make_file(const char *path)
{
    int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    struct stat st;
    cleanup_fd int fd = open(path, flags, 0600);
    if (fd < 0 || fstat(fd, &st) != 0)
        return -errno;
    return S_ISREG(st.st_mode) ? 0 : -EUCLEAN;
}

/* Exclusive: a second mount goes without, the count of the bytes is right, and the WAL's
 * index is in memory rather than a mapped file, which somebody might cut off below us.
 * synchronous=OFF: a crash of the machine may lose or damage it, which is noticed. */
static int db_settle(struct cache_db *d)
{
    int64_t version;
    int64_t application;
    int64_t total;
    int err = db_exec(d, "PRAGMA locking_mode = EXCLUSIVE");
    if (!err)
        err = db_number(d, "PRAGMA user_version", &version);
    if (!err)
        err = db_number(d, "PRAGMA application_id", &application);
    bool empty = !err && version == 0 && application == 0;
    if (!err && !empty && (version != CACHE_VERSION || application != CACHE_APPLICATION))
        return -EUCLEAN;
    if (!err)
        err = db_exec(d, empty ? "PRAGMA auto_vacuum = INCREMENTAL;"
                                 "PRAGMA journal_mode = WAL"
                               : "PRAGMA journal_mode = WAL");
    if (!err)
        err = db_exec(d, "PRAGMA synchronous = OFF; PRAGMA cache_size = -512");
    if (!err && empty)
        err = db_exec(d, cache_schema);
    if (!err)
        err = db_number(d, "SELECT coalesce(sum(size), 0) FROM bodies", &total);
    if (!err)
        err = db_number(d, "SELECT coalesce(max(used), 0) FROM bodies", &d->clock);
    d->total = err ? 0 : (uint64_t)total;
    return err;
}

static void db_shut(struct cache_db *d)
{
    for (size_t i = 0; i < CACHE_STATEMENTS; i++)
        sqlite3_finalize(steal_ptr(d->statements[i]));
    sqlite3_close(steal_ptr(d->db));
}

static int db_open(struct cache_db *d)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    int err = db_make_file(d->path);
    if (err)
        return err;
    err = db_errno(sqlite3_open_v2(d->path, &d->db, flags, NULL));
    if (!err)
        err = db_settle(d);
    if (!err && d->total > d->max) { /* the limit is a smaller one now */
        err = db_make_room(d, 0);
        if (!err)
            err = db_exec(d, "PRAGMA incremental_vacuum");
    }
    if (err)
        db_shut(d);
    return err;
}

static int db_remove(const struct cache_db *d)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        cleanup_free char *path = xasprintf("%s%s", d->path, ends[i]);
        if (unlink(path) != 0 && errno != ENOENT)
            return -errno;
    }
    return 0;
}

int cache_db_reset(struct cache_db *d)
{
    if (d->db) /* nothing of it is worth keeping */
        sqlite3_db_config(d->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    db_shut(d);
    int err = db_remove(d);
    return err ? err : db_open(d);
}

int cache_db_open(struct cache_db *d, const char *path, uint64_t max)
{
    *d = (struct cache_db){.path = xstrdup(path), .max = max};
    int err = db_open(d);
    if (err == -EUCLEAN || err == -EIO) {
        log_info("%s is of another version or damaged: begun anew", path);
        err = cache_db_reset(d);
    }
    if (err)
        cache_db_close(d);
    return err;
}

void cache_db_close(struct cache_db *d)
{
    db_shut(d);
    free(d->path);
    *d = (struct cache_db){0};
}
