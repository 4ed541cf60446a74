/* commit.c - commit points: what is saved when, and what is refused here (rule 2). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "json/json.h"
#include "workspace/batch.h"
#include "workspace/faults.h"
#include "workspace/keep.h"
#include "workspace/present.h"
#include "workspace/save.h"
#include "workspace/sql.h"

/* ---- refusals ---------------------------------------------------------------- */

/* A text that is refused here, without a request. */
static void doc_refuse_here(struct doc *d, struct text *text, const struct json_error *e)
{
    cleanup_buf struct buf lines = BUF_INIT;
    cleanup_buf struct buf faults = BUF_INIT;
    const char *file = page_file_name(d->which);
    faults_print_one(&lines, file, e->line, e->column, "json", e->message);
    faults_print_json(&faults, file, e->line, e->column, "json", e->message);
    doc_refuse(d, text, &lines, &faults);
}

static int json_refuse(struct json_error *e, const struct text *text, size_t offset,
                       const char *message)
{
    e->offset = offset;
    json_position(text->data, text->len, offset, &e->line, &e->column);
    snprintf(e->message, sizeof e->message, "%s", message);
    return -EPROTO;
}

/* Is this text what such a document can be? 0, -EPROTO, -EFBIG. No lock. */
static int doc_check(enum page_file which, const char *id, const struct text *base,
                     const struct text *text, struct json_error *e)
{
    static const struct {
        enum json_type type;
        const char *message;
    } wanted[PAGE_FILES] = {
        [PAGE_PARAMS] = {JSON_OBJECT, "params are an object: {\"name\": value}"},
        [PAGE_PAGE] = {JSON_OBJECT, "page.json is an object"},
        [PAGE_QUERIES] = {JSON_ARRAY, "declared queries are an array: [{\"name\": ...}]"},
        [PAGE_SPEC] = {JSON_OBJECT, "a spec is an object"},
    };
    struct json_limits limits = JSON_LIMITS_USER;
    struct json_span root;
    if (!text->len)
        return json_refuse(e, text, 0, "the file is empty");
    int err = json_check(text->data, text->len, &limits, &root, e);
    if (err)
        return err;
    if (root.type != wanted[which].type)
        return json_refuse(e, text, root.start, wanted[which].message);
    if (which != PAGE_PAGE)
        return 0;
    cleanup_buf struct buf fields = BUF_INIT;
    return present_page_changes(text, base, id, &fields, e);
}

/* ---- commit points ----------------------------------------------------------- */

/* What is committed: taken under the lock, judged without it. */
struct commit {
    struct item *it;
    struct page *page; /* a reference */
    enum page_file which;
    uint64_t seq;
    struct text *text;
    struct text *base; /* what it began as */
    char *id;
    struct saver by;
    struct json_error error;
};

static void commit_finish(struct commit *c)
{
    page_unref(c->page);
    text_unref(c->text);
    text_unref(c->base);
    free(c->id);
}

/* Lock held. False: there is nothing to do, *ret is the answer. */
static bool commit_take(struct commit *c, enum save_why why, const atomic_uint *writers,
                        struct wait *w, int *ret)
{
    struct item *it = c->it;
    struct doc *d = it->doc;
    /* Of a page that vanished meanwhile: what was not saved in time never is. */
    *ret = it->orphan && it->tried_seq != it->seq ? -ENOENT : 0;
    if (!d || !it->dirty)
        return false;
    struct save *running = save_find(d->page, it);
    if (running) {
        wait_add(&running->waits, w);
        *ret = -EINPROGRESS;
        return false;
    }
    /* The last one that could write to it may be gone just when the next one has emptied it
     * or written half of it: that one's own end will tell. */
    if (why == SAVE_RELEASE && writers && atomic_load(writers))
        return false;
    /* `cmd > file` closes a duplicate before anything is written. */
    if (!it->data.len && why != SAVE_RELEASE)
        return false;
    if (it->tried_seq == it->seq) {
        *ret = it->tried_err;
        return false;
    }
    c->page = page_ref(d->page);
    c->which = d->which;
    c->seq = it->seq;
    c->text = text_new(it->data.data, it->data.len);
    c->base = text_ref(conflict_base(d, &c->by));
    c->id = xstrdup(d->page->id);
    return true;
}

static int commit_refuse(struct commit *c, int err, struct wait *w)
{
    struct doc *d = page_doc_of(c->page, c->which);
    doc_refuse_here(d, c->text, &c->error);
    text_replace(&d->draft_base, text_ref(c->base)); /* the next mount knows it too */
    d->interrupted = false;
    c->it->tried_seq = c->seq;
    c->it->tried_err = err;
    log_warning("page %s: %s:%u:%u: %s", c->page->dir, page_file_name(c->which),
                c->error.line, c->error.column, c->error.message);
    return save_keep_refusal(d, STATE_DRAFT, c->text, c->it->mtime, err, w);
}

/* The platform has this, or it is what its saver began from: then the file shows what the
 * platform has by now. While a save runs, that is about to be something else. */
static bool doc_needs_no_save(const struct doc *d, struct text *text, struct text *base,
                              struct text **ret_shown)
{
    *ret_shown = text;
    if (d->which == PAGE_PARAMS)
        return true;
    if (d->page->save)
        return false;
    if (save_same_tokens(text, d->remote))
        return true;
    *ret_shown = d->shown;
    return d->shown && save_same_tokens(text, base);
}

/* A merge tool wrote the document while the other side of its conflict lies beside it:
 * what it wrote is a draft, whole or with marks, or the other side itself. */
static void commit_merge(struct commit *c, struct doc *d)
{
    if (save_same_tokens(c->text, d->remote ? d->remote : d->theirs)) {
        doc_remove_rejected(d);
        doc_clear_problem(d);
        keep_drop_now(d);
        doc_unchanged(d, c->it, c->text);
    } else {
        text_replace(&d->draft_base, text_ref(d->theirs));
        keep_draft(d, STATE_DRAFT, STATE_REFUSED, c->text, c->it->mtime, NULL, NULL);
    }
    c->it->tried_seq = c->seq;
    c->it->tried_err = 0;
}

/* Judged: the lock is held again, and the file may have changed or moved meanwhile. */
static int commit_apply(struct commit *c, int err, bool by_opener, enum save_why why,
                        struct wait *w)
{
    struct doc *d = c->it->doc;
    struct text *shown;
    if (!d || d->page != c->page || d->which != c->which || c->it->seq != c->seq)
        return 0; /* a later commit point speaks for what is there now */
    if (conflict_is_merging(d, &c->by)) {
        commit_merge(c, d);
        return 0;
    }
    if (err)
        return why == SAVE_FLUSH && !by_opener ? 0 : commit_refuse(c, err, w);
    if (doc_needs_no_save(d, c->text, c->base, &shown)) {
        if (d->refused && batch_is_git(d->page->ws, c->by.batch))
            doc_clear_problem(d); /* by a checkout or a reset, not by an editor */
        doc_unchanged(d, c->it, shown);
        if (shown == c->text)
            conflict_give(d, c->by.tgid);
        return 0;
    }
    if (batch_is_open(d->page->ws, c->by.batch))
        return batch_stage(d, &c->by, c->base, w);
    if (c->by.tgid != SAVER_DRAFT)
        d->staged = d->staged_by = 0; /* what was is overtaken by a text that goes now */
    struct save *s = save_find(d->page, c->it);
    if (!s) {
        s = save_new(d, c->it, c->text, &c->by);
        save_keep(s);
        save_enqueue(s);
    }
    wait_add(&s->waits, w);
    return -EINPROGRESS;
}

int item_commit(struct item *it, enum save_why why, const struct committer *by,
                struct wait *w)
{
    struct commit c = {.it = it};
    int err;
    ws_lock(it->ws);
    bool scratch = !it->doc;
    bool sql = it->doc && it->doc->which == PAGE_SQL;
    page_check(scratch ? NULL : it->doc->page);
    ws_unlock(it->ws);
    if (sql)
        return sql_commit(it, why, by, w);
    c.by = saver_of(it->ws, scratch ? 0 : by->tgid);
    ws_lock(it->ws);
    bool go = commit_take(&c, why, by->writers, w, &err);
    ws_unlock(it->ws);
    if (!go)
        return err;
    err = doc_check(c.which, c.id, c.base, c.text, &c.error);
    ws_lock(it->ws);
    err = commit_apply(&c, err, by->opener, why, w);
    page_check(c.page);
    ws_unlock(it->ws);
    commit_finish(&c);
    return err;
}

/* In a batch the name is the new file's at once, and the verdict comes with the batch. */
static int save_rename_staged(struct doc *d, struct newcomer *n, const struct saver *by,
                              struct text *base, struct wait *w)
{
    uint64_t seq = n->it->seq;
    cleanup_text struct text *kept = text_ref(base);
    struct item *it = doc_bind_file(d, n);
    bool whole = it != n->it || it->seq == seq; /* else it was written to meanwhile */
    int err = whole ? batch_stage(d, by, kept, w) : 0;
    item_unref(it);
    return err;
}

/* The VFS repeats a rename once that ended with ESTALE: the same answer to the same text,
 * and no request. */
static bool save_is_repeated(const struct doc *d, const struct newcomer *n,
                             const struct text *base)
{
    struct item *it = n->it;
    bool same = it->tried_err == -ESTALE && it->tried_seq == it->seq &&
                base != d->theirs && it->mtime.tv_sec == n->mtime.tv_sec &&
                it->mtime.tv_nsec == n->mtime.tv_nsec;
    if (it->tried_err == -ESTALE)
        it->tried_err = 0; /* it does so only once */
    return same;
}

int save_rename(struct doc *d, struct newcomer *n, const struct saver *by, struct wait *w)
{
    struct json_error error;
    struct text *base = conflict_base(d, by);
    struct text *shown;
    if (save_is_repeated(d, n, base)) {
        newcomer_finish(n);
        return -ESTALE;
    }
    int err = doc_check(d->which, d->page->id, base, n->text, &error);
    n->it->seq++;
    n->it->mtime = n->mtime;
    if (err) {
        doc_refuse_here(d, n->text, &error);
        doc_turn_away(d);
        err = save_keep_refusal(d, STATE_MOVED, n->text, n->mtime, err, w);
    } else if (doc_needs_no_save(d, n->text, base, &shown)) {
        uint64_t seq = n->it->seq;
        struct item *it = doc_bind_file(d, n);
        if (it != n->it || it->seq == seq)
            doc_unchanged(d, it, shown);
        if (shown == n->text)
            conflict_give(d, by->tgid);
        item_unref(it);
    } else if (batch_is_open(d->page->ws, by->batch)) {
        err = save_rename_staged(d, n, by, base, w);
    } else {
        struct save *s = save_new(d, n->it, n->text, by);
        s->from = *n;
        wait_add(&s->waits, w);
        save_keep(s);
        save_enqueue(s);
        return -EINPROGRESS;
    }
    newcomer_finish(n);
    return err;
}

/* A new page's file has it at once: it may wait there for the spec. */
static struct save *save_new_beside(struct doc *d, struct text *text,
                                    struct timespec mtime, const struct saver *by)
{
    if (!d->page->id)
        return save_new(d, sql_put_queries(d->page, text, mtime), text, by);
    d->present = true;
    struct save *s = save_new(d, doc_item(d), text, by);
    s->rename = true;
    s->slot = STATE_MOVED;
    s->mtime = mtime;
    s->from.it = item_ref(s->item);
    return s;
}

int save_beside(struct doc *d, struct text *text, struct timespec mtime,
                const struct saver *by, struct wait *w)
{
    struct json_error error;
    struct text *base = conflict_base(d, by);
    struct text *shown;
    int err = doc_check(d->which, d->page->id, base, text, &error);
    if (err) {
        doc_refuse_here(d, text, &error);
        doc_turn_away(d);
        return save_keep_refusal(d, STATE_MOVED, text, mtime, err, w);
    }
    if (doc_needs_no_save(d, text, base, &shown) && !doc_is_draft(d))
        return 0;
    if (batch_is_open(d->page->ws, by->batch)) {
        cleanup_text struct text *kept = text_ref(base);
        sql_put_queries(d->page, text, mtime);
        return batch_stage(d, by, kept, w);
    }
    struct save *s = save_new_beside(d, text, mtime, by);
    wait_add(&s->waits, w);
    save_keep(s);
    save_enqueue(s);
    return -EINPROGRESS;
}
