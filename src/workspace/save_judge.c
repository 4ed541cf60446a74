/* save_judge.c - the steps of a save up to what is sent: validation, and a fresh read
 * beside it that tells whether somebody else was there (rule 6). */
#include "workspace/save.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "json/json.h"
#include "workspace/body.h"
#include "workspace/conflict.h"
#include "workspace/faults.h"
#include "workspace/keep.h"
#include "workspace/present.h"

/* ---- VALIDATE ---------------------------------------------------------------- */

void save_pick_other(struct save *s)
{
    struct item *it = s->other && s->other->present ? s->other->file : NULL;
    if (!it || !it->dirty || !it->data.len || it->tried_seq != it->seq)
        return;
    if (s->other->staged && s->other->staged != s->batch)
        return; /* it goes with its batch */
    struct json_limits limits = JSON_LIMITS_USER;
    if (json_check(it->data.data, it->data.len, &limits, NULL, NULL) != 0)
        return; /* a refused text that is no JSON cannot go along */
    s->other_draft = text_new(it->data.data, it->data.len);
    s->other_seq = it->seq;
    s->whole = s->other->staged != 0;
}

/* page.json goes along with what its batch has of the page. */
static void save_pick_meta(struct save *s)
{
    struct doc *d = page_doc_of(s->page, PAGE_PAGE);
    struct item *it = d->present ? d->file : NULL;
    if (!s->batch || d->staged != s->batch || !it || !it->dirty ||
        it->tried_seq != it->seq)
        return;
    s->meta_draft = text_new(it->data.data, it->data.len);
    s->meta_seq = it->seq;
}

/* A platform without the endpoint verifies at the write itself. */
static bool validate_is_missing(const struct platform_answer *answer)
{
    return answer->status == 404 || answer->status == 405 || answer->status == 501;
}

/* Lock held, released. */
static void save_answered(struct save *s)
{
    if (--s->pending)
        ws_unlock(s->page->ws);
    else if (s->page->id)
        save_judge(s);
    else if (s->refusal)
        save_end(s, s->refusal, NULL);
    else
        create_validated(s);
}

static void save_validated(void *arg, const struct platform_answer *answer)
{
    struct save *s = arg;
    const struct platform_verdict *verdict = answer->verdict;
    ws_lock(s->page->ws);
    s->refused = verdict && !verdict->ok;
    s->refusal = 0;
    if (verdict && verdict->ok) {
        text_replace(&s->verdict, text_new(verdict->text->data + verdict->object.start,
                                           verdict->object.end - verdict->object.start));
    } else if (!validate_is_missing(answer)) {
        save_note_answer(s, answer);
        s->refusal = answer->err ? answer->err : -EPROTO;
    }
    save_answered(s);
}

static void save_forget_refusal(struct save *s)
{
    buf_clear(&s->lines);
    buf_clear(&s->faults);
}

static void save_note_gone(struct save *s)
{
    save_forget_refusal(s);
    save_note(s, "gone",
              "the page was archived or removed elsewhere; this text is a draft now");
}

/* What the platform has now. It is not thereby given to anybody: no base moves. */
static void save_looked(void *arg, const struct platform_answer *answer)
{
    struct save *s = arg;
    struct page *p = s->page;
    const struct platform_page *page = answer->page;
    ws_lock(p->ws);
    s->look_err = answer->err ? answer->err : page ? 0 : -EIO;
    if (!s->look_err && page->status && !strcmp(page->status, "archived")) {
        s->look_err = -ENOENT;
    } else if (!s->look_err && s->look_epoch == p->epoch) {
        page_take_body(p, page);
        body_keep(p, page, NULL);
    }
    if (s->look_err == -ENOENT)
        save_note_gone(s);
    else if (s->look_err)
        save_note_answer(s, answer);
    save_answered(s);
}

/* Once a save. Lock held. */
static void save_look(struct save *s)
{
    struct platform_call call = save_call(s, save_looked);
    if (s->looked || !s->page->id)
        return;
    s->looked = true;
    s->look_epoch = s->page->epoch;
    s->pending++;
    platform_page_get(s->page->ws->config.platform, s->page->id, &call);
}

void save_validate(struct save *s)
{
    struct platform_call call = save_call(s, save_validated);
    struct text *other = s->other_draft ? s->other_draft : s->other->remote;
    bool is_spec = s->doc->which == PAGE_SPEC;
    text_replace(&s->spec, text_ref(is_spec ? s->text : other));
    text_replace(&s->queries, text_ref(is_spec ? other : s->text));
    s->pending = 1;
    save_look(s);
    save_enter(s, SAVE_VALIDATE);
    platform_pages_validate(s->page->ws->config.platform, s->spec, s->queries, &call);
    ws_unlock(s->page->ws);
}

/* ---- JUDGE ------------------------------------------------------------------- */

/* The platform's other file, as it was validated, is another by now. */
static bool save_other_moved(const struct save *s)
{
    bool is_spec = s->doc->which == PAGE_SPEC;
    const struct text *used = is_spec ? s->queries : s->spec;
    return s->other && !s->other_draft && !text_same_value(used, s->other->remote);
}

/* Its draft began as something else than what is there: it cannot go along. */
static bool save_other_collides(const struct save *s)
{
    struct doc *other = s->other;
    struct text *base = s->other_draft && other->draft_base ? other->draft_base : NULL;
    return base && !conflict_is_clear(other, base, s->other_draft, NULL);
}

/* Refused, or about to take along what must stay: once more with less, or with what the
 * platform has now? What is wrong with the other's draft stands with that already. Lock
 * held, released when true. */
static bool save_tries_again(struct save *s)
{
    bool alone = s->other_draft && !s->whole && (s->refused || save_other_collides(s));
    if (!alone && !(s->refused && save_other_moved(s)))
        return false;
    text_replace(&s->other_draft, NULL);
    save_forget_refusal(s);
    save_validate(s);
    return true;
}

/* What to do about it; malloc'ed. */
static char *collision_words(const struct doc *d, bool rename)
{
    const char *file = page_file_name(d->which);
    cleanup_free char *stem = xstrndup(file, strcspn(file, "."));
    return xasprintf(
        "somebody else changed this since it was read here: merge %s.remote.json into "
        "%s.json%s (both began as %s.base.json), remove %s.remote.json, and save",
        stem, stem, rename ? ".rejected" : "", stem, stem);
}

static void save_collide(struct save *s)
{
    cleanup_free char *message = collision_words(s->doc, s->rename);
    save_forget_refusal(s);
    save_note(s, "conflict", message);
    conflict_begin(s->doc, s->base);
    save_end(s, -ESTALE, NULL);
}

/* It is the file that goes along, and must: the page is kept back whole. */
static void save_collide_other(struct save *s)
{
    struct doc *other = s->other;
    const char *file = page_file_name(other->which);
    cleanup_free char *message = collision_words(other, false);
    cleanup_free char *own =
        xasprintf("it is sent with %s, which somebody else changed", file);
    cleanup_buf struct buf lines = BUF_INIT;
    cleanup_buf struct buf faults = BUF_INIT;
    faults_print_one(&lines, file, 1, 1, "conflict", message);
    faults_print_json(&faults, file, 1, 1, "conflict", message);
    doc_refuse(other, s->other_draft, &lines, &faults);
    conflict_begin(other, other->draft_base);
    keep_mark(other, STATE_DRAFT, STATE_REFUSED, NULL, NULL);
    save_forget_refusal(s);
    save_note(s, "conflict", own);
    save_end(s, -ESTALE, NULL);
}

/* page.json: the members that the user changed, since the base. */
static int save_take_fields(struct save *s)
{
    struct json_error error;
    struct buf fields = BUF_INIT;
    int err = present_page_changes(s->text, s->base, s->page->id, &fields, &error);
    text_replace(&s->fields, text_from_buf(&fields));
    s->merged = !text_same_value(s->base, s->doc->remote);
    if (err)
        save_note(s, "json", error.message);
    return err;
}

/* Only blanks, or what is not sent: the file shows what the platform has. */
static bool save_is_empty(const struct save *s)
{
    return s->doc->which == PAGE_PAGE && s->fields->len <= 2;
}

static void save_end_empty(struct save *s)
{
    if (s->merged && s->doc->shown)
        text_replace(&s->text, text_ref(s->doc->shown));
    save_end_unchanged(s);
}

/* Is all that would be sent there already? */
static bool save_is_moot(const struct save *s)
{
    return s->doc->which != PAGE_PAGE && text_same_value(s->text, s->doc->remote) &&
           (!s->other_draft || text_same_value(s->other_draft, s->other->remote));
}

/* The members of page.json that go along. Where there are none, or they are refused, or
 * somebody else changed them, it is left to a save of its own. */
static void save_take_meta_fields(struct save *s)
{
    struct doc *d = page_doc_of(s->page, PAGE_PAGE);
    const struct saver nobody = {.tgid = SAVER_DRAFT};
    struct buf fields = BUF_INIT;
    if (!s->meta_draft)
        return;
    struct text *base = conflict_base(d, &nobody);
    int err = present_page_changes(s->meta_draft, base, s->page->id, &fields, NULL);
    s->meta_merged = !text_same_value(base, d->remote);
    text_replace(&s->fields, text_from_buf(&fields));
    if (!err && s->fields->len > 2 &&
        conflict_is_clear(d, base, s->meta_draft, s->fields))
        return;
    text_replace(&s->fields, NULL);
    text_replace(&s->meta_draft, NULL);
}

/* Neither refused nor gone. Lock held, released. */
static void save_compare(struct save *s)
{
    s->merged = !text_same_value(s->base, s->doc->remote);
    s->was_there = save_is_moot(s);
    if (s->was_there)
        text_replace(&s->meta_draft, NULL); /* of its own */
    save_take_meta_fields(s);
    if (!conflict_is_clear(s->doc, s->base, s->text, s->fields))
        save_collide(s);
    else if (s->was_there)
        save_end(s, 0, NULL);
    else
        save_patch(s);
}

void save_judge(struct save *s)
{
    bool gone = s->look_err == -ENOENT;
    save_enter(s, SAVE_JUDGE);
    if (!s->look_err && (!s->refusal || s->refused) && save_tries_again(s))
        return;
    int err = gone || !s->refusal ? s->look_err : s->refusal;
    if (err)
        save_end(s, err, NULL);
    else if (s->whole && save_other_collides(s))
        save_collide_other(s);
    else
        save_compare(s);
}

/* ---- PLAN -------------------------------------------------------------------- */

static void save_plan_page(struct save *s)
{
    int err = save_take_fields(s);
    if (err) {
        save_end(s, err, NULL);
    } else if (save_is_empty(s)) {
        save_end_empty(s);
    } else {
        save_look(s);
        save_enter(s, SAVE_VALIDATE);
        ws_unlock(s->page->ws);
    }
}

void save_plan(struct save *s)
{
    struct doc *d = s->doc;
    text_replace(&s->base, text_ref(conflict_base(d, &s->by)));
    if (d->which == PAGE_PAGE) {
        save_plan_page(s);
        return;
    }
    /* The value may have become known, or this one, only while the save was queued. */
    if (save_same_tokens(s->text, d->remote)) {
        save_end_unchanged(s);
        return;
    }
    save_pick_other(s);
    save_pick_meta(s);
    save_validate(s);
}
