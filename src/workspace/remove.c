/* remove.c - names that go, and pages that are archived (rule 9). */
#include "workspace/overlay.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "workspace/batch.h"
#include "workspace/body.h"
#include "workspace/brake.h"
#include "workspace/keep.h"
#include "workspace/render_model.h"
#include "workspace/sql.h"

enum { ARCHIVE_DEADLINE_MS = 20000 }; /* RMDIR holds the directory's kernel lock */

static struct page *pages_by_dir(struct workspace *ws, const char *dir)
{
    struct page *p = NULL;
    HASH_FIND(hh_name, ws->by_name, dir, strlen(dir), p);
    return p;
}

/* ---- single names ------------------------------------------------------------ */

static int page_unlink(struct page *p, enum page_file which, pid_t tgid)
{
    struct doc *d = page_doc_of(p, which);
    if (p->is_template)
        return -EROFS;
    if (d && !d->present)
        return -ENOENT;
    if (d) {
        doc_unbind(d);
        keep_drop_file(d);
        text_replace(&d->draft_base, NULL); /* of a text that was given up */
        d->unlinker = tgid;
    } else {
        p->hidden |= 1u << which;
        p->unlinker = tgid;
        page_touch(p);
    }
    page_check(p);
    return 0;
}

/* Nothing is sent: a query is removed in queries.json (rule 9). */
static int sql_unlink(struct doc *d, pid_t tgid)
{
    struct sql_file *f = sql_file_of(d);
    if (!d->present)
        return -ENOENT;
    doc_unbind(d);
    doc_clear_problem(d);
    d->unlinker = tgid;
    sql_touch(d->page);
    if (!f->declared)
        sql_file_drop(f);
    return 0;
}

int place_unlink(struct item *dir, const char *name, pid_t tgid)
{
    int err = 0;
    ws_lock(dir->ws);
    struct doc *sql = dir->sql_of ? place_doc(dir, name, false) : NULL;
    if (sql) {
        err = sql_unlink(sql, tgid);
        ws_unlock(dir->ws);
        return err;
    }
    int which = dir->page ? page_file_find(name) : -1;
    bool own = which >= 0;
    if (own)
        err = page_unlink(dir->page, (enum page_file)which, tgid);
    ws_unlock(dir->ws);
    if (own)
        return err;
    err = overlay_unlink(dir, name);
    if (!err) {
        place_lost(dir, name);
        batch_name_gone(dir, name);
    }
    return err;
}

int place_rmdir(struct item *dir, const char *name)
{
    int err = overlay_rmdir(dir, name);
    if (!err)
        place_touch(dir);
    return err;
}

/* Names that were taken away here come back: all of them, or those that tgid took. */
static void page_restore(struct page *p, pid_t tgid)
{
    for (int i = 0; i < page_docs(p); i++) {
        struct doc *d = &p->docs[i];
        if (d->present || !d->unlinker || (tgid && d->unlinker != tgid))
            continue;
        d->present = true;
        d->unlinker = 0;
        page_touch(p);
    }
    if (p->hidden && (!tgid || p->unlinker == tgid))
        p->hidden = 0;
    renders_restore(p, tgid);
    sql_restore(p, tgid);
    page_changed(p);
}

void pages_bring_back(struct workspace *ws, struct page *p)
{
    page_restore(p, 0);
    if (p->listed)
        return;
    page_scratch(p)->orphan = false;
    cleanup_free char *dir = pages_free_name(ws, p->dir, p->id);
    pages_insert(ws, p, dir);
    keep_place_now(p);
}

void page_restore_names(struct page *p)
{
    ws_lock(p->ws);
    page_restore(p, 0);
    ws_unlock(p->ws);
}

static void brake_restore(struct workspace *ws, pid_t tgid)
{
    struct page *p;
    struct page *tmp;
    HASH_ITER (hh_name, ws->by_name, p, tmp)
        page_restore(p, tgid);
}

/* ---- archiving --------------------------------------------------------------- */

/* By what the brake let it go. */
enum archive_leave { LEAVE_COUNTED, LEAVE_ALLOWED, LEAVE_BATCH };

struct archive {
    struct page *page; /* a reference */
    pid_t tgid;
    enum archive_leave leave;
    struct wait *waits;
};

/* What did not happen does not count. */
static void archive_give_back(struct workspace *ws, const struct archive *a)
{
    if (a->leave == LEAVE_ALLOWED)
        ws->archive_allowance++;
    else if (a->leave == LEAVE_COUNTED)
        brake_give_back(ws->archivers, a->tgid);
}

/* Lock held, released. */
static void archive_end(struct archive *a, int err, const char *message)
{
    struct page *p = a->page;
    struct workspace *ws = p->ws;
    p->archiving = false;
    if (err) {
        pages_bring_back(ws, p);
        archive_give_back(ws, a);
        log_warning("page %s: cannot be archived: %s", p->dir, message);
    } else {
        list_note_gone(ws, p->id);
        page_changed_here(p, CHANGE_GONE, NULL);
        list_cache_gone(p);
        keep_forget(p);
        overlay_page_remove(page_scratch(p));
        page_detach(p);
        pages_remove(ws, p);
        log_info("page %s: archived", p->dir);
    }
    ws_unlock(ws);
    wait_run(a->waits, err);
    page_unref(p);
    free(a);
}

/* After a lost answer (rule 7): did it happen? */
static void archive_looked(void *arg, const struct platform_answer *answer)
{
    struct archive *a = arg;
    const char *status = answer->page ? answer->page->status : NULL;
    bool gone = answer->err == -ENOENT || (status && !strcmp(status, "archived"));
    ws_lock(a->page->ws);
    archive_end(a,
                gone          ? 0
                : answer->err ? answer->err
                              : -EIO,
                "the answer was lost, and the page is still there");
}

static void archived(void *arg, const struct platform_answer *answer)
{
    struct archive *a = arg;
    struct workspace *ws = a->page->ws;
    struct platform_call call = {HTTP_SAVE, ARCHIVE_DEADLINE_MS, archive_looked, a,
                                 a->tgid};
    ws_lock(ws);
    if (answer->err && answer->sent && !answer->status) {
        platform_page_get(ws->config.platform, a->page->id, &call);
        ws_unlock(ws);
        return;
    }
    /* Gone is gone. */
    archive_end(a, answer->err == -ENOENT ? 0 : answer->err, answer->message);
}

static bool page_is_empty(struct page *p)
{
    page_make_docs(p);
    for (int i = 0; i < PAGE_DOCS; i++)
        if (p->docs[i].which != PAGE_PARAMS && p->docs[i].present)
            return false;
    sql_clear_place(p);
    return overlay_is_empty(page_scratch(p));
}

static bool archive_is_allowed(struct workspace *ws, struct page *p, pid_t tgid,
                               enum archive_leave *ret_leave)
{
    *ret_leave = ws->archive_allowance > 0 ? LEAVE_ALLOWED : LEAVE_COUNTED;
    if (*ret_leave == LEAVE_ALLOWED) {
        ws->archive_allowance--;
        return true;
    }
    if (brake_take(&ws->archivers, tgid, ws->config.archive_limit, clock_ms()))
        return true;
    log_warning(
        "page %s: not archived: process %d has archived %u pages within a minute; "
        "\"amdahlctl allow-archive COUNT\" lets more go",
        p->dir, (int)tgid, ws->config.archive_limit);
    return false;
}

/* Lock held. */
static int archive_start(struct workspace *ws, struct page *p, pid_t tgid,
                         enum archive_leave leave, struct wait *w)
{
    struct archive *a = xcalloc(1, sizeof *a);
    struct platform_call call = {HTTP_SAVE, ARCHIVE_DEADLINE_MS, archived, a, tgid};
    a->page = page_ref(p);
    a->tgid = tgid;
    a->leave = leave;
    wait_add(&a->waits, w);
    p->archiving = true;
    platform_page_archive(ws->config.platform, p->id, &call);
    return -EINPROGRESS;
}

int page_archive_removed(struct page *p, pid_t tgid, struct wait *w)
{
    return archive_start(p->ws, p, tgid, LEAVE_BATCH, w);
}

static int page_archive(struct workspace *ws, struct page *p, pid_t tgid, uint64_t batch,
                        struct wait *w)
{
    enum archive_leave leave;
    if (!page_is_empty(p))
        return -ENOTEMPTY;
    if (p->save || p->saves || p->archiving)
        return -EBUSY;
    if (!p->id) { /* the platform never had it */
        keep_forget(p);
        overlay_page_remove(page_scratch(p));
        page_detach(p);
        pages_remove(ws, p);
        return 0;
    }
    if (!ws->writable)
        return workspace_refuse(ws, p->dir);
    if (batch_is_open(ws, batch)) {
        batch_remove(p, batch, tgid);
        return 0;
    }
    if (!archive_is_allowed(ws, p, tgid, &leave)) {
        brake_restore(ws, tgid);
        page_restore(p, 0);
        return -EPERM;
    }
    return archive_start(ws, p, tgid, leave, w);
}

int workspace_page_archive(struct workspace *ws, const char *name, pid_t tgid,
                           struct wait *w)
{
    uint64_t batch = batch_of(ws, tgid);
    ws_lock(ws);
    struct page *p = pages_by_dir(ws, name);
    int err = p ? page_archive(ws, p, tgid, batch, w) : -ENOENT;
    if (err == -EACCES)
        page_restore(p, 0);
    ws_unlock(ws);
    return err;
}

void workspace_allow_archive(struct workspace *ws, unsigned count)
{
    ws_lock(ws);
    ws->archive_allowance = count;
    ws_unlock(ws);
}
