/* http.c - the public face, and the way of a request: queue, attempt, answer. */
#include "http/http.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/table.h"
#include "http/queue.h"

enum { HTTP_TIMEOUT_MS = 30000 };
#define HTTP_MAX_BODY ((size_t)64 << 20)

unsigned http_in_flight(const struct http *h)
{
    unsigned n = 0;
    for (unsigned i = 0; i < HTTP_CLASSES; i++)
        n += h->flying[i];
    return n;
}

/* ---- the end of a job ------------------------------------------------------------- */

static void http_count_answer(struct http *h, struct job *job,
                              const struct http_answer *answer)
{
    pthread_mutex_lock(&h->lock);
    DL_DELETE2(h->all, job, all_prev, all_next);
    if (answer->err && answer->err != -ECANCELED && answer->err != -EINTR) {
        h->stats.errors++;
        snprintf(h->stats.last_error, sizeof h->stats.last_error, "%s", answer->reason);
    }
    pthread_mutex_unlock(&h->lock);
}

void http_finish(struct http *h, struct job *job, struct http_answer *answer)
{
    answer->attempts = job->attempts;
    loop_timer_clear(h->loop, &job->timer);
    h->jobs[job->class]--;
    http_count_answer(h, job, answer);
    http_publish(h);
    log_debug("http: %s %.200s: %ld%s%s, %u attempts, %lld ms", job->method, job->path,
              answer->status, answer->err ? " " : "", answer->reason, job->attempts,
              (long long)(clock_ms() - job->started));
    job->done(job->arg, answer);
    if (job->stream)
        stream_over(job->stream);
    stop_check(h, job);
    job_free(job);
}

void http_fail(struct http *h, struct job *job, int err, const char *reason)
{
    struct http_answer answer = {.err = err, .reason = reason};
    http_finish(h, job, &answer);
}

/* ---- an attempt -------------------------------------------------------------------- */

void http_start(struct http *h, struct job *job, int64_t now)
{
    int64_t left = job->deadline > now ? job->deadline - now : 1;
    char *key = http_key_value(h->key);
    if (job->attempts++ == 0)
        job->was_online = h->stats.online; /* written by this thread only */
    job->tries++;
    job->key_generation = h->auth.generation;
    if (!job->other_auth)
        job->auth = h->auth.mode;
    struct transfer_order order = {
        .url = &h->url,
        .method = job->method,
        .path = job->path,
        .body = job->body,
        .key = key,
        .auth = job->auth,
        .api_version = h->api_version,
        .fresh = job->policy == RETRY_ONCE,
        .repeatable = job->policy == RETRY_SAFE,
        .timeout_ms = left < h->timeout_ms ? left : h->timeout_ms,
        .max_body = h->max_body,
    };
    if (job->stream)
        stream_prepare(job, &order);
    job_move(job, JOB_FLYING);
    job->attempted_at = now;
    job->cut_short = left < h->timeout_ms;
    job->trial = h->breaker.trial = h->breaker.open;
    job->transfer = transfer_new(&order, job);
    http_key_wipe(key);
    job->budget_mark = budget_start(&h->budget, job->class, now);
    h->flying[job->class]++;
    engine_add(h->engine, job->transfer);
}

static void http_accept(void *arg)
{
    struct job *job = arg;
    struct http *h = job->http;
    pthread_mutex_lock(&h->lock);
    DL_APPEND2(h->all, job, all_prev, all_next);
    pthread_mutex_unlock(&h->lock);
    h->jobs[job->class]++;
    if (h->stop == STOP_ALL || (h->stop == STOP_GRACE && job->class != HTTP_SAVE)) {
        http_fail(h, job, -ECANCELED, "the client is being stopped");
        return;
    }
    if (h->budget.paused_until >= job->deadline) {
        http_fail(h, job, -EBUSY, "rate limited: the platform asks for a longer wait");
        return;
    }
    queue_add(h, job, false);
    queue_pump(h);
}

void http_send_probe(struct http *h, const struct http_request *request)
{
    struct job *job = job_new(h, request);
    job->probe = true;
    http_accept(job);
}

void http_send_job(struct job *job)
{
    loop_post(job->http->loop, http_accept, job);
}

void http_send(struct http *h, const struct http_request *request)
{
    http_send_job(job_new(h, request));
}

/* ---- the end of an attempt -------------------------------------------------------- */

/* What the server asks for before the next attempt. */
static int64_t http_server_wait(const struct transfer *t, long status)
{
    if (status != 429 && status != 503)
        return 0;
    int64_t wait = head_body_wait(t->answer.data ? t->answer.data : "", t->answer.len);
    if (t->head.wait_ms > wait)
        wait = t->head.wait_ms;
    if (wait == 0 && status == 429 && t->head.news.remaining == 0 &&
        t->head.news.reset_ms > 0)
        wait = t->head.news.reset_ms;
    return wait;
}

/* For the stats: an attempt has ended. */
static void http_note_online(struct http *h, const struct job *job, bool online,
                             long status, int64_t now)
{
    pthread_mutex_lock(&h->lock);
    h->stats.requests++;
    h->stats.sent[job->class]++;
    h->stats.rate_limited += status == 429;
    h->stats.online = online;
    if (online)
        h->stats.last_ok_ms = now;
    if (online)
        h->offline_since = 0;
    else if (!h->offline_since)
        h->offline_since = now;
    pthread_mutex_unlock(&h->lock);
}

/* No connection could be made. */
static bool http_is_gone(const struct transfer_result *r)
{
    return !r->sent && (r->err == -ECONNREFUSED || r->err == -EHOSTUNREACH ||
                        r->err == -ENETUNREACH || r->err == -ETIMEDOUT);
}

static void http_note_attempt(struct http *h, struct job *job,
                              const struct transfer_result *r, int64_t now)
{
    bool answered = r->err == 0 || r->err == -EFBIG || r->err == -EPROTO;
    struct breaker_attempt attempt = {
        .trial = job->trial,
        .answered = answered,
        .gone = http_is_gone(r),
        .cut_short = job->cut_short && r->err == -ETIMEDOUT,
        .started = job->attempted_at,
        .ended = now,
        .last_ok = h->stats.last_ok_ms,
        .err = r->err,
        .reason = r->reason,
    };
    bool was_open = h->breaker.open;
    job->trial = false;
    http_note_online(h, job, answered, r->status, now);
    if (!breaker_note(&h->breaker, &attempt))
        return;
    if (was_open != h->breaker.open)
        log_warning("http: the platform is %s%s%s", was_open ? "back" : "away",
                    was_open ? "" : ": ", was_open ? "" : r->reason);
    queue_probe(h);
}

int64_t http_learn(struct http *h, struct job *job, const struct transfer *t,
                   const struct transfer_result *r)
{
    int64_t now = clock_ms();
    int64_t wait = r->err ? 0 : http_server_wait(t, r->status);
    budget_end(&h->budget, job->class, r->sent && r->status != 429, now);
    budget_learn(&h->budget, &t->head.news, job->budget_mark, now);
    if (r->status == 429)
        wait = budget_refused(&h->budget, wait, now);
    http_note_attempt(h, job, r, now);
    return wait;
}

static void http_wake(void *arg)
{
    struct job *job = arg;
    struct http *h = job->http;
    queue_add(h, job, true);
    queue_pump(h);
}

static void http_sleep(struct http *h, struct job *job, int64_t delay)
{
    job_move(job, JOB_SLEEPING);
    loop_timer_set(h->loop, &job->timer, delay, http_wake, job);
}

static unsigned http_chance(struct http *h)
{
    h->chance = h->chance * 1103515245u + 12345u;
    return h->chance >> 16;
}

bool http_nap(struct http *h, struct job *job)
{
    struct retry_outcome outcome = {.tries = ++job->tries};
    int64_t delay = retry_delay_ms(&outcome, http_chance(h));
    if (job->tries >= RETRY_ATTEMPTS || clock_ms() + delay >= job->deadline)
        return false;
    http_sleep(h, job, delay);
    return true;
}

static bool http_try_again(struct http *h, struct job *job,
                           const struct transfer_result *r, int64_t wait)
{
    struct retry_outcome outcome = {
        .err = r->err,
        .status = r->status,
        .sent = r->sent,
        .was_online = job->was_online,
        .tries = job->tries,
        .server_wait_ms = wait,
    };
    int64_t delay = retry_delay_ms(&outcome, http_chance(h));
    if (!retry_wanted(job->policy, &outcome) || clock_ms() + delay >= job->deadline ||
        h->stop == STOP_ALL)
        return false;
    if (r->status == 429 && wait > 0)
        job->tries--;
    pthread_mutex_lock(&h->lock);
    h->stats.retries++;
    pthread_mutex_unlock(&h->lock);
    log_debug("http: %s %.200s: %ld %s, again in %lld ms", job->method, job->path,
              r->status, r->reason, (long long)delay);
    http_sleep(h, job, delay);
    return true;
}

static void http_settle(struct http *h, struct job *job, struct transfer *t,
                        const struct transfer_result *r)
{
    int64_t wait = http_learn(h, job, t, r);
    cleanup_text struct text *body = r->err ? NULL : text_from_buf(&t->answer);
    if (r->status == 401 && auth_again(h, job, body, r->content_type))
        return;
    if (!r->err && r->status != 401)
        auth_worked(h, job);
    if (http_try_again(h, job, r, wait))
        return;
    struct http_answer answer = {
        .err = r->err,
        .status = r->status,
        .body = body,
        .content_type = r->content_type,
        .sent = r->sent,
        .reason = r->reason,
    };
    http_finish(h, job, &answer);
}

static void http_on_transfer(void *arg, struct transfer *t, CURLcode code)
{
    struct http *h = arg;
    struct job *job = t->owner;
    struct transfer_result r;
    transfer_result(t, code, &r);
    job->transfer = NULL;
    if (!job->stream || !stream_end(h, job, t, &r)) {
        h->flying[job->class]--;
        http_settle(h, job, t, &r);
    }
    transfer_free(t);
    queue_pump(h);
}

/* ---- life ------------------------------------------------------------------------- */

int http_create(struct loop *loop, const struct http_config *config,
                struct http **ret_http, char **ret_reason)
{
    struct http *h = xcalloc(1, sizeof *h);
    int err = url_parse(config->url, &h->url, ret_reason);
    if (!err)
        err = engine_create(loop, http_on_transfer, h, &h->engine);
    if (err) {
        url_finish(&h->url);
        free(h);
        return err;
    }
    h->loop = loop;
    h->key = config->key;
    h->api_version = xstrdup(config->api_version);
    h->timeout_ms = config->timeout_ms > 0 ? config->timeout_ms : HTTP_TIMEOUT_MS;
    h->max_body = config->max_body ? config->max_body : HTTP_MAX_BODY;
    h->chance = (unsigned)clock_ms();
    h->stats.limit = h->stats.remaining = h->stats.reserve = -1;
    for (unsigned i = 0; i < HTTP_CLASSES; i++)
        h->turn[i] = 1;
    budget_init(&h->budget, config->max_requests, clock_ms());
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->stopped_cond, NULL);
    *ret_http = h;
    return 0;
}

void http_destroy(struct http *h)
{
    if (!h)
        return;
    auth_finish(h);
    engine_destroy(h->engine);
    url_finish(&h->url);
    free(h->api_version);
    pthread_cond_destroy(&h->stopped_cond);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

const char *http_host(const struct http *h)
{
    return h->url.host;
}

void http_quote(struct buf *out, const char *s)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789-_.~";
    /* "." and ".." are steps in a path, whoever resolves it, unless they are escaped. */
    bool dots = s[strspn(s, ".")] == '\0';
    for (; *s; s++) {
        if (strchr(plain, *s) && !dots)
            buf_putc(out, *s);
        else
            buf_printf(out, "%%%02X", (unsigned char)*s);
    }
}
