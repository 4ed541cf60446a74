/* sql_page.c - what a page as a whole asks of its sql/. */
#include <string.h>

#include "base/clock.h"
#include "workspace/cache.h"
#include "workspace/overlay.h"
#include "workspace/sql.h"

/* ---- texts that leave the memory ------------------------------------------------ */

bool sql_may_shed(const struct page *p)
{
    const struct sql_file *f;
    for (f = p->sql ? p->sql->files : NULL; f; f = f->hh.next)
        if (f->doc.own || f->doc.problem ||
            (f->doc.file && (f->doc.file->dirty || overlay_is_open(f->doc.file))))
            return false;
    return true;
}

static void file_shed(struct sql_file *f)
{
    struct doc *d = &f->doc;
    if (!d->shown)
        return;
    d->shed = true;
    d->shed_sum = cache_sum("", d->shown->data, d->shown->len);
    d->size = d->shown->len;
    text_replace(&d->shown, NULL);
    text_replace(&f->good, NULL);
}

static void dir_forget_queries(struct sql_dir *dir)
{
    queries_finish(&dir->queries);
    text_replace(&dir->seen.shown, NULL);
    sql_sent_forget(&dir->sent);
    sql_sent_forget(&dir->refused);
}

void sql_shed(struct page *p)
{
    struct sql_file *f;
    struct sql_file *tmp;
    if (!p->sql)
        return;
    HASH_ITER (hh, p->sql->files, f, tmp)
        file_shed(f);
    dir_forget_queries(p->sql);
}

/* Nobody has it in hand, and it is as queries.json has it, times too. */
static bool file_is_idle(const struct sql_file *f)
{
    const struct doc *d = &f->doc;
    const struct item *it = d->file;
    struct timespec mtime = sql_queries_mtime(d->page);
    return d->mtime.tv_sec == mtime.tv_sec && d->mtime.tv_nsec == mtime.tv_nsec &&
           d->present && f->declared && !d->own && !d->problem && d->page->id &&
           (!it || (!it->dirty && !it->xattrs && atomic_load(&it->refs) == 1));
}

void sql_trim(struct page *p)
{
    struct sql_file *f;
    struct sql_file *tmp;
    struct sql_dir *dir = p->sql;
    if (!dir)
        return;
    HASH_ITER (hh, dir->files, f, tmp) {
        struct item *it = f->doc.file;
        if (!file_is_idle(f))
            continue;
        f->doc.file = NULL;
        if (it)
            it->doc = NULL;
        item_unref(it);
        sql_file_drop(f);
    }
    if (!dir->files && !dir->place && !dir->removed && !dir->bare && p->body == BODY_SHED)
        sql_free(p);
}

/* ---- its end -------------------------------------------------------------------- */

void sql_detach(struct page *p)
{
    struct sql_dir *dir = p->sql;
    while (dir && dir->files) {
        if (dir->files->doc.file)
            dir->files->doc.file->orphan = true;
        sql_file_drop(dir->files);
    }
    if (dir && dir->place) {
        dir->place->sql_of = NULL;
        dir->place->orphan = true;
    }
}

void sql_free(struct page *p)
{
    struct sql_dir *dir = p->sql;
    if (!dir)
        return;
    sql_detach(p);
    dir_forget_queries(dir);
    item_unref(dir->moved);
    item_unref(dir->place);
    free(dir);
    p->sql = NULL;
}

/* ---- names that come back, drafts that are given up ------------------------------ */

void sql_restore(struct page *p, pid_t tgid)
{
    struct sql_dir *dir = p->sql;
    struct sql_file *f;
    struct sql_file *tmp;
    if (!dir)
        return;
    HASH_ITER (hh, dir->files, f, tmp) {
        if (f->doc.present || !f->doc.unlinker || (tgid && f->doc.unlinker != tgid))
            continue;
        f->doc.present = f->declared;
        f->doc.unlinker = 0;
    }
    if (dir->removed && (!tgid || dir->remover == tgid))
        dir->removed = false;
    sql_touch(p);
}

unsigned sql_discard(struct page *p)
{
    struct sql_file *f;
    struct sql_file *tmp;
    unsigned count = 0;
    if (!p->sql)
        return 0;
    HASH_ITER (hh, p->sql->files, f, tmp) {
        struct item *it = f->doc.file;
        if (!it || !it->dirty)
            continue;
        cleanup_free char *name = xasprintf("%s.rejected", f->file);
        if (f->doc.problem && sql_place(p, false))
            overlay_unlink(sql_place(p, false), name);
        doc_clear_problem(&f->doc);
        it->dirty = false;
        it->tried_seq = it->seq;
        it->tried_err = 0;
        buf_finish(&it->data);
        item_changed(it);
        if (!f->declared)
            sql_file_drop(f);
        count++;
    }
    sql_touch(p);
    return count;
}

/* ---- what is wrong with them ------------------------------------------------------ */

void sql_put_errors(const struct page *p, struct buf *out)
{
    const struct sql_file *f;
    for (f = p->sql ? p->sql->files : NULL; f; f = f->hh.next)
        if (f->doc.problem)
            buf_append(out, f->doc.problem->data, f->doc.problem->len);
}

struct text *sql_verdict(const struct page *p)
{
    const struct sql_file *f;
    for (f = p->sql ? p->sql->files : NULL; f; f = f->hh.next)
        if (f->doc.verdict)
            return f->doc.verdict;
    return NULL;
}
