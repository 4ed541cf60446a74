/* sqlgate.c - users' SQL, read-only. How a gate is made, and what its authorizer allows;
 * running queries is in sqlrun.c.
 *
 * Why views: a query must neither see the tenant column in `SELECT *` nor be able to name
 * it. A temporary view without it gives both, and "no such column" with a position. The
 * authorizer would refuse the column anyway, for whoever writes main.interactions. */
#include "local/sqlgate.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "local/demo_schema.h"
#include "local/sqlfunc.h"
#include "local/sqlgate_internal.h"
#include "local/sqltext.h"

static const char *const readable_tables[] = {"interactions"};

/* One instr() or replace() of values this long takes a second and cannot be stopped. */
#define VALUE_BYTES_MAX (512 << 10)
/* SQLite's virtual instructions between two looks at the clock: a row or a few. */
#define PROGRESS_STEPS 50

/* Bytes that SQLite may take on top of what it had when a query began. (It counts for the
 * whole process: queries of other gates at that time weigh, too.) */
#define QUERY_MEMORY_MAX (96 << 20)
/* For the whole process, as a last resort: a WITH whose terms each name the one before
 * twice doubles at every step while it is prepared, where nothing else can stop it. */
#define PROCESS_MEMORY_MAX (512 << 20)

static bool is_readable(const char *table)
{
    for (size_t i = 0; i < ARRAY_LEN(readable_tables); i++) {
        if (strcasecmp(table, readable_tables[i]) == 0)
            return true;
    }
    return false;
}

/* ---- what is allowed -------------------------------------------------------------- */

static int deny(struct sqlgate *g, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static int deny(struct sqlgate *g, const char *name, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(g->denied, sizeof(g->denied), fmt, ap);
    va_end(ap);
    snprintf(g->denied_name, sizeof(g->denied_name), "%s", name);
    return SQLITE_DENY;
}

static bool is_hidden(const struct sqlgate *g, const char *name)
{
    for (size_t i = 0; i < g->hidden_count; i++) {
        if (strcasecmp(name, g->hidden[i]) == 0)
            return true;
    }
    return strncasecmp(name, "sqlite_", 7) == 0;
}

/* Where no column is read (COUNT(*)), SQLite names the source as the query does, and that
 * may be the query's own WITH: then what is not in the file is harmless. */
static int authorize_read(struct sqlgate *g, const char *table, const char *column,
                          const char *db)
{
    if (!*column && !db && !is_hidden(g, table))
        return SQLITE_OK;
    if (!is_readable(table))
        return deny(g, table, "table %.80s is not available to queries", table);
    if (strcasecmp(column, DEMO_TENANT_COLUMN) == 0)
        return deny(g, column, "%s", SQLGATE_TENANT_MESSAGE);
    return SQLITE_OK;
}

static int authorize(void *arg, int action, const char *a, const char *b, const char *db,
                     const char *view)
{
    struct sqlgate *g = arg;
    if (action == SQLITE_SELECT || action == SQLITE_RECURSIVE)
        return SQLITE_OK;
    if (action == SQLITE_READ)
        return authorize_read(g, a, b, db);
    if (action == SQLITE_FUNCTION && sqlfunc_is_allowed(b))
        return SQLITE_OK;
    if (action == SQLITE_FUNCTION)
        return deny(g, b, "function %.80s is not available to queries", b);
    /* A table-valued function (pragma_..., json_each) writes its schema on first use. */
    if (action == SQLITE_UPDATE && view == NULL && a && strncmp(a, "sqlite_", 7) == 0)
        return deny(g, "", "only plain tables are available to queries");
    return deny(g, "", "only one SELECT is allowed");
}

void sqlgate_trust(struct sqlgate *g, bool trusted)
{
    sqlite3_set_authorizer(g->db, trusted ? NULL : authorize, g);
}

/* Nonzero stops the query. */
static int progress(void *arg)
{
    struct sqlgate *g = arg;
    if (clock_ms() > g->deadline_ms)
        g->stopped = -ETIMEDOUT;
    else if (sqlite3_memory_used() > g->memory_start + QUERY_MEMORY_MAX)
        g->stopped = -EFBIG;
    return g->stopped != 0;
}

/* ---- making one ------------------------------------------------------------------- */

static void limit_everything(sqlite3 *db)
{
    static const struct {
        int id, value;
    } limits[] = {
        {SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX},
        {SQLITE_LIMIT_SQL_LENGTH, 256 << 10},
        {SQLITE_LIMIT_COLUMN, 1000},
        {SQLITE_LIMIT_EXPR_DEPTH, 200},
        {SQLITE_LIMIT_COMPOUND_SELECT, 100},
        {SQLITE_LIMIT_VDBE_OP, 500000},
        {SQLITE_LIMIT_FUNCTION_ARG, 100},
        {SQLITE_LIMIT_ATTACHED, 0},
        {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 200},
        {SQLITE_LIMIT_VARIABLE_NUMBER, 200},
        {SQLITE_LIMIT_TRIGGER_DEPTH, 0},
        {SQLITE_LIMIT_WORKER_THREADS, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(limits); i++)
        sqlite3_limit(db, limits[i].id, limits[i].value);
}

/* The columns of main.<table> but the tenant's, as "a", "b"; none: the table is missing.
 */
static int list_columns(sqlite3 *db, const char *table, struct buf *out)
{
    sqlite3_stmt *stmt;
    if (sqlite3_prepare_v2(db, "SELECT name FROM pragma_table_info(?1, 'main')", -1,
                           &stmt, NULL) != SQLITE_OK)
        return -EIO;
    sqlite3_bind_text(stmt, 1, table, -1, SQLITE_STATIC);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        if (!name || strcasecmp(name, DEMO_TENANT_COLUMN) == 0)
            continue;
        char *quoted = sqlite3_mprintf("%s\"%w\"", out->len ? ", " : "", name);
        buf_puts(out, quoted);
        sqlite3_free(quoted);
    }
    return sqlite3_finalize(stmt) == SQLITE_OK ? 0 : -EIO;
}

static int make_view(sqlite3 *db, const char *table)
{
    cleanup_buf struct buf columns = BUF_INIT;
    if (list_columns(db, table, &columns) < 0)
        return -EIO;
    if (!columns.len)
        return 0;
    char *sql = sqlite3_mprintf("CREATE TEMP VIEW \"%w\" AS SELECT %s FROM main.\"%w\"",
                                table, columns.data, table);
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_free(sql);
    return rc == SQLITE_OK ? 0 : -EIO;
}

static int list_hidden(struct sqlgate *g)
{
    sqlite3_stmt *stmt;
    if (sqlite3_prepare_v2(g->db, "SELECT name FROM main.sqlite_schema", -1, &stmt,
                           NULL) != SQLITE_OK)
        return -EIO;
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        if (is_readable(name))
            continue;
        g->hidden = xrealloc(g->hidden, (g->hidden_count + 1) * sizeof(g->hidden[0]));
        g->hidden[g->hidden_count++] = xstrdup(name);
    }
    return sqlite3_finalize(stmt) == SQLITE_OK ? 0 : -EIO;
}

static int gate_setup(struct sqlgate *g)
{
    sqlite3_hard_heap_limit64(PROCESS_MEMORY_MAX);
    sqlite3_busy_timeout(g->db, 2000);
    /* "x" is a name, never a string: a misspelt column must not verify. */
    sqlite3_db_config(g->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(g->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_exec(g->db, "PRAGMA temp_store = MEMORY", NULL, NULL, NULL);
    for (size_t i = 0; i < ARRAY_LEN(readable_tables); i++) {
        if (make_view(g->db, readable_tables[i]) < 0)
            return -EIO;
    }
    if (list_hidden(g) < 0 || sqlfunc_register(g->db) < 0)
        return -EIO;
    limit_everything(g->db);
    sqlgate_trust(g, false);
    sqlite3_progress_handler(g->db, PROGRESS_STEPS, progress, g);
    return 0;
}

int sqlgate_open(const char *db_path, struct sqlgate **ret_gate)
{
    struct sqlgate *g = xcalloc(1, sizeof(*g));
    pthread_mutex_init(&g->lock, NULL);
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(db_path, &g->db, flags, NULL) != SQLITE_OK || gate_setup(g) < 0) {
        log_error("%s: %s", db_path, sqlite3_errmsg(g->db));
        sqlgate_close(g);
        return -EIO;
    }
    *ret_gate = g;
    return 0;
}

void sqlgate_close(struct sqlgate *g)
{
    if (!g)
        return;
    sqlite3_close(g->db);
    for (size_t i = 0; i < g->hidden_count; i++)
        free(g->hidden[i]);
    free(g->hidden);
    pthread_mutex_destroy(&g->lock);
    free(g);
}

/* ---- columns ---------------------------------------------------------------------- */

void sqlgate_columns_finish(struct sqlgate_columns *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->names[i]);
    free(c->names);
    *c = (struct sqlgate_columns){0};
}

bool sqlgate_columns_has(const struct sqlgate_columns *c, const char *name)
{
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->names[i], name) == 0)
            return true;
    }
    return false;
}

void sqlgate_columns_read(sqlite3_stmt *stmt, struct sqlgate_columns *ret_columns)
{
    struct sqlgate_columns c = {0};
    int count = sqlite3_column_count(stmt);
    c.names = xcalloc((size_t)count, sizeof(c.names[0]));
    for (int i = 0; i < count; i++) {
        const char *name = sqlite3_column_name(stmt, i);
        char *unique = xstrdup(name ? name : "");
        for (unsigned n = 2; sqlgate_columns_has(&c, unique); n++) {
            free(unique);
            unique = xasprintf("%s_%u", name ? name : "", n);
        }
        c.names[c.count++] = unique;
    }
    *ret_columns = c;
}

/* ---- preparing -------------------------------------------------------------------- */

static void error_at(struct sqlgate_error *e, const char *sql, size_t offset,
                     const char *message)
{
    *e = (struct sqlgate_error){0};
    snprintf(e->message, sizeof(e->message), "%s", message);
    if (offset != SIZE_MAX)
        sql_text_position(sql, offset, &e->line, &e->column);
}

/* SQLite gives no position for what the authorizer denied: it is where the name stands.
 */
static size_t find_name(const char *sql, const char *name)
{
    struct sql_token t = sql_token_next(sql, 0);
    while (t.kind != SQL_END && !sql_token_is(sql, t, name))
        t = sql_token_next(sql, t.end);
    return *name && t.kind != SQL_END ? t.start : SIZE_MAX;
}

static bool names_tenant(const char *message)
{
    static const char column[] = DEMO_TENANT_COLUMN;
    size_t len = strlen(message), n = sizeof(column) - 1;
    return strncmp(message, "no such column: ", 16) == 0 && len >= n &&
           strcasecmp(message + len - n, column) == 0;
}

static int refuse_prepared(struct sqlgate *g, const char *sql, struct sqlgate_error *e)
{
    int offset = sqlite3_error_offset(g->db);
    const char *message = sqlite3_errmsg(g->db);
    if (sqlite3_errcode(g->db) == SQLITE_NOMEM)
        error_at(e, sql, SIZE_MAX, "too complex: it needs too much memory");
    else if (g->denied[0])
        error_at(e, sql, find_name(sql, g->denied_name), g->denied);
    else
        error_at(e, sql, offset < 0 ? SIZE_MAX : (size_t)offset,
                 names_tenant(message) ? SQLGATE_TENANT_MESSAGE : message);
    return -EINVAL;
}

/* What SQLite prepares without complaint and is still not one SELECT. */
static int check_prepared(const char *sql, const char *tail, sqlite3_stmt *stmt,
                          struct sqlgate_error *e)
{
    struct sql_token rest = sql_token_next(sql, (size_t)(tail - sql));
    while (rest.kind == SQL_PUNCT && sql[rest.start] == ';')
        rest = sql_token_next(sql, rest.end);
    const char *message = NULL;
    size_t at = SIZE_MAX;
    if (!stmt) {
        message = "a SELECT is missing";
    } else if (rest.kind != SQL_END) {
        message = "only one statement is allowed";
        at = rest.start;
    } else if (sqlite3_stmt_isexplain(stmt) || !sqlite3_stmt_readonly(stmt) ||
               sqlite3_column_count(stmt) == 0) {
        message = "only one SELECT is allowed";
    }
    for (int i = 0; !message && i < sqlite3_column_count(stmt); i++) {
        const char *name = sqlite3_column_name(stmt, i);
        if (name && strcasecmp(name, DEMO_TENANT_COLUMN) == 0)
            message = SQLGATE_TENANT_MESSAGE;
    }
    if (message)
        error_at(e, sql, at, message);
    return message ? -EINVAL : 0;
}

int sqlgate_prepare(struct sqlgate *g, const char *user_sql, sqlite3_stmt **ret_stmt,
                    struct sqlgate_error *ret_error)
{
    cleanup_free char *sql = xstrdup(user_sql);
    sqlite3_stmt *stmt = NULL;
    const char *tail;
    sql_text_rewrite(sql);
    g->denied[0] = g->denied_name[0] = '\0';
    if (sqlite3_prepare_v2(g->db, sql, -1, &stmt, &tail) != SQLITE_OK)
        return refuse_prepared(g, sql, ret_error);
    int r = check_prepared(sql, tail, stmt, ret_error);
    if (r < 0)
        sqlite3_finalize(stmt);
    else
        *ret_stmt = stmt;
    return r;
}

void sqlgate_begin(struct sqlgate *g, int64_t time_limit_ms)
{
    pthread_mutex_lock(&g->lock);
    g->stopped = 0;
    g->memory_start = sqlite3_memory_used();
    g->deadline_ms = clock_ms() + time_limit_ms;
}

void sqlgate_end(struct sqlgate *g)
{
    pthread_mutex_unlock(&g->lock);
}

int sqlgate_check(struct sqlgate *g, const char *sql, struct sqlgate_columns *ret_columns,
                  struct sqlgate_error *ret_error)
{
    sqlite3_stmt *stmt;
    sqlgate_begin(g, SQLGATE_TIME_MS);
    int r = sqlgate_prepare(g, sql, &stmt, ret_error);
    if (r == 0) {
        if (ret_columns)
            sqlgate_columns_read(stmt, ret_columns);
        sqlite3_finalize(stmt);
    }
    sqlgate_end(g);
    return r;
}
