/* verify_query.c - the declared queries, each by itself. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "local/search.h"
#include "local/verify_internal.h"

#define QUERIES_MAX 500
#define NAME_MAX_BYTES 200

static void fail(struct verify_ctx *ctx, const char *message)
{
    verify_fail(ctx, VERIFY_QUERY, "%s", message);
}

static void fail_key(struct verify_ctx *ctx, const char *key, const char *message)
{
    verify_fail_key(ctx, VERIFY_QUERY, key, message);
}

/* A non-empty string, malloc'ed; NULL after an error. */
static char *need_string(struct verify_ctx *ctx, struct json_span query, const char *key)
{
    struct json_span value;
    char *s = json_member(ctx->text, query, key, &value)
                  ? json_string_dup(ctx->text, value)
                  : NULL;
    if (s && s[strspn(s, " \t\r\n")])
        return s;
    free(s);
    size_t mark = path_enter_key(ctx, key);
    verify_fail(ctx, VERIFY_QUERY, "a query of this source needs %s, a string", key);
    path_leave(ctx, mark);
    return NULL;
}

/* ---- sources ---------------------------------------------------------------------- */

static void verify_sql(struct verify_ctx *ctx, struct json_span query,
                       struct declared_query *d)
{
    struct sqlgate_error e;
    cleanup_free char *sql = need_string(ctx, query, "sql");
    if (!sql)
        return;
    if (sqlgate_check(ctx->gate, sql, &d->columns, &e) == 0) {
        d->knows_columns = true;
        return;
    }
    size_t mark = path_enter_key(ctx, "sql");
    verify_fail_sql(ctx, &e);
    path_leave(ctx, mark);
}

/* What a search answers is known beforehand (search.h). */
static void know_columns(struct declared_query *d, const char *const *names)
{
    d->columns.names = xcalloc(SEARCH_COLUMNS_MAX, sizeof(d->columns.names[0]));
    while (d->columns.count < SEARCH_COLUMNS_MAX && names[d->columns.count]) {
        d->columns.names[d->columns.count] = xstrdup(names[d->columns.count]);
        d->columns.count++;
    }
    d->knows_columns = true;
}

static void verify_cluster_search(struct verify_ctx *ctx, struct json_span query,
                                  struct declared_query *d)
{
    free(need_string(ctx, query, "query"));
    cleanup_free char *target = need_string(ctx, query, "target");
    if (target && strcmp(target, SEARCH_TARGET) != 0)
        fail_key(ctx, "target", "unknown target: there is " SEARCH_TARGET);
    know_columns(d, search_cluster_columns);
}

static void verify_kb_search(struct verify_ctx *ctx, struct json_span query,
                             struct declared_query *d)
{
    free(need_string(ctx, query, "query"));
    know_columns(d, search_document_columns);
}

static const struct {
    const char *name;
    void (*verify)(struct verify_ctx *, struct json_span, struct declared_query *);
} sources[] = {
    {"sql", verify_sql}, /* the first: what is meant where no source is given */
    {"cluster_search", verify_cluster_search},
    {"kb_search", verify_kb_search},
};

static void verify_source(struct verify_ctx *ctx, struct json_span query,
                          struct declared_query *d)
{
    struct json_span value;
    if (!json_member(ctx->text, query, "source", &value)) {
        sources[0].verify(ctx, query, d);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        if (json_string_is(ctx->text, value, sources[i].name)) {
            sources[i].verify(ctx, query, d);
            return;
        }
    }
    fail_key(ctx, "source",
             "unknown source: there are sql, cluster_search and kb_search");
}

/* ---- one query, all queries ------------------------------------------------------- */

const struct declared_query *verify_query_find(const struct verify_ctx *ctx,
                                               const char *name)
{
    for (size_t i = 0; i < ctx->query_count; i++) {
        if (ctx->queries[i].name && strcmp(ctx->queries[i].name, name) == 0)
            return &ctx->queries[i];
    }
    return NULL;
}

/* The query's name, or NULL after an error. */
static char *verify_name(struct verify_ctx *ctx, struct json_span query)
{
    struct json_span value;
    cleanup_free char *name = json_member(ctx->text, query, "name", &value)
                                  ? json_string_dup(ctx->text, value)
                                  : NULL;
    if (!name || !*name)
        fail_key(ctx, "name", "a query needs a name");
    else if (strlen(name) > NAME_MAX_BYTES)
        fail_key(ctx, "name", "the name is too long");
    else if (verify_query_find(ctx, name))
        fail_key(ctx, "name", "another query has this name");
    else
        return steal_ptr(name);
    return NULL;
}

static void verify_query_at(struct verify_ctx *ctx, struct json_span query)
{
    struct declared_query d = {0};
    struct json_span params;
    if (query.type != JSON_OBJECT) {
        fail(ctx, "a query must be an object");
        return;
    }
    d.name = verify_name(ctx, query);
    if (json_member(ctx->text, query, "params", &params) && params.type != JSON_OBJECT &&
        params.type != JSON_NULL)
        fail_key(ctx, "params", "params must be an object: {\"<name>\": \"<type>\"}");
    verify_source(ctx, query, &d);
    ctx->queries[ctx->query_count++] = d;
}

static void verify_array(struct verify_ctx *ctx, struct json_span queries)
{
    struct json_iter it;
    ctx->queries = xcalloc(QUERIES_MAX, sizeof(ctx->queries[0]));
    json_iter_init(&it, ctx->text, queries);
    while (json_iter_next(&it)) {
        if (it.index == QUERIES_MAX) {
            fail(ctx, "too many queries");
            return;
        }
        size_t mark = path_enter_index(ctx, it.index);
        verify_query_at(ctx, it.value);
        path_leave(ctx, mark);
    }
}

void verify_queries(struct verify_ctx *ctx)
{
    struct json_span queries = ctx->in->queries;
    ctx->text = ctx->in->queries_text;
    if (!ctx->text || queries.type == JSON_NULL)
        return;
    size_t mark = path_enter_key(ctx, "declared_queries");
    if (queries.type == JSON_ARRAY)
        verify_array(ctx, queries);
    else
        fail(ctx, "declared_queries must be an array");
    path_leave(ctx, mark);
}
