/* save.c - commit points: what is saved when, and how a save ends (states: save.h). */
#include "workspace/save.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "workspace/faults.h"
#include "workspace/keep.h"
#include "workspace/present.h"

/* ---- refusals ---------------------------------------------------------------- */

void save_note(struct save *s, const char *stage, const char *message)
{
    const char *file = page_file_name(s->doc->which);
    if (s->lines.len)
        return;
    faults_print_one(&s->lines, file, 1, 1, stage, message);
    faults_print_json(&s->faults, file, 1, 1, stage, message);
}

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

static int json_refuse(struct json_error *e, const char *message)
{
    *e = (struct json_error){.line = 1, .column = 1};
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
        return json_refuse(e, "the file is empty");
    int err = json_check(text->data, text->len, &limits, &root, e);
    if (err)
        return err;
    if (root.type != wanted[which].type)
        return json_refuse(e, wanted[which].message);
    if (which != PAGE_PAGE)
        return 0;
    cleanup_buf struct buf fields = BUF_INIT;
    return present_page_changes(text, base, id, &fields, e);
}

bool save_same_tokens(const struct text *a, const struct text *b)
{
    struct json_limits limits = JSON_LIMITS_WIRE;
    struct json_span x;
    struct json_span y;
    return a && b && json_check(a->data, a->len, &limits, &x, NULL) == 0 &&
           json_check(b->data, b->len, &limits, &y, NULL) == 0 &&
           json_same_tokens(a->data, x, b->data, y);
}

/* ---- the life of a save ------------------------------------------------------ */

static void save_body_done(struct wait *w, int err);

static struct save *save_new(struct doc *d, struct item *it, struct text *text,
                             bool rename)
{
    struct save *s = xcalloc(1, sizeof *s);
    s->page = page_ref(d->page);
    s->doc = d;
    s->item = item_ref(it);
    s->seq = it->seq;
    s->text = text_ref(text);
    s->rename = rename;
    s->slot = rename ? STATE_MOVED : STATE_DRAFT;
    s->mtime = it->mtime;
    s->body.done = save_body_done;
    if (d->which == PAGE_SPEC)
        s->other = page_doc_of(d->page, PAGE_QUERIES);
    else if (d->which == PAGE_QUERIES)
        s->other = page_doc_of(d->page, PAGE_SPEC);
    return s;
}

static void save_free(struct save *s)
{
    struct text *texts[] = {s->text,    s->other_draft, s->spec,
                            s->queries, s->fields,      s->verdict};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        text_unref(texts[i]);
    buf_finish(&s->lines);
    buf_finish(&s->faults);
    free(s->look_id);
    item_unref(s->item);
    page_unref(s->page);
    free(s);
}

static void save_step(struct save *s)
{
    if (s->page->id)
        save_plan(s);
    else
        create_plan(s);
}

static void save_body_done(struct wait *w, int err)
{
    struct save *s = container_of(w, struct save, body);
    ws_lock(s->page->ws);
    if (err) {
        save_note(s, "platform", "the page cannot be read from the platform");
        save_end(s, err, NULL);
    } else {
        save_step(s);
    }
}

/* On the engine's thread: the page's running save takes its first step. */
static void save_begin(void *arg)
{
    struct save *s = arg;
    int err = page_ready(s->page, &s->body);
    if (err == -EINPROGRESS)
        return;
    save_body_done(&s->body, err);
}

/* Lock held. */
static void save_enqueue(struct save *s)
{
    if (s->page->save) {
        DL_APPEND(s->page->saves, s);
        return;
    }
    s->page->save = s;
    loop_post(s->page->ws->config.loop, save_begin, s);
}

/* Lock held. The save of just these bytes, running or queued. */
static struct save *save_find(struct page *p, const struct item *it)
{
    struct save *s;
    if (p->save && p->save->item == it && p->save->seq == it->seq)
        return p->save;
    DL_FOREACH (p->saves, s)
        if (s->item == it && s->seq == it->seq)
            return s;
    return NULL;
}

/* ---- the end ----------------------------------------------------------------- */

/* The value a PATCH's answer gives is remembered as the echo (rule 1); an answer without
 * one is taken to mean that what was sent is there. */
static void doc_saved(struct doc *d, struct item *it, uint64_t seq, struct text *text,
                      const struct platform_page *from, struct json_span echo)
{
    struct text *remote = text_ref(text);
    if (from && echo.start != echo.end)
        text_replace(&remote,
                     text_new(from->text->data + echo.start, echo.end - echo.start));
    text_replace(&d->remote, remote);
    doc_clear_problem(d);
    if (it && it->doc == d && it->seq == seq) {
        doc_settle(d, text);
        return;
    }
    d->waiting = false; /* it was written to meanwhile: still a draft */
    text_replace(&d->shown, text_ref(text));
    d->own = true;
}

static void doc_remove_rejected(struct doc *d)
{
    cleanup_free char *name = xasprintf("%s.rejected", page_file_name(d->which));
    struct item *it = item_child(page_scratch(d->page), name);
    if (it)
        item_unref(item_detach(it));
}

static void save_bind(struct save *s)
{
    struct item *it = s->item;
    if (!s->rename || !s->page->listed || it->doc)
        return; /* (bound: its mv was killed, and another one came first) */
    if (it->parent)
        item_unref(item_detach(it));
    doc_bind(s->doc, it);
    s->rename = false;
}

/* The answer is the whole page: what others changed in it since we read it comes along,
 * for its token says that we know it all. */
static void save_take_others(struct save *s, const struct platform_page *from)
{
    const struct {
        enum page_file which;
        bool there;
    } docs[] = {
        {PAGE_PAGE, from->name && from->id},
        {PAGE_QUERIES, from->queries.type != JSON_NULL},
        {PAGE_SPEC, from->spec.type != JSON_NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(docs); i++) {
        struct doc *d = page_doc_of(s->page, docs[i].which);
        bool ours = d == s->doc || (d == s->other && s->other_draft);
        if (docs[i].there && !ours)
            page_take_doc(s->page, docs[i].which, from);
    }
}

static void save_take_page(struct save *s, const struct platform_page *from)
{
    struct page *p = s->page;
    p->epoch++;
    p->changed_in = p->ws->listing ? p->ws->sweep : 0;
    free(p->token);
    p->token = from ? xstrdup(from->token) : NULL;
    if (!from)
        return;
    page_take_fields(p, from);
    text_replace(&p->info, present_info(from));
    save_take_others(s, from);
}

/* What the answer says of the documents that were sent. */
static void save_take_docs(struct save *s, const struct platform_page *from)
{
    struct json_span none = {0, 0, JSON_NULL};
    if (s->doc->which == PAGE_PAGE) {
        struct text *remote = from && from->name ? present_page(from) : text_ref(s->text);
        doc_saved(s->doc, s->item, s->seq, s->text, NULL, none);
        text_replace(&s->doc->remote, remote);
        return;
    }
    bool is_spec = s->doc->which == PAGE_SPEC;
    struct json_span spec = from ? from->spec : none;
    struct json_span queries = from ? from->queries : none;
    doc_saved(s->doc, s->item, s->seq, s->text, from, is_spec ? spec : queries);
    if (s->other_draft)
        doc_saved(s->other, s->other->file, s->other_seq, s->other_draft, from,
                  is_spec ? queries : spec);
    if (s->verdict)
        text_replace(&s->page->verdict, text_ref(s->verdict));
}

static void save_succeed(struct save *s, const struct platform_page *from)
{
    struct state_change *c = keep_begin(s->page->ws);
    save_keep_replaced(s, c);
    save_bind(s);
    save_take_page(s, from);
    save_take_docs(s, from);
    doc_remove_rejected(s->doc);
    save_drop_drafts(s, c);
    keep_place(c, s->page);
    keep_texts(c, s->page);
    keep_end(s->page->ws, c);
}

static void save_fail(struct save *s, int err)
{
    save_note(s, "save", strerror(-err));
    log_warning("page %s: %s is not saved: %.*s", s->page->dir,
                page_file_name(s->doc->which), (int)strcspn(s->lines.data, "\n"),
                s->lines.data);
    doc_refuse(s->doc, s->text, &s->lines, &s->faults);
    if (s->rename)
        doc_turn_away(s->doc);
    if (!s->disk_err && !save_is_overtaken(s, s->slot))
        keep_draft(s->doc, s->slot, STATE_REFUSED, s->text, s->mtime, NULL, NULL);
}

/* Takes the save off its page, which goes on with the next one. Lock held, released. */
static void save_finish(struct save *s, int err)
{
    struct page *p = s->page;
    struct workspace *ws = p->ws;
    struct wait *waits = wait_take(&s->waits);
    if (!s->rename) {
        s->item->tried_seq = s->seq;
        s->item->tried_err = err;
    }
    p->save = NULL;
    struct save *next = p->saves;
    if (next) {
        DL_DELETE(p->saves, next);
        save_enqueue(next);
    }
    ws_unlock(ws);
    wait_run(waits, err);
    save_free(s);
}

static void save_end_parked(struct save *s)
{
    save_end(s, s->end_err, NULL);
}

/* An answer (`from`) is only had for what was sent, which was on the disk before. */
void save_end(struct save *s, int err, const struct platform_page *from)
{
    s->end_err = err;
    if (save_park(s, save_end_parked))
        return;
    if (err)
        save_fail(s, err);
    else
        save_succeed(s, from);
    save_finish(s, err);
}

/* The platform has this already. After a refusal it is an editor putting the old bytes
 * back: then the refused text is kept beside the file, and its reason (rule 5); with the
 * bytes the old time is back, or vim would ask about a file that changed behind it. */
static void doc_unchanged(struct doc *d, struct item *it, struct text *text)
{
    struct state_change *c = keep_begin(d->page->ws);
    keep_drop(c, d, STATE_DRAFT);
    keep_end(d->page->ws, c);
    if (d->refused) {
        doc_keep_rejected(d);
        keep_set_aside(d, it->mtime);
        if (d->shown && text_equal(text, d->shown))
            it->mtime = d->mtime;
        text_replace(&d->refused, NULL);
    } else if (!d->rejected) {
        doc_clear_problem(d);
    }
    if (d->which == PAGE_PARAMS)
        d->page->epoch++; /* a render on its way has the old ones */
    doc_settle(d, text);
    d->interrupted = false;
    it->tried_seq = it->seq;
    it->tried_err = 0;
    keep_texts_now(d->page);
}

void save_end_unchanged(struct save *s)
{
    if (save_park(s, save_end_unchanged))
        return;
    if (s->slot == STATE_MOVED && !save_is_overtaken(s, STATE_MOVED)) {
        struct state_change *c = keep_begin(s->page->ws);
        keep_drop(c, s->doc, STATE_MOVED);
        keep_end(s->page->ws, c);
    }
    save_bind(s);
    if (s->item->doc == s->doc && s->item->seq == s->seq)
        doc_unchanged(s->doc, s->item, s->text);
    save_finish(s, 0);
}

void save_end_waiting(struct save *s)
{
    if (!save_is_safe(s, save_end_waiting))
        return;
    save_bind(s);
    doc_clear_problem(s->doc);
    s->doc->waiting = true;
    s->doc->interrupted = false;
    if (!save_is_overtaken(s, s->slot)) {
        keep_draft(s->doc, STATE_DRAFT, STATE_WAITING, s->text, s->mtime, NULL, NULL);
        struct state_change *c = keep_begin(s->page->ws);
        keep_drop(c, s->doc, STATE_MOVED);
        keep_end(s->page->ws, c);
    }
    save_finish(s, 0);
}

/* ---- commit points ----------------------------------------------------------- */

/* What is committed: taken under the lock, judged without it. */
struct commit {
    struct item *it;
    struct page *page; /* a reference */
    enum page_file which;
    uint64_t seq;
    struct text *text;
    struct text *base; /* the platform's value */
    char *id;
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
static bool commit_take(struct commit *c, enum save_why why, struct wait *w, int *ret)
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
    if (it->tried_seq == it->seq) {
        *ret = it->tried_err;
        return false;
    }
    if (!it->data.len && why != SAVE_RELEASE)
        return false; /* `cmd > file` closes a duplicate before anything is written */
    c->page = page_ref(d->page);
    c->which = d->which;
    c->seq = it->seq;
    c->text = text_new(it->data.data, it->data.len);
    c->base = text_ref(d->remote);
    c->id = xstrdup(d->page->id);
    return true;
}

static int commit_refuse(struct commit *c, int err, struct wait *w)
{
    struct doc *d = page_doc_of(c->page, c->which);
    doc_refuse_here(d, c->text, &c->error);
    d->interrupted = false;
    c->it->tried_seq = c->seq;
    c->it->tried_err = err;
    log_warning("page %s: %s:%u:%u: %s", c->page->dir, page_file_name(c->which),
                c->error.line, c->error.column, c->error.message);
    return save_keep_refusal(d, STATE_DRAFT, c->text, c->it->mtime, err, w);
}

/* While a save runs, the platform's value is about to be another one. */
static bool doc_needs_no_save(const struct doc *d, const struct text *text)
{
    return d->which == PAGE_PARAMS ||
           (!d->page->save && save_same_tokens(text, d->remote));
}

/* Judged: the lock is held again, and the file may have changed or moved meanwhile. */
static int commit_apply(struct commit *c, int err, bool by_opener, enum save_why why,
                        struct wait *w)
{
    struct doc *d = c->it->doc;
    if (!d || d->page != c->page || d->which != c->which || c->it->seq != c->seq)
        return 0; /* a later commit point speaks for what is there now */
    if (err)
        return why == SAVE_FLUSH && !by_opener ? 0 : commit_refuse(c, err, w);
    if (doc_needs_no_save(d, c->text)) {
        doc_unchanged(d, c->it, c->text);
        return 0;
    }
    struct save *s = save_find(d->page, c->it);
    if (!s) {
        s = save_new(d, c->it, c->text, false);
        save_keep(s);
        save_enqueue(s);
    }
    wait_add(&s->waits, w);
    return -EINPROGRESS;
}

int item_commit(struct item *it, enum save_why why, bool by_opener, struct wait *w)
{
    struct commit c = {.it = it};
    int err;
    ws_lock(it->ws);
    bool go = commit_take(&c, why, w, &err);
    ws_unlock(it->ws);
    if (!go)
        return err;
    err = doc_check(c.which, c.id, c.base, c.text, &c.error);
    ws_lock(it->ws);
    err = commit_apply(&c, err, by_opener, why, w);
    ws_unlock(it->ws);
    commit_finish(&c);
    return err;
}

int save_rename(struct doc *d, struct item *it, struct wait *w)
{
    struct json_error error;
    struct text *text = text_new(it->data.data, it->data.len);
    int err = doc_check(d->which, d->page->id, d->remote, text, &error);
    if (err) {
        doc_refuse_here(d, text, &error);
        doc_turn_away(d);
        err = save_keep_refusal(d, STATE_MOVED, text, it->mtime, err, w);
    } else if (doc_needs_no_save(d, text)) {
        doc_bind(d, it);
        item_unref(item_detach(it));
        doc_unchanged(d, it, text);
    } else {
        struct save *s = save_new(d, it, text, true);
        wait_add(&s->waits, w);
        save_keep(s);
        save_enqueue(s);
        err = -EINPROGRESS;
    }
    text_unref(text);
    return err;
}
