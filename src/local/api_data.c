#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "local/api_data.h"
#include "local/app.h"
#include "local/exchange.h"
#include "local/gates.h"
#include "local/sqlgate.h"

static bool parse_sql(const struct request *rq, struct json_span root, char **ret_sql,
                      struct reply *rp)
{
    struct json_span value;
    if (json_member(rq->body.data, root, "sql", &value))
        *ret_sql = json_string_dup(rq->body.data, value);
    if (*ret_sql && **ret_sql)
        return true;
    reply_invalid(rp, "sql", "sql must be a string: one SELECT");
    return false;
}

bool api_data_limit(const struct request *rq, struct json_span root, size_t max,
                    size_t *ret_limit, struct reply *rp)
{
    struct json_span value;
    if (!json_member(rq->body.data, root, "limit", &value) || value.type == JSON_NULL)
        return true;
    char *end = NULL;
    const char *text = rq->body.data;
    unsigned long long limit = 0;
    if (value.type == JSON_NUMBER && text[value.start] != '-')
        limit = strtoull(text + value.start, &end, 10);
    if (limit == 0 || end != text + value.end) {
        reply_invalid(rp, "limit", "limit must be a whole number, 1 at least");
        return false;
    }
    *ret_limit = limit < max ? (size_t)limit : max;
    return true;
}

static bool parse_params(const struct request *rq, struct json_span root,
                         struct sqlgate_query *q, struct reply *rp)
{
    if (!json_member(rq->body.data, root, "params", &q->params) ||
        q->params.type == JSON_NULL)
        return true;
    q->params_text = rq->body.data;
    if (q->params.type == JSON_OBJECT)
        return true;
    reply_invalid(rp, "params", "params must be an object");
    return false;
}

static void print_result(const struct sqlgate_result *result, struct buf *out)
{
    buf_puts(out, "{\"columns\":[");
    for (size_t i = 0; i < result->columns.count; i++) {
        if (i)
            buf_putc(out, ',');
        json_quotes(out, result->columns.names[i]);
    }
    buf_puts(out, "],\"rows\":");
    buf_append(out, result->rows.data, result->rows.len);
    buf_printf(
        out, ",\"row_count\":%zu,\"rowCount\":%zu,\"truncated\":%s,\"duration_ms\":%lld}",
        result->row_count, result->row_count, result->truncated ? "true" : "false",
        (long long)result->duration_ms);
}

void api_data_failed(struct reply *rp, int r, const char *field,
                     const struct sqlgate_error *error)
{
    cleanup_buf struct buf details = BUF_INIT;
    const char *code = r == -ETIMEDOUT ? "query_timeout"
                       : r == -EFBIG   ? "result_too_large"
                                       : "invalid_argument";
    if (field)
        buf_printf(&details, "{\"field\":\"%s\"", field);
    if (field && error->line)
        buf_printf(&details, ",\"line\":%u,\"column\":%u", error->line, error->column);
    if (field)
        buf_puts(&details, "}");
    reply_error(rp, 400, code, details.data, "%s", error->message);
}

static void run(struct app *app, const struct sqlgate_query *query, struct reply *rp)
{
    struct sqlgate_result result = {0};
    struct sqlgate_error error = {0};
    struct sqlgate *gate = gates_borrow(app->gates);
    int r = sqlgate_run(gate, query, &result, &error);
    gates_return(app->gates, gate);
    if (r < 0) {
        api_data_failed(rp, r, "sql", &error);
        return;
    }
    rp->status = 200;
    print_result(&result, &rp->body);
    sqlgate_result_finish(&result);
}

void api_data_query(struct app *app, struct request *rq, struct reply *rp)
{
    static const char *const known[] = {"sql", "limit", "params"};
    cleanup_free char *sql = NULL;
    struct sqlgate_query query = {0};
    struct json_span root;
    if (!request_object(rq, false, &root, rp) ||
        !request_only(rq, root, known, ARRAY_LEN(known), rp) ||
        !parse_sql(rq, root, &sql, rp) ||
        !api_data_limit(rq, root, SQLGATE_ROWS_MAX, &query.row_limit, rp) ||
        !parse_params(rq, root, &query, rp))
        return;
    query.sql = sql;
    run(app, &query, rp);
}
