#include "http/stream.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/table.h"
#include "http/queue.h"

enum { STREAM_ID_MAX = 1024 };

/* Belongs to the loop's thread, and is freed when it is both over and closed. */
struct http_stream {
    struct http *http;
    struct job *job; /* NULL: it is over */
    bool closed;
    char *last_id; /* or NULL */
    void (*opened)(void *arg);
    int (*data)(void *arg, const char *data, size_t len);
};

static void stream_free_unused(struct http_stream *s)
{
    if (s->job || !s->closed)
        return;
    free(s->last_id);
    free(s);
}

void stream_over(struct http_stream *s)
{
    s->job = NULL;
    stream_free_unused(s);
}

/* ---- opening ------------------------------------------------------------------------ */

/* The attempt is over for the queue, the budget and the breaker: what goes on is a
 * connection that nobody waits for. */
static void stream_settle(void *arg)
{
    struct job *job = arg;
    struct http *h = job->http;
    struct transfer_result r;
    transfer_result(job->transfer, CURLE_OK, &r);
    loop_timer_clear(h->loop, &job->timer);
    job_move(job, JOB_STREAMING);
    h->flying[job->class]--;
    h->streaming[job->class]++;
    http_learn(h, job, job->transfer, &r);
    auth_worked(h, job);
    queue_pump(h);
}

/* From within libcurl, which may not be entered here: the rest is for the next turn. */
static void stream_on_open(void *owner)
{
    struct job *job = owner;
    struct http_stream *s = job->stream;
    loop_timer_set(job->http->loop, &job->timer, 0, stream_settle, job);
    if (s->opened && !s->closed)
        s->opened(job->arg);
}

static int stream_on_data(void *owner, const char *data, size_t len)
{
    struct job *job = owner;
    struct http_stream *s = job->stream;
    return s->data(job->arg, data, len);
}

static const struct transfer_sink stream_sink = {stream_on_open, stream_on_data};

static void stream_abort(struct job *job, int err, const char *reason);

static void stream_too_late(void *arg)
{
    stream_abort(arg, -ETIMEDOUT, "the platform did not open the stream in time");
}

void stream_prepare(struct job *job, struct transfer_order *order)
{
    order->sink = &stream_sink;
    order->last_id = job->stream->last_id;
    loop_timer_set(job->http->loop, &job->timer, order->timeout_ms, stream_too_late, job);
}

/* ---- its end ------------------------------------------------------------------------ */

bool stream_end(struct http *h, struct job *job, struct transfer *t,
                const struct transfer_result *r)
{
    if (!t->streaming) {
        loop_timer_clear(h->loop, &job->timer);
        return false;
    }
    if (job->place == JOB_FLYING) { /* opened and ended in one turn */
        job->transfer = t;
        stream_settle(job);
    }
    job->transfer = NULL;
    h->streaming[job->class]--;
    cleanup_text struct text *body = r->err ? NULL : text_from_buf(&t->answer);
    struct http_answer answer = {
        .err = r->err,
        .status = r->status,
        .body = body,
        .content_type = r->content_type,
        .sent = r->sent,
        .reason = r->reason,
    };
    http_finish(h, job, &answer);
    return true;
}

/* Takes what flies out of the engine. */
static void stream_cut(struct http *h, struct job *job, int err, const char *reason)
{
    struct transfer *t = steal_ptr(job->transfer);
    struct transfer_result r = {
        .err = err, .sent = transfer_was_sent(t), .reason = reason};
    engine_remove(h->engine, t);
    if (job->place == JOB_FLYING) {
        h->flying[job->class]--;
        http_learn(h, job, t, &r);
    } else {
        h->streaming[job->class]--;
    }
    transfer_free(t);
}

static void stream_abort(struct job *job, int err, const char *reason)
{
    struct http *h = job->http;
    if (job->place == JOB_FLYING && job->transfer->streaming)
        stream_settle(job);
    if (job->place == JOB_QUEUED)
        queue_remove(h, job);
    if (job->place == JOB_ASKING)
        DL_DELETE(h->auth.waiting, job);
    if (job->transfer)
        stream_cut(h, job, err, reason);
    http_fail(h, job, err, reason);
    queue_pump(h);
}

/* ---- the caller's side -------------------------------------------------------------- */

static bool stream_fits_header(const char *id)
{
    size_t len = strlen(id);
    if (len == 0 || len > STREAM_ID_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)id[i] < 0x20 || id[i] == 0x7f)
            return false;
    return true;
}

struct http_stream *http_stream_open(struct http *h,
                                     const struct http_stream_request *request)
{
    struct http_request plain = {
        .method = "GET",
        .path = request->path,
        .class = request->class,
        .once = true,
        .deadline_ms = request->deadline_ms,
        .who = request->who,
        .done = request->done,
        .arg = request->arg,
    };
    struct http_stream *s = xcalloc(1, sizeof *s);
    s->http = h;
    s->opened = request->opened;
    s->data = request->data;
    if (request->last_id && stream_fits_header(request->last_id))
        s->last_id = xstrdup(request->last_id);
    s->job = job_new(h, &plain);
    s->job->stream = s;
    http_send_job(s->job);
    return s;
}

static void stream_resume_now(void *arg)
{
    struct http_stream *s = arg;
    if (s->job && s->job->transfer && s->job->transfer->streaming)
        engine_resume(s->http->engine, s->job->transfer);
}

void http_stream_resume(struct http_stream *s)
{
    loop_post(s->http->loop, stream_resume_now, s);
}

static void stream_close_now(void *arg)
{
    struct http_stream *s = arg;
    s->closed = true;
    if (s->job)
        stream_abort(s->job, -EINTR, "nobody reads it any more"); /* frees s */
    else
        stream_free_unused(s);
}

void http_stream_close(struct http_stream *s)
{
    loop_post(s->http->loop, stream_close_now, s);
}
