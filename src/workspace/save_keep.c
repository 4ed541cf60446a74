/* save_keep.c - a save's text on its way to the disk, and what of it stays there. */
#include "workspace/save.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "workspace/keep.h"

/* ---- the text's way to the disk ---------------------------------------------- */

static void save_kept(void *arg, int err)
{
    struct save *s = arg;
    void (*then)(struct save * s) = s->then;
    ws_lock(s->page->ws);
    s->writing = false;
    s->disk_err = err;
    s->then = NULL;
    if (then)
        then(s);
    else
        ws_unlock(s->page->ws);
}

void save_keep(struct save *s)
{
    s->writing =
        keep_draft(s->doc, s->slot, STATE_SAVING, s->text, s->mtime, save_kept, s);
}

bool save_park(struct save *s, void (*then)(struct save *s))
{
    if (!s->writing)
        return false;
    s->then = then;
    save_enter(s, SAVE_DISK);
    ws_unlock(s->page->ws);
    return true;
}

bool save_is_safe(struct save *s, void (*then)(struct save *s))
{
    if (save_park(s, then))
        return false;
    if (!s->disk_err)
        return true;
    cleanup_free char *words = xasprintf(
        "the draft cannot be kept, so nothing is sent: %s", strerror(-s->disk_err));
    save_note(s, "disk", words);
    save_end(s, s->disk_err, NULL);
    return false;
}

/* ---- what stays there --------------------------------------------------------- */

bool save_is_overtaken(const struct save *s, enum state_slot slot)
{
    const struct save *next;
    DL_FOREACH (s->page->saves, next)
        if (next->doc == s->doc && next->slot == slot)
            return true;
    return slot == s->slot && !text_equal(s->doc->kept[slot], s->text);
}

/* A file that went along: unless a newer text of it is kept by now. */
static void keep_drop_same(struct state_change *c, struct doc *d, struct text *sent)
{
    if (!text_equal(d->kept[STATE_DRAFT], sent))
        return;
    keep_drop(c, d, STATE_DRAFT);
    keep_drop(c, d, STATE_MOVED);
}

void save_drop_drafts(struct save *s, struct state_change *c)
{
    if (!save_is_overtaken(s, STATE_DRAFT))
        keep_drop(c, s->doc, STATE_DRAFT);
    if (!save_is_overtaken(s, STATE_MOVED))
        keep_drop(c, s->doc, STATE_MOVED);
    if (s->other_draft)
        keep_drop_same(c, s->other, s->other_draft);
    if (s->meta_draft)
        keep_drop_same(c, page_doc_of(s->page, PAGE_PAGE), s->meta_draft);
    for (int i = 0; s->created && i < page_docs(s->page); i++) {
        struct doc *d = &s->page->docs[i]; /* page.json went along */
        if (!d->file || !d->file->dirty)
            keep_drop(c, d, STATE_DRAFT);
    }
    s->doc->interrupted = false;
    if (s->other_draft)
        s->other->interrupted = false;
    text_replace(&s->page->lost, NULL);
}

void save_keep_replaced(struct save *s, struct state_change *c)
{
    struct timespec now = clock_now();
    if (s->created)
        return;
    keep_replaced(c, s->doc, now);
    if (s->other_draft)
        keep_replaced(c, s->other, now);
    if (s->meta_draft)
        keep_replaced(c, page_doc_of(s->page, PAGE_PAGE), now);
}

void save_keep_waiting(struct save *s)
{
    if (s->slot == STATE_DRAFT) {
        keep_mark(s->doc, STATE_DRAFT, STATE_WAITING, NULL, NULL);
        return;
    }
    keep_draft(s->doc, STATE_DRAFT, STATE_WAITING, s->text, s->mtime, NULL, NULL);
    struct state_change *c = keep_begin(s->page->ws);
    keep_drop(c, s->doc, STATE_MOVED);
    keep_end(s->page->ws, c);
}

/* ---- refusals: told once they are on the disk --------------------------------- */

struct refusal {
    struct wait *waits;
    int err;
};

static void refusal_kept(void *arg, int disk_err)
{
    struct refusal *r = arg;
    (void)disk_err; /* in the log; the refusal is the answer */
    wait_run(r->waits, r->err);
    free(r);
}

void save_mark_refused(struct save *s, int err)
{
    struct refusal *r = xcalloc(1, sizeof *r);
    r->err = err;
    if (!keep_mark(s->doc, s->slot, STATE_REFUSED, refusal_kept, r))
        free(r);
    else
        r->waits = wait_take(&s->waits);
}

int save_keep_refusal(struct doc *d, enum state_slot slot, struct text *text,
                      struct timespec mtime, int err, struct wait *w)
{
    struct refusal *r = xcalloc(1, sizeof *r);
    r->err = err;
    wait_add(&r->waits, w);
    if (keep_draft(d, slot, STATE_REFUSED, text, mtime, refusal_kept, r))
        return w ? -EINPROGRESS : err;
    free(r);
    return err;
}
