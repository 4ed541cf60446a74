/* sqlgate.h - the one way by which SQL that users wrote reaches the data.
 *
 * A gate is a read-only connection of its own on the data file. Each table that users may
 * read (so far: interactions) stands behind a temporary view of the same name without the
 * tenant column, and an authorizer refuses everything but one SELECT over these views
 * with functions of an allow-list. Nothing is decided by looking at the letters of the
 * SQL: SQLite's own parser and name resolution decide.
 *
 * A few forms of other dialects are understood, each rewritten to the same number of
 * bytes so that positions in errors are positions in what the user wrote: x - INTERVAL
 * '90 days', x + INTERVAL '1 month 2 days', x - INTERVAL 90 DAY DATE '2026-01-01',
 * TIMESTAMP '2026-01-01 10:00:00' and the functions NOW(), DATE_TRUNC('month', x),
 * DATE_PART('year', x).
 *
 * A value may have 512 KiB; a larger one fails its query.
 * A gate may be used by any thread; one query runs at a time.
 */
#ifndef LOCAL_SQLGATE_H
#define LOCAL_SQLGATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "json/json.h"

struct sqlgate;

/* Opens the gate on an existing SQLite file, read-only. The columns are those that the
 * tables have now: open it after the data is in place, anew when they change. A table
 * that is missing is simply unknown to queries. 0 or -EIO (logged). */
int sqlgate_open(const char *db_path, struct sqlgate **ret_gate);
/* NULL is allowed. No query may be running. */
void sqlgate_close(struct sqlgate *g);

/* Why SQL was refused or failed. line and column (from 1, in bytes, within the SQL) are 0
 * where SQLite names no position. */
struct sqlgate_error {
    unsigned line;
    unsigned column;
    char message[256];
};

/* The names of a result's columns, each once: a repeated name gets _2, _3, ... */
struct sqlgate_columns {
    char **names; /* owned */
    size_t count;
};
void sqlgate_columns_finish(struct sqlgate_columns *c);
bool sqlgate_columns_has(const struct sqlgate_columns *c, const char *name);

/* Prepares without running. 0, or -EINVAL with *ret_error filled. *ret_columns (may be
 * NULL) is set on success; the caller finishes it. */
int sqlgate_check(struct sqlgate *g, const char *sql, struct sqlgate_columns *ret_columns,
                  struct sqlgate_error *ret_error);

#define SQLGATE_ROWS_MAX 10000
#define SQLGATE_TIME_MS 2000
#define SQLGATE_BYTES_MAX (32u << 20) /* of all rows as JSON */

struct sqlgate_query {
    const char *sql;
    const char *params_text; /* JSON text; NULL: no params */
    struct json_span params; /* the object {"name": value, ...} within it */
    size_t row_limit;        /* 0: SQLGATE_ROWS_MAX, which is also the highest */
    int64_t time_limit_ms;   /* 0: SQLGATE_TIME_MS */
};

struct sqlgate_result {
    struct buf rows; /* a JSON array of objects, keys in column order */
    struct sqlgate_columns columns;
    size_t row_count;
    bool truncated; /* there were more rows than the limit */
    int64_t duration_ms;
};
void sqlgate_result_finish(struct sqlgate_result *r);

/* Runs one query. @name, :name and $name are taken from the params: numbers, strings,
 * booleans (1 and 0), null; arrays and objects as their JSON text; a missing one is NULL.
 * Integers are printed as they are, reals with the fewest digits that read back the same
 * (NULL when infinite), blobs in lower-case hex.
 * 0 with *ret_result (the caller finishes it), or with *ret_error filled: -EINVAL (the
 * SQL is refused or failed), -ETIMEDOUT (took too long), -EFBIG (too much memory or
 * output). */
int sqlgate_run(struct sqlgate *g, const struct sqlgate_query *query,
                struct sqlgate_result *ret_result, struct sqlgate_error *ret_error);

/* The tables that queries may read, as {"name","columns":[{"name","type"}]} objects in a
 * JSON array. */
void sqlgate_describe(struct sqlgate *g, struct buf *out);

#endif
