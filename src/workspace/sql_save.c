/* sql_save.c - what is written to a file of sql/ goes into queries.json, and is saved there. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "workspace/faults.h"
#include "workspace/overlay.h"
#include "workspace/save.h"
#include "workspace/sql.h"

/* ---- into the text of queries.json --------------------------------------------- */

__attribute__((format(printf, 4, 5))) static int weave_refuse(struct json_error *e,
                                                              const struct text *text,
                                                              size_t offset,
                                                              const char *fmt, ...)
{
    va_list ap;
    e->offset = offset;
    json_position(text->data, text->len, offset, &e->line, &e->column);
    va_start(ap, fmt);
    vsnprintf(e->message, sizeof e->message, fmt, ap);
    va_end(ap);
    return -EPROTO;
}

static int weave_check(const struct sql_dir *dir, const struct text *text,
                       struct json_error *e)
{
    size_t offset;
    if (!text->len)
        return weave_refuse(e, text, 0, "the file is empty");
    if (!json_utf8_valid(text->data, text->len, &offset))
        return weave_refuse(e, text, offset, "this is no UTF-8");
    if (dir->broken)
        return weave_refuse(e, text, 0,
                            "queries.json, into which this goes, is to be mended first "
                            "(%u:%u: %.70s)",
                            dir->error.line, dir->error.column, dir->error.message);
    return dir->queries.text ? 0 : -EBUSY;
}

int sql_weave(struct sql_file *f, const struct text *text, struct text **ret_queries,
              struct json_error *ret_error)
{
    struct sql_dir *dir = f->doc.page->sql;
    sql_refresh(dir);
    int err = weave_check(dir, text, ret_error);
    if (err)
        return err;
    const struct query *query = queries_find(&dir->queries, f->file);
    cleanup_free char *name = queries_name_of_file(f->file);
    *ret_queries = query ? queries_set_sql(&dir->queries, query, text->data, text->len)
                         : queries_add(&dir->queries, name, text->data, text->len);
    return 0;
}

/* The SQL that a text of queries.json has in this file, or had; "" where it has none. */
static void sql_in(struct text *queries, const char *file, struct buf *out)
{
    struct queries q = {0};
    if (!queries || queries_read(queries, &q, NULL) != 0)
        return;
    const struct query *query = queries_find(&q, file);
    if (query)
        queries_show(&q, query, out);
    queries_finish(&q);
}

void sql_rebase(struct sql_file *f, const struct saver *by)
{
    struct doc *q = page_doc_of(f->doc.page, PAGE_QUERIES);
    struct text *base = conflict_base(q, by);
    cleanup_buf struct buf then = BUF_INIT;
    cleanup_buf struct buf now = BUF_INIT;
    if (q->theirs || !q->remote || by->tgid <= 0 || doc_is_draft(q) ||
        text_equal(base, q->remote))
        return;
    sql_in(base, f->file, &then);
    sql_in(q->remote, f->file, &now);
    if (then.len == now.len && (!now.len || !memcmp(then.data, now.data, now.len)))
        conflict_give(q, by->tgid);
}

struct item *sql_put_queries(struct page *p, const struct text *text,
                             struct timespec mtime)
{
    struct doc *q = page_doc_of(p, PAGE_QUERIES);
    if (!q->present) {
        q->present = true;
        q->unlinker = 0;
        page_touch(p);
    }
    struct item *it = doc_item(q);
    it->dirty = true;
    item_put_text(it, text);
    it->seq++;
    it->mtime = it->ctime = mtime;
    item_changed(it);
    return it;
}

void sql_settle(struct sql_file *f, struct text *text)
{
    struct item *it = f->doc.file;
    it->tried_seq = it->seq;
    it->tried_err = 0;
    doc_settle(&f->doc, text);
    f->doc.shed = false;
    f->doc.own = text->len && text->data[text->len - 1] != '\n';
}

/* ---- what is refused ------------------------------------------------------------- */

void sql_sent_forget(struct sql_sent *sent)
{
    text_unref(sent->queries);
    text_unref(sent->sql);
    free(sent->file);
    *sent = (struct sql_sent){0};
}

static bool sent_is(const struct sql_sent *sent, const struct text *queries)
{
    return queries && sent->queries && text_equal(sent->queries, queries);
}

void sql_note_sent(struct sql_file *f, struct text *queries, struct text *sql)
{
    struct page *p = f->doc.page;
    struct sql_dir *dir = p->sql;
    if (sent_is(&dir->sent, page_doc_of(p, PAGE_QUERIES)->refused)) {
        sql_sent_forget(&dir->refused);
        dir->refused = dir->sent;
        dir->sent = (struct sql_sent){0};
    }
    sql_sent_forget(&dir->sent);
    dir->sent = (struct sql_sent){text_ref(queries), text_ref(sql), xstrdup(f->file)};
}

bool sql_is_sent(const struct page *p, const struct text *queries)
{
    return p->sql && sent_is(&p->sql->sent, queries);
}

void sql_put_rejected(struct page *p, const char *file, const struct text *sql)
{
    cleanup_free char *name = xasprintf("%s.rejected", file);
    int err = overlay_put(sql_place(p, true), name, sql->data, sql->len);
    if (err)
        log_error("page %s: sql/%s cannot be written: %s", p->dir, name, strerror(-err));
    sql_touch(p);
    page_touch(p);
}

void sql_keep_rejected(struct doc *queries)
{
    struct page *p = queries->page;
    const struct sql_sent *all[] = {p->sql ? &p->sql->sent : NULL,
                                    p->sql ? &p->sql->refused : NULL};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (all[i] && sent_is(all[i], queries->refused)) {
            sql_put_rejected(p, all[i]->file, all[i]->sql);
            return;
        }
}

void sql_remove_rejected(struct doc *queries)
{
    struct page *p = queries->page;
    if (!sql_is_sent(p, queries->shown) || !sql_place(p, false))
        return;
    cleanup_free char *name = xasprintf("%s.rejected", p->sql->sent.file);
    if (overlay_unlink(sql_place(p, false), name) == 0)
        sql_touch(p);
}

void sql_refuse(struct sql_file *f, struct text *text, const struct json_error *e)
{
    struct doc *d = &f->doc;
    cleanup_buf struct buf lines = BUF_INIT;
    cleanup_buf struct buf faults = BUF_INIT;
    cleanup_free char *file = xasprintf("sql/%s", f->file);
    faults_print_one(&lines, file, e->line, e->column, "sql", e->message);
    faults_print_json(&faults, file, e->line, e->column, "sql", e->message);
    doc_refuse(d, text, &lines, &faults);
    if (text->len)
        sql_put_rejected(d->page, f->file, text);
    log_warning("page %s: %s:%u:%u: %s", d->page->dir, file, e->line, e->column,
                e->message);
}

/* ---- commit points ----------------------------------------------------------------- */

/* Nothing was written since: as the commit point of that change of queries.json was. */
static int sql_sticky(struct sql_file *f, struct wait *w)
{
    struct item *it = f->via;
    struct page *p = f->doc.page;
    if (!it || !it->doc || it->doc != page_doc_of(p, PAGE_QUERIES) ||
        it->seq != f->via_seq)
        return 0;
    struct save *running = save_find(p, it);
    if (running) {
        wait_add(&running->waits, w);
        return -EINPROGRESS;
    }
    return it->tried_seq == it->seq ? it->tried_err : 0;
}

/* As commit_take(). False: there is nothing to do, *ret is the answer. */
static bool sql_begin(struct item *it, enum save_why why, const struct committer *by,
                      struct wait *w, int *ret)
{
    struct sql_file *f = sql_file_of(it->doc);
    *ret = 0;
    if (!it->dirty) {
        *ret = sql_sticky(f, w);
        return false;
    }
    if (why == SAVE_RELEASE && by->writers && atomic_load(by->writers))
        return false;
    if (!it->data.len && why != SAVE_RELEASE)
        return false;
    if (it->tried_seq == it->seq) {
        *ret = it->tried_err;
        return false;
    }
    return true;
}

/* What was written is what queries.json says, and that is no draft that was refused: the
 * same text is only tried anew where it was. */
static bool sql_is_no_change(struct sql_dir *dir, const struct text *queries)
{
    const struct doc *q = page_doc_of(dir->page, PAGE_QUERIES);
    bool refused = doc_is_draft(q) && q->problem;
    return q->present && !refused && text_equal(dir->queries.text, queries);
}

/* After a refusal an editor puts the old bytes back: with them the old time is, or vim would
 * ask about a file that changed behind it. */
static void sql_give_back(struct sql_file *f, const struct text *text)
{
    if (!page_doc_of(f->doc.page, PAGE_QUERIES)->refused || !text_equal(text, f->good))
        return;
    f->doc.mtime = f->good_mtime;
    item_changed(f->doc.file);
}

/* *ret_queries: the file queries.json, whose commit point is next (a reference); NULL: none
 * is. */
static int sql_apply(struct item *it, const struct saver *by, struct item **ret_queries)
{
    struct sql_file *f = sql_file_of(it->doc);
    struct page *p = f->doc.page;
    struct json_error error;
    cleanup_text struct text *text = text_new(it->data.data, it->data.len);
    cleanup_text struct text *queries = NULL;
    int err = sql_weave(f, text, &queries, &error);
    if (err == -EBUSY)
        return err;
    if (err) {
        it->tried_seq = it->seq;
        it->tried_err = err;
        sql_refuse(f, text, &error);
        return err;
    }
    if (f->doc.problem)
        doc_clear_problem(&f->doc);
    sql_settle(f, text);
    sql_give_back(f, text);
    sql_note_sent(f, queries, text);
    if (sql_is_no_change(p->sql, queries))
        return 0;
    sql_rebase(f, by);
    item_unref(f->via);
    f->via = item_ref(sql_put_queries(p, queries, it->mtime));
    f->via_seq = f->via->seq;
    *ret_queries = item_ref(f->via);
    return 0;
}

/* Its page's texts left the memory: once more when they are back. */
struct sql_later {
    struct wait wait; /* ours */
    struct item *it;  /* a reference */
    enum save_why why;
    struct committer by;
    struct wait *waits;
};

static void sql_later_done(struct wait *w, int err)
{
    struct sql_later *later = container_of(w, struct sql_later, wait);
    struct item *it = later->it;
    ws_lock(it->ws);
    struct wait *waiter = wait_take(&later->waits);
    ws_unlock(it->ws);
    if (!err)
        err = sql_commit(it, later->why, &later->by, waiter);
    if (err != -EINPROGRESS)
        wait_run(waiter, err);
    item_unref(it);
    free(later);
}

static int sql_wait_for_texts(struct item *it, enum save_why why,
                              const struct committer *by, struct wait *w)
{
    struct page *p = item_page(it);
    struct sql_later *later = xcalloc(1, sizeof *later);
    later->wait.done = sql_later_done;
    later->wait.tid = w ? w->tid : 0;
    later->it = item_ref(it);
    later->why = why;
    later->by = (struct committer){by->tgid, by->opener, NULL};
    wait_add(&later->waits, w);
    int err = p ? page_file_ready(p, true, &later->wait) : -ENOENT;
    page_unref(p);
    if (err == -EINPROGRESS)
        return err;
    item_unref(it);
    free(later);
    return err ? err : -EBUSY;
}

int sql_commit(struct item *it, enum save_why why, const struct committer *by,
               struct wait *w)
{
    struct saver saver = saver_of(it->ws, by->tgid);
    struct item *queries = NULL;
    int err = 0;
    ws_lock(it->ws);
    bool go = it->doc && it->doc->which == PAGE_SQL && sql_begin(it, why, by, w, &err);
    if (go)
        err = sql_apply(it, &saver, &queries);
    ws_unlock(it->ws);
    if (go && err == -EBUSY)
        return sql_wait_for_texts(it, why, by, w);
    if (!queries)
        return err;
    /* The text is whole: it is a commit point of queries.json whoever closes. */
    const struct committer whole = {by->tgid, true, NULL};
    err = item_commit(queries, why == SAVE_RELEASE ? why : SAVE_FSYNC, &whole, w);
    item_unref(queries);
    return err;
}
