/* render.c - runs the declared queries of a page. */
#include "local/render.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "local/jsonout.h"
#include "local/search.h"
#include "local/sqlgate.h"

static void print_error(struct buf *out, const char *message)
{
    buf_puts(out, "{\"rows\":[],\"error\":");
    json_out_string(out, message);
    buf_putc(out, '}');
}

static void render_sql(struct sqlgate *gate, const struct sqlgate_query *q,
                       struct buf *out)
{
    struct sqlgate_result result;
    struct sqlgate_error error;
    if (!q->sql) {
        print_error(out, "the query has no SQL");
        return;
    }
    if (sqlgate_run(gate, q, &result, &error) < 0) {
        print_error(out, error.message);
        return;
    }
    buf_puts(out, "{\"rows\":");
    buf_append(out, result.rows.data, result.rows.len);
    buf_putc(out, '}');
    sqlgate_result_finish(&result);
}

static int render_clusters(struct sqlgate *gate, const char *query, struct buf *rows,
                           struct sqlgate_error *e)
{
    return search_clusters(gate, query, strlen(query), rows, e);
}

static int render_documents(struct sqlgate *gate, const char *query, struct buf *rows,
                            struct sqlgate_error *e)
{
    return search_documents(gate, query, strlen(query), SEARCH_DOCUMENTS, rows, e);
}

static const struct {
    const char *source;
    int (*run)(struct sqlgate *, const char *query, struct buf *rows,
               struct sqlgate_error *);
} searches[] = {
    {"cluster_search", render_clusters},
    {"kb_search", render_documents},
};

static void render_search(struct sqlgate *gate, const char *source, const char *query,
                          struct buf *out)
{
    cleanup_buf struct buf rows = BUF_INIT;
    struct sqlgate_error error = {.message = "the query has no words to search by"};
    size_t i = 0;
    while (i < ARRAY_LEN(searches) && strcmp(searches[i].source, source) != 0)
        i++;
    if (i == ARRAY_LEN(searches))
        snprintf(error.message, sizeof(error.message), "unknown source %.80s", source);
    if (i == ARRAY_LEN(searches) || !query ||
        searches[i].run(gate, query, &rows, &error) < 0) {
        print_error(out, error.message);
        return;
    }
    buf_printf(out, "{\"rows\":%s}", rows.data);
}

static char *member_dup(const char *text, struct json_span obj, const char *key)
{
    struct json_span value;
    return json_member(text, obj, key, &value) ? json_string_dup(text, value) : NULL;
}

static void render_query(struct sqlgate *gate, const char *text, struct json_span query,
                         const char *params_text, struct json_span params,
                         struct buf *out)
{
    cleanup_free char *name = member_dup(text, query, "name");
    cleanup_free char *source = member_dup(text, query, "source");
    cleanup_free char *sql = member_dup(text, query, "sql");
    if (!name)
        return;
    json_out_key(out, name);
    if (source && strcmp(source, "sql") != 0) {
        cleanup_free char *words = member_dup(text, query, "query");
        render_search(gate, source, words, out);
        return;
    }
    const struct sqlgate_query q = {sql, params_text, params, 0, 0};
    render_sql(gate, &q, out);
}

void render_queries(struct sqlgate *gate, const char *queries_text,
                    struct json_span queries, const char *params_text,
                    struct json_span params, struct buf *out)
{
    struct json_iter it;
    buf_puts(out, "{\"results\":{");
    if (queries_text && queries.type == JSON_ARRAY) {
        json_iter_init(&it, queries_text, queries);
        while (json_iter_next(&it))
            render_query(gate, queries_text, it.value, params_text, params, out);
    }
    buf_puts(out, "}}");
}
