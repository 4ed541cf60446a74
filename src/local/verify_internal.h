/* verify_internal.h - what the verifier's stages share. */
#ifndef LOCAL_VERIFY_INTERNAL_H
#define LOCAL_VERIFY_INTERNAL_H

#include "local/sqlgate.h"
#include "local/verifier.h"

/* A declared query, as far as it could be read. */
struct declared_query {
    char *name;
    bool knows_columns; /* the SQL was prepared: columns is what it answers */
    struct sqlgate_columns columns;
};

enum bound_kind {
    BOUND_ROWS,   /* {"$query"} */
    BOUND_VALUE,  /* {"$value"}: one column of the query */
    BOUND_COLUMN, /* a prop that names a column of the rows its node is bound to */
};

/* A place in the spec that names a query, and perhaps one of its columns. */
struct bound {
    enum bound_kind kind;
    char *field; /* the path, for errors */
    char *query;
    char *column; /* NULL for BOUND_ROWS */
};

struct verify_ctx {
    const struct verify_input *in;
    struct sqlgate *gate;
    struct verdict *verdict;
    const char *text; /* what the spans of the running stage point into */
    bool is_bare;     /* the spec is a bare node: props may stand on the nodes */
    struct buf path;  /* of the value being looked at: the field of an error */
    struct bound *bounds;
    size_t bound_count;
    struct declared_query *queries;
    size_t query_count;
};

/* Adds an error at the current path. */
void verify_fail(struct verify_ctx *ctx, enum verify_stage stage, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Adds one at a member of the value that the path stands at. */
void verify_fail_key(struct verify_ctx *ctx, enum verify_stage stage, const char *key,
                     const char *message);
/* Adds one with its position within the SQL. */
void verify_fail_sql(struct verify_ctx *ctx, const struct sqlgate_error *e);

/* Go one step down; the result is what path_leave() wants to come back. */
size_t path_enter_key(struct verify_ctx *ctx, const char *key);
size_t path_enter_index(struct verify_ctx *ctx, size_t index);
void path_leave(struct verify_ctx *ctx, size_t mark);

/* Remembers what the bind stage is to look at, at the current path. */
void verify_bound_add(struct verify_ctx *ctx, enum bound_kind kind, const char *query,
                      const char *column);

/* NULL: no such query (of those read so far) is declared. */
const struct declared_query *verify_query_find(const struct verify_ctx *ctx,
                                               const char *name);

/* ---- the stages ------------------------------------------------------------------- */

struct catalog_type;

void verify_compile(struct verify_ctx *ctx);
/* The props of one node: an object of props, or in a bare spec the node itself. type is
 * NULL where the type is unknown. */
void verify_props(struct verify_ctx *ctx, const struct catalog_type *type,
                  struct json_span node, struct json_span props);
void verify_queries(struct verify_ctx *ctx);
void verify_bind(struct verify_ctx *ctx);

#endif
