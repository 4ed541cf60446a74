#include "local/store_sqlite.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"

static char *column_dup(sqlite3_stmt *stmt, int column)
{
    return xstrdup((const char *)sqlite3_column_text(stmt, column));
}

static int64_t now_ms(void)
{
    struct timespec ts = clock_now();
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The columns of PAGE_SUMMARY, in their order. */
static void page_read_summary(sqlite3_stmt *stmt, struct page *ret)
{
    *ret = (struct page){
        .seq = sqlite3_column_int64(stmt, 0),
        .name = column_dup(stmt, 2),
        .description = column_dup(stmt, 3),
        .tags = column_dup(stmt, 4),
        .has_custom_nodes = sqlite3_column_int(stmt, 6),
        .version = sqlite3_column_int64(stmt, 7),
        .created_ms = sqlite3_column_int64(stmt, 8),
        .updated_ms = sqlite3_column_int64(stmt, 9),
    };
    page_status_parse((const char *)sqlite3_column_text(stmt, 5), &ret->status);
    memccpy(ret->id, sqlite3_column_text(stmt, 1), '\0', sizeof ret->id - 1);
}

static void bind_filter(sqlite3_stmt *stmt, const struct page_filter *f)
{
    sqlite3_bind_text(stmt, 1, page_status_name(f->status), -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, f->created_gte);
    sqlite3_bind_int64(stmt, 3, f->created_lte);
    sqlite3_bind_int64(stmt, 4, f->updated_gte);
    sqlite3_bind_int64(stmt, 5, f->updated_lte);
    sqlite3_bind_text(stmt, 6, f->q, -1, SQLITE_STATIC); /* NULL binds a NULL */
}

static int page_count(struct store_sqlite *s, const struct page_filter *f,
                      int64_t *ret_total)
{
    sqlite3_stmt *stmt = store_statement(s, STMT_PAGE_COUNT);
    if (!stmt)
        return -EIO;
    bind_filter(stmt, f);
    int r = store_step(s, stmt);
    if (r > 0)
        *ret_total = sqlite3_column_int64(stmt, 0);
    return r < 0 ? r : 0;
}

/* Asks for one row more than wanted: that it exists is all that `more` wants to know. */
static int page_select(struct store_sqlite *s, const struct page_filter *f,
                       struct page_list *l)
{
    sqlite3_stmt *stmt = store_statement(s, STMT_PAGE_LIST);
    if (!stmt)
        return -EIO;
    bind_filter(stmt, f);
    sqlite3_bind_int(stmt, 7, f->has_after);
    sqlite3_bind_int64(stmt, 8, f->after_created);
    sqlite3_bind_int64(stmt, 9, f->after_seq);
    sqlite3_bind_int64(stmt, 10, f->limit + 1);
    sqlite3_bind_int64(stmt, 11, f->offset);
    int r;
    l->items = xcalloc((size_t)f->limit, sizeof *l->items);
    while ((r = store_step(s, stmt)) > 0 && (int64_t)l->count < f->limit)
        page_read_summary(stmt, &l->items[l->count++]);
    l->more = r > 0;
    return r < 0 ? r : 0;
}

int store_sqlite_page_list(struct store *base, const struct page_filter *f,
                           struct page_list *ret)
{
    struct store_sqlite *s = store_sqlite(base);
    cleanup_page_list struct page_list l = {0};
    int r = store_begin_read(s);
    if (r >= 0)
        r = page_count(s, f, &l.total);
    if (r >= 0)
        r = page_select(s, f, &l);
    r = store_end_read(s, r);
    if (r >= 0) {
        *ret = l;
        l = (struct page_list){0};
    }
    return r;
}

int store_sqlite_page_get(struct store *base, const char *id, struct page *ret)
{
    struct store_sqlite *s = store_sqlite(base);
    int r = store_begin_read(s);
    sqlite3_stmt *stmt = r < 0 ? NULL : store_statement(s, STMT_PAGE_GET);
    if (!stmt)
        return store_end_read(s, -EIO);
    sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC);
    r = store_step(s, stmt);
    if (r > 0) {
        page_read_summary(stmt, ret);
        ret->spec = column_dup(stmt, 10);
        ret->queries = column_dup(stmt, 11);
    }
    return store_end_read(s, r > 0 ? 0 : r < 0 ? r : -ENOENT);
}

/* INSERT, UPDATE and the version row number their parameters alike. */
static int page_write(struct store_sqlite *s, enum statement which, const struct page *p)
{
    sqlite3_stmt *stmt = store_statement(s, which);
    if (!stmt)
        return -EIO;
    sqlite3_bind_text(stmt, 1, p->id, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, p->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 3, p->description, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 4, p->tags, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 5, p->spec, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 6, p->queries, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 7, page_status_name(p->status), -1, SQLITE_STATIC);
    sqlite3_bind_int(stmt, 8, p->has_custom_nodes);
    sqlite3_bind_int64(stmt, 9, p->version);
    sqlite3_bind_int64(stmt, 10, p->updated_ms);
    return store_run(s, stmt);
}

int store_sqlite_page_create(struct store *base, struct page *page)
{
    struct store_sqlite *s = store_sqlite(base);
    if (!page->id[0])
        uuid_make(page->id);
    page->version = 1;
    int r = store_begin_write(s);
    page->created_ms = page->updated_ms = now_ms();
    if (r >= 0)
        r = page_write(s, STMT_PAGE_INSERT, page);
    page->seq = sqlite3_last_insert_rowid(s->db);
    if (r >= 0)
        r = page_write(s, STMT_PAGE_VERSION, page);
    return store_end_write(s, r);
}

/* 0 when the stored page is still the one that *page was read as. */
static int page_still(struct store_sqlite *s, const struct page *page,
                      int64_t *ret_updated_ms)
{
    sqlite3_stmt *stmt = store_statement(s, STMT_PAGE_GET);
    if (!stmt)
        return -EIO;
    sqlite3_bind_text(stmt, 1, page->id, -1, SQLITE_STATIC);
    int r = store_step(s, stmt);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    *ret_updated_ms = sqlite3_column_int64(stmt, 9);
    r = sqlite3_column_int64(stmt, 7) == page->version ? 0 : -ESTALE;
    sqlite3_reset(stmt);
    return r;
}

int store_sqlite_page_update(struct store *base, struct page *page)
{
    struct store_sqlite *s = store_sqlite(base);
    int64_t before = 0;
    int r = store_begin_write(s);
    if (r >= 0)
        r = page_still(s, page, &before);
    if (r < 0)
        return store_end_write(s, r);
    int64_t now = now_ms();
    page->updated_ms = now > before ? now : before + 1;
    page->version++;
    r = page_write(s, STMT_PAGE_UPDATE, page);
    if (r >= 0)
        r = page_write(s, STMT_PAGE_VERSION, page);
    return store_end_write(s, r);
}

static int page_delete_from(struct store_sqlite *s, enum statement which, const char *id)
{
    sqlite3_stmt *stmt = store_statement(s, which);
    if (!stmt)
        return -EIO;
    sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC);
    return store_run(s, stmt);
}

int store_sqlite_page_delete(struct store *base, const char *id)
{
    struct store_sqlite *s = store_sqlite(base);
    int r = store_begin_write(s);
    if (r >= 0)
        r = page_delete_from(s, STMT_PAGE_DELETE, id);
    if (r >= 0 && sqlite3_changes(s->db) == 0)
        r = -ENOENT;
    if (r >= 0)
        r = page_delete_from(s, STMT_VERSIONS_DELETE, id);
    return store_end_write(s, r);
}
