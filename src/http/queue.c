#include "http/queue.h"

#include <errno.h>

#include "base/clock.h"
#include "base/table.h"

enum { QUEUE_SLOTS = 64, QUEUE_OTHERS = 56, QUEUE_RENDERS = 16 };

static const enum http_class queue_order[HTTP_CLASSES] = {
    HTTP_SAVE, HTTP_INTERACTIVE, HTTP_RENDER, HTTP_READAHEAD, HTTP_BACKGROUND};

/* Transfers at a time, so that hung reads leave room for saves, and what runs by itself
 * leaves room for both: of the class itself, of one process, and of all with which it may
 * start. */
static const struct {
    unsigned own, each, all;
} queue_slots[HTTP_CLASSES] = {
    [HTTP_SAVE] = {QUEUE_SLOTS, QUEUE_SLOTS, QUEUE_SLOTS},
    [HTTP_INTERACTIVE] = {QUEUE_OTHERS, QUEUE_OTHERS, QUEUE_OTHERS},
    [HTTP_RENDER] = {QUEUE_RENDERS, QUEUE_RENDERS / 2, QUEUE_OTHERS},
    [HTTP_READAHEAD] = {48, 48, QUEUE_OTHERS},
    [HTTP_BACKGROUND] = {8, 8, QUEUE_OTHERS / 2},
};

/* ---- turns -------------------------------------------------------------------------- */

static void queue_too_late(void *arg)
{
    struct job *job = arg;
    struct http *h = job->http;
    int64_t now = clock_ms();
    bool limited = budget_when(&h->budget, job->class, false, now) > now;
    queue_remove(h, job);
    if (limited)
        http_fail(h, job, -EBUSY, "rate limited: its turn did not come in time");
    else
        http_fail(h, job, -ETIMEDOUT, "too many requests wait for the platform");
}

/* The turn after the last one of the same process that waits here. */
static uint64_t queue_turn(const struct http *h, const struct job *job)
{
    uint64_t turn = h->turn[job->class];
    struct job *other;
    DL_FOREACH (h->queue[job->class], other)
        if (other->who == job->who && other->turn >= turn)
            turn = other->turn + 1;
    return turn;
}

static void queue_insert(struct http *h, struct job *job)
{
    struct job *at = h->queue[job->class];
    while (at && at->turn <= job->turn)
        at = at->next;
    if (at)
        DL_PREPEND_ELEM(h->queue[job->class], at, job);
    else
        DL_APPEND(h->queue[job->class], job);
}

void queue_add(struct http *h, struct job *job, bool first)
{
    int64_t now = clock_ms();
    job_move(job, JOB_QUEUED);
    if (!h->queue[job->class])
        h->waiting_since[job->class] = now;
    job->queued_at = now;
    job->turn = first ? 0 : queue_turn(h, job); /* h->turn begins with 1 */
    queue_insert(h, job);
    loop_timer_set(h->loop, &job->timer, job->deadline - now, queue_too_late, job);
}

void queue_remove(struct http *h, struct job *job)
{
    DL_DELETE(h->queue[job->class], job);
    loop_timer_clear(h->loop, &job->timer);
}

/* ---- slots -------------------------------------------------------------------------- */

/* Only renders are slow enough for one process to hold all slots of a class. */
static unsigned queue_flying_of(const struct http *h, const struct job *job)
{
    unsigned n = 0;
    if (job->class != HTTP_RENDER || job->who == 0)
        return 0;
    for (const struct job *j = h->all; j; j = j->all_next)
        n += j->place == JOB_FLYING && j->class == HTTP_RENDER && j->who == job->who;
    return n;
}

/* The next of a class that has a slot; NULL: none. */
static struct job *queue_next(const struct http *h, enum http_class class)
{
    struct job *job;
    if (h->flying[class] >= queue_slots[class].own ||
        http_in_flight(h) >= queue_slots[class].all)
        return NULL;
    DL_FOREACH (h->queue[class], job)
        if (queue_flying_of(h, job) < queue_slots[class].each)
            return job;
    return NULL;
}

/* ---- the breaker -------------------------------------------------------------------- */

static enum breaker_way queue_way(const struct http *h, const struct job *job)
{
    enum breaker_kind kind = job->probe                ? BREAKER_PROBE
                             : job->attempts           ? BREAKER_AGAIN
                             : job->class == HTTP_SAVE ? BREAKER_SAVE
                                                       : BREAKER_FRESH;
    return breaker_way(&h->breaker, kind, clock_ms());
}

static void queue_refuse(struct http *h, struct job *job, enum breaker_way way)
{
    queue_remove(h, job);
    if (way == BREAKER_NAP && http_nap(h, job))
        return;
    http_fail(h, job, h->breaker.err, h->breaker.reason);
}

/* Of all that wait, those that need not. */
static void queue_refuse_all(struct http *h)
{
    struct job *job;
    struct job *tmp;
    for (unsigned i = 0; i < HTTP_CLASSES; i++)
        DL_FOREACH_SAFE (h->queue[i], job, tmp) {
            enum breaker_way way = queue_way(h, job);
            if (way == BREAKER_NAP || way == BREAKER_REFUSE)
                queue_refuse(h, job, way);
        }
}

static void queue_probed(void *arg, const struct http_answer *answer)
{
    (void)arg;
    (void)answer; /* breaker_note() has seen it */
}

static void queue_probe_now(void *arg)
{
    static const struct http_request probe = {
        .method = "GET", .path = "/me", .once = true, .done = queue_probed};
    struct http *h = arg;
    if (h->breaker.open && !h->breaker.trial)
        http_send_probe(h, &probe);
}

void queue_probe(struct http *h)
{
    if (h->breaker.open)
        loop_timer_set(h->loop, &h->probe_timer, h->breaker.probe_ms, queue_probe_now, h);
    else
        loop_timer_clear(h->loop, &h->probe_timer);
}

/* ---- the pump ----------------------------------------------------------------------- */

struct pump {
    int64_t now;
    int64_t next; /* when there is something to do again */
};

static void pump_again_at(struct pump *pump, int64_t when)
{
    if (when > pump->now && when < pump->next)
        pump->next = when;
}

/* queue_next(), once those that nobody wants any more are out of the way. */
static struct job *pump_next(struct http *h, enum http_class class)
{
    struct job *job;
    while ((job = queue_next(h, class)) && job->wanted && !job->wanted(job->arg)) {
        queue_remove(h, job);
        http_fail(h, job, -EINTR, "nobody waits for it any more");
    }
    return job;
}

/* Starts one of this class. False: none may start now. */
static bool pump_one(struct http *h, struct pump *pump, enum http_class class, bool due)
{
    struct job *job = pump_next(h, class);
    if (!job || queue_way(h, job) != BREAKER_PASS)
        return false;
    int64_t when = budget_when(&h->budget, class, due, pump->now);
    pump_again_at(pump, when);
    if (when > pump->now)
        return false;
    queue_remove(h, job);
    if (job->turn > h->turn[class])
        h->turn[class] = job->turn;
    h->waiting_since[class] = pump->now;
    h->waited_ms[class] += pump->now - job->queued_at;
    http_start(h, job, pump->now);
    return true;
}

/* One each of those that have waited too long behind the others. */
static void pump_due(struct http *h, struct pump *pump)
{
    for (unsigned i = 1; i < HTTP_CLASSES; i++) {
        enum http_class class = queue_order[i];
        if (!h->queue[class])
            continue;
        int64_t at = budget_due_at(&h->budget, class, h->waiting_since[class]);
        if (at <= pump->now)
            pump_one(h, pump, class, true);
        else
            pump_again_at(pump, at);
    }
}

static void pump_all(struct http *h, struct pump *pump)
{
    bool due_first = budget_saves_prevail(&h->budget, pump->now);
    if (due_first)
        pump_due(h, pump);
    for (unsigned i = 0; i < HTTP_CLASSES; i++) {
        if (i == 1 && !due_first)
            pump_due(h, pump);
        while (pump_one(h, pump, queue_order[i], false))
            ;
    }
}

static void queue_pump_again(void *arg)
{
    queue_pump(arg);
}

void queue_pump(struct http *h)
{
    struct pump pump = {clock_ms(), INT64_MAX};
    if (h->breaker.open)
        queue_refuse_all(h);
    pump_all(h, &pump);
    if (pump.next == INT64_MAX)
        loop_timer_clear(h->loop, &h->pump_timer);
    else
        loop_timer_set(h->loop, &h->pump_timer, pump.next - pump.now, queue_pump_again,
                       h);
    http_publish(h);
}
