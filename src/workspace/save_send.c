/* save_send.c - the steps of a save that change a page of the platform. */
#include "workspace/save.h"

#include <errno.h>

#include "base/log.h"
#include "json/json.h"
#include "workspace/faults.h"
#include "workspace/present.h"
#include "workspace/sql.h"

/* A save may have to wait until a minute's budget comes back.
 * RENAME, MKDIR and RMDIR hold their directory's kernel lock until they are answered. */
enum { SAVE_DEADLINE_MS = 75000, RENAME_DEADLINE_MS = 20000 };

struct platform_call save_call(struct save *s, platform_done_fn *done)
{
    int64_t deadline = s->rename ? RENAME_DEADLINE_MS : SAVE_DEADLINE_MS;
    return (struct platform_call){HTTP_SAVE, deadline, done, s, s->by.tgid};
}

/* The text in which a user looks for a place: of the platform's other file, not its tokens
 * but what is shown of them. Borrowed. */
static struct text *save_as_shown(const struct save *s, struct text *sent)
{
    const struct doc *other = s->other;
    bool platforms = other && !s->other_draft && sent && sent != s->text;
    return platforms && other->shown && text_equal(sent, other->remote) ? other->shown
                                                                        : sent;
}

void save_note_verdict(struct save *s, const struct platform_verdict *verdict)
{
    bool sql = s->doc->which == PAGE_QUERIES && sql_is_sent(s->page, s->text);
    struct faults_texts texts = {save_as_shown(s, s->spec), save_as_shown(s, s->queries),
                                 sql};
    if (s->lines.len)
        return;
    faults_print_verdict(&s->lines, page_file_name(s->doc->which), verdict, &texts);
    json_reindent(&s->faults, verdict->text->data, verdict->object);
    if (!s->lines.len)
        save_note(s, "verify", "the verifier refuses this without a reason");
}

void save_note_answer(struct save *s, const struct platform_answer *answer)
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
            value_is(page, is_spec ? page->queries : page->spec, s->other_draft)) &&
           (!s->meta_draft || fields_are(page, s->fields));
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
        save_enter(s, SAVE_SETTLE);
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
    save_enter(s, SAVE_PATCH);
    struct platform_call call = save_call(s, save_patched);
    struct platform_fields fields = {.page_fields = s->fields};
    if (s->doc->which == PAGE_SPEC || (s->doc->which == PAGE_QUERIES && s->other_draft))
        fields.spec = s->spec;
    if (s->doc->which == PAGE_QUERIES || (s->doc->which == PAGE_SPEC && s->other_draft))
        fields.queries = s->queries;
    platform_page_patch(s->page->ws->config.platform, s->page->id, &fields, &call);
    ws_unlock(s->page->ws);
}
