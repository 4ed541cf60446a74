/* save_send.c - the steps of a save for a page that the platform has. */
#include "workspace/save.h"

#include <errno.h>

#include "base/log.h"
#include "json/json.h"
#include "workspace/faults.h"
#include "workspace/present.h"

/* RENAME, MKDIR and RMDIR hold their directory's kernel lock until they are answered. */
enum { SAVE_DEADLINE_MS = 60000, RENAME_DEADLINE_MS = 20000 };

static struct platform_call save_call(struct save *s, platform_done_fn *done)
{
    int64_t deadline = s->rename ? RENAME_DEADLINE_MS : SAVE_DEADLINE_MS;
    return (struct platform_call){HTTP_SAVE, deadline, done, s};
}

void save_note_verdict(struct save *s, const struct platform_verdict *verdict)
{
    struct faults_texts texts = {s->spec, s->queries};
    if (s->lines.len)
        return;
    faults_print_verdict(&s->lines, page_file_name(s->doc->which), verdict, &texts);
    json_reindent(&s->faults, verdict->text->data, verdict->object);
    if (!s->lines.len)
        save_note(s, "verify", "the verifier refuses this without a reason");
}

/* A failure of a request: the verdict where one came, else the platform's words. */
static void save_note_answer(struct save *s, const struct platform_answer *answer)
{
    if (answer->verdict && !answer->verdict->ok)
        save_note_verdict(s, answer->verdict);
    else
        save_note(s, answer->status ? "platform" : "network", answer->message);
}

/* ---- SETTLE: a PATCH whose answer was lost ----------------------------------- */

static bool value_is(const struct platform_page *page, struct json_span at,
                     struct text *sent)
{
    struct json_limits limits = JSON_LIMITS_WIRE;
    struct json_span root;
    return at.start != at.end &&
           json_check(sent->data, sent->len, &limits, &root, NULL) == 0 &&
           json_same_value(page->text->data, at, sent->data, root);
}

/* Do all members of page.json's changes stand in the page as they were sent? */
static bool fields_are(const struct platform_page *page, struct text *fields)
{
    struct json_limits limits = JSON_LIMITS_WIRE;
    struct json_span root;
    struct json_iter it;
    if (json_check(fields->data, fields->len, &limits, &root, NULL) != 0)
        return false;
    json_iter_init(&it, fields->data, root);
    while (json_iter_next(&it)) {
        cleanup_free char *key = json_string_dup(fields->data, it.key);
        struct json_span there;
        if (!key || !json_member(page->text->data, page->object, key, &there) ||
            !json_same_value(page->text->data, there, fields->data, it.value))
            return false;
    }
    return true;
}

static bool save_is_there(struct save *s, const struct platform_page *page)
{
    bool is_spec = s->doc->which == PAGE_SPEC;
    if (s->doc->which == PAGE_PAGE)
        return fields_are(page, s->fields);
    return value_is(page, is_spec ? page->spec : page->queries, s->text) &&
           (!s->other_draft ||
            value_is(page, is_spec ? page->queries : page->spec, s->other_draft));
}

static void save_settled(void *arg, const struct platform_answer *answer)
{
    struct save *s = arg;
    ws_lock(s->page->ws);
    if (!answer->err && answer->page && save_is_there(s, answer->page)) {
        log_info("page %s: the save arrived, though its answer did not", s->page->dir);
        save_end(s, 0, answer->page);
    } else {
        save_note(s, "network", "the answer was lost, and the platform does not have it");
        save_end(s, answer->err ? answer->err : -EIO, NULL);
    }
}

/* ---- PATCH ------------------------------------------------------------------- */

static void save_patched(void *arg, const struct platform_answer *answer)
{
    struct save *s = arg;
    struct platform_call call = save_call(s, save_settled);
    ws_lock(s->page->ws);
    if (!answer->err) {
        save_end(s, 0, answer->page);
    } else if (answer->sent && !answer->status) {
        platform_page_get(s->page->ws->config.platform, s->page->id, &call);
        ws_unlock(s->page->ws);
    } else {
        save_note_answer(s, answer);
        save_end(s, answer->err, NULL);
    }
}

void save_patch(struct save *s)
{
    if (!save_is_safe(s, save_patch))
        return;
    struct platform_call call = save_call(s, save_patched);
    struct platform_fields fields = {.page_fields = s->fields};
    if (s->doc->which == PAGE_SPEC || (s->doc->which == PAGE_QUERIES && s->other_draft))
        fields.spec = s->spec;
    if (s->doc->which == PAGE_QUERIES || (s->doc->which == PAGE_SPEC && s->other_draft))
        fields.queries = s->queries;
    platform_page_patch(s->page->ws->config.platform, s->page->id, &fields, &call);
    ws_unlock(s->page->ws);
}

/* ---- VALIDATE ---------------------------------------------------------------- */

static void save_validated(void *arg, const struct platform_answer *answer);

void save_pick_other(struct save *s)
{
    struct item *it = s->other && s->other->present ? s->other->file : NULL;
    if (!it || !it->dirty || !it->data.len || it->tried_seq != it->seq)
        return;
    struct json_limits limits = JSON_LIMITS_USER;
    if (json_check(it->data.data, it->data.len, &limits, NULL, NULL) != 0)
        return; /* a refused text that is no JSON cannot go along */
    s->other_draft = text_new(it->data.data, it->data.len);
    s->other_seq = it->seq;
}

void save_validate(struct save *s)
{
    struct platform_call call = save_call(s, save_validated);
    struct text *other = s->other_draft ? s->other_draft : s->other->remote;
    bool is_spec = s->doc->which == PAGE_SPEC;
    text_replace(&s->spec, text_ref(is_spec ? s->text : other));
    text_replace(&s->queries, text_ref(is_spec ? other : s->text));
    platform_pages_validate(s->page->ws->config.platform, s->spec, s->queries, &call);
    ws_unlock(s->page->ws);
}

/* A platform without the endpoint verifies at the write itself. */
static bool validate_is_missing(const struct platform_answer *answer)
{
    return answer->status == 404 || answer->status == 405 || answer->status == 501;
}

/* Lock held, released. */
static void save_go_on(struct save *s)
{
    if (s->page->id)
        save_patch(s);
    else
        create_validated(s);
}

static void save_validated(void *arg, const struct platform_answer *answer)
{
    struct save *s = arg;
    const struct platform_verdict *verdict = answer->verdict;
    ws_lock(s->page->ws);
    if ((verdict && verdict->ok) || validate_is_missing(answer)) {
        if (verdict)
            s->verdict = text_new(verdict->text->data + verdict->object.start,
                                  verdict->object.end - verdict->object.start);
        save_go_on(s);
    } else if (verdict && s->other_draft && s->page->id) {
        save_note_verdict(s, verdict);
        text_replace(&s->other_draft, NULL);
        save_validate(s);
    } else {
        save_note_answer(s, answer);
        save_end(s, answer->err ? answer->err : -EPROTO, NULL);
    }
}

/* ---- PLAN -------------------------------------------------------------------- */

static void save_plan_page(struct save *s)
{
    struct json_error error;
    struct buf fields = BUF_INIT;
    int err = present_page_changes(s->text, s->doc->remote, s->page->id, &fields, &error);
    s->fields = text_from_buf(&fields);
    if (err) {
        save_note(s, "json", error.message);
        save_end(s, err, NULL);
    } else if (s->fields->len <= 2) {
        save_end_unchanged(s); /* only blanks, or what is not sent */
    } else {
        save_patch(s);
    }
}

void save_plan(struct save *s)
{
    if (s->doc->which == PAGE_PAGE) {
        save_plan_page(s);
        return;
    }
    /* The value may have become known, or this one, only while the save was queued. */
    if (save_same_tokens(s->text, s->doc->remote)) {
        save_end_unchanged(s);
        return;
    }
    save_pick_other(s);
    save_validate(s);
}
