/* store_sqlite.h - inside of the SQLite store: one connection, one lock, prepared
 * statements kept between calls. Included by store_sqlite*.c alone. */
#ifndef LOCAL_STORE_SQLITE_H
#define LOCAL_STORE_SQLITE_H

#include <pthread.h>
#include <sqlite3.h>

#include "local/store.h"

enum statement {
    STMT_META_GET,
    STMT_META_SET,
    STMT_PAGE_LIST,
    STMT_PAGE_COUNT,
    STMT_PAGE_GET,
    STMT_PAGE_INSERT,
    STMT_PAGE_UPDATE,
    STMT_PAGE_VERSION,
    STMT_PAGE_DELETE,
    STMT_VERSIONS_DELETE,
    STMT_COUNT,
};

struct store_sqlite {
    struct store base;
    pthread_mutex_t lock; /* guards everything below; held for one operation */
    sqlite3 *db;
    sqlite3_stmt *statements[STMT_COUNT];
};

static inline struct store_sqlite *store_sqlite(struct store *s)
{
    return (struct store_sqlite *)s;
}

/* An operation begins and ends with these. A write is a transaction: ended with r >= 0 it
 * is committed, else rolled back. Both return what the operation shall return. */
int store_begin_read(struct store_sqlite *s);
int store_end_read(struct store_sqlite *s, int r);
int store_begin_write(struct store_sqlite *s);
int store_end_write(struct store_sqlite *s, int r);

/* The statement, reset and with nothing bound; NULL (logged) when SQLite refuses it. */
sqlite3_stmt *store_statement(struct store_sqlite *s, enum statement which);
/* One step: 1 there is a row, 0 done, -EIO (logged). */
int store_step(struct store_sqlite *s, sqlite3_stmt *stmt);
/* A statement without a result, ended and reset. */
int store_run(struct store_sqlite *s, sqlite3_stmt *stmt);
/* Any SQL text. */
int store_exec(struct store_sqlite *s, const char *sql);
int store_failed(struct store_sqlite *s, const char *what);

int store_sqlite_page_list(struct store *, const struct page_filter *,
                           struct page_list *ret);
int store_sqlite_page_get(struct store *, const char *id, struct page *ret);
int store_sqlite_page_create(struct store *, struct page *page);
int store_sqlite_page_update(struct store *, struct page *page);
int store_sqlite_page_delete(struct store *, const char *id);
int store_sqlite_data_replace(struct store *, const struct data_column *columns,
                              size_t count, data_next_fn *next, void *arg);
int store_sqlite_documents_replace(struct store *, const struct document *documents,
                                   size_t count);

/* What is searched (search.h says how): documents_fts, and interactions_fts, one text a
 * row made of all that the row has of text. In a transaction; 0 or -EIO. */
int store_search_index(struct store_sqlite *s);
/* The same where there is no index yet: the file is of an older program. */
int store_search_ensure(struct store_sqlite *s);

#endif
