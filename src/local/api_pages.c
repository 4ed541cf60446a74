/* api_pages.c - pages, read: lists, single pages, their rows. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "local/app.h"
#include "local/exchange.h"
#include "local/gates.h"
#include "local/page_json.h"
#include "local/render.h"

enum { LIST_LIMIT_DEFAULT = 50, LIST_LIMIT_MAX = 200 };

/* A cursor says behind which page to go on, so that pages created meanwhile neither
 * repeat nor hide one. */
static void print_cursor(const struct page *last, struct buf *out)
{
    buf_printf(out, "\"%" PRIx64 "-%" PRIx64 "\"", last->created_ms, last->seq);
}

static bool parse_cursor(const struct request *rq, struct page_filter *f,
                         struct reply *rp)
{
    const char *text = request_arg(rq, "cursor");
    int used = 0;
    if (!text || !*text)
        return true;
    f->has_after =
        sscanf(text, "%" SCNx64 "-%" SCNx64 "%n", (uint64_t *)&f->after_created,
               (uint64_t *)&f->after_seq, &used) == 2 &&
        !text[used];
    if (!f->has_after)
        reply_invalid(rp, "cursor", "the cursor was not made by this server");
    return f->has_after;
}

static bool parse_status(const struct request *rq, struct page_filter *f,
                         struct reply *rp)
{
    const char *status = request_arg(rq, "status");
    if (!status || page_status_parse(status, &f->status))
        return true;
    reply_invalid(rp, "status", "status must be draft or archived");
    return false;
}

static bool parse_filter(const struct request *rq, struct page_filter *f,
                         struct reply *rp)
{
    *f = PAGE_FILTER_INIT;
    f->q = request_arg(rq, "q");
    return request_arg_number(rq, "limit", 1, LIST_LIMIT_MAX, LIST_LIMIT_DEFAULT,
                              &f->limit, rp) &&
           request_arg_number(rq, "offset", 0, INT32_MAX, 0, &f->offset, rp) &&
           request_arg_time(rq, "created_at_gte", &f->created_gte, rp) &&
           request_arg_time(rq, "created_at_lte", &f->created_lte, rp) &&
           request_arg_time(rq, "updated_at_gte", &f->updated_gte, rp) &&
           request_arg_time(rq, "updated_at_lte", &f->updated_lte, rp) &&
           parse_status(rq, f, rp) && parse_cursor(rq, f, rp);
}

/* Both conventions of the platform's documents in one envelope. */
static void print_list(const struct page_list *l, const struct page_filter *f,
                       struct buf *out)
{
    buf_puts(out, "{\"items\":[");
    for (size_t i = 0; i < l->count; i++) {
        if (i)
            buf_putc(out, ',');
        page_print(&l->items[i], PAGE_FORM_SUMMARY, out);
    }
    buf_printf(out,
               "],\"limit\":%" PRId64 ",\"offset\":%" PRId64 ",\"total\":%" PRId64
               ",\"has_more\":%s,\"next_cursor\":",
               f->limit, f->offset, l->total, l->more ? "true" : "false");
    if (l->more)
        print_cursor(&l->items[l->count - 1], out);
    else
        buf_puts(out, "null");
    buf_puts(out, "}");
}

void api_page_list(struct app *app, struct request *rq, struct reply *rp)
{
    struct page_filter filter;
    cleanup_page_list struct page_list list = {0};
    if (!parse_filter(rq, &filter, rp))
        return;
    int r = app->store->ops->page_list(app->store, &filter, &list);
    if (r < 0) {
        reply_failure(rp, r);
        return;
    }
    rp->status = 200;
    print_list(&list, &filter, &rp->body);
}

void api_page_get(struct app *app, struct request *rq, struct reply *rp)
{
    cleanup_page struct page page = {0};
    int r = app->store->ops->page_get(app->store, rq->param, &page);
    if (r < 0) {
        reply_failure(rp, r);
        return;
    }
    rp->status = 200;
    page_print(&page, PAGE_FORM_FULL, &rp->body);
}

/* {"params": {…}}, and neither is required. */
static bool parse_params(struct request *rq, struct json_span *ret_params,
                         struct reply *rp)
{
    static const char *const known[] = {"params"};
    struct json_span root;
    if (!request_object(rq, true, &root, rp) ||
        !request_only(rq, root, known, ARRAY_LEN(known), rp))
        return false;
    *ret_params = (struct json_span){0, 0, JSON_NULL};
    json_member(rq->body.data, root, "params", ret_params);
    if (ret_params->type == JSON_OBJECT || ret_params->type == JSON_NULL)
        return true;
    reply_invalid(rp, "params", "params must be an object");
    return false;
}

static void render(struct app *app, const struct page *page, const char *body,
                   struct json_span params, struct buf *out)
{
    struct json_span queries;
    size_t len = strlen(page->queries);
    json_check(page->queries, len, &JSON_LIMITS_WIRE, &queries, NULL);
    struct sqlgate *gate = gates_borrow(app->gates);
    render_queries(gate, page->queries, queries, params.type == JSON_OBJECT ? body : NULL,
                   params, out);
    gates_return(app->gates, gate);
}

void api_page_render(struct app *app, struct request *rq, struct reply *rp)
{
    cleanup_page struct page page = {0};
    struct json_span params;
    if (!parse_params(rq, &params, rp))
        return;
    int r = app->store->ops->page_get(app->store, rq->param, &page);
    if (r < 0) {
        reply_failure(rp, r);
    } else if (page.status == PAGE_ARCHIVED) {
        reply_not_found(rp, "the page is archived: archived pages do not render");
    } else {
        rp->status = 200;
        render(app, &page, rq->body.data, params, &rp->body);
    }
}
