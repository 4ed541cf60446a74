#include "local/store_sqlite.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/buf.h"

/* SQLite has no dates: ISO 8601 text sorts and compares as they do. */
static const char *const type_names[] = {
    [DATA_NULL] = "TEXT", [DATA_INTEGER] = "INTEGER", [DATA_REAL] = "REAL",
    [DATA_DATE] = "TEXT", [DATA_TIMESTAMP] = "TEXT",  [DATA_TEXT] = "TEXT",
};

static int create_table(struct store_sqlite *s, const struct data_column *columns,
                        size_t count)
{
    cleanup_buf struct buf sql = BUF_INIT;
    buf_puts(&sql, "DROP TABLE IF EXISTS interactions; CREATE TABLE interactions (");
    for (size_t i = 0; i < count; i++)
        buf_printf(&sql, "%s\"%s\" %s", i ? ", " : "", columns[i].name,
                   type_names[columns[i].type]);
    buf_puts(&sql, ")");
    return store_exec(s, sql.data);
}

static int prepare_insert(struct store_sqlite *s, size_t count, sqlite3_stmt **ret_stmt)
{
    cleanup_buf struct buf sql = BUF_INIT;
    buf_puts(&sql, "INSERT INTO interactions VALUES (");
    for (size_t i = 0; i < count; i++)
        buf_puts(&sql, i ? ", ?" : "?");
    buf_puts(&sql, ")");
    if (sqlite3_prepare_v2(s->db, sql.data, -1, ret_stmt, NULL) != SQLITE_OK)
        return store_failed(s, "prepare the import");
    return 0;
}

static void bind_value(sqlite3_stmt *stmt, int index, const struct data_value *v)
{
    switch (v->type) {
    case DATA_NULL:
        sqlite3_bind_null(stmt, index);
        break;
    case DATA_INTEGER:
        sqlite3_bind_int64(stmt, index, v->integer);
        break;
    case DATA_REAL:
        sqlite3_bind_double(stmt, index, v->real);
        break;
    case DATA_DATE:
    case DATA_TIMESTAMP:
    case DATA_TEXT:
        sqlite3_bind_text(stmt, index, v->text, -1, SQLITE_STATIC);
        break;
    }
}

static int insert_rows(struct store_sqlite *s, sqlite3_stmt *stmt, size_t count,
                       data_next_fn *next, void *arg)
{
    cleanup_free struct data_value *row = xcalloc(count, sizeof *row);
    int r;
    while ((r = next(arg, row)) > 0) {
        for (size_t i = 0; i < count; i++)
            bind_value(stmt, (int)i + 1, &row[i]);
        r = store_run(s, stmt);
        if (r < 0)
            break;
    }
    return r;
}

int store_sqlite_data_replace(struct store *base, const struct data_column *columns,
                              size_t count, data_next_fn *next, void *arg)
{
    struct store_sqlite *s = store_sqlite(base);
    sqlite3_stmt *stmt = NULL;
    int r = store_begin_write(s);
    if (r >= 0)
        r = create_table(s, columns, count);
    if (r >= 0)
        r = prepare_insert(s, count, &stmt);
    if (r >= 0)
        r = insert_rows(s, stmt, count, next, arg);
    sqlite3_finalize(stmt);
    if (r >= 0)
        r = store_search_index(s);
    return store_end_write(s, r);
}
