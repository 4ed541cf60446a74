/* create.c - the steps of a save for a page that is only on this machine (rule 8). */
#include "workspace/save.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "json/json.h"
#include "workspace/names.h"
#include "workspace/present.h"

enum { CREATE_DEADLINE_MS = 75000 };

static struct platform_call create_call(struct save *s, platform_done_fn *done)
{
    return (struct platform_call){HTTP_SAVE, CREATE_DEADLINE_MS, done, s, s->by.tgid};
}

/* A document's text when it is whole: saved once, and JSON. A reference or NULL. */
static struct text *create_whole(struct save *s, struct doc *d)
{
    struct json_limits limits = JSON_LIMITS_USER;
    if (d == s->doc)
        return text_ref(s->text);
    if (d->staged && d->staged != s->batch)
        return NULL; /* it goes with its batch */
    if (d->file && d->file->dirty && d->file->tried_seq != d->file->seq)
        return NULL;
    struct text *text = doc_text(d);
    if (text &&
        (!text->len || json_check(text->data, text->len, &limits, NULL, NULL) != 0)) {
        text_unref(text);
        return NULL;
    }
    return text;
}

/* Does the spec bind anything? Only a whole key of that name counts: a false alarm would
 * make a page wait, so it is looked for as a token, quotes and all. */
static bool create_has_bindings(const struct text *spec)
{
    return memmem(spec->data, spec->len, "\"$query\"", 8) ||
           memmem(spec->data, spec->len, "\"$value\"", 8);
}

/* ---- what page.json adds ----------------------------------------------------- */

/* {"name": <page.json's, else the directory's>, ...}: the members beside spec and
 * queries. look_id: the id that page.json has, unless it is a page of this tree (then
 * this one is a copy of it). */
static void create_fields(struct save *s)
{
    const struct doc *about = page_doc_of(s->page, PAGE_PAGE);
    cleanup_text struct text *page = create_whole(s, page_doc_of(s->page, PAGE_PAGE));
    cleanup_buf struct buf fields = BUF_INIT;
    struct json_limits limits = JSON_LIMITS_USER;
    struct json_span root;
    struct json_span name;
    struct buf out = BUF_INIT;
    s->meta_seq = page && about->file ? about->file->seq : UINT64_MAX;
    if (!page || present_page_changes(page, NULL, NULL, &fields, NULL) != 0) {
        buf_clear(&fields);
        buf_puts(&fields, "{}");
    } else if (json_check(page->data, page->len, &limits, &root, NULL) == 0) {
        struct json_span id;
        if (json_member(page->data, root, "id", &id) && id.end - id.start > 2)
            s->look_id = json_string_dup(page->data, id);
    }
    bool named = json_check(fields.data, fields.len, &limits, &root, NULL) == 0 &&
                 json_member(fields.data, root, "name", &name);
    if (!named) {
        buf_puts(&out, "{\"name\":");
        json_quotes(&out, s->page->dir);
        if (fields.len > 2)
            buf_putc(&out, ',');
        buf_append(&out, fields.data + 1, fields.len - 1);
    } else {
        buf_append(&out, fields.data, fields.len);
    }
    text_replace(&s->fields, text_from_buf(&out));
}

/* ---- the end of a create ----------------------------------------------------- */

/* The platform has none; what the file holds, if there is one, stays as it is. */
static void create_settle_bare(struct save *s, struct doc *queries)
{
    queries->present = true;
    text_replace(&queries->shown, text_from_string("[]\n"));
    text_replace(&queries->remote, text_from_string("[]"));
    text_replace(&s->other_draft, NULL);
}

/* The documents that went along are clean now; the saved one is settled by save_end(). */
static void create_settle_others(struct save *s)
{
    struct page *p = s->page;
    struct doc *page = page_doc_of(p, PAGE_PAGE);
    struct doc *queries = page_doc_of(p, PAGE_QUERIES);
    struct doc *params = page_doc_of(p, PAGE_PARAMS);
    p->body = BODY_READY;
    if (s->bare)
        create_settle_bare(s, queries);
    page->present = true;
    params->present = params->present || !params->unlinker;
    page_changed(p);
    cleanup_text struct text *own = doc_text(page);
    if (page->file && page->file->dirty && page->file->seq == s->meta_seq) {
        doc_clear_problem(page);
        doc_settle(page, own);
    }
}

/* Lock held, released. */
static void create_end(struct save *s, const struct platform_page *from)
{
    struct page *p = s->page;
    s->created = true;
    pages_set_id(p->ws, p, from->id);
    if (!p->slug)
        p->slug = name_slug(from->name ? from->name : p->dir);
    create_settle_others(s);
    log_info("page %s: made at the platform", p->dir);
    save_end(s, 0, from);
}

/* ---- FIND: a create whose answer was lost (rule 7) --------------------------- */

static void create_fail(struct save *s, const struct platform_answer *answer)
{
    if (answer->verdict && !answer->verdict->ok)
        save_note_verdict(s, answer->verdict);
    else
        save_note(s, answer->status ? "platform" : "network", answer->message);
    save_end(s, answer->err ? answer->err : -EIO, NULL);
}

static bool create_is_this(const struct text *spec, const struct platform_page *page)
{
    struct json_limits limits = JSON_LIMITS_WIRE;
    struct json_span root;
    return page->id && page->spec.start != page->spec.end &&
           json_check(spec->data, spec->len, &limits, &root, NULL) == 0 &&
           json_same_value(page->text->data, page->spec, spec->data, root);
}

static void create_found(void *arg, const struct platform_answer *answer)
{
    struct save *s = arg;
    ws_lock(s->page->ws);
    if (!answer->err && answer->page && create_is_this(s->spec, answer->page)) {
        log_info("page %s: the create arrived, though its answer did not", s->page->dir);
        create_end(s, answer->page);
        return;
    }
    save_note(s, "network",
              "the answer was lost, and the platform does not have the page");
    save_end(s, -EIO, NULL);
}

/* The newest page of our name that no directory stood for before. */
static const struct platform_page *create_candidate(struct save *s,
                                                    const struct platform_answer *answer)
{
    cleanup_free char *name = NULL;
    struct json_span root = {0, s->fields->len, JSON_OBJECT};
    struct json_span at;
    const struct platform_page *best = NULL;
    if (json_member(s->fields->data, root, "name", &at))
        name = json_string_dup(s->fields->data, at);
    for (size_t i = 0; name && i < answer->page_count; i++) {
        const struct platform_page *page = &answer->pages[i];
        struct page *known = NULL;
        if (!page->id || !page->name || strcmp(page->name, name) != 0)
            continue;
        HASH_FIND(hh_id, s->page->ws->by_id, page->id, strlen(page->id), known);
        if (known && (known->body == BODY_READY || known->body == BODY_SHED) &&
            !s->page->lost)
            continue;
        if (!best || (page->created_at && best->created_at &&
                      strcmp(page->created_at, best->created_at) > 0))
            best = page;
    }
    return best;
}

static void create_listed(void *arg, const struct platform_answer *answer)
{
    struct save *s = arg;
    struct platform_call call = create_call(s, create_found);
    ws_lock(s->page->ws);
    const struct platform_page *page = answer->err ? NULL : create_candidate(s, answer);
    if (page) {
        platform_page_get(s->page->ws->config.platform, page->id, &call);
        ws_unlock(s->page->ws);
        return;
    }
    save_note(s, "network",
              "the answer was lost, and the platform does not have the page");
    save_end(s, answer->err ? answer->err : -EIO, NULL);
}

/* ---- CREATE ------------------------------------------------------------------ */

static void created(void *arg, const struct platform_answer *answer)
{
    const struct platform_query all = {0};
    struct save *s = arg;
    struct platform_call call = create_call(s, create_listed);
    ws_lock(s->page->ws);
    bool lost = answer->err && answer->sent && !answer->status;
    bool unnamed = !answer->err && (!answer->page || !answer->page->id);
    if (lost || unnamed) {
        save_enter(s, SAVE_FIND);
        platform_pages_list(s->page->ws->config.platform, &all, &call);
        ws_unlock(s->page->ws);
    } else if (answer->err) {
        create_fail(s, answer);
    } else {
        create_end(s, answer->page);
    }
}

static void create_relisted(void *arg, const struct platform_answer *answer);

/* Lock held, released. An earlier mount may have sent it, and ended before the answer. */
static void create_send(struct save *s)
{
    const struct platform_query all = {0};
    if (s->page->lost && !s->looked_for_lost) {
        struct platform_call call = create_call(s, create_relisted);
        s->looked_for_lost = true;
        save_enter(s, SAVE_SEEK);
        platform_pages_list(s->page->ws->config.platform, &all, &call);
        ws_unlock(s->page->ws);
        return;
    }
    struct platform_call call = create_call(s, created);
    struct platform_fields fields = {s->spec, s->queries, s->fields};
    save_enter(s, SAVE_CREATE);
    platform_page_create(s->page->ws->config.platform, &fields, &call);
    ws_unlock(s->page->ws);
}

/* Lock held, released. */
static void create_look(struct save *s, platform_done_fn *done)
{
    struct platform_call call = create_call(s, done);
    save_enter(s, SAVE_LOOK);
    platform_page_get(s->page->ws->config.platform, s->look_id, &call);
    ws_unlock(s->page->ws);
}

/* ---- LOOK: page.json names a page of the platform ---------------------------- */

static void create_adopted(void *arg, const struct platform_answer *answer)
{
    struct save *s = arg;
    ws_lock(s->page->ws);
    if (!answer->err) {
        const struct platform_page *page = answer->page;
        struct platform_page known = page ? *page : (struct platform_page){0};
        if (!known.id)
            known.id = s->look_id;
        if (page)
            create_end(s, &known);
        else
            save_end(s, -EIO, NULL);
    } else if (s->restores && answer->status >= 400 && answer->status < 500) {
        log_warning("page %s: %s is archived and the platform does not restore it; it is "
                    "made anew",
                    s->page->dir, s->look_id);
        create_send(s);
    } else {
        create_fail(s, answer);
    }
}

/* The fields as they are, and the status that brings an archived page back. */
static struct text *create_restoring(const struct text *fields)
{
    struct buf out = BUF_INIT;
    buf_puts(&out, "{\"status\":\"draft\"");
    if (fields->len > 2)
        buf_putc(&out, ',');
    buf_append(&out, fields->data + 1, fields->len - 1);
    return text_from_buf(&out);
}

static void create_looked(void *arg, const struct platform_answer *answer)
{
    struct save *s = arg;
    struct platform_call call = create_call(s, create_adopted);
    ws_lock(s->page->ws);
    if (answer->err == -ENOENT) {
        create_send(s);
        return;
    }
    if (answer->err || !answer->page) {
        create_fail(s, answer);
        return;
    }
    const char *status = answer->page->status;
    s->restores = status && !strcmp(status, "archived");
    cleanup_text struct text *fields =
        s->restores ? create_restoring(s->fields) : text_ref(s->fields);
    struct platform_fields send = {s->spec, s->queries, fields};
    save_enter(s, SAVE_ADOPT);
    platform_page_patch(s->page->ws->config.platform, s->look_id, &send, &call);
    ws_unlock(s->page->ws);
}

void create_validated(struct save *s)
{
    if (!save_is_safe(s, create_validated))
        return;
    struct page *twin = NULL;
    create_fields(s);
    if (s->look_id)
        HASH_FIND(hh_id, s->page->ws->by_id, s->look_id, strlen(s->look_id), twin);
    if (!s->look_id || twin)
        create_send(s);
    else
        create_look(s, create_looked);
}

/* ---- a create that an earlier mount's end interrupted --------------------------- */

static void create_refound(void *arg, const struct platform_answer *answer)
{
    struct save *s = arg;
    if (!answer->err && answer->page && create_is_this(s->page->lost, answer->page)) {
        log_info("page %s: the create that the last mount's end interrupted had arrived",
                 s->page->dir);
        create_looked(s, answer);
        return;
    }
    ws_lock(s->page->ws);
    create_send(s);
}

static void create_relisted(void *arg, const struct platform_answer *answer)
{
    struct save *s = arg;
    ws_lock(s->page->ws);
    const struct platform_page *page = answer->err ? NULL : create_candidate(s, answer);
    if (answer->err) {
        create_fail(s, answer);
    } else if (page) {
        free(s->look_id);
        s->look_id = xstrdup(page->id);
        create_look(s, create_refound);
    } else {
        create_send(s);
    }
}

/* ---- PLAN -------------------------------------------------------------------- */

/* The two that make a page; queries may be missing where the spec binds none. */
void create_plan(struct save *s)
{
    struct doc *queries = page_doc_of(s->page, PAGE_QUERIES);
    cleanup_text struct text *spec = create_whole(s, page_doc_of(s->page, PAGE_SPEC));
    cleanup_text struct text *declared = create_whole(s, queries);
    if (!spec || s->doc->which == PAGE_PAGE || (!declared && create_has_bindings(spec))) {
        save_end_waiting(s);
        return;
    }
    s->bare = !declared;
    if (s->bare)
        declared = text_from_string("[]\n");
    text_replace(&s->other_draft, text_ref(s->doc == queries ? spec : declared));
    if (s->other->file)
        s->other_seq = s->other->file->seq;
    save_validate(s);
}
