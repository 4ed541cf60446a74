/* data.c - queries on the data itself, and what there is to query. */
#include <errno.h>

#include "base/alloc.h"
#include "platform/internal.h"

/* Of the two shapes that an answer is said to have, `rows` alone is in both; it may also
 * come as the array itself. */
static bool rows_find(const char *text, struct json_span value, struct platform_rows *ret)
{
    struct json_span truncated;
    *ret = (struct platform_rows){0};
    ret->rows = value;
    if (value.type == JSON_OBJECT) {
        if (!json_member(text, value, "rows", &ret->rows))
            return false;
        ret->truncated = json_member(text, value, "truncated", &truncated) &&
                         truncated.type == JSON_TRUE;
    }
    return ret->rows.type == JSON_ARRAY;
}

static void reply_read_rows(struct reply *r, const struct exchange *x)
{
    (void)x;
    const char *text = r->http->body->data;
    if (rows_find(text, envelope_unwrap(text, r->answer.root), &r->rows))
        r->answer.rows = &r->rows;
    else
        reply_fail(r, -EIO, xstrdup("the platform's answer has no rows"));
}

void platform_data_query(struct platform *p, const char *sql, struct text *params,
                         const struct platform_call *call)
{
    struct buf body = BUF_INIT;
    buf_puts(&body, "{\"sql\":");
    json_quotes(&body, sql);
    if (params) {
        buf_puts(&body, ",\"params\":");
        buf_append(&body, params->data, params->len);
    }
    buf_putc(&body, '}');
    struct exchange x = {.platform = p,
                         .method = "POST",
                         .path = xstrdup("/data/query"),
                         .body = text_from_buf(&body),
                         .read = reply_read_rows,
                         .call = *call};
    exchange_send(&x);
}

void platform_data_explore(struct platform *p, const struct platform_call *call)
{
    struct exchange x = {.platform = p,
                         .method = "POST",
                         .path = xstrdup("/data/explore"),
                         .body = text_from_string("{}"),
                         .read = reply_read_value,
                         .call = *call};
    exchange_send(&x);
}

/* ---- where in the SQL ------------------------------------------------------------- */

static unsigned place_number(const char *text, struct json_span details, const char *key)
{
    struct json_span value;
    char *end;
    if (!json_member(text, details, key, &value) || value.type != JSON_NUMBER ||
        text[value.start] == '-' || value.end - value.start > 9)
        return 0;
    unsigned long n = strtoul(text + value.start, &end, 10);
    return end == text + value.end ? (unsigned)n : 0;
}

void platform_sql_place(const struct platform_answer *answer, unsigned *ret_line,
                        unsigned *ret_column)
{
    static const char *const paths[] = {"error.details", "details", "error"};
    *ret_line = *ret_column = 0;
    if (answer->root.end <= answer->root.start)
        return;
    const char *text = answer->body->data;
    struct json_span root = envelope_unwrap(text, answer->root);
    for (size_t i = 0; i < ARRAY_LEN(paths) && !*ret_line; i++) {
        struct json_span details;
        if (!json_path(text, root, paths[i], &details))
            continue;
        *ret_line = place_number(text, details, "line");
        *ret_column = *ret_line ? place_number(text, details, "column") : 0;
    }
}
