#include <errno.h>

#include "base/log.h"
#include "local/app.h"
#include "local/demo.h"
#include "local/exchange.h"

static int demo_page(struct app *app, const char *text)
{
    struct request rq = {.key = &app->keys.keys[KEY_ADMIN]};
    struct reply rp = {0};
    buf_puts(&rq.body, text);
    api_page_create(app, &rq, &rp);
    int r = rp.status == 201 ? 0 : -EIO;
    if (r < 0)
        log_error("a sample page was refused: %s", rp.body.data);
    reply_finish(&rp);
    request_finish(&rq);
    return r;
}

int demo_pages(struct app *app)
{
    int r = 0;
    for (size_t i = 0; r == 0 && demo_page_texts[i]; i++)
        r = demo_page(app, demo_page_texts[i]);
    return r;
}
