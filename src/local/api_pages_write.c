/* api_pages_write.c - pages, written: what passes the verifier, and what removes. */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "local/app.h"
#include "local/exchange.h"
#include "local/gates.h"
#include "local/page_json.h"
#include "local/verifier.h"

enum {
    PAGE_NAME_MAX = 10000,
    PAGE_DESCRIPTION_MAX = 100000,
    PAGE_TAGS_MAX = 200,
    UPDATE_ATTEMPTS = 20, /* of a PATCH that others keep overtaking */
};

/* ---- a body's members, put into a page -------------------------------------------- */

/* What a body says, and what of it the verifier has to see. */
struct page_body {
    const char *text;
    struct json_span root;
    bool authored; /* spec or queries were sent */
};

static char *span_dup(const char *text, struct json_span span)
{
    return xstrndup(text + span.start, span.end - span.start);
}

static void string_replace(char **slot, char *taken)
{
    free(*slot);
    *slot = taken;
}

static bool take_string(const char *text, struct json_span value, const char *field,
                        size_t max, char **slot, struct reply *rp)
{
    char *s = json_string_dup(text, value);
    if (s && strlen(s) <= max) {
        string_replace(slot, s);
        return true;
    }
    free(s);
    reply_invalid(rp, field, "%s must be a string of at most %zu bytes without NUL",
                  field, max);
    return false;
}

static bool take_name(const char *text, struct json_span value, struct page *p,
                      struct reply *rp)
{
    return take_string(text, value, "name", PAGE_NAME_MAX, &p->name, rp);
}

static bool take_description(const char *text, struct json_span value, struct page *p,
                             struct reply *rp)
{
    if (value.type == JSON_NULL) {
        string_replace(&p->description, NULL);
        return true;
    }
    return take_string(text, value, "description", PAGE_DESCRIPTION_MAX, &p->description,
                       rp);
}

static bool take_tags(const char *text, struct json_span value, struct page *p,
                      struct reply *rp)
{
    bool good = value.type == JSON_ARRAY;
    struct json_iter it;
    if (good) {
        json_iter_init(&it, text, value);
        while (good && json_iter_next(&it))
            good = it.value.type == JSON_STRING && it.index < PAGE_TAGS_MAX;
    }
    if (good)
        string_replace(&p->tags, span_dup(text, value));
    else
        reply_invalid(rp, "tags", "tags must be an array of at most %d strings",
                      PAGE_TAGS_MAX);
    return good;
}

static bool take_status(const char *text, struct json_span value, struct page *p,
                        struct reply *rp)
{
    cleanup_free char *name = json_string_dup(text, value);
    if (name && page_status_parse(name, &p->status))
        return true;
    reply_invalid(rp, "status", "status must be \"draft\" or \"archived\"");
    return false;
}

static bool take_spec(const char *text, struct json_span value, struct page *p,
                      struct reply *rp)
{
    string_replace(&p->spec, span_dup(text, value));
    return true;
}

static bool take_queries(const char *text, struct json_span value, struct page *p,
                         struct reply *rp)
{
    bool none = value.type == JSON_NULL;
    string_replace(&p->queries, none ? xstrdup("[]") : span_dup(text, value));
    return true;
}

static const struct {
    const char *name;
    bool verified; /* the verifier must see it */
    bool (*take)(const char *, struct json_span, struct page *, struct reply *);
} page_fields[] = {
    {"name", false, take_name}, {"description", false, take_description},
    {"tags", false, take_tags}, {"status", false, take_status},
    {"spec", true, take_spec},  {"declared_queries", true, take_queries},
};

static bool body_parse(struct request *rq, struct page_body *ret, struct reply *rp)
{
    const char *names[ARRAY_LEN(page_fields)];
    for (size_t i = 0; i < ARRAY_LEN(page_fields); i++)
        names[i] = page_fields[i].name;
    *ret = (struct page_body){0};
    if (!request_object(rq, false, &ret->root, rp) ||
        !request_only(rq, ret->root, names, ARRAY_LEN(names), rp))
        return false;
    ret->text = rq->body.data;
    return true;
}

/* Puts what was sent into *p. */
static bool body_apply(struct page_body *b, struct page *p, struct reply *rp)
{
    struct json_span value;
    for (size_t i = 0; i < ARRAY_LEN(page_fields); i++) {
        if (!json_member(b->text, b->root, page_fields[i].name, &value))
            continue;
        if (!page_fields[i].take(b->text, value, p, rp))
            return false;
        b->authored |= page_fields[i].verified;
    }
    return true;
}

/* ---- the verifier ----------------------------------------------------------------- */

static void verify(struct app *app, const struct verify_input *in, struct verdict *ret)
{
    struct sqlgate *gate = gates_borrow(app->gates);
    verify_page(gate, in, ret);
    gates_return(app->gates, gate);
}

/* The texts come out of a body that was checked; only their spans are needed anew. */
static struct json_span span_of(const char *text)
{
    struct json_span span = {0, 0, JSON_NULL};
    json_check(text, strlen(text), &JSON_LIMITS_WIRE, &span, NULL);
    return span;
}

static bool refuse(const struct verdict *v, struct reply *rp)
{
    cleanup_buf struct buf details = BUF_INIT;
    verdict_print(v, &details);
    reply_error(rp, 422, "verification_failed", details.data,
                "the page was refused by the verifier: %s", v->errors[0].message);
    return false;
}

/* May this key store *p? Sets has_custom_nodes. */
static bool verify_to_store(struct app *app, const struct request *rq, struct page *p,
                            struct reply *rp)
{
    cleanup_verdict struct verdict verdict = {0};
    struct verify_input in = {
        .spec_text = p->spec,
        .spec = span_of(p->spec),
        .queries_text = p->queries,
        .queries = span_of(p->queries),
    };
    verify(app, &in, &verdict);
    if (!verdict_ok(&verdict))
        return refuse(&verdict, rp);
    p->has_custom_nodes = verdict.has_custom_nodes;
    if (!p->has_custom_nodes || key_has(rq->key, SCOPE_PAGES_ADMIN))
        return true;
    reply_missing_scope(rp, scope_name(SCOPE_PAGES_ADMIN), "a Custom node");
    return false;
}

void api_page_validate(struct app *app, struct request *rq, struct reply *rp)
{
    static const char *const known[] = {"spec", "declared_queries"};
    struct json_span root;
    if (!request_object(rq, false, &root, rp) ||
        !request_only(rq, root, known, ARRAY_LEN(known), rp))
        return;
    struct verify_input in = {0};
    if (json_member(rq->body.data, root, "spec", &in.spec))
        in.spec_text = rq->body.data;
    if (json_member(rq->body.data, root, "declared_queries", &in.queries))
        in.queries_text = rq->body.data;
    cleanup_verdict struct verdict verdict = {0};
    verify(app, &in, &verdict);
    rp->status = 200;
    verdict_print(&verdict, &rp->body);
}

/* ---- the handlers ----------------------------------------------------------------- */

static bool require(const struct page_body *b, const char *field, struct reply *rp)
{
    struct json_span value;
    if (json_member(b->text, b->root, field, &value))
        return true;
    reply_invalid(rp, field, "%s is required", field);
    return false;
}

void api_page_create(struct app *app, struct request *rq, struct reply *rp)
{
    cleanup_page struct page page = {.tags = xstrdup("[]"), .queries = xstrdup("[]")};
    struct page_body body;
    if (!body_parse(rq, &body, rp) || !require(&body, "name", rp) ||
        !require(&body, "spec", rp) || !body_apply(&body, &page, rp))
        return;
    if (page.status != PAGE_DRAFT) {
        reply_invalid(rp, "status", "the status of a new page is draft");
        return;
    }
    if (!verify_to_store(app, rq, &page, rp))
        return;
    int r = app->store->ops->page_create(app->store, &page);
    if (r < 0) {
        reply_failure(rp, r);
        return;
    }
    rp->status = 201;
    page_print(&page, PAGE_FORM_FULL, &rp->body);
}

/* One attempt of a PATCH: 0 (the reply is filled), or -errno of the store. */
static int page_patch(struct app *app, struct request *rq, struct page_body *body,
                      struct reply *rp)
{
    cleanup_page struct page page = {0};
    int r = app->store->ops->page_get(app->store, rq->param, &page);
    if (r < 0)
        return r;
    if (!body_apply(body, &page, rp))
        return 0;
    if (body->authored && !verify_to_store(app, rq, &page, rp))
        return 0;
    struct json_iter it;
    json_iter_init(&it, body->text, body->root);
    if (json_iter_next(&it)) /* {} changes nothing: no version either */
        r = app->store->ops->page_update(app->store, &page);
    if (r < 0)
        return r;
    rp->status = 200;
    page_print(&page, PAGE_FORM_FULL, &rp->body);
    return 0;
}

void api_page_update(struct app *app, struct request *rq, struct reply *rp)
{
    struct page_body body;
    int r = -ESTALE;
    if (!body_parse(rq, &body, rp))
        return;
    for (int i = 0; r == -ESTALE && i < UPDATE_ATTEMPTS; i++)
        r = page_patch(app, rq, &body, rp);
    if (r < 0)
        reply_failure(rp, r);
}

static int page_archive(struct app *app, const char *id, struct page *page)
{
    int r = app->store->ops->page_get(app->store, id, page);
    if (r < 0)
        return r;
    if (page->status == PAGE_ARCHIVED)
        return -ENOENT;
    page->status = PAGE_ARCHIVED;
    return app->store->ops->page_update(app->store, page);
}

void api_page_archive(struct app *app, struct request *rq, struct reply *rp)
{
    int r = -ESTALE;
    for (int i = 0; r == -ESTALE && i < UPDATE_ATTEMPTS; i++) {
        cleanup_page struct page page = {0};
        r = page_archive(app, rq->param, &page);
        if (r == 0)
            page_print(&page, PAGE_FORM_SUMMARY, &rp->body);
    }
    rp->status = 200;
    if (r < 0)
        reply_failure(rp, r);
}

void api_page_hard_delete(struct app *app, struct request *rq, struct reply *rp)
{
    int r = app->store->ops->page_delete(app->store, rq->param);
    if (r < 0) {
        reply_failure(rp, r);
        return;
    }
    rp->status = 200;
    buf_printf(&rp->body, "{\"id\":\"%s\",\"deleted\":true}", rq->param);
}
