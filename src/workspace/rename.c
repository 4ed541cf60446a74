/* rename.c - names that move. An item keeps its identity; what it is bound to changes. */
#include "workspace/model.h"

#include <errno.h>
#include <linux/fs.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "workspace/conflict.h"
#include "workspace/keep.h"
#include "workspace/names.h"
#include "workspace/present.h"

enum { PAGE_RENAME_DEADLINE_MS = 20000 };

/* ---- files and scratch ------------------------------------------------------- */

/* What a name in a directory stands for. */
struct target {
    struct item *dir;
    const char *name;
    int which;         /* page file, or -1 */
    struct doc *doc;   /* of a document's name */
    struct item *item; /* what is there: scratch, or a document's item; borrowed */
};

static struct target target_of(struct item *dir, const char *name)
{
    struct target t = {.dir = dir, .name = name, .which = -1};
    if (dir->page)
        t.which = page_file_find(name);
    if (t.which >= 0)
        t.doc = page_doc_of(dir->page, (enum page_file)t.which);
    t.item = t.doc ? doc_item(t.doc) : t.which < 0 ? item_child(dir, name) : NULL;
    return t;
}

static bool item_is_inside(const struct item *it, const struct item *dir)
{
    for (; it; it = it->parent)
        if (it == dir)
            return true;
    return false;
}

static int rename_check(const struct target *from, const struct target *to,
                        unsigned flags)
{
    if (from->which >= 0 && !from->doc)
        return -EACCES; /* a view */
    if (!from->item)
        return -ENOENT;
    if (to->which >= 0 && !to->doc)
        return -EACCES;
    if (from->dir->page && to->dir->page && from->dir->page != to->dir->page)
        return -EXDEV;
    if (from->doc && to->doc && from->doc != to->doc)
        return -EXDEV;
    if ((from->doc && from->doc->page->is_template) ||
        (to->doc && to->doc->page->is_template))
        return -EROFS;
    if ((flags & RENAME_NOREPLACE) && to->item)
        return -EEXIST;
    if (from->item->type == ITEM_DIR && item_is_inside(to->dir, from->item))
        return -EINVAL;
    if (to->doc && from->item->type != ITEM_FILE)
        return -EINVAL;
    return name_is_component(to->name) ? 0 : -EINVAL;
}

/* What stands at the new name and is scratch makes way. */
static int rename_make_way(const struct target *from, const struct target *to)
{
    struct item *old = to->item;
    if (!old)
        return 0;
    if (old->type == ITEM_DIR && from->item->type != ITEM_DIR)
        return -EISDIR;
    if (old->type != ITEM_DIR && from->item->type == ITEM_DIR)
        return -ENOTDIR;
    if (old->children)
        return -ENOTEMPTY;
    item_unref(item_detach(old));
    return 0;
}

/* To a scratch name: from scratch, or a document's file that becomes a backup. */
static int rename_to_scratch(const struct target *from, const struct target *to)
{
    int err = rename_make_way(from, to);
    if (err)
        return err;
    struct item *it = item_ref(from->item);
    if (from->doc) {
        doc_unbind(from->doc);
    } else {
        keep_scratch_gone(from->dir, from->name);
        item_unref(item_detach(it));
    }
    item_attach(to->dir, to->name, it);
    return 0;
}

static int rename_locked(struct item *from_dir, const char *name, struct item *to_dir,
                         const char *to_name, unsigned flags, const struct saver *by,
                         struct wait *w)
{
    struct target from = target_of(from_dir, name);
    struct target to = target_of(to_dir, to_name);
    int err = rename_check(&from, &to, flags);
    if (err || from.item == to.item)
        return err;
    if (!to.doc)
        return rename_to_scratch(&from, &to);
    if (!to.doc->page->listed)
        return -ENOENT;
    if (to.which != PAGE_PARAMS && !from_dir->ws->writable)
        return workspace_refuse(from_dir->ws, to_dir->page->dir);
    return save_rename(to.doc, from.item, by, w);
}

int place_rename(struct item *from, const char *name, struct item *to,
                 const char *to_name, unsigned flags, pid_t tgid, struct wait *w)
{
    struct saver by = saver_of(to->page ? tgid : 0);
    if (flags & ~(unsigned)RENAME_NOREPLACE)
        return -EINVAL;
    ws_lock(from->ws);
    int err = rename_locked(from, name, to, to_name, flags, &by, w);
    ws_unlock(from->ws);
    return err;
}

/* ---- pages ------------------------------------------------------------------- */

struct page_rename {
    struct page *page; /* a reference */
    char *to;
    struct wait *waits;
};

/* The directory moves; its name was given here. Lock held. */
static void page_move(struct workspace *ws, struct page *p, const char *to)
{
    page_ref(p);
    pages_remove(ws, p);
    /* A sweep may have given the name away while the PATCH was on its way. */
    cleanup_free char *dir = pages_free_name(ws, to, p->id ? p->id : "");
    pages_insert(ws, p, dir);
    p->own_dir = true;
    page_unref(p);
}

static void page_rename_take(struct page_rename *r, const struct platform_page *from)
{
    struct page *p = r->page;
    p->epoch++;
    p->changed_in = p->ws->listing ? p->ws->sweep : 0;
    free(p->name);
    p->name = xstrdup(r->to);
    free(p->slug);
    p->slug = name_slug(r->to);
    page_move(p->ws, p, r->to);
    free(p->token);
    p->token = from ? xstrdup(from->token) : NULL;
    if (from)
        page_take_fields(p, from);
    page_drop_body(p); /* page.json has another name now */
    keep_place_now(p);
}

/* Lock held, released. */
static void page_rename_end(struct page_rename *r, int err,
                            const struct platform_answer *answer)
{
    struct page *p = r->page;
    p->archiving = false;
    if (err)
        log_warning("page %s: cannot be renamed: %s", p->dir,
                    *answer->message ? answer->message
                                     : "the answer was lost, and the name is as before");
    else if (p->listed)
        page_rename_take(r, answer->page);
    ws_unlock(p->ws);
    wait_run(r->waits, err);
    page_unref(p);
    free(r->to);
    free(r);
}

/* After a lost answer (rule 7): did it happen? */
static void page_rename_looked(void *arg, const struct platform_answer *answer)
{
    struct page_rename *r = arg;
    const char *name = answer->page ? answer->page->name : NULL;
    int err = answer->err ? answer->err : name && !strcmp(name, r->to) ? 0 : -EIO;
    ws_lock(r->page->ws);
    page_rename_end(r, err, answer);
}

static void page_renamed(void *arg, const struct platform_answer *answer)
{
    struct page_rename *r = arg;
    struct workspace *ws = r->page->ws;
    struct platform_call call = {HTTP_SAVE, PAGE_RENAME_DEADLINE_MS, page_rename_looked,
                                 r};
    ws_lock(ws);
    if (answer->err && answer->sent && !answer->status) {
        platform_page_get(ws->config.platform, r->page->id, &call);
        ws_unlock(ws);
        return;
    }
    page_rename_end(r, answer->err, answer);
}

static int page_rename_start(struct workspace *ws, struct page *p, const char *to,
                             struct wait *w)
{
    struct page_rename *r = xcalloc(1, sizeof *r);
    struct platform_call call = {HTTP_SAVE, PAGE_RENAME_DEADLINE_MS, page_renamed, r};
    struct buf body = BUF_INIT;
    buf_puts(&body, "{\"name\":");
    json_quotes(&body, to);
    buf_putc(&body, '}');
    cleanup_text struct text *fields = text_from_buf(&body);
    struct platform_fields send = {.page_fields = fields};
    r->page = page_ref(p);
    r->to = xstrdup(to);
    wait_add(&r->waits, w);
    p->archiving = true;
    platform_page_patch(ws->config.platform, p->id, &send, &call);
    return -EINPROGRESS;
}

static int page_rename(struct workspace *ws, const char *from, const char *to,
                       struct wait *w)
{
    struct page *p = NULL;
    struct page *there = NULL;
    HASH_FIND(hh_name, ws->by_name, from, strlen(from), p);
    HASH_FIND(hh_name, ws->by_name, to, strlen(to), there);
    if (!p)
        return -ENOENT;
    if (!name_is_component(to) || *to == '.' || !json_utf8_valid(to, strlen(to), NULL))
        return -EINVAL;
    if (there || item_child(ws->pages_local, to))
        return -EEXIST;
    if (p->save || p->saves || p->archiving)
        return -EBUSY;
    if (!p->id) {
        page_move(ws, p, to);
        keep_place_now(p);
        return 0;
    }
    return ws->writable ? page_rename_start(ws, p, to, w) : workspace_refuse(ws, p->dir);
}

int workspace_page_rename(struct workspace *ws, const char *from, const char *to,
                          struct wait *w)
{
    ws_lock(ws);
    int err = page_rename(ws, from, to, w);
    ws_unlock(ws);
    return err;
}
