/* render.c - running a page's queries. One answer serves all who ask while it is made, and
 * for a while after. */
#include "workspace/render_model.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

/* So much longer than it is fresh an answer is kept: who waited for it must find it. */
enum { RENDER_GRACE_MS = 5000 };

/* ---- sets -------------------------------------------------------------------- */

struct renders *page_renders(struct page *p)
{
    if (!p->renders)
        p->renders = xcalloc(1, sizeof *p->renders);
    return p->renders;
}

static void files_free(struct render_file *files)
{
    struct render_file *f;
    struct render_file *tmp;
    HASH_ITER (hh, files, f, tmp) {
        HASH_DEL(files, f);
        free(f->name);
        buf_finish(&f->query);
        free(f);
    }
}

static void render_free(struct render *r)
{
    files_free(r->files);
    files_free(r->copies);
    text_unref(r->answer);
    free(r->name);
    free(r);
}

struct render *render_ref(struct render *r)
{
    page_ref(r->page);
    atomic_fetch_add(&r->users, 1);
    return r;
}

void render_unref(struct render *r)
{
    if (!r)
        return;
    struct page *p = r->page;
    atomic_fetch_sub(&r->users, 1); /* it may be gone from here on */
    page_unref(p);
}

/* Beyond some sets a page loses those that nobody uses, the last used last. */
static void renders_shrink(struct renders *all)
{
    struct render *oldest = all->sets ? all->sets->newer : NULL; /* utlist: head's prev */
    while (all->count > RENDERS_A_PAGE && oldest && oldest != all->sets) {
        struct render *next = oldest->newer;
        if (!atomic_load(&oldest->users) && *oldest->name) {
            DL_DELETE2(all->sets, oldest, newer, older);
            all->count--;
            render_free(oldest);
        }
        oldest = next;
    }
}

struct render *render_intern(struct page *p, const char *name)
{
    struct renders *all = page_renders(p);
    struct render *r;
    DL_FOREACH2(all->sets, r, older)
    if (!strcmp(r->name, name))
        break;
    if (r) {
        DL_DELETE2(all->sets, r, newer, older);
    } else {
        cleanup_free char *key = xasprintf("%s/render/%s", p->key, name);
        r = xcalloc(1, sizeof *r);
        r->page = p;
        r->name = xstrdup(name);
        r->ino = *name ? page_number_of(key) : page_render_number(p);
        all->count++;
    }
    DL_PREPEND2(all->sets, r, newer, older);
    render_ref(r);
    renders_shrink(all);
    return r;
}

/* Nobody has it in hand, and it is as it would be made again. */
static bool render_is_idle(const struct render *r)
{
    const struct render_file *f;
    if (atomic_load(&r->users) || r->number || r->running || r->made || r->copies)
        return false;
    for (f = r->files; f; f = f->hh.next)
        if (f->hidden || f->unlinker)
            return false;
    return true;
}

void renders_trim(struct page *p)
{
    struct renders *all = p->renders;
    struct render *r;
    struct render *tmp;
    if (!all)
        return;
    DL_FOREACH_SAFE2(all->sets, r, tmp, older)
    if (render_is_idle(r)) {
        DL_DELETE2(all->sets, r, newer, older);
        all->count--;
        render_free(r);
    }
    if (all->sets || all->touched.tv_sec || all->hidden || all->made || all->unlinker)
        return;
    renders_free(p);
    p->renders = NULL;
}

void renders_free(struct page *p)
{
    struct render *r;
    struct render *tmp;
    if (!p->renders)
        return;
    DL_FOREACH_SAFE2(p->renders->sets, r, tmp, older)
    {
        DL_DELETE2(p->renders->sets, r, newer, older);
        render_free(r);
    }
    render_names_finish(&p->renders->names);
    free(p->renders);
}

void renders_drop(struct page *p)
{
    struct render *r;
    if (p->renders)
        DL_FOREACH2(p->renders->sets, r, older)
    r->dropped = true;
}

/* ---- answers ----------------------------------------------------------------- */

static void answer_forget(struct render *r)
{
    struct workspace *ws = r->page->ws;
    DL_DELETE(ws->rendered, r);
    ws->rendered_bytes -= r->answer->len;
    text_replace(&r->answer, NULL);
    renders_touch(r->page);
    render_unref(r);
}

static void answers_expire(void *arg)
{
    struct workspace *ws = arg;
    ws_lock(ws);
    int64_t keep = ws->config.render_ttl_ms + RENDER_GRACE_MS;
    int64_t now = clock_ms();
    while (ws->rendered && ws->rendered->at_ms + keep <= now)
        answer_forget(ws->rendered);
    if (ws->rendered)
        loop_timer_set(ws->config.loop, &ws->render_timer,
                       ws->rendered->at_ms + keep - now, answers_expire, ws);
    ws_unlock(ws);
}

void renders_close(struct workspace *ws)
{
    while (ws->rendered)
        answer_forget(ws->rendered);
}

static struct text *answer_text(struct text *value)
{
    struct buf out = BUF_INIT;
    if (value->len && value->data[value->len - 1] == '\n')
        return text_ref(value);
    buf_reserve(&out, value->len + 2);
    buf_append(&out, value->data, value->len);
    buf_putc(&out, '\n');
    return text_from_buf(&out);
}

static void answer_take(struct render *r, struct text *value)
{
    struct workspace *ws = r->page->ws;
    if (r->answer)
        answer_forget(r);
    r->answer = answer_text(value);
    r->size = r->answer->len;
    r->number++;
    r->mtime = clock_now();
    r->at_ms = clock_ms();
    r->dropped = false;
    render_ref(r);
    bool first = !ws->rendered;
    DL_APPEND(ws->rendered, r);
    ws->rendered_bytes += r->answer->len;
    while (ws->rendered_bytes > RENDERS_BYTES && ws->rendered != r)
        answer_forget(ws->rendered);
    if (first)
        loop_timer_set(ws->config.loop, &ws->render_timer,
                       ws->config.render_ttl_ms + RENDER_GRACE_MS, answers_expire, ws);
    renders_touch(r->page);
}

/* ---- runs -------------------------------------------------------------------- */

static void render_start(struct render *r);

static void rendered(void *arg, const struct platform_answer *answer)
{
    struct render *r = arg;
    struct page *p = r->page;
    int err = answer->err;
    if (!err && !answer->value)
        err = -EIO;
    ws_lock(p->ws);
    r->running = false;
    if (!err)
        answer_take(r, answer->value);
    struct wait *waits = NULL;
    if (!err && r->again)
        render_start(r);
    else
        waits = wait_take(&r->waits);
    if (err)
        log_warning("page %s: cannot be rendered: %s", p->dir, answer->message);
    ws_unlock(p->ws);
    wait_run(waits, err);
    render_unref(r);
}

static struct text *render_params(struct render *r)
{
    struct text *defaults = page_doc_of(r->page, PAGE_PARAMS)->shown;
    struct buf out = BUF_INIT;
    if (!*r->name)
        return text_ref(defaults);
    render_params_make(page_render_names(r->page), r->name, defaults, &out);
    return text_from_buf(&out);
}

static void render_start(struct render *r)
{
    struct page *p = r->page;
    struct platform_call call = {HTTP_RENDER, 0, rendered, render_ref(r),
                                 wait_who(r->waits)};
    cleanup_text struct text *params = render_params(r);
    r->running = true;
    r->again = false;
    r->epoch = p->epoch;
    platform_page_render(p->ws->config.platform, p->id, params, &call);
}

static bool answer_is_fresh(const struct render *r)
{
    return r->answer && !r->running && !r->dropped && r->epoch == r->page->epoch &&
           clock_ms() - r->at_ms < r->page->ws->config.render_ttl_ms;
}

int render_run(struct render *r, struct wait *w)
{
    struct page *p = r->page;
    if (!p->id)
        return -ENOENT;
    if (answer_is_fresh(r))
        return 0;
    wait_add(&r->waits, w);
    if (!r->running)
        render_start(r);
    else if (r->epoch != p->epoch)
        r->again = true;
    return -EINPROGRESS;
}

int page_render(struct page *p, struct wait *w)
{
    ws_lock(p->ws);
    struct render *r = render_intern(p, "");
    int err = render_run(r, w);
    ws_unlock(p->ws);
    render_unref(r);
    return err;
}
