/* render.c - runs the declared queries of a page. */
#include "local/render.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "local/jsonout.h"
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

/* A workspace served from one SQLite file has no search index: said, not pretended. */
static void render_unavailable(struct buf *out, const char *source)
{
    cleanup_free char *message =
        xasprintf("source %.80s is not available in this workspace", source);
    print_error(out, message);
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
        render_unavailable(out, source);
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
