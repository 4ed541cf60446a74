#include "local/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "local/jsonout.h"
#include "local/stream.h"

void request_finish(struct request *rq)
{
    for (size_t i = 0; i < rq->arg_count; i++) {
        free(rq->args[i].name);
        free(rq->args[i].value);
    }
    buf_finish(&rq->body);
}

void request_add_arg(struct request *rq, const char *name, const char *value)
{
    if (rq->arg_count == REQUEST_ARGS_MAX)
        return;
    rq->args[rq->arg_count].name = xstrdup(name);
    rq->args[rq->arg_count++].value = xstrdup(value ? value : "");
}

const char *request_arg(const struct request *rq, const char *name)
{
    for (size_t i = 0; i < rq->arg_count; i++)
        if (!strcmp(rq->args[i].name, name))
            return rq->args[i].value;
    return NULL;
}

void reply_finish(struct reply *rp)
{
    buf_finish(&rp->body);
    if (rp->stream)
        rp->stream->ops->close(rp->stream);
    for (size_t i = 0; i < rp->header_count; i++)
        free(rp->headers[i].value);
}

void reply_header(struct reply *rp, const char *name, const char *fmt, ...)
{
    cleanup_buf struct buf value = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&value, fmt, ap);
    va_end(ap);
    if (rp->header_count >= REPLY_HEADERS_MAX)
        abort(); /* a handler of ours sets more than there is room for */
    rp->headers[rp->header_count].name = name;
    rp->headers[rp->header_count++].value = buf_steal(&value);
}

__attribute__((format(printf, 5, 0))) static void
reply_verror(struct reply *rp, int status, const char *code, const char *details,
             const char *fmt, va_list ap)
{
    cleanup_buf struct buf message = BUF_INIT;
    buf_vprintf(&message, fmt, ap);
    rp->status = status;
    buf_clear(&rp->body);
    buf_printf(&rp->body, "{\"error\":{\"code\":\"%s\",\"message\":", code);
    json_out_text(&rp->body, message.data ? message.data : "", message.len);
    if (details)
        buf_printf(&rp->body, ",\"details\":%s", details);
    buf_puts(&rp->body, "}}");
}

void reply_error(struct reply *rp, int status, const char *code, const char *details,
                 const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    reply_verror(rp, status, code, details, fmt, ap);
    va_end(ap);
}

void reply_invalid(struct reply *rp, const char *field, const char *fmt, ...)
{
    cleanup_buf struct buf details = BUF_INIT;
    buf_puts(&details, "{\"field\":");
    json_quotes(&details, field);
    buf_puts(&details, "}");
    va_list ap;
    va_start(ap, fmt);
    reply_verror(rp, 400, "invalid_argument", details.data, fmt, ap);
    va_end(ap);
}

void reply_not_found(struct reply *rp, const char *what)
{
    reply_error(rp, 404, "not_found", NULL, "%s", what);
}

void reply_missing_scope(struct reply *rp, const char *scope, const char *why)
{
    cleanup_free char *details = xasprintf("{\"required_scope\":\"%s\"}", scope);
    reply_error(rp, 403, "missing_scope", details, "%s needs the scope %s", why, scope);
}

void reply_failure(struct reply *rp, int r)
{
    if (r == -ENOENT)
        reply_not_found(rp, "there is no such page");
    else
        reply_error(rp, 500, "internal", NULL, "the workspace's store failed: %s",
                    strerror(-r));
}

/* A body that is no JSON: where and why. */
static void reply_bad_json(struct reply *rp, const struct json_error *error)
{
    cleanup_free char *details =
        xasprintf("{\"line\":%u,\"column\":%u}", error->line, error->column);
    reply_error(rp, 400, "invalid_argument", details, "the body is no JSON: %u:%u: %s",
                error->line, error->column, error->message);
}

bool request_object(struct request *rq, bool may_be_empty, struct json_span *ret_root,
                    struct reply *rp)
{
    static const struct json_limits limits = {REQUEST_BODY_MAX, REQUEST_DEPTH_MAX, false};
    struct json_error error;
    if (may_be_empty && rq->body.len == 0)
        buf_puts(&rq->body, "{}");
    if (rq->body.len == 0) {
        reply_error(rp, 400, "invalid_argument", NULL, "the body is empty");
        return false;
    }
    if (json_check(rq->body.data, rq->body.len, &limits, ret_root, &error) < 0) {
        reply_bad_json(rp, &error);
        return false;
    }
    if (ret_root->type != JSON_OBJECT) {
        reply_error(rp, 400, "invalid_argument", NULL, "the body must be a JSON object");
        return false;
    }
    return true;
}

static bool key_among(const char *text, struct json_span key, const char *const *names,
                      size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (json_string_is(text, key, names[i]))
            return true;
    return false;
}

bool request_only(const struct request *rq, struct json_span root,
                  const char *const *names, size_t count, struct reply *rp)
{
    struct json_iter it;
    json_iter_init(&it, rq->body.data, root);
    while (json_iter_next(&it)) {
        if (key_among(rq->body.data, it.key, names, count))
            continue;
        cleanup_buf struct buf key = BUF_INIT;
        json_string_decode(rq->body.data, it.key, &key);
        const char *name = key.data ? key.data : "";
        reply_invalid(rp, name, "'%.100s' is no field that can be sent here", name);
        return false;
    }
    return true;
}

bool request_arg_number(const struct request *rq, const char *name, int64_t min,
                        int64_t max, int64_t fallback, int64_t *ret, struct reply *rp)
{
    const char *text = request_arg(rq, name);
    char *end;
    *ret = fallback;
    if (!text)
        return true;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end || value < min) {
        reply_invalid(rp, name, "%s must be a whole number, %lld at least", name,
                      (long long)min);
        return false;
    }
    *ret = value < max ? value : max;
    return true;
}

bool request_arg_time(const struct request *rq, const char *name, int64_t *ret,
                      struct reply *rp)
{
    const char *text = request_arg(rq, name);
    struct timespec ts;
    if (!text)
        return true;
    if (!clock_parse(text, &ts)) {
        reply_invalid(rp, name, "%s must be a time such as 2026-04-14T09:30:00Z", name);
        return false;
    }
    *ret = (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
    return true;
}
