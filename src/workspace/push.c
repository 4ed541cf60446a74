/* push.c - saves that are asked for by name: a draft that is sent, a save that is undone.
 * Both are ordinary saves, with their verdict. */
#include "workspace/push.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "json/json.h"
#include "workspace/conflict.h"
#include "workspace/keep.h"

/* Spec first: a draft of the queries beside it goes along. */
static const enum page_file push_docs[] = {PAGE_SPEC, PAGE_QUERIES, PAGE_PAGE};

struct push {
    struct page *page;  /* a reference */
    unsigned docs;      /* bit of each document that is to be sent */
    size_t next;        /* in push_docs */
    int err;            /* the first */
    struct wait wait;   /* ours, for the save under way */
    struct wait *waits; /* who asked */
    const char *only;   /* undo: this file (of page_file_name), NULL: all */
    uint64_t batch;     /* of a batch: the page is saved as a whole, or not; 0: of none */
};

/* What went well is not staged any more by now. */
static void push_unstage(struct push *push)
{
    struct page *p = push->page;
    ws_lock(p->ws);
    for (int i = 0; i < page_docs(p); i++)
        if (p->docs[i].staged == push->batch)
            p->docs[i].staged = 0;
    ws_unlock(p->ws);
}

static void push_end(struct push *push)
{
    if (push->batch)
        push_unstage(push);
    wait_run(push->waits, push->err);
    page_unref(push->page);
    free(push);
}

/* Of a batch: is it still what that staged? The next one may have begun meanwhile. */
static bool doc_is_batched(const struct doc *d, uint64_t batch)
{
    return d->staged == batch && d->file && d->file->tried_seq == d->file->seq;
}

static bool push_wants(const struct push *push, const struct doc *d)
{
    return (push->docs & 1u << d->which) && d->present && d->file && d->file->dirty &&
           (!push->batch || doc_is_batched(d, push->batch));
}

/* Its file when that is a draft; a reference. A text tried before is one to try again. */
static struct item *push_item(struct push *push, enum page_file which)
{
    struct item *it = NULL;
    ws_lock(push->page->ws);
    struct doc *d = page_doc_of(push->page, which);
    if (push_wants(push, d)) {
        it = item_ref(d->file);
        if (it->tried_seq == it->seq)
            it->seq++;
    }
    ws_unlock(push->page->ws);
    return it;
}

static void push_go_on(struct push *push)
{
    while (push->next < ARRAY_LEN(push_docs) && !(push->batch && push->err)) {
        struct item *it = push_item(push, push_docs[push->next++]);
        if (!it)
            continue;
        const struct committer nobody = {.tgid = SAVER_DRAFT, .opener = true};
        int err = item_commit(it, SAVE_RELEASE, &nobody, &push->wait);
        item_unref(it);
        if (err == -EINPROGRESS)
            return;
        if (!push->err)
            push->err = err;
    }
    push_end(push);
}

static void push_saved(struct wait *w, int err)
{
    struct push *push = container_of(w, struct push, wait);
    if (!push->err)
        push->err = err;
    push_go_on(push);
}

static void push_begin(void *arg)
{
    push_go_on(arg);
}

static struct push *push_new(struct page *p, struct wait *w)
{
    struct push *push = xcalloc(1, sizeof *push);
    push->page = page_ref(p);
    push->wait.done = push_saved;
    wait_add(&push->waits, w);
    return push;
}

static bool doc_is_meant(const struct doc *d, const char *file)
{
    return d->which != PAGE_PARAMS && (!file || !strcmp(file, page_file_name(d->which)));
}

int page_push_staged(struct page *p, uint64_t batch, struct wait *w)
{
    struct push *push = push_new(p, w);
    push->batch = batch;
    for (int i = 0; i < page_docs(p); i++) {
        struct doc *d = &p->docs[i];
        if (doc_is_batched(d, batch))
            push->docs |= 1u << d->which;
    }
    loop_post(p->ws->config.loop, push_begin, push);
    return -EINPROGRESS;
}

int page_push(struct page *p, const char *file, struct wait *w)
{
    unsigned docs = 0;
    ws_lock(p->ws);
    int err = p->ws->writable ? 0 : workspace_refuse(p->ws, p->dir);
    for (int i = 0; !err && i < page_docs(p); i++) {
        struct doc *d = &p->docs[i];
        if (doc_is_meant(d, file) && d->present && d->file && d->file->dirty)
            docs |= 1u << d->which;
    }
    if (!err && docs) {
        struct push *push = push_new(p, w);
        push->docs = docs;
        loop_post(p->ws->config.loop, push_begin, push);
        err = -EINPROGRESS;
    }
    ws_unlock(p->ws);
    return err == 0 ? -ENODATA : err;
}

/* ---- undo -------------------------------------------------------------------- */

/* The file holds the old text, as a draft that was tried: what is sent first then takes
 * the other along. Lock held. */
static bool doc_bring_back(struct doc *d, struct text *text)
{
    struct item *it = doc_item(d);
    if (!it || it->dirty || save_same_tokens(text, d->shown))
        return false;
    it->dirty = true;
    item_put_text(it, text);
    it->tried_seq = ++it->seq;
    it->tried_err = 0;
    it->mtime = it->ctime = clock_now();
    item_changed(it);
    return true;
}

static void undo_found(void *arg, const struct state_text *rows, size_t count)
{
    struct push *push = arg;
    struct page *p = push->page;
    ws_lock(p->ws);
    push->err = page_is_dirty(p) ? -EBUSY : count ? 0 : -ENODATA;
    for (size_t i = 0; !push->err && i < count; i++) {
        int which = page_file_find(rows[i].file);
        struct doc *d = which >= 0 ? page_doc_of(p, (enum page_file)which) : NULL;
        if (d && rows[i].shown && doc_bring_back(d, rows[i].shown))
            push->docs |= 1u << which;
    }
    if (!push->err && !push->docs)
        push->err = -ENODATA;
    ws_unlock(p->ws);
    push_go_on(push);
}

static void undo_ready(struct wait *w, int err)
{
    struct push *push = container_of(w, struct push, wait);
    struct page *p = push->page;
    push->wait.done = push_saved;
    push->err = err;
    if (err)
        push_end(push);
    else
        state_read_replaced(p->ws->state, p->key, push->only, undo_found, push);
}

int page_undo(struct page *p, const char *file, struct wait *w)
{
    int which = file ? page_file_find(file) : -1;
    ws_lock(p->ws);
    int err = !p->ws->writable    ? workspace_refuse(p->ws, p->dir)
              : page_is_dirty(p)  ? -EEXIST
              : !p->ws->state     ? -ENODATA
              : file && which < 0 ? -ENOENT
                                  : 0;
    ws_unlock(p->ws);
    if (err)
        return err;
    struct push *push = push_new(p, w);
    push->only = file ? page_file_name((enum page_file)which) : NULL;
    push->wait.done = undo_ready;
    err = page_ready(p, &push->wait);
    if (err != -EINPROGRESS)
        undo_ready(&push->wait, err);
    return -EINPROGRESS;
}
