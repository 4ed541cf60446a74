/* show.c - what http tells of itself: numbers, and the requests on their way. */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "http/http_internal.h"

const char *http_class_name(enum http_class class)
{
    static const char *const names[HTTP_CLASSES] = {
        [HTTP_INTERACTIVE] = "interactive", [HTTP_SAVE] = "save",
        [HTTP_RENDER] = "render",           [HTTP_READAHEAD] = "read-ahead",
        [HTTP_BACKGROUND] = "background",
    };
    return names[class];
}

/* Lock held. */
static void show_classes(struct http *h)
{
    h->stats.in_flight = h->stats.queued = h->stats.streams = 0;
    for (unsigned i = 0; i < HTTP_CLASSES; i++) {
        h->stats.flying[i] = h->flying[i];
        h->stats.waiting[i] = h->jobs[i] - h->flying[i] - h->streaming[i];
        h->stats.waited_ms[i] = h->waited_ms[i];
        h->stats.streams += h->streaming[i];
        h->stats.in_flight += h->stats.flying[i];
        h->stats.queued += h->stats.waiting[i];
    }
}

void http_publish(struct http *h)
{
    struct budget_view view;
    int64_t now = clock_ms();
    budget_view(&h->budget, now, &view);
    pthread_mutex_lock(&h->lock);
    show_classes(h);
    h->stats.limit = view.limit;
    h->stats.remaining = view.remaining;
    h->stats.reserve = view.reserve;
    h->reset_at = view.reset_at;
    h->published_at = now;
    h->paused_until = view.paused_until;
    pthread_mutex_unlock(&h->lock);
}

/* With nothing to do nothing is published; after an idle minute all has come back. */
static bool show_is_idle(const struct http *h, int64_t now)
{
    return h->stats.in_flight == 0 && now >= h->reset_at &&
           now - h->published_at > LEDGER_WINDOW_MS + LEDGER_STEP_MS;
}

void http_get_stats(struct http *h, struct http_stats *ret)
{
    int64_t now = clock_ms();
    pthread_mutex_lock(&h->lock);
    *ret = h->stats;
    if (show_is_idle(h, now))
        ret->remaining = h->stats.limit;
    ret->reset_ms = h->reset_at > now ? h->reset_at - now : -1;
    ret->paused_ms = h->paused_until > now ? h->paused_until - now : 0;
    ret->offline_ms = h->offline_since ? now - h->offline_since : -1;
    pthread_mutex_unlock(&h->lock);
}

static const char *show_place(enum job_place place)
{
    static const char *const names[] = {
        [JOB_NEW] = "queued",     [JOB_QUEUED] = "queued", [JOB_FLYING] = "sent",
        [JOB_SLEEPING] = "retry", [JOB_ASKING] = "key",    [JOB_STREAMING] = "stream",
    };
    return names[place];
}

/* A job as it was, with its words. */
struct show_item {
    struct http_pending pending;
    char *method, *path;
};

struct show_list {
    struct show_item *items;
    size_t count, cap;
};

static void show_take(struct show_list *list, const struct job *job, int64_t now)
{
    if (list->count == list->cap) {
        list->cap = list->cap ? 2 * list->cap : 16;
        list->items = xrealloc(list->items, list->cap * sizeof *list->items);
    }
    struct show_item *item = &list->items[list->count++];
    item->method = xstrdup(job->method);
    item->path = xstrdup(job->path);
    item->pending = (struct http_pending){
        .method = item->method,
        .path = item->path,
        .class = job->class,
        .state = show_place(job->place),
        .age_ms = now - job->started,
        .who = job->who,
    };
}

void http_each_request(struct http *h, http_pending_fn *fn, void *arg)
{
    struct show_list list = {0};
    int64_t now = clock_ms();
    pthread_mutex_lock(&h->lock);
    for (const struct job *job = h->all; job; job = job->all_next)
        show_take(&list, job, now);
    pthread_mutex_unlock(&h->lock);
    for (size_t i = 0; i < list.count; i++) {
        fn(arg, &list.items[i].pending);
        free(list.items[i].method);
        free(list.items[i].path);
    }
    free(list.items);
}
