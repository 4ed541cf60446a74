#include "local/store_sqlite.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"

/* Column names are those of the API: `sqlite3 DIR/workspace.db` is a legitimate way to
 * look at one's pages. Versions are rows of their own, never changed. */
static const char store_schema[] =
    "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS pages ("
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
    "  name TEXT NOT NULL, description TEXT, tags TEXT NOT NULL, spec TEXT NOT NULL,"
    "  declared_queries TEXT NOT NULL, status TEXT NOT NULL,"
    "  has_custom_nodes INTEGER NOT NULL, version INTEGER NOT NULL,"
    "  created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL);"
    /* All that a list is filtered and counted by: no row is read for those left out. */
    "CREATE INDEX IF NOT EXISTS pages_listed ON pages"
    "  (status, created_ms, seq, updated_ms, name, description);"
    "DROP INDEX IF EXISTS pages_by_age;"
    "CREATE TABLE IF NOT EXISTS page_versions ("
    "  page_id TEXT NOT NULL, version INTEGER NOT NULL, name TEXT NOT NULL,"
    "  description TEXT, tags TEXT NOT NULL, spec TEXT NOT NULL,"
    "  declared_queries TEXT NOT NULL, status TEXT NOT NULL,"
    "  has_custom_nodes INTEGER NOT NULL, written_ms INTEGER NOT NULL,"
    "  PRIMARY KEY (page_id, version));"
    "CREATE TABLE IF NOT EXISTS documents ("
    "  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, title TEXT NOT NULL,"
    "  kind TEXT NOT NULL, body TEXT NOT NULL, updated_ms INTEGER NOT NULL);"
    "CREATE VIRTUAL TABLE IF NOT EXISTS documents_fts USING fts5(title, body,"
    "  content = 'documents', content_rowid = 'seq', tokenize = 'porter unicode61');"
    "PRAGMA user_version = 1;";

#define PAGE_SUMMARY                                                                     \
    "seq, id, name, description, tags, status, has_custom_nodes, version, created_ms, "  \
    "updated_ms"
#define PAGE_FILTER                                                                      \
    " FROM pages WHERE status = ?1 AND created_ms BETWEEN ?2 AND ?3"                     \
    " AND updated_ms BETWEEN ?4 AND ?5 AND (?6 IS NULL OR instr(lower(name), lower(?6))" \
    " OR instr(lower(coalesce(description, '')), lower(?6)))"

static const char *const store_sql[STMT_COUNT] = {
    [STMT_META_GET] = "SELECT value FROM meta WHERE name = ?1",
    [STMT_META_SET] = "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)",
    [STMT_PAGE_LIST] =
        "SELECT " PAGE_SUMMARY PAGE_FILTER " AND (NOT ?7 OR (created_ms, seq) < (?8, ?9))"
        " ORDER BY created_ms DESC, seq DESC LIMIT ?10 OFFSET ?11",
    [STMT_PAGE_COUNT] = "SELECT count(*)" PAGE_FILTER,
    [STMT_PAGE_GET] =
        "SELECT " PAGE_SUMMARY ", spec, declared_queries FROM pages WHERE id = ?1",
    [STMT_PAGE_INSERT] =
        "INSERT INTO pages (id, name, description, tags, spec, declared_queries, status,"
        " has_custom_nodes, version, updated_ms, created_ms)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)",
    [STMT_PAGE_UPDATE] =
        "UPDATE pages SET name = ?2, description = ?3, tags = ?4, spec = ?5,"
        " declared_queries = ?6, status = ?7, has_custom_nodes = ?8, version = ?9,"
        " updated_ms = ?10 WHERE id = ?1",
    [STMT_PAGE_VERSION] =
        "INSERT INTO page_versions (page_id, name, description, tags, spec,"
        " declared_queries, status, has_custom_nodes, version, written_ms)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    [STMT_PAGE_DELETE] = "DELETE FROM pages WHERE id = ?1",
    [STMT_VERSIONS_DELETE] = "DELETE FROM page_versions WHERE page_id = ?1",
};

int store_failed(struct store_sqlite *s, const char *what)
{
    log_error("store: %s: %s", what, sqlite3_errmsg(s->db));
    return -EIO;
}

sqlite3_stmt *store_statement(struct store_sqlite *s, enum statement which)
{
    sqlite3_stmt **slot = &s->statements[which];
    if (!*slot && sqlite3_prepare_v3(s->db, store_sql[which], -1,
                                     SQLITE_PREPARE_PERSISTENT, slot, NULL) != SQLITE_OK)
        store_failed(s, "prepare");
    if (*slot) {
        sqlite3_reset(*slot);
        sqlite3_clear_bindings(*slot);
    }
    return *slot;
}

int store_step(struct store_sqlite *s, sqlite3_stmt *stmt)
{
    switch (sqlite3_step(stmt)) {
    case SQLITE_ROW:
        return 1;
    case SQLITE_DONE:
        return 0;
    default:
        return store_failed(s, sqlite3_sql(stmt));
    }
}

int store_run(struct store_sqlite *s, sqlite3_stmt *stmt)
{
    int r = store_step(s, stmt);
    sqlite3_reset(stmt);
    return r < 0 ? r : 0;
}

int store_exec(struct store_sqlite *s, const char *sql)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0
                                                                   : store_failed(s, sql);
}

int store_begin_read(struct store_sqlite *s)
{
    pthread_mutex_lock(&s->lock);
    return store_exec(s, "BEGIN");
}

int store_end_read(struct store_sqlite *s, int r)
{
    for (size_t i = 0; i < STMT_COUNT; i++)
        sqlite3_reset(s->statements[i]); /* one left open would keep its snapshot */
    if (!sqlite3_get_autocommit(s->db))
        store_exec(s, "ROLLBACK");
    pthread_mutex_unlock(&s->lock);
    return r;
}

int store_begin_write(struct store_sqlite *s)
{
    pthread_mutex_lock(&s->lock);
    return store_exec(s, "BEGIN IMMEDIATE");
}

int store_end_write(struct store_sqlite *s, int r)
{
    if (r >= 0)
        r = store_exec(s, "COMMIT");
    return store_end_read(s, r);
}

static int store_sqlite_meta_get(struct store *base, const char *name, char **ret_value)
{
    struct store_sqlite *s = store_sqlite(base);
    int r = store_begin_read(s);
    sqlite3_stmt *stmt = r < 0 ? NULL : store_statement(s, STMT_META_GET);
    if (!stmt)
        return store_end_read(s, -EIO);
    sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
    r = store_step(s, stmt);
    if (r > 0)
        *ret_value = xstrdup((const char *)sqlite3_column_text(stmt, 0));
    return store_end_read(s, r > 0 ? 0 : r < 0 ? r : -ENOENT);
}

static int store_sqlite_meta_set(struct store *base, const char *name, const char *value)
{
    struct store_sqlite *s = store_sqlite(base);
    int r = store_begin_write(s);
    sqlite3_stmt *stmt = r < 0 ? NULL : store_statement(s, STMT_META_SET);
    if (!stmt)
        return store_end_write(s, -EIO);
    sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, value, -1, SQLITE_STATIC);
    return store_end_write(s, store_run(s, stmt));
}

static void store_sqlite_close(struct store *base)
{
    struct store_sqlite *s = store_sqlite(base);
    for (size_t i = 0; i < STMT_COUNT; i++)
        sqlite3_finalize(s->statements[i]);
    sqlite3_close(s->db);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static const struct store_ops store_sqlite_ops = {
    .close = store_sqlite_close,
    .meta_get = store_sqlite_meta_get,
    .meta_set = store_sqlite_meta_set,
    .page_list = store_sqlite_page_list,
    .page_get = store_sqlite_page_get,
    .page_create = store_sqlite_page_create,
    .page_update = store_sqlite_page_update,
    .page_delete = store_sqlite_page_delete,
    .data_replace = store_sqlite_data_replace,
    .documents_replace = store_sqlite_documents_replace,
};

int store_sqlite_open(const char *path, struct store **ret_store)
{
    struct store_sqlite *s = xcalloc(1, sizeof *s);
    s->base.ops = &store_sqlite_ops;
    pthread_mutex_init(&s->lock, NULL);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &s->db, flags, NULL) != SQLITE_OK) {
        store_failed(s, path);
        store_sqlite_close(&s->base);
        return -EIO;
    }
    sqlite3_busy_timeout(s->db, 10000); /* others may look in with the sqlite3 shell */
    /* Full sync: an answered write is on the disk. */
    if (store_exec(s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL") < 0 ||
        store_exec(s, store_schema) < 0 || store_search_ensure(s) < 0) {
        store_sqlite_close(&s->base);
        return -EIO;
    }
    *ret_store = &s->base;
    return 0;
}
