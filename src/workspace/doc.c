/* doc.c - a document of a page: the name, the item bound to it, the platform's value, and
 * what is wrong with it. */
#include "workspace/model.h"

#include <string.h>

#include "base/clock.h"
#include "json/json.h"
#include "workspace/conflict.h"
#include "workspace/keep.h"

/* The bound file's bytes where they are its own, else the shown text. */
struct text *doc_text(struct doc *d)
{
    if (!d->present)
        return NULL;
    if (d->file && d->file->dirty)
        return text_new(d->file->data.data, d->file->data.len);
    return text_ref(d->shown);
}

struct item *doc_item(struct doc *d)
{
    if (!d->present)
        return NULL;
    if (!d->file) {
        d->file = item_new(d->page->ws, ITEM_FILE, 0644);
        d->file->doc = d;
    }
    return d->file;
}

/* The item goes on as scratch with the bytes it had: a backup, or an unlinked open file.
 */
static void doc_cut_loose(struct doc *d)
{
    struct item *it = steal_ptr(d->file);
    if (!it)
        return;
    item_materialise(it);
    it->doc = NULL;
    it->dirty = false;
    item_unref(it);
}

void doc_bind(struct doc *d, struct item *it)
{
    item_ref(it);
    doc_cut_loose(d);
    it->doc = d;
    it->dirty = true;
    it->orphan = false;
    d->file = it;
    d->present = true;
    d->unlinker = 0;
    page_touch(d->page);
}

void doc_unbind(struct doc *d)
{
    doc_cut_loose(d);
    d->present = false;
    page_touch(d->page);
}

/* After a good save neither bytes nor times change by themselves (rule 2): the time stays
 * that of the last write. */
void doc_settle(struct doc *d, struct text *text)
{
    struct item *it = d->file;
    text_replace(&d->shown, text_ref(text));
    d->own = true;
    text_replace(&d->draft_base, NULL);
    d->waiting = false;
    if (!it || !it->dirty)
        return;
    d->mtime = it->mtime;
    it->dirty = false;
    buf_finish(&it->data);
}

bool text_same_value(const struct text *a, const struct text *b)
{
    struct json_span a_root;
    struct json_span b_root;
    struct json_limits limits = JSON_LIMITS_WIRE;
    if (!a || !b)
        return false;
    if (text_equal(a, b))
        return true;
    return json_check(a->data, a->len, &limits, &a_root, NULL) == 0 &&
           json_check(b->data, b->len, &limits, &b_root, NULL) == 0 &&
           json_same_value(a->data, a_root, b->data, b_root);
}

void doc_take_remote(struct doc *d, struct text *remote, struct text *fresh,
                     struct timespec mtime)
{
    struct text *shown = NULL;
    bool same = d->shown &&
                (text_same_value(d->remote, remote) || text_same_value(d->shown, remote));
    text_replace(&d->remote, remote);
    if (!d->given)
        d->given = text_ref(remote); /* what the first open or stat was told of */
    if (same) {
        text_unref(fresh);
        return;
    }
    d->own = keep_recall(d, remote, &shown, &mtime) && shown;
    text_replace(&d->shown, d->own ? shown : fresh);
    if (d->own)
        text_unref(fresh);
    d->mtime = mtime;
}

void doc_clear_problem(struct doc *d)
{
    conflict_clear(d);
    text_replace(&d->problem, NULL);
    text_replace(&d->verdict, NULL);
    text_replace(&d->refused, NULL);
    d->rejected = false;
}

void doc_refuse(struct doc *d, struct text *text, struct buf *lines, struct buf *verdict)
{
    text_replace(&d->problem, text_from_buf(lines));
    text_replace(&d->verdict, text_from_buf(verdict));
    text_replace(&d->refused, text_ref(text));
}

void doc_put_beside(struct doc *d, const char *name, const struct text *text)
{
    struct item *local = page_scratch(d->page);
    struct item *it = item_child(local, name);
    if (!it || it->type != ITEM_FILE) {
        if (it)
            item_unref(item_detach(it));
        it = item_new(d->page->ws, ITEM_FILE, 0644);
        item_attach(local, name, it);
    }
    item_put_text(it, text);
    it->mtime = it->ctime = clock_now();
}

void doc_remove_beside(struct doc *d, const char *name)
{
    struct item *it = item_child(page_scratch(d->page), name);
    if (it)
        item_unref(item_detach(it));
}

void doc_keep_rejected(struct doc *d)
{
    cleanup_free char *name = xasprintf("%s.rejected", page_file_name(d->which));
    if (!d->refused)
        return;
    d->rejected = true;
    doc_put_beside(d, name, d->refused);
}

void doc_turn_away(struct doc *d)
{
    doc_keep_rejected(d);
    if (d->present || !d->shown)
        return;
    d->present = true;
    d->unlinker = 0;
    page_touch(d->page);
}
