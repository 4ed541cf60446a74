/* keep.c - what of the pages is kept while they change (keep_load.c: how it comes back).
 */
#include "workspace/keep.h"

#include <string.h>

#include "base/log.h"
#include "base/sha256.h"
#include "json/json.h"
#include "workspace/conflict.h"
#include "workspace/present.h"

struct state_change *keep_begin(const struct workspace *ws)
{
    return ws->state ? state_change_new() : NULL;
}

void keep_end(struct workspace *ws, struct state_change *c)
{
    if (c)
        state_commit(ws->state, c, NULL, NULL);
}

/* ---- places ------------------------------------------------------------------ */

void keep_place(struct state_change *c, struct page *p)
{
    if (!c || !p->unkept || !p->dir)
        return;
    const struct state_page page = {p->key, p->id, p->dir, p->name, p->own_dir};
    state_put_page(c, &page);
    p->unkept = false;
}

void keep_place_now(struct page *p)
{
    struct state_change *c = p->unkept ? keep_begin(p->ws) : NULL;
    keep_place(c, p);
    keep_end(p->ws, c);
}

void keep_forget(struct page *p)
{
    struct state_change *c = keep_begin(p->ws);
    state_drop_page(c, p->key);
    keep_end(p->ws, c);
    for (int i = 0; i < page_docs(p); i++)
        for (int slot = 0; slot < STATE_SLOTS; slot++)
            text_replace(&p->docs[i].kept[slot], NULL);
}

/* ---- texts ------------------------------------------------------------------- */

/* Tells values apart whatever the blanks in which they came. */
static struct text *remote_digest(const struct text *remote)
{
    cleanup_buf struct buf compact = BUF_INIT;
    unsigned char digest[SHA256_BYTES];
    struct json_limits limits = JSON_LIMITS_WIRE;
    struct json_span root;
    if (!remote || json_check(remote->data, remote->len, &limits, &root, NULL) != 0)
        return NULL;
    json_compact(&compact, remote->data, root);
    sha256(compact.data, compact.len, digest);
    return text_new(digest, sizeof digest);
}

static void keep_text(struct state_change *c, struct doc *d)
{
    bool is_params = d->which == PAGE_PARAMS;
    if (is_params ? !d->own : !d->remote || !d->shown)
        return;
    cleanup_text struct text *digest = remote_digest(d->remote);
    const struct state_text text = {
        .key = d->page->key,
        .file = page_file_name(d->which),
        .shown = d->own ? d->shown : NULL,
        .remote = digest,
        .when = d->mtime,
    };
    state_put_text(c, &text);
}

void keep_texts(struct state_change *c, struct page *p)
{
    for (int i = 0; c && !p->is_template && i < page_docs(p); i++)
        keep_text(c, &p->docs[i]);
}

void keep_texts_now(struct page *p)
{
    struct state_change *c = p->is_template ? NULL : keep_begin(p->ws);
    keep_place(c, p);
    keep_texts(c, p);
    keep_end(p->ws, c);
}

void keep_replaced(struct state_change *c, const struct doc *d, struct timespec at)
{
    const struct state_text old = {
        .key = d->page->key,
        .file = page_file_name(d->which),
        .shown = d->shown ? d->shown : d->remote,
        .when = at,
    };
    if (old.shown)
        state_put_replaced(c, &old);
}

/* ---- drafts ------------------------------------------------------------------ */

bool keep_draft(struct doc *d, enum state_slot slot, enum state_stage stage,
                struct text *text, struct timespec mtime, state_done_fn *done, void *arg)
{
    struct state_change *c = keep_begin(d->page->ws);
    bool refused = stage == STATE_REFUSED;
    if (!c)
        return false;
    const struct state_draft draft = {
        .key = d->page->key,
        .file = page_file_name(d->which),
        .slot = slot,
        .stage = stage,
        .text = text,
        .base = refused && d->draft_base ? d->draft_base : d->shown,
        .problem = refused ? d->problem : NULL,
        .verdict = refused ? d->verdict : NULL,
        .mtime = mtime,
    };
    text_replace(&d->kept[slot], text_ref(text));
    keep_place(c, d->page);
    if (d->moved_held && slot == STATE_DRAFT)
        keep_drop(c, d, STATE_MOVED); /* this one takes its place in the file */
    d->moved_held = false;
    state_put_draft(c, &draft);
    state_commit(d->page->ws->state, c, done, arg);
    return true;
}

bool keep_mark(struct doc *d, enum state_slot slot, enum state_stage stage,
               state_done_fn *done, void *arg)
{
    struct state_change *c = keep_begin(d->page->ws);
    bool refused = stage == STATE_REFUSED;
    if (!c)
        return false;
    const struct state_draft draft = {
        .key = d->page->key,
        .file = page_file_name(d->which),
        .slot = slot,
        .stage = stage,
        .base = refused ? d->draft_base : NULL,
        .problem = refused ? d->problem : NULL,
        .verdict = refused ? d->verdict : NULL,
    };
    state_mark_draft(c, &draft);
    state_commit(d->page->ws->state, c, done, arg);
    return true;
}

void keep_drop(struct state_change *c, struct doc *d, enum state_slot slot)
{
    if (!c || !d->kept[slot])
        return;
    state_drop_draft(c, d->page->key, page_file_name(d->which), slot);
    text_replace(&d->kept[slot], NULL);
}

void keep_drop_now(struct doc *d)
{
    bool any = d->kept[STATE_DRAFT] || d->kept[STATE_MOVED];
    struct state_change *c = any ? keep_begin(d->page->ws) : NULL;
    d->interrupted = false;
    keep_drop(c, d, STATE_DRAFT);
    keep_drop(c, d, STATE_MOVED);
    keep_end(d->page->ws, c);
}

void keep_drop_file(struct doc *d)
{
    enum state_slot slot = d->moved_held ? STATE_MOVED : STATE_DRAFT;
    struct state_change *c = d->kept[slot] ? keep_begin(d->page->ws) : NULL;
    d->interrupted = false;
    keep_drop(c, d, slot);
    keep_end(d->page->ws, c);
}

void keep_set_aside(struct doc *d, struct timespec mtime)
{
    if (d->refused)
        keep_draft(d, STATE_MOVED, STATE_REFUSED, d->refused, mtime, NULL, NULL);
}

void keep_scratch_gone(struct item *dir, const char *name)
{
    for (int i = 0; dir->page && i < page_docs(dir->page); i++) {
        struct doc *d = &dir->page->docs[i];
        cleanup_free char *rejected = xasprintf("%s.rejected", page_file_name(d->which));
        if (!d->kept[STATE_MOVED] || strcmp(name, rejected) != 0)
            continue;
        struct state_change *c = keep_begin(dir->ws);
        keep_drop(c, d, STATE_MOVED);
        keep_end(dir->ws, c);
    }
}

/* ---- how a page was shown by an earlier mount -------------------------------- */

struct past {
    struct text *shown, *remote;
    struct timespec mtime;
};

static void past_free(struct past *past)
{
    text_unref(past->shown);
    text_unref(past->remote);
    free(past);
}

void keep_forget_past(struct doc *d)
{
    if (d->past)
        past_free(steal_ptr(d->past));
}

void keep_take_past(struct page *p, const struct state_text *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int which = rows[i].file ? page_file_find(rows[i].file) : -1;
        struct doc *d = which >= 0 ? page_doc_of(p, (enum page_file)which) : NULL;
        if (!d || d->shown)
            continue;
        keep_forget_past(d);
        d->past = xcalloc(1, sizeof *d->past);
        d->past->shown = text_ref(rows[i].shown);
        d->past->remote = text_ref(rows[i].remote);
        d->past->mtime = rows[i].when;
    }
    p->past_read = true;
}

bool keep_recall(struct doc *d, const struct text *remote, struct text **ret_shown,
                 struct timespec *ret_mtime)
{
    struct past *past = steal_ptr(d->past);
    if (!past)
        return false;
    cleanup_text struct text *digest = remote_digest(remote);
    bool same = digest && (text_equal(digest, past->remote) ||
                           text_same_value(past->shown, remote));
    if (same) {
        *ret_shown = text_ref(past->shown);
        *ret_mtime = past->mtime;
    }
    past_free(past);
    return same;
}

/* ---- drafts that the platform has --------------------------------------------- */

bool keep_is_interrupted(const struct page *p)
{
    for (int i = 0; i < page_docs(p); i++)
        if (p->docs[i].interrupted)
            return true;
    return false;
}

/* Does the platform have what this draft says? */
static bool draft_arrived(const struct doc *d, const struct text *text)
{
    cleanup_buf struct buf fields = BUF_INIT;
    if (d->which == PAGE_PAGE)
        return present_page_changes(text, d->remote, d->page->id, &fields, NULL) == 0 &&
               fields.len <= 2;
    return text_same_value(text, d->remote);
}

/* A text that was tried and that the platform has all the same: the answer was lost with
 * an earlier mount, or later than we looked. */
static void doc_settle_arrived(struct doc *d)
{
    struct item *it = d->file;
    if (!it || !it->dirty || !it->data.len || it->tried_seq != it->seq || d->page->save)
        return; /* (a save that runs settles it, and may have kept a text of its own) */
    cleanup_text struct text *text = text_new(it->data.data, it->data.len);
    if (!draft_arrived(d, text))
        return;
    struct state_change *c = keep_begin(d->page->ws);
    if (d->base) {
        text_replace(&d->shown, steal_ptr(d->base));
        keep_replaced(c, d, it->mtime);
    }
    log_info("page %s: %s: a save whose answer was lost had arrived", d->page->dir,
             page_file_name(d->which));
    doc_clear_problem(d);
    conflict_saved(d, 0, text_ref(d->remote));
    doc_settle(d, text);
    keep_drop(c, d, STATE_DRAFT);
    keep_drop(c, d, STATE_MOVED);
    keep_texts(c, d->page);
    keep_end(d->page->ws, c);
    d->interrupted = false;
}

void keep_settle_arrived(struct page *p)
{
    for (int i = 0; i < page_docs(p) && p->id && !p->is_template; i++)
        if (p->docs[i].which != PAGE_PARAMS)
            doc_settle_arrived(&p->docs[i]);
}
