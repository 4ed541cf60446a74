/* sqlrun.c - runs a query and prints its rows. */
#include "local/sqlgate.h"

#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "local/jsonout.h"
#include "local/sqlgate_internal.h"

/* ---- params ----------------------------------------------------------------------- */

static int bind_text(sqlite3_stmt *stmt, int index, struct buf *b)
{
    int rc = sqlite3_bind_text(stmt, index, b->data ? b->data : "", (int)b->len,
                               SQLITE_TRANSIENT);
    return rc == SQLITE_OK ? 0 : -EINVAL;
}

static int bind_number(sqlite3_stmt *stmt, int index, const char *text)
{
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (errno == 0 && !strchr(".eE", *end ? *end : ' '))
        return sqlite3_bind_int64(stmt, index, n) == SQLITE_OK ? 0 : -EINVAL;
    return sqlite3_bind_double(stmt, index, strtod(text, NULL)) == SQLITE_OK ? 0
                                                                             : -EINVAL;
}

static int bind_value(sqlite3_stmt *stmt, int index, const char *text,
                      struct json_span value)
{
    cleanup_buf struct buf b = BUF_INIT;
    switch (value.type) {
    case JSON_NULL:
        return 0;
    case JSON_FALSE:
    case JSON_TRUE:
        sqlite3_bind_int(stmt, index, value.type == JSON_TRUE);
        return 0;
    case JSON_STRING:
        json_string_decode(text, value, &b);
        return bind_text(stmt, index, &b);
    case JSON_NUMBER:
        buf_append(&b, text + value.start, value.end - value.start);
        return bind_number(stmt, index, b.data);
    case JSON_ARRAY:
    case JSON_OBJECT:
        json_compact(&b, text, value);
        return bind_text(stmt, index, &b);
    }
    return -EINVAL;
}

static int bind_params(sqlite3_stmt *stmt, const struct sqlgate_query *q,
                       struct sqlgate_error *e)
{
    for (int i = 1; i <= sqlite3_bind_parameter_count(stmt); i++) {
        const char *name = sqlite3_bind_parameter_name(stmt, i);
        struct json_span value;
        if (!name || name[0] == '?') {
            snprintf(e->message, sizeof(e->message), "write params as @name, not as ?");
            return -EINVAL;
        }
        if (!q->params_text || !json_member(q->params_text, q->params, name + 1, &value))
            continue; /* stays NULL */
        if (bind_value(stmt, i, q->params_text, value) < 0) {
            snprintf(e->message, sizeof(e->message), "the value of %.80s is too large",
                     name);
            return -EINVAL;
        }
    }
    return 0;
}

/* ---- rows ------------------------------------------------------------------------- */

static void print_real(struct buf *out, double d)
{
    char text[40];
    if (!isfinite(d)) {
        buf_puts(out, "null");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, d);
        if (strtod(text, NULL) == d)
            break;
    }
    buf_puts(out, text);
}

static void print_blob(struct buf *out, const unsigned char *bytes, int len)
{
    buf_reserve(out, (size_t)len * 2 + 2);
    buf_putc(out, '"');
    for (int i = 0; i < len; i++)
        buf_printf(out, "%02x", bytes[i]);
    buf_putc(out, '"');
}

static void print_text(struct buf *out, sqlite3_stmt *stmt, int i)
{
    const char *text = (const char *)sqlite3_column_text(stmt, i);
    json_out_text(out, text ? text : "", (size_t)sqlite3_column_bytes(stmt, i));
}

static void print_cell(struct buf *out, sqlite3_stmt *stmt, int i)
{
    switch (sqlite3_column_type(stmt, i)) {
    case SQLITE_INTEGER:
        buf_printf(out, "%lld", (long long)sqlite3_column_int64(stmt, i));
        break;
    case SQLITE_FLOAT:
        print_real(out, sqlite3_column_double(stmt, i));
        break;
    case SQLITE_TEXT:
        print_text(out, stmt, i);
        break;
    case SQLITE_BLOB:
        print_blob(out, sqlite3_column_blob(stmt, i), sqlite3_column_bytes(stmt, i));
        break;
    default:
        buf_puts(out, "null");
    }
}

/* False when the output is too large; one row alone can be. */
static bool print_row(struct sqlgate_result *res, sqlite3_stmt *stmt)
{
    struct buf *out = &res->rows;
    if (res->row_count++)
        buf_putc(out, ',');
    buf_putc(out, '{');
    for (size_t i = 0; i < res->columns.count && out->len <= SQLGATE_BYTES_MAX; i++) {
        json_out_key(out, res->columns.names[i]);
        print_cell(out, stmt, (int)i);
    }
    buf_putc(out, '}');
    return out->len <= SQLGATE_BYTES_MAX;
}

static int step_failed(struct sqlgate *g, struct sqlgate_error *e, int64_t time_limit_ms)
{
    *e = (struct sqlgate_error){0};
    if (g->stopped == -ETIMEDOUT)
        snprintf(e->message, sizeof(e->message), "stopped: it ran longer than %g s",
                 (double)time_limit_ms / 1000);
    else if (g->stopped)
        snprintf(e->message, sizeof(e->message), "stopped: it needs too much memory");
    else
        snprintf(e->message, sizeof(e->message), "%s", sqlite3_errmsg(g->db));
    return g->stopped ? g->stopped : -EINVAL;
}

static int collect_rows(struct sqlgate *g, sqlite3_stmt *stmt, size_t row_limit,
                        struct sqlgate_result *res, struct sqlgate_error *e)
{
    int rc;
    buf_putc(&res->rows, '[');
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW && res->row_count < row_limit) {
        if (!print_row(res, stmt)) {
            *e = (struct sqlgate_error){.message = "the rows are too large"};
            return -EFBIG;
        }
    }
    res->truncated = rc == SQLITE_ROW;
    buf_putc(&res->rows, ']');
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : 1;
}

void sqlgate_result_finish(struct sqlgate_result *r)
{
    buf_finish(&r->rows);
    sqlgate_columns_finish(&r->columns);
    *r = (struct sqlgate_result){0};
}

/* Between sqlgate_begin() and sqlgate_end(). */
static int run(struct sqlgate *g, const struct sqlgate_query *q, int64_t time_limit_ms,
               struct sqlgate_result *res, struct sqlgate_error *e)
{
    sqlite3_stmt *stmt;
    size_t limit =
        q->row_limit && q->row_limit < SQLGATE_ROWS_MAX ? q->row_limit : SQLGATE_ROWS_MAX;
    int r = sqlgate_prepare(g, q->sql, &stmt, e);
    if (r < 0)
        return r;
    sqlgate_columns_read(stmt, &res->columns);
    r = bind_params(stmt, q, e);
    if (r == 0)
        r = collect_rows(g, stmt, limit, res, e);
    if (r > 0)
        r = step_failed(g, e, time_limit_ms);
    sqlite3_finalize(stmt);
    return r;
}

static int run_as(struct sqlgate *g, const struct sqlgate_query *query, bool trusted,
                  struct sqlgate_result *ret_result, struct sqlgate_error *ret_error)
{
    struct sqlgate_result res = {0};
    int64_t time_limit = query->time_limit_ms ? query->time_limit_ms : SQLGATE_TIME_MS;
    int64_t start = clock_ms();
    *ret_error = (struct sqlgate_error){0};
    sqlgate_begin(g, time_limit);
    if (trusted)
        sqlgate_trust(g, true);
    int r = run(g, query, time_limit, &res, ret_error);
    if (trusted)
        sqlgate_trust(g, false);
    sqlgate_end(g);
    if (r < 0) {
        sqlgate_result_finish(&res);
        return r;
    }
    res.duration_ms = clock_ms() - start;
    *ret_result = res;
    return 0;
}

int sqlgate_run(struct sqlgate *g, const struct sqlgate_query *query,
                struct sqlgate_result *ret_result, struct sqlgate_error *ret_error)
{
    return run_as(g, query, false, ret_result, ret_error);
}

int sqlgate_run_own(struct sqlgate *g, const struct sqlgate_query *query,
                    struct sqlgate_result *ret_result, struct sqlgate_error *ret_error)
{
    return run_as(g, query, true, ret_result, ret_error);
}

/* ---- what there is to read -------------------------------------------------------- */

static void describe_columns(sqlite3_stmt *stmt, struct buf *out)
{
    buf_putc(out, '[');
    for (int i = 0; i < sqlite3_column_count(stmt); i++) {
        const char *type = sqlite3_column_decltype(stmt, i);
        buf_puts(out, i ? ",{" : "{");
        json_out_key(out, "name");
        json_out_string(out, sqlite3_column_name(stmt, i));
        json_out_key(out, "type");
        json_out_string(out, type ? type : "");
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}

void sqlgate_describe(struct sqlgate *g, struct buf *out)
{
    struct sqlgate_error ignored;
    sqlite3_stmt *stmt;
    buf_putc(out, '[');
    sqlgate_begin(g, SQLGATE_TIME_MS);
    if (sqlgate_prepare(g, "SELECT * FROM interactions", &stmt, &ignored) == 0) {
        buf_puts(out, "{\"name\":\"interactions\",\"columns\":");
        describe_columns(stmt, out);
        buf_putc(out, '}');
        sqlite3_finalize(stmt);
    }
    sqlgate_end(g);
    buf_putc(out, ']');
}
