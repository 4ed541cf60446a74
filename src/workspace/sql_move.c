/* sql_move.c - renames onto names of sql/: saves of queries.json whose text that file gets
 * only when the platform has it. */
#include <errno.h>
#include <linux/fs.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "workspace/overlay.h"
#include "workspace/save.h"
#include "workspace/sql.h"

struct sql_move {
    struct wait wait;  /* ours */
    struct page *page; /* a reference */
    struct newcomer n; /* a scratch file; it NULL: a query that is renamed */
    struct item *it;   /* of that; a reference */
    char *from, *to;   /* names here; from NULL: n */
    struct wait *waits;
};

static void move_free(struct sql_move *m)
{
    newcomer_finish(&m->n);
    item_unref(m->it);
    page_unref(m->page);
    free(m->from);
    free(m->to);
    free(m);
}

/* ---- what came of it ------------------------------------------------------------- */

/* A name that its program had moved away before comes back (JetBrains, sed -i.bak). */
static void move_turn_away(struct sql_move *m)
{
    struct doc *d = sql_doc(m->page, m->to, false);
    if (!m->from && m->n.text->len)
        sql_put_rejected(m->page, m->to, m->n.text);
    if (!d || d->present || !sql_file_of(d)->declared)
        return;
    d->present = true;
    d->unlinker = 0;
    page_touch(m->page);
    sql_touch(m->page);
}

static void move_bind_newcomer(struct sql_move *m, struct doc *to)
{
    uint64_t seq = m->n.it->seq;
    struct item *it = doc_bind_file(to, &m->n);
    if (it != m->n.it || it->seq == seq) /* else it was written to meanwhile */
        sql_settle(sql_file_of(to), m->n.text);
    item_unref(it);
}

/* The item goes on under the other name, with what it held. */
static void move_bind_query(struct sql_move *m, struct doc *to)
{
    struct item *it = m->it;
    struct doc *from = it->doc;
    bool draft = from && it->dirty;
    if (from) {
        cleanup_text struct text *text = doc_text(from);
        item_put_text(it, text);
        from->file = NULL;
        it->doc = NULL;
        from->present = false;
    }
    it->lost = false;
    doc_bind(to, it);
    cleanup_text struct text *text = text_new(it->data.data, it->data.len);
    if (!draft)
        sql_settle(sql_file_of(to), text);
    if (from) {
        item_unref(it); /* the one that `from` had */
        if (!sql_file_of(from)->declared)
            sql_file_drop(sql_file_of(from));
    }
}

static void move_end(struct sql_move *m, int err)
{
    struct doc *to = err || m->page->detached ? NULL : sql_doc(m->page, m->to, true);
    if (err)
        move_turn_away(m);
    else if (to && m->from)
        move_bind_query(m, to);
    else if (to)
        move_bind_newcomer(m, to);
    sql_touch(m->page);
    page_check(m->page);
}

static void move_done(struct wait *w, int err)
{
    struct sql_move *m = container_of(w, struct sql_move, wait);
    struct sql_dir *dir;
    ws_lock(m->page->ws);
    dir = sql_dir_of(m->page);
    dir->moved_err = err;
    move_end(m, err);
    struct wait *waits = wait_take(&m->waits);
    ws_unlock(m->page->ws);
    wait_run(waits, err);
    move_free(m);
}

/* Takes m over. queries: what is to be saved. */
static int move_start(struct sql_move *m, struct text *queries, const struct saver *by,
                      struct wait *w)
{
    m->wait.done = move_done;
    m->wait.tid = w ? w->tid : 0;
    wait_add(&m->waits, w);
    int err = save_beside(page_doc_of(m->page, PAGE_QUERIES), queries, m->n.mtime, by,
                          &m->wait);
    if (err == -EINPROGRESS)
        return err;
    move_end(m, err);
    move_free(m);
    return err;
}

/* ---- a scratch file ----------------------------------------------------------------- */

/* The VFS repeats a rename once that ended with ESTALE. */
static bool move_is_repeated(struct sql_dir *dir, const struct newcomer *n)
{
    bool same = dir->moved == n->it && dir->moved_err == -ESTALE &&
                dir->moved_seq == n->it->seq &&
                dir->moved_mtime.tv_sec == n->mtime.tv_sec &&
                dir->moved_mtime.tv_nsec == n->mtime.tv_nsec;
    item_unref(dir->moved);
    dir->moved = item_ref(n->it);
    dir->moved_seq = n->it->seq;
    dir->moved_mtime = n->mtime;
    dir->moved_err = 0;
    return same;
}

int sql_take_newcomer(struct doc *d, struct newcomer *n, const struct saver *by,
                      struct wait *w)
{
    struct sql_file *f = sql_file_of(d);
    cleanup_text struct text *queries = NULL;
    struct json_error error;
    if (move_is_repeated(d->page->sql, n)) {
        newcomer_finish(n);
        return -ESTALE;
    }
    struct sql_move *m = xcalloc(1, sizeof *m);
    m->page = page_ref(d->page);
    m->to = xstrdup(f->file);
    m->n = *n;
    int err = sql_weave(f, n->text, &queries, &error);
    if (err) {
        if (err == -EPROTO)
            sql_refuse(f, n->text, &error);
        move_turn_away(m);
        move_free(m);
        return err;
    }
    if (d->problem)
        doc_clear_problem(d);
    sql_note_sent(f, queries, n->text);
    sql_rebase(f, by);
    return move_start(m, queries, by, w);
}

/* ---- from one query's name to another's ---------------------------------------------- */

/* The SQL of the one in the place of the other's, and the one gone. */
static int text_of_replaced(struct sql_file *from, struct sql_file *to,
                            const struct text *sql, struct text **ret,
                            struct json_error *e)
{
    cleanup_text struct text *set = NULL;
    struct queries q = {0};
    int err = sql_weave(to, sql, &set, e);
    if (!err)
        err = queries_read(set, &q, e);
    if (err)
        return err;
    const struct query *query = queries_find(&q, from->file);
    *ret = query ? queries_remove(&q, query) : text_ref(set);
    queries_finish(&q);
    return 0;
}

static int text_of_rename(struct sql_file *from, struct sql_file *to,
                          const struct text *sql, struct text **ret, struct json_error *e)
{
    struct sql_dir *dir = from->doc.page->sql;
    const struct query *query = queries_find(&dir->queries, from->file);
    cleanup_free char *name = queries_name_of_file(to->file);
    if (to->declared || !query)
        return text_of_replaced(from, to, sql, ret, e);
    if (dir->broken)
        return -EPROTO;
    *ret = name ? queries_rename(&dir->queries, query, name) : NULL;
    return *ret ? 0 : -EINVAL;
}

/* One that has not been saved yet, and so is in no text, only changes its name. */
static bool rename_is_of_nothing(const struct sql_file *from, const struct sql_file *to,
                                 const struct text *sql)
{
    return !from->declared && !to->declared && !sql->len;
}

static int rename_check(const struct doc *from, const struct doc *to, unsigned flags)
{
    struct page *p = from->page;
    if (flags & ~(unsigned)RENAME_NOREPLACE)
        return -EINVAL;
    if (!from->present)
        return -ENOENT;
    if ((flags & RENAME_NOREPLACE) && to->present)
        return -EEXIST;
    if (!p->listed)
        return -ENOENT;
    return p->ws->writable ? 0 : workspace_refuse(p->ws, p->dir);
}

int sql_rename(struct doc *from, struct doc *to, unsigned flags, const struct saver *by,
               struct wait *w)
{
    struct sql_file *f = sql_file_of(from);
    struct sql_file *t = sql_file_of(to);
    struct json_error error = {
        .line = 1, .column = 1, .message = "queries.json is to be mended first"};
    cleanup_text struct text *queries = NULL;
    int err = rename_check(from, to, flags);
    if (err)
        return err;
    cleanup_text struct text *sql = doc_text(from);
    struct sql_move *m = xcalloc(1, sizeof *m);
    m->page = page_ref(from->page);
    m->it = item_ref(doc_item(from));
    m->from = xstrdup(f->file);
    m->to = xstrdup(t->file);
    m->n.mtime = clock_now();
    if (!sql || rename_is_of_nothing(f, t, sql)) {
        move_end(m, 0);
        move_free(m);
        return 0;
    }
    sql_rebase(f, by);
    err = text_of_rename(f, t, sql, &queries, &error);
    if (!err)
        return move_start(m, queries, by, w);
    log_warning("page %s: sql/%s: cannot be renamed: %s", m->page->dir, m->from,
                err == -EPROTO ? error.message : strerror(-err));
    move_free(m);
    return err;
}
