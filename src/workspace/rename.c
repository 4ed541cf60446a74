/* rename.c - names that move. An item keeps its identity; what it is bound to changes. */
#include "workspace/overlay.h"

#include <errno.h>
#include <linux/fs.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "workspace/batch.h"
#include "workspace/body.h"
#include "workspace/conflict.h"
#include "workspace/data.h"
#include "workspace/keep.h"
#include "workspace/names.h"
#include "workspace/present.h"
#include "workspace/sql.h"

enum { PAGE_RENAME_DEADLINE_MS = 20000 };

/* ---- files and scratch ------------------------------------------------------- */

/* What a name in a directory stands for. */
struct target {
    struct item *dir;
    const char *name;
    int which;       /* page file, or -1 */
    struct doc *doc; /* of a document's name */
};

static struct target target_of(struct item *dir, const char *name)
{
    struct target t = {.dir = dir, .name = name, .which = -1};
    if (dir->page)
        t.which = page_file_find(name);
    t.doc = place_doc(dir, name, true);
    return t;
}

static bool target_is_fixed(const struct target *t)
{
    return t->dir->page && t->dir->page->is_template;
}

/* Both in the sql/ of one page. */
static bool targets_are_sql(const struct target *from, const struct target *to)
{
    return from->dir->sql_of && from->dir->sql_of == to->dir->sql_of;
}

/* Whatever is there: may anything move from one to the other? Lock held. */
static int rename_check(const struct target *from, const struct target *to,
                        unsigned flags)
{
    unsigned known = RENAME_NOREPLACE;
    if (!from->doc && !to->doc)
        known |= RENAME_EXCHANGE;
    if (flags & ~known)
        return -EINVAL;
    if ((from->which >= 0 && !from->doc) || (to->which >= 0 && !to->doc))
        return -EACCES; /* a view */
    if (target_is_fixed(from) || target_is_fixed(to))
        return -EROFS;
    if (to->dir->orphan)
        return -ENOENT;
    if (from->dir->page && to->dir->page && from->dir->page != to->dir->page)
        return -EXDEV;
    if (from->doc && to->doc && from->doc != to->doc && !targets_are_sql(from, to))
        return -EXDEV;
    if ((from->dir->page && !strcmp(from->name, "sql")) ||
        (to->dir->page && !strcmp(to->name, "sql")))
        return -EACCES;
    if ((from->doc && to->dir->archived) || (to->doc && from->dir->archived))
        return -EXDEV; /* that is another page's */
    if (to->dir->archived && page_file_find(to->name) >= 0)
        return -EACCES; /* it may come back */
    struct workspace *ws = to->dir->ws;
    if (to->dir == workspace_data_local(ws) && data_is_result(ws, to->name))
        return -EACCES;
    return scratch_is_name(to->name) ? 0 : -EINVAL;
}

/* A document's file becomes a backup: its bytes go to the disk. Lock held. */
static int rename_to_scratch(const struct target *from, const struct target *to,
                             unsigned flags)
{
    struct doc *d = from->doc;
    struct item *it = doc_item(d);
    if (!it)
        return -ENOENT;
    cleanup_text struct text *text = doc_text(d);
    if (!it->dirty)
        it->mtime = d->mtime;
    int err = overlay_adopt(it, to->dir, to->name, flags, text ? text->data : "",
                            text ? text->len : 0);
    if (!err)
        doc_unbind(d);
    return err;
}

void newcomer_finish(struct newcomer *n)
{
    item_unref(n->it);
    item_unref(n->dir);
    free(n->name);
    text_unref(n->text);
}

/* What is to become a document, read before any lock is taken. */
static int newcomer_init(struct newcomer *n, struct item *dir, const char *name)
{
    struct stat st;
    *n = (struct newcomer){0};
    int err = overlay_find(dir, name, &n->it);
    if (!err && n->it->type != ITEM_FILE)
        err = -EINVAL;
    if (!err)
        err = overlay_stat(n->it, &st);
    if (!err)
        err = overlay_read_text(n->it, DOC_BYTES_MAX, &n->text);
    if (err) {
        newcomer_finish(n);
        return err;
    }
    n->mtime = st.st_mtim;
    n->dir = item_ref(dir);
    n->name = xstrdup(name);
    return 0;
}

/* Takes n over. */
static int rename_to_doc(struct item *to_dir, const char *to_name, unsigned flags,
                         struct newcomer *n, const struct saver *by, struct wait *w)
{
    struct workspace *ws = to_dir->ws;
    ws_lock(ws);
    struct target to = target_of(to_dir, to_name);
    int err = 0;
    if (!to.doc || !to.doc->page->listed)
        err = -ENOENT; /* the page went away meanwhile */
    else if ((flags & RENAME_NOREPLACE) && to.doc->present)
        err = -EEXIST;
    else if (to.which != PAGE_PARAMS && !ws->writable)
        err = workspace_refuse(ws, to_dir->page->dir);
    if (err)
        newcomer_finish(n);
    else if (to.doc->which == PAGE_SQL)
        err = sql_take_newcomer(to.doc, n, by, w);
    else
        err = save_rename(to.doc, n, by, w);
    page_check(to.doc ? to.doc->page : NULL);
    ws_unlock(ws);
    return err;
}

/* From one name in sql/ to another. */
static int rename_query(struct item *from_dir, const char *name, struct item *to_dir,
                        const char *to_name, unsigned flags, const struct saver *by,
                        struct wait *w)
{
    struct workspace *ws = from_dir->ws;
    ws_lock(ws);
    struct doc *from = place_doc(from_dir, name, false);
    struct doc *to = place_doc(to_dir, to_name, true);
    bool here = from && to && from->which == PAGE_SQL && to->which == PAGE_SQL;
    int err = here ? sql_rename(from, to, flags, by, w) : -ENOENT;
    ws_unlock(ws);
    return err;
}

static int rename_scratch(struct item *from, const char *name, struct item *to,
                          const char *to_name, unsigned flags, struct wait *w)
{
    int err = overlay_rename(from, name, to, to_name, flags);
    if (err)
        return err;
    place_lost(from, name);
    place_touch(to);
    return batch_name_moved(from, name, w);
}

int place_rename(struct item *from_dir, const char *name, struct item *to_dir,
                 const char *to_name, unsigned flags, pid_t tgid, struct wait *w)
{
    struct newcomer n;
    ws_lock(from_dir->ws);
    struct target from = target_of(from_dir, name);
    struct target to = target_of(to_dir, to_name);
    int err = rename_check(&from, &to, flags);
    bool done = err || (from.doc && from.doc == to.doc);
    if (!done && from.doc && !to.doc) {
        err = rename_to_scratch(&from, &to, flags);
        done = true;
    }
    ws_unlock(from_dir->ws);
    if (done)
        return err;
    if (!to.doc)
        return rename_scratch(from_dir, name, to_dir, to_name, flags, w);
    struct saver by = saver_of(from_dir->ws, tgid);
    if (from.doc)
        return rename_query(from_dir, name, to_dir, to_name, flags, &by, w);
    err = newcomer_init(&n, from_dir, name);
    return err ? err : rename_to_doc(to_dir, to_name, flags, &n, &by, w);
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
    page_scratch(p); /* known by its old key */
    pages_remove(ws, p);
    /* A sweep may have given the name away while the PATCH was on its way. */
    cleanup_free char *dir = pages_free_name(ws, to, p->id ? p->id : "");
    pages_insert(ws, p, dir);
    page_rekey(p);
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
    page_changed_here(p, CHANGE_GONE, NULL);
    page_move(p->ws, p, r->to);
    page_changed_here(p, CHANGE_CAME, NULL);
    free(p->token);
    p->token = from ? xstrdup(from->token) : NULL;
    body_keep_changed(p, from);
    if (from)
        page_take_fields(p, from);
    page_drop_body(p); /* page.json has another name now */
    p->ours = true;
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
                                 r, wait_who(r->waits)};
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
    struct platform_call call = {HTTP_SAVE, PAGE_RENAME_DEADLINE_MS, page_renamed, r,
                                 wait_who(w)};
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
    if (there || overlay_has(ws->overlay->pages, to))
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
