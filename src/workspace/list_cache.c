/* list_cache.c - the list of pages in cache.db: how a sweep is kept, and how the next mount
 * shows it before it has asked. */
#include "workspace/body.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "workspace/cache.h"
#include "workspace/keep.h"
#include "workspace/overlay.h"

/* Up to so many pages the first sweep (200 of them a request) is waited for. */
enum { SWEEP_WORTH_WAITING = 10000 };

/* ---- keeping --------------------------------------------------------------------- */

void list_cache_begin(struct workspace *ws)
{
    ws->caching = cache_list_begin(ws->cache);
}

uint64_t list_cache_sum(const struct platform_page *from)
{
    return cache_sum(from->id, from->text->data + from->object.start,
                     from->object.end - from->object.start);
}

/* Only what differs from what was kept last is kept. */
void list_cache_take(struct page *p, const struct platform_page *from)
{
    struct cache_list *list = p->ws->caching;
    if (!list)
        return;
    uint64_t sum = list_cache_sum(from);
    if (sum != p->summary_sum || cache_list_is_anew(list)) {
        cleanup_text struct text *text = text_new(from->text->data + from->object.start,
                                                  from->object.end - from->object.start);
        cache_list_put(list, p->id, text);
    }
    p->summary_sum = sum;
}

void list_cache_drop(struct page *p)
{
    cache_list_drop(p->ws->caching, p->id);
}

/* What has come so far is written while the rest is on its way. */
void list_cache_flush(struct workspace *ws)
{
    cache_list_flush(ws->cache, ws->caching);
}

void list_cache_break_off(struct workspace *ws)
{
    cache_list_end(ws->cache, steal_ptr(ws->caching), NULL);
}

void list_cache_end(struct workspace *ws)
{
    ws->listed_at = clock_now();
    cache_list_end(ws->cache, steal_ptr(ws->caching), &ws->listed_at);
}

/* No summary has come yet: what makes it a page must do until the next sweep. */
void list_cache_made(struct page *p, const struct platform_page *from)
{
    struct buf out = BUF_INIT;
    buf_puts(&out, "{\"id\":");
    json_quotes(&out, p->id);
    buf_puts(&out, ",\"name\":");
    json_quotes(&out, from && from->name ? from->name : p->dir);
    buf_putc(&out, '}');
    cleanup_text struct text *text = text_from_buf(&out);
    struct cache_list *list = cache_list_begin(p->ws->cache);
    cache_list_put(list, p->id, text);
    cache_list_end(p->ws->cache, list, NULL);
}

void list_cache_gone(struct page *p)
{
    struct cache_list *list = cache_list_begin(p->ws->cache);
    cache_list_drop(list, p->id);
    cache_list_end(p->ws->cache, list, NULL);
}

/* ---- the next mount ---------------------------------------------------------------- */

/* state.db is written at each change of ours, the list only by sweeps. */
static void load_use_name(struct workspace *ws, struct platform_page *page)
{
    struct page *p = NULL;
    HASH_FIND(hh_id, ws->by_id, page->id, strlen(page->id), p);
    const char *name = p ? p->name : known_name(ws, page->id);
    if (!name)
        return;
    free(page->name);
    page->name = xstrdup(name);
}

static void load_summary(void *arg, const char *id, struct text *text)
{
    struct workspace *ws = arg;
    struct platform_page page;
    if (!platform_page_parse(text, &page))
        return;
    if (!strcmp(page.id, id)) {
        if (list_has_name(ws, id))
            load_use_name(ws, &page);
        list_take_cached(ws, &page);
    }
    platform_page_finish(&page);
}

void list_cache_open(struct workspace *ws)
{
    struct text *me = NULL;
    const struct workspace_config *config = &ws->config;
    if (!config->cache_dir)
        return;
    ws->cache = cache_open(config->cache_dir, config->cache_bytes, config->loop);
    if (!ws->cache)
        return;
    int64_t began_ms = clock_ms();
    ws_lock(ws);
    bool whole = cache_load(ws->cache, load_summary, ws, &ws->listed_at, &me);
    list_end_cached(ws);
    ws->listed_once = whole;
    ws->tried_ms = INT64_MIN / 2;
    ws_unlock(ws);
    if (me)
        workspace_set_me(ws, me);
    text_unref(me);
    log_debug("cache.db: the list was there after %lld ms",
              (long long)(clock_ms() - began_ms));
}

/* One that failed is not begun anew at once. */
bool list_may_settle(const struct workspace *ws)
{
    return !ws->swept_ms && HASH_CNT(hh_id, ws->by_id) <= SWEEP_WORTH_WAITING &&
           (ws->listing || clock_ms() - ws->tried_ms > ws->config.refresh_ms);
}

struct settle {
    struct wait wait;
    struct wait *waits;
};

static void settled(struct wait *wait, int err)
{
    struct settle *s = container_of(wait, struct settle, wait);
    (void)err; /* then the cached list is all there is */
    wait_run(s->waits, 0);
    free(s);
}

int workspace_pages_settle(struct workspace *ws, const char *name, struct wait *w)
{
    int err = 0;
    ws_lock(ws);
    if (*name != '.' && list_may_settle(ws) && !pages_has_name(ws, name)) {
        struct settle *s = xcalloc(1, sizeof *s);
        s->wait.done = settled;
        s->wait.tid = w->tid;
        wait_add(&s->waits, w);
        wait_add(&ws->list_waits, &s->wait);
        list_sweep(ws, HTTP_INTERACTIVE);
        err = -EINPROGRESS;
    }
    ws_unlock(ws);
    return err;
}

int workspace_archived_ready(struct workspace *ws, struct wait *w)
{
    ws_lock(ws);
    bool swept = ws->swept_ms != 0;
    if (!swept) {
        wait_add(&ws->list_waits, w);
        list_sweep(ws, HTTP_INTERACTIVE);
    }
    ws_unlock(ws);
    return swept ? workspace_pages_ready(ws, w) : -EINPROGRESS;
}

bool workspace_has_list(struct workspace *ws)
{
    ws_lock(ws);
    bool has = ws->listed_once;
    ws_unlock(ws);
    return has;
}

bool list_age(struct workspace *ws, int64_t *ret_seconds)
{
    int64_t age = ws->swept_ms ? (clock_ms() - ws->swept_ms) / 1000
                               : clock_now().tv_sec - ws->listed_at.tv_sec;
    *ret_seconds = age > 0 ? age : 0; /* the clock was set back */
    return ws->listed_once;
}

/* ---- back on line ------------------------------------------------------------------ */

void workspace_begin_offline(struct workspace *ws)
{
    ws_lock(ws);
    ws->me_is_old = true;
    ws_unlock(ws);
}

static void me_answered(void *arg, const struct platform_answer *answer)
{
    struct workspace *ws = arg;
    if (!answer->err)
        workspace_set_me(ws, answer->body);
}

void list_ask_me(struct workspace *ws)
{
    struct platform_call call = {HTTP_BACKGROUND, 0, me_answered, ws, 0};
    if (!ws->me_is_old)
        return;
    ws->me_is_old = false;
    platform_me(ws->config.platform, &call);
}
