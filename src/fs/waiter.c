#include "fs/waiter.h"

#include <errno.h>

#include "fs/reply.h"
#include "workspace/proc.h"

enum { DYING_POLL_MS = 100 };

static void waiter_unref(struct waiter *w)
{
    if (atomic_fetch_sub(&w->refs, 1) != 1)
        return;
    handle_unref(w->handle);
    node_unref(w->node);
    node_unref(w->to);
    free(w->name);
    free(w->to_name);
    free(w);
}

static bool waiter_claim(struct waiter *w)
{
    if (atomic_exchange(&w->claimed, true))
        return false;
    fuse_req_interrupt_func(w->req, NULL, NULL);
    return true;
}

/* A timer still running would hold the waiter for nothing, and for ever when the mount
 * ends before it is due. */
static void waiter_stop_poll(struct waiter *w)
{
    if (!loop_is_current(w->fs->loop) || !w->polling)
        return;
    w->polling = false;
    loop_timer_clear(w->fs->loop, &w->poll);
    waiter_unref(w);
}

static void waiter_end(struct waiter *w, int err)
{
    if (waiter_claim(w))
        w->finish(w, err);
    waiter_stop_poll(w);
    waiter_unref(w);
}

/* A step ended with err: the next one begins, unless an interrupt ended the waiter
 * meanwhile, or the waiter ends. */
static void waiter_step(struct waiter *w, int err)
{
    if (!err && w->then && !atomic_load(&w->claimed)) {
        int (*then)(struct waiter *) = steal_ptr(w->then);
        err = then(w);
    }
    if (err != -EINPROGRESS)
        waiter_end(w, err);
}

static void waiter_done(struct wait *wait, int err)
{
    waiter_step(container_of(wait, struct waiter, wait), err);
}

/* The completion's reference is ours when there is to be none. */
static void waiter_cancel(struct waiter *w)
{
    if (w->cancel && w->cancel(w))
        waiter_unref(w);
}

/* Drops a reference, as waiter_end(). */
static void waiter_give_up(struct waiter *w)
{
    atomic_fetch_add(&w->refs, 1);
    atomic_store(&w->wait.left, true);
    waiter_end(w, -EINTR);
    waiter_cancel(w);
    waiter_unref(w);
}

/* Engine's thread; holds a reference of its own. */
static void waiter_interrupted(void *arg)
{
    struct waiter *w = arg;
    w->polling = false;
    if (atomic_load(&w->claimed)) {
        waiter_unref(w);
    } else if (!w->changes || proc_is_dying(w->tid)) {
        waiter_give_up(w);
    } else {
        /* The kernel sends one INTERRUPT; a SIGKILL after it shows only in /proc. */
        w->polling = true;
        loop_timer_set(w->fs->loop, &w->poll, DYING_POLL_MS, waiter_interrupted, w);
    }
}

static void waiter_on_interrupt(fuse_req_t req, void *data)
{
    struct waiter *w = data;
    (void)req;
    atomic_fetch_add(&w->refs, 1);
    loop_post(w->fs->loop, waiter_interrupted, w);
}

struct waiter *waiter_new(fuse_req_t req, struct node *node, bool changes,
                          void (*finish)(struct waiter *w, int err))
{
    struct waiter *w = xcalloc(1, sizeof *w);
    atomic_init(&w->refs, 1);
    atomic_init(&w->claimed, false);
    w->wait.done = waiter_done;
    w->req = req;
    w->fs = node->fs;
    w->node = node_ref(node);
    w->finish = finish;
    w->changes = changes;
    w->tid = fuse_req_ctx(req)->pid;
    w->wait.tid = w->tid;
    return w;
}

void waiter_begin(struct waiter *w, int (*begin)(struct waiter *w))
{
    /* Registered first: the completion may end the waiter before begin() returns. */
    fuse_req_interrupt_func(w->req, waiter_on_interrupt, w);
    atomic_fetch_add(&w->refs, 1); /* begin() may look at it after it has completed */
    int err = begin(w);
    if (err != -EINPROGRESS)
        waiter_step(w, err);
    else if (atomic_load(&w->claimed))
        waiter_cancel(w); /* an interrupt was there before the wait was */
    waiter_unref(w);
}
