#include "local/app.h"
#include "local/exchange.h"
#include "local/templates.h"

static void print_template(const struct page_template *t, struct buf *out)
{
    buf_printf(out, "{\"slug\":\"%s\",\"name\":", t->slug);
    json_quotes(out, t->name);
    buf_puts(out, ",\"intent\":");
    json_quotes(out, t->intent);
    buf_puts(out, "}");
}

void api_template_list(struct app *app, struct request *rq, struct reply *rp)
{
    rp->status = 200;
    buf_puts(&rp->body, "{\"items\":[");
    for (size_t i = 0; i < page_template_count; i++) {
        if (i)
            buf_putc(&rp->body, ',');
        print_template(&page_templates[i], &rp->body);
    }
    buf_printf(&rp->body,
               "],\"limit\":%zu,\"offset\":0,\"total\":%zu,\"has_more\":false,"
               "\"next_cursor\":null}",
               page_template_count, page_template_count);
}

void api_template_get(struct app *app, struct request *rq, struct reply *rp)
{
    const struct page_template *t = page_template_find(rq->param);
    if (!t) {
        reply_not_found(rp, "there is no such template");
        return;
    }
    rp->status = 200;
    buf_append(&rp->body, t->text, t->len);
}
