/* agents_watch.c - who watches a session: feeds of its events, and runs that are waited
 * for. */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "local/agent_json.h"
#include "local/agents_internal.h"
#include "local/feed.h"
#include "local/store.h"
#include "local/stream.h"

enum { PING_TICKS = 15 };

/* ---- feeds ------------------------------------------------------------------------ */

static struct agent_watch *find_watch(struct agents *a, const char *id)
{
    struct agent_watch *w = NULL;
    HASH_FIND_STR(a->watches, id, w);
    return w;
}

static void drop_watch(struct agents *a, struct agent_watch *w)
{
    HASH_DEL(a->watches, w);
    feed_unref(w->feed);
    free(w);
}

static void append_all(struct feed *f, const struct agent_event *events, size_t count)
{
    for (size_t i = 0; i < count; i++)
        feed_append(f, &events[i]);
}

static int load_feed(struct agents *a, const struct agent_session *s, struct feed *f)
{
    struct agent_event *events = NULL;
    size_t count = 0;
    int r = a->store->ops->agent_events(a->store, s->id, 0, &events, &count);
    append_all(f, events, count);
    for (size_t i = 0; i < count; i++)
        agent_event_finish(&events[i]);
    free(events);
    if (agent_status_ended(s->status))
        feed_end(f);
    return r;
}

static int make_watch(struct agents *a, const char *id, struct agent_watch **ret)
{
    cleanup_agent_session struct agent_session s = {0};
    int r = a->store->ops->agent_get(a->store, id, &s);
    if (r < 0)
        return r;
    struct feed *f = feed_create(id);
    r = load_feed(a, &s, f);
    if (r < 0) {
        feed_unref(f);
        return r;
    }
    struct agent_watch *w = xcalloc(1, sizeof *w);
    agent_id_set(w->id, id);
    w->feed = f;
    HASH_ADD_STR(a->watches, id, w);
    *ret = w;
    return 0;
}

int agents_stream(struct agents *a, const char *id, int64_t after,
                  struct stream **ret_stream)
{
    pthread_mutex_lock(&a->lock);
    struct agent_watch *w = find_watch(a, id);
    int r = w ? 0 : make_watch(a, id, &w);
    if (r >= 0)
        *ret_stream = feed_open(w->feed, after);
    pthread_mutex_unlock(&a->lock);
    return r;
}

/* ---- runs that are waited for ----------------------------------------------------- */

struct agent_waiter {
    struct stream base;
    struct agents *agents;
    char id[AGENT_ID_TEXT];
    int64_t deadline_ms;
    /* Guards the rest: a reader need not wait until a change is on the disk. */
    pthread_mutex_t lock;
    struct buf answer;
    size_t given;
    bool settled, asleep;
    struct agent_waiter *prev, *next; /* of agents->waiters, under agents->lock */
};

static ssize_t waiter_read(struct stream *stream, char *buf, size_t max)
{
    struct agent_waiter *w = (struct agent_waiter *)stream;
    ssize_t n = 0;
    pthread_mutex_lock(&w->lock);
    size_t left = w->answer.len - w->given;
    if (!w->settled) {
        w->asleep = true;
        stream_park(stream);
    } else if (left == 0) {
        n = -ENODATA;
    } else {
        n = (ssize_t)(left < max ? left : max);
        memcpy(buf, w->answer.data + w->given, (size_t)n);
        w->given += (size_t)n;
    }
    pthread_mutex_unlock(&w->lock);
    return n;
}

static void waiter_close(struct stream *stream)
{
    struct agent_waiter *w = (struct agent_waiter *)stream;
    pthread_mutex_lock(&w->agents->lock);
    DL_DELETE(w->agents->waiters, w);
    pthread_mutex_unlock(&w->agents->lock);
    pthread_mutex_destroy(&w->lock);
    buf_finish(&w->answer);
    free(w);
}

static void waiter_settle(struct agent_waiter *w, const struct agent_session *s)
{
    pthread_mutex_lock(&w->lock);
    if (!w->settled) {
        w->settled = true;
        buf_puts(&w->answer, "{\"success\":true,\"async\":false,");
        cleanup_buf struct buf members = BUF_INIT;
        buf_putc(&members, '{');
        agent_session_members(s, &members);
        buf_append(&w->answer, members.data + 1, members.len - 1);
        buf_putc(&w->answer, '}');
        if (w->asleep)
            stream_wake(&w->base);
        w->asleep = false;
    }
    pthread_mutex_unlock(&w->lock);
}

static bool is_settled(const struct agent_session *s)
{
    return agent_status_ended(s->status) || s->status == AGENT_AWAITING_INPUT;
}

int agents_wait(struct agents *a, const char *id, struct stream **ret_stream)
{
    static const struct stream_ops ops = {.read = waiter_read, .close = waiter_close};
    cleanup_agent_session struct agent_session s = {0};
    pthread_mutex_lock(&a->lock);
    int r = a->store->ops->agent_get(a->store, id, &s);
    if (r >= 0) {
        struct agent_waiter *w = xcalloc(1, sizeof *w);
        w->base = (struct stream){.ops = &ops, .content_type = "application/json"};
        w->agents = a;
        w->deadline_ms = clock_ms() + AGENT_WAIT_MS;
        agent_id_set(w->id, id);
        pthread_mutex_init(&w->lock, NULL);
        DL_APPEND(a->waiters, w);
        if (is_settled(&s))
            waiter_settle(w, &s);
        *ret_stream = &w->base;
    }
    pthread_mutex_unlock(&a->lock);
    return r;
}

static void waiters_tick(struct agents *a)
{
    struct agent_waiter *w;
    DL_FOREACH (a->waiters, w) {
        cleanup_agent_session struct agent_session s = {0};
        pthread_mutex_lock(&w->lock);
        bool due = !w->settled && clock_ms() >= w->deadline_ms;
        pthread_mutex_unlock(&w->lock);
        if (due && a->store->ops->agent_get(a->store, w->id, &s) >= 0)
            waiter_settle(w, &s);
    }
}

/* ---- both ------------------------------------------------------------------------- */

void agents_tell(struct agents *a, const struct agent_session *s,
                 const struct agent_change *c)
{
    struct agent_waiter *waiter;
    struct agent_watch *w = find_watch(a, s->id);
    if (w) {
        append_all(w->feed, c->events, c->event_count);
        if (agent_status_ended(s->status))
            feed_end(w->feed);
    }
    if (!is_settled(s))
        return;
    DL_FOREACH (a->waiters, waiter)
        if (!strcmp(waiter->id, s->id))
            waiter_settle(waiter, s);
}

void agents_watch_tick(struct agents *a)
{
    struct agent_watch *w;
    struct agent_watch *tmp;
    waiters_tick(a);
    if (++a->ticks % PING_TICKS)
        return;
    HASH_ITER (hh, a->watches, w, tmp) {
        if (feed_readers(w->feed) == 0)
            drop_watch(a, w);
        else
            feed_ping(w->feed);
    }
}

void agents_watch_finish(struct agents *a)
{
    struct agent_watch *w;
    struct agent_watch *tmp;
    HASH_ITER (hh, a->watches, w, tmp)
        drop_watch(a, w);
}
