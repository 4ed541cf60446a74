/* templates.c - the platform's templates: the same for the life of a mount. */
#include "workspace/model.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "workspace/names.h"

static struct page *template_find(struct workspace *ws, const char *dir)
{
    struct page *p = NULL;
    HASH_FIND(hh_name, ws->templates, dir, strlen(dir), p);
    return p;
}

static void template_take(struct workspace *ws, const struct platform_page *from)
{
    if (!from->id || !*from->id)
        return;
    cleanup_free char *dir = name_slug(from->id);
    if (template_find(ws, dir))
        return;
    struct page *p = page_new(ws, NULL, from->id, true);
    p->dir = steal_ptr(dir);
    page_take_fields(p, from);
    HASH_ADD_KEYPTR(hh_name, ws->templates, p->dir, strlen(p->dir), p);
}

/* A platform without templates has an empty directory, not an error. */
static void templates_listed(void *arg, const struct platform_answer *answer)
{
    struct workspace *ws = arg;
    int err = answer->err == -ENOENT ? 0 : answer->err;
    ws_lock(ws);
    ws->templates_listing = false;
    for (size_t i = 0; !answer->err && i < answer->page_count; i++)
        template_take(ws, &answer->pages[i]);
    ws->templates_known = err == 0;
    struct wait *waits = wait_take(&ws->template_waits);
    ws_unlock(ws);
    if (err)
        log_warning("the templates cannot be read: %s", answer->message);
    wait_run(waits, err);
}

int workspace_templates_ready(struct workspace *ws, struct wait *w)
{
    struct platform_call call = {HTTP_INTERACTIVE, 0, templates_listed, ws, 0};
    int err = 0;
    ws_lock(ws);
    if (!ws->templates_known) {
        wait_add(&ws->template_waits, w);
        call.who = wait_who(ws->template_waits);
        if (!ws->templates_listing)
            platform_templates_list(ws->config.platform, &call);
        ws->templates_listing = true;
        err = -EINPROGRESS;
    }
    ws_unlock(ws);
    return err;
}

void workspace_each_template(struct workspace *ws, page_visit_fn *fn, void *arg)
{
    struct page *p;
    struct page *tmp;
    ws_lock(ws);
    HASH_ITER (hh_name, ws->templates, p, tmp)
        fn(arg, p->dir, p);
    ws_unlock(ws);
}

struct page *workspace_find_template(struct workspace *ws, const char *name)
{
    ws_lock(ws);
    struct page *p = page_ref(template_find(ws, name));
    ws_unlock(ws);
    return p;
}
