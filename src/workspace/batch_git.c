/* batch_git.c - a git command that holds index.lock is a batch by itself. */
#include "workspace/batch.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "workspace/overlay.h"
#include "workspace/proc.h"

enum {
    GIT_WAIT_MS = 30000, /* the rename of the lock holds a directory of the kernel's */
    GIT_POLL_MS = 1000,
};

static const char git_lock_name[] = "index.lock";

static struct batch *batch_by_lock(struct workspace *ws, const struct item *dir)
{
    struct batch *b;
    DL_FOREACH (ws->batches, b)
        if (b->lock_dir == dir && b->state == BATCH_OPEN)
            return b;
    return NULL;
}

/* A batch lives no longer than the git that began it. */
static void batch_poll(void *arg)
{
    struct batch *b = arg;
    struct workspace *ws = b->ws;
    int64_t began_ms = proc_began_ms(b->owner);
    ws_lock(ws);
    if (b->state == BATCH_OPEN && began_ms != b->began_ms)
        batch_give_up(b);
    else if (b->state == BATCH_OPEN)
        loop_timer_set(ws->config.loop, &b->timer, GIT_POLL_MS, batch_poll, b);
    ws_unlock(ws);
}

void batch_name_made(struct item *dir, const char *name, pid_t tid)
{
    struct workspace *ws = dir->ws;
    if (strcmp(name, git_lock_name) != 0 || !overlay_has(dir, "HEAD"))
        return;
    pid_t owner = proc_tgid(tid);
    int64_t began_ms = proc_began_ms(owner);
    if (began_ms < 0 || batch_of(ws, owner))
        return; /* (or it is part of a larger one) */
    ws_lock(ws);
    struct batch *b = batch_new(ws, owner, began_ms);
    b->lock_dir = item_ref(dir);
    loop_timer_set(ws->config.loop, &b->timer, GIT_POLL_MS, batch_poll, b);
    ws_unlock(ws);
}

/* The rest goes on behind it. */
static void batch_let_go(void *arg)
{
    struct batch *b = arg;
    ws_lock(b->ws);
    struct wait *waits = wait_take(&b->waits);
    if (waits)
        log_info("git does not wait any longer: %u pages are still to be sent",
                 batch_count_pages(b) + b->under_way);
    ws_unlock(b->ws);
    wait_run(waits, 0);
}

int batch_name_moved(struct item *dir, const char *name, struct wait *w)
{
    struct workspace *ws = dir->ws;
    int err = 0;
    if (strcmp(name, git_lock_name) != 0)
        return 0;
    ws_lock(ws);
    struct batch *b = batch_by_lock(ws, dir);
    if (b && batch_send(b)) {
        wait_add(&b->waits, w);
        loop_timer_set(ws->config.loop, &b->timer, GIT_WAIT_MS, batch_let_go, b);
        err = -EINPROGRESS;
    } else if (b) {
        batch_set_state(b, BATCH_DONE);
        batch_forget(b);
    }
    ws_unlock(ws);
    return err;
}

void batch_name_gone(struct item *dir, const char *name)
{
    if (strcmp(name, git_lock_name) != 0)
        return;
    ws_lock(dir->ws);
    struct batch *b = batch_by_lock(dir->ws, dir);
    if (b)
        batch_give_up(b);
    ws_unlock(dir->ws);
}
