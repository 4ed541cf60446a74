/* render.c - running a page's queries. One answer serves all who ask while it is made. */
#include "workspace/model.h"

#include <errno.h>

#include "base/clock.h"
#include "base/log.h"

static struct text *render_present(const struct platform_answer *answer)
{
    struct buf out = BUF_INIT;
    buf_append(&out, answer->value->data, answer->value->len);
    if (!out.len || out.data[out.len - 1] != '\n')
        buf_putc(&out, '\n');
    return text_from_buf(&out);
}

static void render_start(struct page *p);

static void rendered(void *arg, const struct platform_answer *answer)
{
    struct page *p = arg;
    int err = answer->err;
    if (!err && !answer->value)
        err = -EIO;
    ws_lock(p->ws);
    p->rendering = false;
    if (!err) {
        text_replace(&p->render, render_present(answer));
        p->render_mtime = clock_now();
        page_changed(p);
    }
    struct wait *waits = NULL;
    if (!err && p->render_again)
        render_start(p);
    else
        waits = wait_take(&p->render_waits);
    if (err)
        log_warning("page %s: cannot be rendered: %s", p->dir, answer->message);
    ws_unlock(p->ws);
    wait_run(waits, err);
    page_unref(p);
}

/* Lock held. */
static void render_start(struct page *p)
{
    struct platform_call call = {HTTP_RENDER, 0, rendered, page_ref(p),
                                 wait_who(p->render_waits)};
    p->rendering = true;
    p->render_again = false;
    p->render_epoch = p->epoch;
    platform_page_render(p->ws->config.platform, p->id,
                         page_doc_of(p, PAGE_PARAMS)->shown, &call);
}

int page_render(struct page *p, struct wait *w)
{
    int err = -EINPROGRESS;
    ws_lock(p->ws);
    if (!p->id) {
        err = -ENOENT;
    } else {
        wait_add(&p->render_waits, w);
        if (!p->rendering)
            render_start(p);
        else if (p->render_epoch != p->epoch)
            p->render_again = true;
    }
    ws_unlock(p->ws);
    return err;
}
