/* save.c - the life of a save, and how it ends (states: save_machine.c). */
#include "workspace/save.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "workspace/body.h"
#include "workspace/faults.h"
#include "workspace/keep.h"
#include "workspace/overlay.h"
#include "workspace/present.h"

/* ---- small tools ------------------------------------------------------------- */

void save_note(struct save *s, const char *stage, const char *message)
{
    const char *file = page_file_name(s->doc->which);
    if (s->lines.len)
        return;
    faults_print_one(&s->lines, file, 1, 1, stage, message);
    faults_print_json(&s->faults, file, 1, 1, stage, message);
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

struct save *save_new(struct doc *d, struct item *it, struct text *text,
                      const struct saver *by)
{
    struct save *s = xcalloc(1, sizeof *s);
    s->page = page_ref(d->page);
    s->doc = d;
    s->item = item_ref(it);
    s->seq = it->seq;
    s->text = text_ref(text);
    s->by = *by;
    s->rename = it->doc != d;
    s->batch = by->tgid == SAVER_DRAFT && !s->rename ? d->staged : 0;
    s->slot = s->rename ? STATE_MOVED : STATE_DRAFT;
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
    struct text *texts[] = {s->text,    s->base,   s->other_draft, s->spec,
                            s->queries, s->fields, s->verdict,     s->meta_draft};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        text_unref(texts[i]);
    buf_finish(&s->lines);
    buf_finish(&s->faults);
    free(s->look_id);
    newcomer_finish(&s->from);
    item_unref(s->item);
    page_unref(s->page);
    free(s);
}

static void save_step(struct save *s)
{
    save_enter(s, SAVE_PLAN);
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

void save_enqueue(struct save *s)
{
    if (s->page->save) {
        DL_APPEND(s->page->saves, s);
        save_enter(s, SAVE_QUEUED);
        return;
    }
    s->page->save = s;
    save_enter(s, SAVE_BODY);
    loop_post(s->page->ws->config.loop, save_begin, s);
}

struct save *save_find(struct page *p, const struct item *it)
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
 * one is taken to mean that what was sent is there. A reference. */
static struct text *save_echo(const struct save *s, const struct doc *d,
                              struct text *sent, const struct platform_page *from)
{
    if (s->was_there)
        return text_ref(d->remote);
    if (d->which == PAGE_PAGE)
        return from && from->name ? present_page(from) : text_ref(sent);
    struct json_span none = {0, 0, JSON_NULL};
    struct json_span echo = !from                   ? none
                            : d->which == PAGE_SPEC ? from->spec
                                                    : from->queries;
    return echo.start == echo.end
               ? text_ref(sent)
               : text_new(from->text->data + echo.start, echo.end - echo.start);
}

/* While a save of that change was under way, what was written since was refused here: that
 * is what the file holds, and its reason stands. */
static bool doc_is_refused_since(const struct doc *d, const struct item *it, uint64_t seq)
{
    const struct item *now = d->file;
    return doc_is_draft(d) && now->tried_seq == now->seq && now->tried_err &&
           (now != it || now->seq != seq);
}

/* remote: taken over. */
static void doc_saved(struct doc *d, struct item *it, uint64_t seq, struct text *text,
                      struct text *remote)
{
    text_replace(&d->remote, remote);
    if (!doc_is_refused_since(d, it, seq))
        doc_clear_problem(d);
    if (it && it->doc == d && it->seq == seq) {
        doc_settle(d, text);
        return;
    }
    /* It was written to meanwhile: still a draft, maybe one that the next batch sends. */
    d->waiting = false;
    text_replace(&d->shown, text_ref(text));
    d->own = true;
}

static void save_bind(struct save *s)
{
    struct item *old = s->item;
    if (!s->rename || !s->page->listed || old->doc)
        return; /* (bound: its mv was killed, and another one came first) */
    s->item = doc_bind_file(s->doc, &s->from);
    if (s->item != old)
        s->item->seq = s->seq;
    item_unref(old);
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
        bool ours = d == s->doc || (d == s->other && s->other_draft) ||
                    (d->which == PAGE_PAGE && s->meta_draft);
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
    body_keep_changed(p, from);
    if (s->created)
        list_cache_made(p, from);
    if (!from)
        return;
    page_take_fields(p, from);
    page_set_info(p, present_info(from));
    p->ours = s->created;
    save_take_others(s, from);
    p->ours = false;
}

static void save_note_change(struct save *s)
{
    struct page *p = s->page;
    if (s->created) {
        page_changed_here(p, CHANGE_CAME, NULL);
        return;
    }
    page_changed_here(p, CHANGE_FILE, page_file_name(s->doc->which));
    if (s->other_draft)
        page_changed_here(p, CHANGE_FILE, page_file_name(s->other->which));
    if (s->meta_draft)
        page_changed_here(p, CHANGE_FILE, page_file_name(PAGE_PAGE));
}

/* page.json, its own save or along with another's. Members that somebody else changed are
 * shown now; without an answer that has them the page is read anew. */
static void save_succeed_page(struct save *s, struct text *text, bool merged,
                              const struct platform_page *from)
{
    struct doc *d = page_doc_of(s->page, PAGE_PAGE);
    conflict_saved(d, s->by.tgid, conflict_page_base(text, s->fields, d->remote));
    if (!merged)
        return;
    s->page->stale = !s->was_there && !(from && from->name);
    if (text_same_value(text, d->remote))
        return; /* the saver had seen it all */
    text_replace(&d->shown, text_ref(d->remote));
    d->mtime = clock_now();
    item_changed(d->file);
}

static void save_take_meta(struct save *s, const struct platform_page *from)
{
    struct doc *d = page_doc_of(s->page, PAGE_PAGE);
    if (!s->meta_draft)
        return;
    doc_saved(d, d->file, s->meta_seq, s->meta_draft,
              save_echo(s, d, s->meta_draft, from));
    save_succeed_page(s, s->meta_draft, s->meta_merged, from);
}

/* What the answer says of the documents that were sent. */
static void save_take_docs(struct save *s, const struct platform_page *from)
{
    struct doc *d = s->doc;
    struct doc *other = s->other;
    doc_saved(d, s->item, s->seq, s->text, save_echo(s, d, s->text, from));
    if (d->which == PAGE_PAGE)
        save_succeed_page(s, s->text, s->merged, from);
    else
        conflict_saved(d, s->by.tgid, text_ref(d->remote));
    if (s->other_draft) {
        doc_saved(other, other->file, s->other_seq, s->other_draft,
                  save_echo(s, other, s->other_draft, from));
        conflict_saved(other, 0, text_ref(other->remote));
    }
    save_take_meta(s, from);
    if (s->verdict)
        text_replace(&s->page->verdict, text_ref(s->verdict));
    page_changed(s->page);
}

static void save_succeed(struct save *s, const struct platform_page *from)
{
    struct state_change *c = keep_begin(s->page->ws);
    if (!s->was_there)
        save_keep_replaced(s, c);
    save_bind(s);
    if (!s->was_there) {
        save_take_page(s, from);
        save_note_change(s);
    }
    save_take_docs(s, from);
    doc_remove_rejected(s->doc);
    if (s->other_draft)
        doc_remove_rejected(s->other);
    if (s->meta_draft)
        doc_remove_rejected(page_doc_of(s->page, PAGE_PAGE));
    save_drop_drafts(s, c);
    keep_place(c, s->page);
    keep_texts(c, s->page);
    keep_end(s->page->ws, c);
}

static void save_fail(struct save *s, int err)
{
    if (s->doc->staged == s->batch)
        s->doc->staged = 0;
    save_note(s, "save", strerror(-err));
    log_warning("page %s: %s is not saved: %.*s", s->page->dir,
                page_file_name(s->doc->which), (int)strcspn(s->lines.data, "\n"),
                s->lines.data);
    if (s->rename || !doc_is_refused_since(s->doc, s->item, s->seq))
        doc_refuse(s->doc, s->text, &s->lines, &s->faults);
    if (s->rename)
        doc_turn_away(s->doc);
    else
        text_replace(&s->doc->draft_base, text_ref(s->base));
    if (!s->disk_err && !save_is_overtaken(s, s->slot))
        save_mark_refused(s, err);
}

/* Takes the save off its page, which goes on with the next one. Lock held, released. */
static void save_finish(struct save *s, int err)
{
    struct page *p = s->page;
    struct workspace *ws = p->ws;
    struct wait *waits = wait_take(&s->waits);
    /* A rename that ends so is repeated by the VFS: save_is_repeated(). A newer text may
     * have its verdict already. */
    if ((!s->rename || err == -ESTALE) && s->item->tried_seq <= s->seq) {
        s->item->tried_seq = s->seq;
        s->item->tried_err = err;
    }
    p->save = NULL;
    struct save *next = p->saves;
    if (next) {
        DL_DELETE(p->saves, next);
        save_enqueue(next);
    }
    page_check(p);
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
    save_enter(s, SAVE_END);
    if (err)
        save_fail(s, err);
    else
        save_succeed(s, from);
    save_finish(s, err);
}

/* The platform has this already. After a refusal it is an editor putting the old bytes
 * back: then the refused text is kept beside the file, and its reason (rule 5); with the
 * bytes the old time is back, or vim would ask about a file that changed behind it. */
void doc_unchanged(struct doc *d, struct item *it, struct text *text)
{
    struct state_change *c = keep_begin(d->page->ws);
    keep_drop(c, d, STATE_DRAFT);
    keep_end(d->page->ws, c);
    if (d->refused) {
        doc_keep_rejected(d);
        keep_set_aside(d, it->mtime);
        if (d->shown && text_equal(text, d->shown)) {
            it->mtime = d->mtime;
            item_changed(it);
        }
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
    save_enter(s, SAVE_END);
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
    save_enter(s, SAVE_END);
    save_bind(s);
    if (!doc_is_refused_since(s->doc, s->item, s->seq))
        doc_clear_problem(s->doc);
    s->doc->waiting = doc_is_draft(s->doc); /* or removed meanwhile */
    s->doc->interrupted = false;
    if (!save_is_overtaken(s, s->slot))
        save_keep_waiting(s);
    save_finish(s, 0);
}
