/* reply.c - what every answer has in common: is it JSON, is it a failure, which one. */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "platform/internal.h"

void reply_fail(struct reply *r, int err, char *words)
{
    free(r->words);
    r->words = words;
    r->answer.err = err;
    r->answer.message = words;
}

static bool reply_is_2xx(const struct reply *r)
{
    return r->answer.status >= 200 && r->answer.status < 300;
}

/* What came cannot be read. After a 2xx the platform has acted all the same. */
static void reply_garbled(struct reply *r, char *words)
{
    r->answer.sent = reply_is_2xx(r) || r->answer.status >= 500;
    reply_fail(r, reply_is_2xx(r) ? -EIO : error_from_status(r->answer.status), words);
}

/* False, and failed, when there is no JSON where it was due. */
static bool reply_check_json(struct reply *r, const struct exchange *x)
{
    struct text *body = r->http->body;
    struct json_error error;
    if (body->len == 0 && (x->empty_allowed || !reply_is_2xx(r)))
        return true;
    int err =
        json_check(body->data, body->len, &JSON_LIMITS_WIRE, &r->answer.root, &error);
    if (!err)
        return true;
    if (reply_is_2xx(r))
        reply_garbled(r, xasprintf("the platform's answer is not JSON (%s, line %u, "
                                   "%.60s): is the URL right?",
                                   error.message, error.line, r->http->content_type));
    else
        reply_garbled(r, error_words(r->answer.status, NULL, NULL));
    return false;
}

static bool reply_has_json(const struct reply *r)
{
    return r->answer.root.end > r->answer.root.start;
}

static void reply_refused(struct reply *r, const struct exchange *x)
{
    bool good_status = reply_is_2xx(r);
    const struct platform_verdict *verdict = r->answer.verdict;
    int err = good_status ? error_from_code(r->answer.code)
                          : error_from_status(r->answer.status);
    if (verdict && !verdict->ok && (good_status || err == -ESTALE || err == -EPROTO))
        err = -EPROTO;
    r->answer.sent = r->answer.status >= 500; /* it may come after the deed */
    reply_fail(r, err, error_words(r->answer.status, &r->error, verdict));
}

/* A verdict that says no is a refusal, in whatever status it came; but not where it is
 * part of a page: then that was stored. */
static bool reply_verdict_refuses(const struct reply *r)
{
    const struct platform_verdict *verdict = r->answer.verdict;
    const struct platform_page *page = r->answer.page;
    return verdict && !verdict->ok &&
           !(page && page->id && page->object.start != verdict->object.start);
}

static void reply_read_body(struct reply *r, const struct exchange *x)
{
    const char *text = r->http->body->data;
    bool failure = !reply_is_2xx(r);
    if (reply_has_json(r)) {
        failure = failure || error_is_failure(text, r->answer.root);
        if (failure)
            error_read(text, r->answer.root, &r->error);
        if (x->verified && verdict_find(r->http->body, r->answer.root, &r->verdict))
            r->answer.verdict = &r->verdict;
    }
    r->answer.code = r->error.code ? r->error.code : "";
    if (x->verdict_is_answer && r->answer.verdict && !r->verdict.ok)
        return;
    if (!failure && x->read)
        x->read(r, x);
    if (!r->answer.err && (failure || reply_verdict_refuses(r)))
        reply_refused(r, x);
}

static void reply_finish(struct reply *r)
{
    error_finish(&r->error);
    verdict_finish(&r->verdict);
    page_finish(&r->page);
    text_unref(r->answer.value);
    free(r->words);
}

static void reply_on_http(void *arg, const struct http_answer *http)
{
    struct exchange *x = arg;
    struct reply r = {
        .http = http,
        .answer = {.err = http->err,
                   .status = http->status,
                   .code = "",
                   .message = http->err ? http->reason : "",
                   .sent = http->err && http->sent,
                   .body = http->body},
    };
    if (!http->err && reply_check_json(&r, x))
        reply_read_body(&r, x);
    x->call.done(x->call.arg, &r.answer);
    reply_finish(&r);
    free(x);
}

static bool exchange_is_wanted(void *arg)
{
    const struct exchange *x = arg;
    return x->wanted(x->call.arg);
}

void exchange_send(const struct exchange *exchange)
{
    /* Here, not in the copy: that may be answered and freed, on the engine's thread,
     * before http_send() returns. */
    cleanup_free char *path = exchange->path;
    cleanup_text struct text *body = exchange->body;
    struct exchange *x = xmalloc(sizeof *x);
    *x = *exchange;
    x->path = NULL;
    x->body = NULL;
    struct http_request request = {
        .method = x->method,
        .path = path,
        .body = body,
        .class = x->call.class,
        .once = x->once,
        .report_lost = x->report_lost,
        .deadline_ms = x->call.deadline_ms,
        .who = x->call.who,
        .done = reply_on_http,
        .arg = x,
        .wanted = x->wanted ? exchange_is_wanted : NULL,
    };
    http_send(x->platform->http, &request);
}

void reply_read_page(struct reply *r, const struct exchange *x)
{
    if (reply_has_json(r) &&
        page_read(r->http->body, r->answer.root, x->id_key ? x->id_key : "id", &r->page))
        r->answer.page = &r->page;
}

void reply_read_value(struct reply *r, const struct exchange *x)
{
    const char *text = r->http->body->data;
    struct json_span value = envelope_unwrap(text, r->answer.root);
    r->answer.value = text_new(text + value.start, value.end - value.start);
}

char *path_with_id(const char *before, const char *id, const char *suffix)
{
    struct buf path = BUF_INIT;
    buf_puts(&path, before);
    buf_putc(&path, '/');
    http_quote(&path, id);
    buf_puts(&path, suffix);
    return buf_steal(&path);
}
