/* batch.c - what is staged in a batch, and how it ends (batch_who.c: whose it is;
 * batch_send.c: how it is sent; batch_git.c: git's). */
#include "workspace/batch.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "json/json.h"
#include "workspace/keep.h"
#include "workspace/overlay.h"
#include "workspace/proc.h"

/* ---- life -------------------------------------------------------------------- */

static struct batch *batch_find(const struct workspace *ws, uint64_t number)
{
    struct batch *b;
    DL_FOREACH (ws->batches, b)
        if (number && b->number == number)
            return b;
    return NULL;
}

bool batch_is_open(const struct workspace *ws, uint64_t number)
{
    const struct batch *b = batch_find(ws, number);
    return b && b->state == BATCH_OPEN;
}

bool batch_is_git(const struct workspace *ws, uint64_t number)
{
    const struct batch *b = batch_find(ws, number);
    return b && b->lock_dir;
}

struct batch *batch_new(struct workspace *ws, pid_t owner, int64_t began_ms)
{
    struct batch *b = xcalloc(1, sizeof *b);
    b->ws = ws;
    b->number = ++ws->batch_count;
    b->owner = owner;
    b->began_ms = began_ms;
    DL_PREPEND(ws->batches, b);
    atomic_fetch_add(&ws->open_batches, 1);
    return b;
}

static void batch_pages_free(struct batch_page **list)
{
    struct batch_page *bp;
    struct batch_page *tmp;
    DL_FOREACH_SAFE (*list, bp, tmp) {
        DL_DELETE(*list, bp);
        page_unref(bp->page);
        free(bp->was);
        free(bp);
    }
}

static void batch_free(struct batch *b)
{
    struct batch_member *m;
    struct batch_member *tmp;
    DL_DELETE(b->ws->batches, b);
    loop_timer_clear(b->ws->config.loop, &b->timer);
    HASH_ITER (hh, b->members, m, tmp) {
        HASH_DEL(b->members, m);
        free(m);
    }
    batch_pages_free(&b->pages);
    batch_pages_free(&b->sending);
    batch_pages_free(&b->sent);
    item_unref(b->lock_dir);
    buf_finish(&b->words);
    free(b);
}

static void batch_free_later(void *arg)
{
    struct batch *b = arg;
    struct workspace *ws = b->ws;
    ws_lock(ws);
    batch_free(b);
    ws_unlock(ws);
}

/* The timer's callback may run just now: it is freed behind that, on the same thread. */
void batch_forget(struct batch *b)
{
    if (b->state != BATCH_DONE || b->held || b->forgotten)
        return;
    b->forgotten = true;
    loop_post(b->ws->config.loop, batch_free_later, b);
}

void batches_free(struct workspace *ws)
{
    while (ws->batches)
        batch_free(ws->batches);
}

void batch_set_state(struct batch *b, enum batch_state state)
{
    if (b->state == BATCH_OPEN && state != BATCH_OPEN)
        atomic_fetch_sub(&b->ws->open_batches, 1);
    b->state = state;
}

/* ---- what is staged ---------------------------------------------------------- */

static struct batch_page *batch_page_of(struct batch *b, struct page *p)
{
    struct batch_page *bp;
    DL_FOREACH (b->pages, bp)
        if (bp->page == p)
            return bp;
    bp = xcalloc(1, sizeof *bp);
    bp->batch = b;
    bp->page = page_ref(p);
    bp->was = p->id ? xstrdup(p->dir) : NULL;
    DL_APPEND(b->pages, bp);
    return bp;
}

/* What was wrong with the text before it is no matter of this one; somebody else's edit
 * is, and a text beside the file still has its reason. */
static void doc_begin_staged(struct doc *d, const struct saver *by, struct text *base)
{
    if (!d->theirs && !d->rejected)
        doc_clear_problem(d);
    text_replace(&d->draft_base, text_ref(base));
    d->staged = by->batch;
    d->staged_by = by->tgid;
    d->waiting = false;
    d->interrupted = false;
}

struct stage {
    struct wait *waits;
};

static void stage_kept(void *arg, int disk_err)
{
    struct stage *stage = arg;
    wait_run(stage->waits, disk_err);
    free(stage);
}

int batch_stage(struct doc *d, const struct saver *by, struct text *base, struct wait *w)
{
    struct item *it = d->file;
    struct stage *stage = xcalloc(1, sizeof *stage);
    batch_page_of(batch_find(d->page->ws, by->batch), d->page);
    doc_begin_staged(d, by, base);
    it->tried_seq = it->seq;
    it->tried_err = 0;
    wait_add(&stage->waits, w);
    cleanup_text struct text *text = doc_text(d);
    if (keep_draft(d, STATE_DRAFT, STATE_REFUSED, text, it->mtime, stage_kept, stage))
        return w ? -EINPROGRESS : 0;
    free(stage);
    return 0;
}

void batch_remove(struct page *p, uint64_t number, pid_t tgid)
{
    struct batch_page *bp = batch_page_of(batch_find(p->ws, number), p);
    bp->removed = true;
    bp->tgid = tgid;
    page_scratch(p)->orphan = true;
    pages_remove(p->ws, p);
}

bool batch_has_removed(const struct workspace *ws, const char *id)
{
    const struct batch *b;
    const struct batch_page *bp;
    DL_FOREACH (ws->batches, b) {
        DL_FOREACH (b->pages, bp)
            if (bp->removed && !strcmp(bp->page->id, id))
                return true;
        DL_FOREACH (b->sending, bp)
            if (bp->removed && !strcmp(bp->page->id, id))
                return true;
    }
    return false;
}

void batch_let_removed_go(struct workspace *ws, const char *id)
{
    struct batch *b;
    struct batch_page *bp;
    DL_FOREACH (ws->batches, b) {
        DL_FOREACH (b->pages, bp) {
            if (!bp->removed || strcmp(bp->page->id, id) != 0)
                continue;
            bp->removed = false;
            overlay_page_remove(page_scratch(bp->page));
            keep_forget(bp->page);
            page_detach(bp->page);
        }
    }
}

unsigned batch_count_pages(const struct batch *b)
{
    const struct batch_page *bp;
    unsigned count;
    DL_COUNT(b->pages, bp, count);
    return count;
}

void batch_put_status(struct buf *out, const struct workspace *ws)
{
    const struct batch *b;
    const char *comma = "";
    DL_FOREACH (ws->batches, b) {
        if (b->state == BATCH_DONE)
            continue;
        buf_printf(out, "%s{\"process\":%d,\"git\":%s,\"sending\":%s,\"pages\":%u}",
                   comma, (int)b->owner, b->lock_dir ? "true" : "false",
                   b->state == BATCH_SENDING ? "true" : "false",
                   batch_count_pages(b) + b->under_way);
        comma = ",";
    }
}

/* ---- the end ----------------------------------------------------------------- */

void batch_finish(struct batch *b)
{
    struct workspace *ws = b->ws;
    struct wait *waits = wait_take(&b->waits);
    /* git has written its files and its index: that has gone well. */
    int err = b->lock_dir ? 0 : b->err;
    batch_set_state(b, BATCH_DONE);
    batch_forget(b);
    ws_unlock(ws);
    wait_run(waits, err);
}

/* What it staged is as if it had never been sent. Lock held. */
void batch_give_up(struct batch *b)
{
    struct batch_page *bp;
    unsigned pages = batch_count_pages(b);
    DL_FOREACH (b->pages, bp) {
        for (int i = 0; i < page_docs(bp->page); i++)
            if (bp->page->docs[i].staged == b->number)
                bp->page->docs[i].staged = 0;
        if (bp->removed)
            pages_bring_back(b->ws, bp->page);
        bp->removed = false;
    }
    if (pages)
        log_warning("the batch of process %d ended without a commit: what it changed on "
                    "%u page%s stays on this machine",
                    (int)b->owner, pages, pages == 1 ? "" : "s");
    batch_set_state(b, BATCH_DONE);
    batch_forget(b);
}

/* ---- handles ----------------------------------------------------------------- */

int workspace_batch_begin(struct workspace *ws, pid_t tgid, uint64_t *ret_number)
{
    int64_t began_ms = proc_began_ms(tgid);
    ws_lock(ws);
    int err = ws->writable ? 0 : workspace_refuse(ws, "a batch");
    if (!err) {
        struct batch *b = batch_new(ws, tgid, began_ms);
        b->held = true;
        *ret_number = b->number;
    }
    ws_unlock(ws);
    return err;
}

int workspace_batch_commit(struct workspace *ws, uint64_t number, struct wait *w)
{
    ws_lock(ws);
    struct batch *b = batch_find(ws, number);
    int err = b && b->state == BATCH_OPEN ? 0 : -EALREADY;
    if (!err && batch_send(b)) {
        wait_add(&b->waits, w);
        err = -EINPROGRESS;
    } else if (!err) {
        batch_set_state(b, BATCH_DONE);
    }
    ws_unlock(ws);
    return err;
}

struct text *workspace_batch_words(struct workspace *ws, uint64_t number)
{
    ws_lock(ws);
    const struct batch *b = batch_find(ws, number);
    struct text *words = b ? text_new(b->words.len ? b->words.data : "", b->words.len)
                           : text_from_string("");
    ws_unlock(ws);
    return words;
}

void workspace_batch_end(struct workspace *ws, uint64_t number)
{
    ws_lock(ws);
    struct batch *b = batch_find(ws, number);
    if (b) {
        b->held = false;
        if (b->state == BATCH_OPEN)
            batch_give_up(b);
        else
            batch_forget(b);
    }
    ws_unlock(ws);
}
