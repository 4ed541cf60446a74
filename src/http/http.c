/* http.c - the public face, and the way of a request: queue, attempt, answer. */
#include "http/http.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/table.h"
#include "http/http_internal.h"

enum { HTTP_TIMEOUT_MS = 30000, HTTP_SLOTS = 64 };
#define HTTP_MAX_BODY ((size_t)64 << 20)

/* Saves first: they are few, and somebody's close() waits for each. */
static const enum http_class http_order[HTTP_CLASSES] = {HTTP_SAVE, HTTP_INTERACTIVE,
                                                         HTTP_READAHEAD, HTTP_BACKGROUND};

/* Transfers at a time, so that hung reads leave room for saves, and what runs by itself
 * leaves room for both. */
static const unsigned http_slots[HTTP_CLASSES] = {
    [HTTP_INTERACTIVE] = 56,
    [HTTP_SAVE] = HTTP_SLOTS,
    [HTTP_READAHEAD] = 16,
    [HTTP_BACKGROUND] = 8,
};

unsigned http_in_flight(const struct http *h)
{
    unsigned n = 0;
    for (unsigned i = 0; i < HTTP_CLASSES; i++)
        n += h->flying[i];
    return n;
}

/* ---- the end of a job ------------------------------------------------------------- */

/* For http_get_stats(), which may run on any thread. */
static void http_publish(struct http *h)
{
    unsigned in_flight = http_in_flight(h);
    pthread_mutex_lock(&h->lock);
    h->stats.in_flight = in_flight;
    h->stats.queued = h->jobs - in_flight;
    h->stats.limit = h->budget.limit;
    h->stats.remaining = h->budget.remaining;
    h->reset_at = h->budget.reset_at;
    pthread_mutex_unlock(&h->lock);
}

static void http_count_answer(struct http *h, const struct http_answer *answer)
{
    pthread_mutex_lock(&h->lock);
    if (answer->err && answer->err != -ECANCELED) {
        h->stats.errors++;
        snprintf(h->stats.last_error, sizeof h->stats.last_error, "%s", answer->reason);
    }
    pthread_mutex_unlock(&h->lock);
}

void http_finish(struct http *h, struct job *job, struct http_answer *answer)
{
    answer->attempts = job->attempts;
    loop_timer_clear(h->loop, &job->timer);
    DL_DELETE2(h->all, job, all_prev, all_next);
    h->jobs--;
    http_count_answer(h, answer);
    http_publish(h);
    log_debug("http: %s %.200s: %ld%s%s, %u attempts, %lld ms", job->method, job->path,
              answer->status, answer->err ? " " : "", answer->reason, job->attempts,
              (long long)(clock_ms() - job->started));
    job->done(job->arg, answer);
    stop_check(h, job);
    job_free(job);
}

static void http_fail(struct http *h, struct job *job, int err, const char *reason)
{
    struct http_answer answer = {.err = err, .reason = reason};
    http_finish(h, job, &answer);
}

/* ---- the queue -------------------------------------------------------------------- */

static void http_too_late(void *arg)
{
    struct job *job = arg;
    struct http *h = job->http;
    int64_t now = clock_ms();
    bool limited = budget_when(&h->budget, job->class, now) > now;
    DL_DELETE(h->queue[job->class], job);
    if (limited)
        http_fail(h, job, -EBUSY, "rate limited: its turn did not come in time");
    else
        http_fail(h, job, -ETIMEDOUT, "too many requests wait for the platform");
}

void http_queue(struct http *h, struct job *job, bool first)
{
    job->place = JOB_QUEUED;
    if (first)
        DL_PREPEND(h->queue[job->class], job);
    else
        DL_APPEND(h->queue[job->class], job);
    loop_timer_set(h->loop, &job->timer, job->deadline - clock_ms(), http_too_late, job);
}

static void http_start(struct http *h, struct job *job, int64_t now)
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
    loop_timer_clear(h->loop, &job->timer);
    job->place = JOB_FLYING;
    job->transfer = transfer_new(&order, job);
    http_key_wipe(key);
    budget_take(&h->budget, now);
    h->flying[job->class]++;
    engine_add(h->engine, job->transfer);
}

static void http_pump_again(void *arg)
{
    http_pump(arg);
}

/* Starts what may start. A class whose turn has not come sets the clock for it; those
 * behind it have no earlier one, since they leave more to others. */
void http_pump(struct http *h)
{
    int64_t next = INT64_MAX;
    for (unsigned i = 0; i < HTTP_CLASSES; i++) {
        enum http_class class = http_order[i];
        int64_t now = clock_ms();
        while (h->queue[class] && h->flying[class] < http_slots[class] &&
               http_in_flight(h) < HTTP_SLOTS) {
            int64_t when = budget_when(&h->budget, class, now);
            if (when > now) {
                next = when < next ? when : next;
                break;
            }
            struct job *job = h->queue[class];
            DL_DELETE(h->queue[class], job);
            http_start(h, job, now);
        }
    }
    if (next == INT64_MAX)
        loop_timer_clear(h->loop, &h->pump_timer);
    else
        loop_timer_set(h->loop, &h->pump_timer, next - clock_ms(), http_pump_again, h);
    http_publish(h);
}

static void http_accept(void *arg)
{
    struct job *job = arg;
    struct http *h = job->http;
    DL_APPEND2(h->all, job, all_prev, all_next);
    h->jobs++;
    if (h->stop == STOP_ALL || (h->stop == STOP_GRACE && job->class != HTTP_SAVE)) {
        http_fail(h, job, -ECANCELED, "the client is being stopped");
        return;
    }
    http_queue(h, job, false);
    http_pump(h);
}

void http_send(struct http *h, const struct http_request *request)
{
    loop_post(h->loop, http_accept, job_new(h, request));
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

static void http_learn(struct http *h, const struct transfer *t,
                       const struct transfer_result *r, int64_t wait)
{
    int64_t now = clock_ms();
    budget_learn(&h->budget, &t->head.news, http_in_flight(h), now);
    if (r->status == 429)
        budget_pause(&h->budget, wait, now);
    pthread_mutex_lock(&h->lock);
    h->stats.requests++;
    h->stats.rate_limited += r->status == 429;
    h->stats.online = r->err == 0 || r->err == -EFBIG;
    if (h->stats.online)
        h->stats.last_ok_ms = now;
    pthread_mutex_unlock(&h->lock);
}

static void http_wake(void *arg)
{
    struct job *job = arg;
    struct http *h = job->http;
    http_queue(h, job, true);
    http_pump(h);
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
    h->chance = h->chance * 1103515245u + 12345u;
    int64_t delay = retry_delay_ms(&outcome, h->chance >> 16);
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
    job->place = JOB_SLEEPING;
    loop_timer_set(h->loop, &job->timer, delay, http_wake, job);
    return true;
}

static void http_settle(struct http *h, struct job *job, struct transfer *t,
                        const struct transfer_result *r)
{
    int64_t wait = r->err ? 0 : http_server_wait(t, r->status);
    http_learn(h, t, r, wait);
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
    h->flying[job->class]--;
    http_settle(h, job, t, &r);
    transfer_free(t);
    http_pump(h);
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
    h->stats.limit = h->stats.remaining = -1;
    budget_init(&h->budget, config->max_requests);
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
    budget_finish(&h->budget);
    url_finish(&h->url);
    free(h->api_version);
    pthread_cond_destroy(&h->stopped_cond);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

void http_get_stats(struct http *h, struct http_stats *ret)
{
    int64_t now = clock_ms();
    pthread_mutex_lock(&h->lock);
    *ret = h->stats;
    ret->reset_ms = h->reset_at > now ? h->reset_at - now : -1;
    pthread_mutex_unlock(&h->lock);
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
