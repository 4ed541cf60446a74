/* store_sqlite_search.c - the full-text indexes beside the data.
 *
 * That of the interactions holds no texts of its own (content = ''): a row of it has the
 * number of the row that it stands for. One column for all, since the columns are
 * anybody's, and some names (rank) are not free in an index. */
#include "local/store_sqlite.h"

#include <errno.h>
#include <strings.h>

#include "base/buf.h"
#include "local/demo_schema.h"

static const char create_index[] =
    "DROP TABLE IF EXISTS interactions_fts;"
    "CREATE VIRTUAL TABLE interactions_fts USING fts5(text, content = '',"
    " tokenize = 'porter unicode61')";

static int prepare(struct store_sqlite *s, const char *sql, sqlite3_stmt **ret_stmt)
{
    return sqlite3_prepare_v2(s->db, sql, -1, ret_stmt, NULL) == SQLITE_OK
               ? 0
               : store_failed(s, "prepare the index");
}

/* SELECT _rowid_ and the columns of text, but the tenant's. (No column of an import begins
 * with a "_" before a letter: _rowid_ is the row's number.) */
static int select_texts(struct store_sqlite *s, struct buf *sql)
{
    sqlite3_stmt *stmt = NULL;
    int r = prepare(s,
                    "SELECT name FROM pragma_table_info('interactions', 'main')"
                    " WHERE type = 'TEXT'",
                    &stmt);
    buf_puts(sql, "SELECT _rowid_");
    while (r >= 0 && (r = store_step(s, stmt)) > 0) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        if (!name || strcasecmp(name, DEMO_TENANT_COLUMN) == 0)
            continue;
        char *quoted = sqlite3_mprintf(", \"%w\"", name);
        buf_puts(sql, quoted);
        sqlite3_free(quoted);
    }
    buf_puts(sql, " FROM main.interactions");
    sqlite3_finalize(stmt);
    return r;
}

static int index_row(struct store_sqlite *s, sqlite3_stmt *from, sqlite3_stmt *to,
                     struct buf *text)
{
    buf_clear(text);
    for (int i = 1; i < sqlite3_column_count(from); i++) {
        const void *bytes = sqlite3_column_text(from, i);
        if (bytes)
            buf_append(text, bytes, (size_t)sqlite3_column_bytes(from, i));
        buf_putc(text, '\n');
    }
    sqlite3_bind_int64(to, 1, sqlite3_column_int64(from, 0));
    sqlite3_bind_text(to, 2, text->data, (int)text->len, SQLITE_STATIC);
    return store_run(s, to);
}

int store_search_index(struct store_sqlite *s)
{
    cleanup_buf struct buf sql = BUF_INIT, text = BUF_INIT;
    sqlite3_stmt *from = NULL, *to = NULL;
    int r = store_exec(s, create_index);
    if (r >= 0)
        r = select_texts(s, &sql);
    if (r >= 0)
        r = prepare(s, sql.data, &from);
    if (r >= 0)
        r = prepare(s, "INSERT INTO interactions_fts (rowid, text) VALUES (?1, ?2)", &to);
    buf_putc(&text, '\n');
    while (r >= 0 && (r = store_step(s, from)) > 0)
        r = index_row(s, from, to, &text);
    sqlite3_finalize(from);
    sqlite3_finalize(to);
    return r;
}

/* 1: there are interactions and no index. */
static int index_is_missing(struct store_sqlite *s)
{
    sqlite3_stmt *stmt = NULL;
    int r = prepare(s,
                    "SELECT count(*) FROM main.sqlite_schema WHERE type = 'table'"
                    " AND name IN ('interactions', 'interactions_fts')",
                    &stmt);
    if (r >= 0)
        r = store_step(s, stmt);
    if (r > 0)
        r = sqlite3_column_int(stmt, 0) == 1;
    sqlite3_finalize(stmt);
    return r;
}

int store_search_ensure(struct store_sqlite *s)
{
    int r = index_is_missing(s);
    if (r <= 0)
        return r;
    r = store_begin_write(s);
    if (r >= 0)
        r = store_search_index(s);
    return store_end_write(s, r);
}

/* ---- documents -------------------------------------------------------------------- */

static int insert_document(struct store_sqlite *s, sqlite3_stmt *stmt,
                           const struct document *d)
{
    sqlite3_bind_text(stmt, 1, d->id, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, d->title, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 3, d->kind, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 4, d->body, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 5, d->updated_ms);
    return store_run(s, stmt);
}

int store_sqlite_documents_replace(struct store *base, const struct document *documents,
                                   size_t count)
{
    struct store_sqlite *s = store_sqlite(base);
    sqlite3_stmt *stmt = NULL;
    int r = store_begin_write(s);
    if (r >= 0)
        r = store_exec(s, "DELETE FROM documents");
    if (r >= 0)
        r = prepare(s,
                    "INSERT INTO documents (id, title, kind, body, updated_ms)"
                    " VALUES (?1, ?2, ?3, ?4, ?5)",
                    &stmt);
    for (size_t i = 0; r >= 0 && i < count; i++)
        r = insert_document(s, stmt, &documents[i]);
    sqlite3_finalize(stmt);
    if (r >= 0)
        r = store_exec(s, "INSERT INTO documents_fts (documents_fts) VALUES ('rebuild')");
    return store_end_write(s, r);
}
