/* cache_sql.h - the statements of cache.db. For cache.c and cache_sql.c. */
#ifndef WORKSPACE_CACHE_SQL_H
#define WORKSPACE_CACHE_SQL_H

#include <sqlite3.h>

#include "workspace/cache.h"

enum cache_statement {
    CACHE_PUT_BODY,
    CACHE_READ_BODY,
    CACHE_USE_BODY,
    CACHE_DROP_BODY,
    CACHE_OLDEST_BODY,
    CACHE_SIZE_BODY,
    CACHE_PUT_SUMMARY,
    CACHE_READ_SUMMARY,
    CACHE_DROP_SUMMARY,
    CACHE_PUT_META,
    CACHE_STATEMENTS
};

struct cache_db {
    char *path;
    sqlite3 *db; /* NULL: not open */
    sqlite3_stmt *statements[CACHE_STATEMENTS];
    uint64_t max, total; /* bytes of bodies */
    int64_t clock;       /* counts uses */
};

/* 0; -errno: no cache can be kept there, and d is empty. What is there and cannot be used
 * is begun anew. */
int cache_db_open(struct cache_db *d, const char *path, uint64_t max);
void cache_db_close(struct cache_db *d);
/* Begins anew. As cache_db_open(). */
int cache_db_reset(struct cache_db *d);

/* All that follow: 0; -EUCLEAN: the file is damaged; else -errno. */
int cache_db_begin(struct cache_db *d);
/* Commits, or rolls back when err is set, which is then returned. */
int cache_db_end(struct cache_db *d, int err);

int cache_db_put_body(struct cache_db *d, const char *id, const struct cache_body *body);
int cache_db_drop_body(struct cache_db *d, const char *id);
/* -ENOENT: none. The text and the token (malloc'ed) are the caller's. */
int cache_db_read_body(struct cache_db *d, const char *id, struct text **ret_text,
                       char **ret_token, struct timespec *ret_at);
int cache_db_put_summary(struct cache_db *d, const char *id, struct text *text);
/* -ENOENT: none. A reference. */
int cache_db_read_summary(struct cache_db *d, const char *id, struct text **ret_text);
int cache_db_drop_summary(struct cache_db *d, const char *id);
/* All summaries, and that there was a complete list. */
int cache_db_forget_list(struct cache_db *d);
int cache_db_put_time(struct cache_db *d, struct timespec at);
int cache_db_put_me(struct cache_db *d, struct text *me);
/* -ENOENT: no complete list is there. */
int cache_db_load(struct cache_db *d, cache_summary_fn *each, void *arg,
                  struct timespec *ret_at, struct text **ret_me);

#endif
