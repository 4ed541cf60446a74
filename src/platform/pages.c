/* pages.c - one page: read, validate, create, patch, render, archive, delete. */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "platform/internal.h"

/* ---- bodies: the users' own texts, put side by side -------------------------------- */

static void body_add_key(struct buf *out, const char *key)
{
    buf_putc(out, out->len ? ',' : '{');
    json_quotes(out, key);
    buf_putc(out, ':');
}

static void body_add(struct buf *out, const char *key, const struct text *value)
{
    if (!value)
        return;
    body_add_key(out, key);
    buf_append(out, value->data, value->len);
}

/* The members of page.json, but for those that the other files say or nobody may. */
static void body_add_members(struct buf *out, struct text *fields)
{
    static const char *const left_out[] = {"id", "spec", "declared_queries"};
    struct json_span root;
    struct json_iter it;
    if (!fields ||
        json_check(fields->data, fields->len, &JSON_LIMITS_USER, &root, NULL) ||
        root.type != JSON_OBJECT)
        return;
    json_iter_init(&it, fields->data, root);
    while (json_iter_next(&it)) {
        bool skip = false;
        for (size_t i = 0; i < ARRAY_LEN(left_out); i++)
            skip = skip || json_string_is(fields->data, it.key, left_out[i]);
        if (skip)
            continue;
        buf_putc(out, out->len ? ',' : '{');
        buf_append(out, fields->data + it.key.start, it.key.end - it.key.start);
        buf_putc(out, ':');
        buf_append(out, fields->data + it.value.start, it.value.end - it.value.start);
    }
}

static struct text *body_end(struct buf *out)
{
    buf_puts(out, out->len ? "}" : "{}");
    return text_from_buf(out);
}

static struct text *body_of_fields(const struct platform_fields *fields)
{
    struct buf out = BUF_INIT;
    body_add_members(&out, fields->page_fields);
    body_add(&out, "spec", fields->spec);
    body_add(&out, "declared_queries", fields->queries);
    return body_end(&out);
}

/* ---- what the answers must have ---------------------------------------------------- */

/* A page was asked for; nothing less will do. */
static void pages_read_whole(struct reply *r, const struct exchange *x)
{
    reply_read_page(r, x);
    if (r->answer.page && r->answer.page->id)
        return;
    r->answer.page = NULL;
    reply_fail(r, -EIO,
               xstrdup("the platform answered with something else than a "
                       "page: is the URL right?"));
}

static void pages_read_verdict(struct reply *r, const struct exchange *x)
{
    const char *text = r->http->body->data;
    struct json_span object = envelope_unwrap(text, r->answer.root);
    struct json_span ok;
    if (r->answer.verdict)
        return;
    /* {"ok": true} and no more is a verdict here, and only here. */
    if (!json_member(text, object, "ok", &ok) || ok.type != JSON_TRUE) {
        reply_fail(r, -EIO,
                   xstrdup("the platform answered a validation without a "
                           "verdict"));
        return;
    }
    r->verdict = (struct platform_verdict){
        .ok = true, .text = text_ref(r->http->body), .object = object};
    r->answer.verdict = &r->verdict;
}

/* ---- the calls --------------------------------------------------------------------- */

void platform_page_get(struct platform *p, const char *id,
                       const struct platform_call *call)
{
    platform_page_get_wanted(p, id, NULL, call);
}

void platform_page_get_wanted(struct platform *p, const char *id,
                              bool (*wanted)(void *arg), const struct platform_call *call)
{
    struct exchange x = {.platform = p,
                         .method = "GET",
                         .path = path_with_id("/pages", id, ""),
                         .read = pages_read_whole,
                         .wanted = wanted,
                         .call = *call};
    exchange_send(&x);
}

void platform_pages_validate(struct platform *p, struct text *spec, struct text *queries,
                             const struct platform_call *call)
{
    struct platform_fields fields = {.spec = spec, .queries = queries};
    struct exchange x = {.platform = p,
                         .method = "POST",
                         .path = xstrdup("/pages/validate"),
                         .body = body_of_fields(&fields),
                         .verified = true,
                         .verdict_is_answer = true,
                         .read = pages_read_verdict,
                         .call = *call};
    exchange_send(&x);
}

void platform_page_create(struct platform *p, const struct platform_fields *fields,
                          const struct platform_call *call)
{
    struct exchange x = {.platform = p,
                         .method = "POST",
                         .path = xstrdup("/pages"),
                         .body = body_of_fields(fields),
                         .verified = true,
                         .once = true,
                         .empty_allowed = true,
                         .read = reply_read_page,
                         .call = *call};
    exchange_send(&x);
}

void platform_page_patch(struct platform *p, const char *id,
                         const struct platform_fields *fields,
                         const struct platform_call *call)
{
    struct exchange x = {.platform = p,
                         .method = "PATCH",
                         .path = path_with_id("/pages", id, ""),
                         .body = body_of_fields(fields),
                         .verified = true,
                         .report_lost = true,
                         .empty_allowed = true,
                         .read = reply_read_page,
                         .call = *call};
    exchange_send(&x);
}

void platform_page_render(struct platform *p, const char *id, struct text *params,
                          const struct platform_call *call)
{
    struct buf body = BUF_INIT;
    body_add_key(&body, "params");
    buf_puts(&body, params ? params->data : "{}");
    struct exchange x = {.platform = p,
                         .method = "POST",
                         .path = path_with_id("/pages", id, "/render"),
                         .body = body_end(&body),
                         .read = reply_read_value,
                         .call = *call};
    exchange_send(&x);
}

/* A repeated archive or delete is answered 404, which would hide that it worked: both go
 * once, and a lost answer is settled by looking. */
void platform_page_archive(struct platform *p, const char *id,
                           const struct platform_call *call)
{
    struct exchange x = {.platform = p,
                         .method = "DELETE",
                         .path = path_with_id("/pages", id, ""),
                         .once = true,
                         .empty_allowed = true,
                         .call = *call};
    exchange_send(&x);
}

void platform_page_delete(struct platform *p, const char *id,
                          const struct platform_call *call)
{
    struct exchange x = {.platform = p,
                         .method = "POST",
                         .path = path_with_id("/pages", id, "/hard-delete"),
                         .body = text_from_string("{}"),
                         .once = true,
                         .empty_allowed = true,
                         .call = *call};
    exchange_send(&x);
}
