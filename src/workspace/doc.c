/* doc.c - a document of a page: the name, the item bound to it, the platform's value, and
 * what is wrong with it. */
#include "workspace/overlay.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "workspace/conflict.h"
#include "workspace/keep.h"
#include "workspace/shed.h"
#include "workspace/sql.h"

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

/* The item goes on with the bytes it had: as a backup on the disk, or as an unlinked open
 * file in memory.
 */
static void doc_cut_loose(struct doc *d)
{
    struct item *it = steal_ptr(d->file);
    if (!it)
        return;
    if (it->backed)
        buf_finish(&it->data);
    else
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
    sql_unsure(d);
}

struct item *doc_bind_file(struct doc *d, struct newcomer *n)
{
    cleanup_text struct text *now = NULL;
    struct item *it = n->it;
    int err = overlay_read_text(it, DOC_BYTES_MAX, &now);
    if (overlay_release(it, n->dir, n->name) != 0)
        it = item_new(d->page->ws, ITEM_FILE, 0644);
    else
        item_ref(it);
    item_put_text(it, n->text);
    if (it == n->it && !err && !text_equal(now, n->text)) {
        item_put_text(it, now);
        it->seq++;
    }
    doc_bind(d, it);
    return it;
}

void doc_unbind(struct doc *d)
{
    doc_cut_loose(d);
    d->present = false;
    d->waiting = false;
    d->staged = 0;
    page_touch(d->page);
    sql_unsure(d);
}

static bool item_holds(const struct item *it, const struct text *text)
{
    return it->data.len == text->len && !memcmp(it->data.data, text->data, text->len);
}

/* After a good save neither bytes nor times change by themselves (rule 2): the time stays
 * that of the last write. */
void doc_settle(struct doc *d, struct text *text)
{
    struct item *it = d->file;
    bool clean = it && !it->dirty && !text_equal(d->shown, text); /* saved beside it */
    if (clean)
        d->mtime = clock_now();
    if (clean || (it && it->dirty && !item_holds(it, text)))
        item_changed(it);
    text_replace(&d->shown, text_ref(text));
    d->own = true;
    text_replace(&d->draft_base, NULL);
    d->waiting = false;
    d->staged = 0;
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
    if (doc_take_shed(d, remote, fresh))
        return;
    bool same = d->shown &&
                (text_same_value(d->remote, remote) || text_same_value(d->shown, remote));
    text_replace(&d->remote, remote);
    if (!d->given)
        d->given = text_ref(remote); /* what the first open or stat was told of */
    if (same) {
        text_unref(fresh);
        return;
    }
    bool was_known = d->shown != NULL;
    d->own = keep_recall(d, remote, &shown, &mtime) && shown;
    text_replace(&d->shown, d->own ? shown : fresh);
    if (d->own)
        text_unref(fresh);
    d->mtime = mtime;
    if (d->file && !d->file->dirty)
        item_changed(d->file);
    sql_unsure(d);
    if (was_known)
        page_changed_elsewhere(d->page, CHANGE_FILE, page_file_name(d->which));
}

void doc_clear_problem(struct doc *d)
{
    conflict_clear(d);
    if (d->problem)
        page_changed(d->page);
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
    page_changed(d->page);
}

void doc_put_beside(struct doc *d, const char *name, const struct text *text)
{
    int err = overlay_put(page_scratch(d->page), name, text ? text->data : "",
                          text ? text->len : 0);
    if (err)
        log_error("page %s: %s cannot be written: %s", d->page->dir, name,
                  strerror(-err));
    page_touch(d->page);
}

void doc_remove_beside(struct doc *d, const char *name)
{
    if (overlay_unlink(page_scratch(d->page), name) != 0)
        return;
    page_touch(d->page);
}

bool doc_has_beside(struct doc *d, const char *name)
{
    return overlay_has(page_scratch(d->page), name);
}

bool doc_has_rejected(struct doc *d)
{
    cleanup_free char *name = xasprintf("%s.rejected", page_file_name(d->which));
    return doc_has_beside(d, name);
}

void doc_keep_rejected(struct doc *d)
{
    cleanup_free char *name = xasprintf("%s.rejected", page_file_name(d->which));
    if (!d->refused)
        return;
    d->rejected = true;
    doc_put_beside(d, name, d->refused);
    if (d->which == PAGE_QUERIES)
        sql_keep_rejected(d);
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

void doc_remove_rejected(struct doc *d)
{
    cleanup_free char *name = xasprintf("%s.rejected", page_file_name(d->which));
    doc_remove_beside(d, name);
    if (d->which == PAGE_QUERIES)
        sql_remove_rejected(d);
}
