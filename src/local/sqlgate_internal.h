/* sqlgate_internal.h - shared by sqlgate.c (what is allowed) and sqlrun.c (running it).
 */
#ifndef LOCAL_SQLGATE_INTERNAL_H
#define LOCAL_SQLGATE_INTERNAL_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdint.h>

#include "local/demo_schema.h"
#include "local/sqlgate.h"

#define SQLGATE_TENANT_MESSAGE                                                           \
    DEMO_TENANT_COLUMN " may not be used: the platform adds the tenant's filter itself"

struct sqlgate {
    pthread_mutex_t lock; /* held from sqlgate_begin() to sqlgate_end(); guards all */
    sqlite3 *db;
    char **hidden; /* names in the file that queries may not read; owned, as the array */
    size_t hidden_count;
    char denied[200]; /* why the authorizer refused; empty: it did not */
    char denied_name[100];
    int64_t deadline_ms;
    int64_t memory_start;
    int stopped; /* -ETIMEDOUT or -EFBIG: why the progress handler ended the query */
};

void sqlgate_begin(struct sqlgate *g, int64_t time_limit_ms);
void sqlgate_end(struct sqlgate *g);

/* Between begin and end. 0 and a statement to finalize, or -EINVAL and *ret_error. */
int sqlgate_prepare(struct sqlgate *g, const char *sql, sqlite3_stmt **ret_stmt,
                    struct sqlgate_error *ret_error);
/* SQL of ours runs unwatched, and may name what is hidden from users. Between begin and
 * end; what is prepared while trusted is finalized while trusted. */
void sqlgate_trust(struct sqlgate *g, bool trusted);
/* sqlgate_run() for SQL of ours, under the same limits. */
int sqlgate_run_own(struct sqlgate *g, const struct sqlgate_query *query,
                    struct sqlgate_result *ret_result, struct sqlgate_error *ret_error);
void sqlgate_columns_read(sqlite3_stmt *stmt, struct sqlgate_columns *ret_columns);

#endif
