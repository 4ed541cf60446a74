/* list.c - the table of pages, and the sweep that keeps it like the platform's list. */
#include "workspace/overlay.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "workspace/archived.h"
#include "workspace/batch.h"
#include "workspace/body.h"
#include "workspace/keep.h"
#include "workspace/names.h"
#include "workspace/present.h"
#include "workspace/walk.h"

/* ---- names ------------------------------------------------------------------- */

static struct page *pages_find(struct workspace *ws, const char *dir)
{
    struct page *p = NULL;
    HASH_FIND(hh_name, ws->by_name, dir, strlen(dir), p);
    return p;
}

static struct page *pages_find_id(struct workspace *ws, const char *id)
{
    struct page *p = NULL;
    HASH_FIND(hh_id, ws->by_id, id, strlen(id), p);
    return p;
}

static bool pages_name_taken(void *arg, const char *dir)
{
    struct workspace *ws = arg;
    return pages_find(ws, dir) || overlay_has(ws->overlay->pages, dir);
}

char *pages_free_name(struct workspace *ws, const char *slug, const char *id)
{
    return name_unused(slug, id, pages_name_taken, ws);
}

void pages_insert(struct workspace *ws, struct page *p, const char *dir)
{
    char *copy = xstrdup(dir);
    free(p->dir);
    p->dir = copy;
    p->listed = true;
    p->unkept = true;
    page_ref(p);
    HASH_ADD_KEYPTR(hh_name, ws->by_name, p->dir, strlen(p->dir), p);
    if (p->id)
        HASH_ADD_KEYPTR(hh_id, ws->by_id, p->id, strlen(p->id), p);
    archived_give_back(ws, p);
    ws->pages_time = clock_now();
    pages_changed(ws);
    walk_forget_orders(ws);
}

void pages_remove(struct workspace *ws, struct page *p)
{
    if (!p->listed)
        return;
    p->listed = false;
    HASH_DELETE(hh_name, ws->by_name, p);
    if (p->id)
        HASH_DELETE(hh_id, ws->by_id, p);
    ws->pages_time = clock_now();
    pages_changed(ws);
    walk_forget_orders(ws);
    page_unref(p);
}

void pages_set_id(struct workspace *ws, struct page *p, const char *id)
{
    struct page *twin = pages_find_id(ws, id);
    page_scratch(p); /* known by its old key */
    batch_let_removed_go(ws, id);
    if (twin) { /* a sweep saw the new page before its POST was answered */
        page_detach(twin);
        pages_remove(ws, twin);
    }
    p->id = xstrdup(id);
    p->unkept = true;
    archived_give_back(ws, p);
    page_rekey(p);
    p->seen = ws->sweep;
    if (p->listed)
        HASH_ADD_KEYPTR(hh_id, ws->by_id, p->id, strlen(p->id), p);
    page_changed(p); /* it has views, and what was beside the page of that id */
}

/* ---- a sweep's result -------------------------------------------------------- */

struct summary {
    const struct platform_page *page; /* borrowed */
    bool named;                       /* it has a name on this machine already */
    struct page *taken;               /* what it became; NULL: nothing */
};

/* What has a name keeps it, so those come first; else of two pages that want one name,
 * the older gets it. */
static int summary_compare(const void *a, const void *b)
{
    bool named_x = ((const struct summary *)a)->named;
    bool named_y = ((const struct summary *)b)->named;
    const struct platform_page *x = ((const struct summary *)a)->page;
    const struct platform_page *y = ((const struct summary *)b)->page;
    struct timespec tx;
    struct timespec ty;
    if (named_x != named_y)
        return named_x ? -1 : 1;
    if (clock_parse(x->created_at, &tx) && clock_parse(y->created_at, &ty)) {
        if (tx.tv_sec != ty.tv_sec)
            return tx.tv_sec < ty.tv_sec ? -1 : 1;
        if (tx.tv_nsec != ty.tv_nsec)
            return tx.tv_nsec < ty.tv_nsec ? -1 : 1;
    }
    return strcmp(x->id, y->id);
}

/* A page renamed elsewhere gets the directory of its new name; a name that was given here
 * is kept until then. */
static void list_rename(struct workspace *ws, struct page *p, const char *name)
{
    cleanup_free char *slug = name_slug(name);
    if (p->slug && !strcmp(p->slug, slug))
        return;
    free(p->slug);
    p->slug = steal_ptr(slug);
    if (p->own_dir && (!p->name || !strcmp(p->name, name ? name : "")))
        return;
    page_ref(p);
    page_changed_elsewhere(p, CHANGE_GONE, p->dir);
    pages_remove(ws, p);
    cleanup_free char *dir = pages_free_name(ws, p->slug, p->id);
    pages_insert(ws, p, dir);
    page_changed_elsewhere(p, CHANGE_CAME, p->dir);
    p->moved = true;
    page_changed(p);
    p->own_dir = false;
    page_unref(p);
}

/* Of a page that somebody here has read it is told which file it is that changed: then it
 * is read again. */
static void list_changed(struct page *p)
{
    bool was_read = p->body == BODY_READY || p->body == BODY_SHED;
    page_drop_body(p);
    free(steal_ptr(p->token)); /* a cached body of it is as old */
    if (!was_read)
        page_changed_somehow(p);
    else if (p->ws->watchers)
        page_want_body(p);
}

static void list_take_known(struct workspace *ws, struct page *p,
                            const struct platform_page *from)
{
    bool changed =
        from->token && (!p->list_token || strcmp(p->list_token, from->token) != 0);
    /* A draft keeps its body: asked again later. */
    if (changed && (!page_is_dirty(p) || !p->list_token)) {
        bool known = p->token && !strcmp(p->token, from->token);
        free(p->list_token);
        p->list_token = xstrdup(from->token);
        if (!known)
            list_changed(p);
    }
    list_rename(ws, p, from->name);
    page_take_fields(p, from);
    if (p->body == BODY_NONE || p->body == BODY_FETCHING)
        page_set_info(p, present_info(from));
}

/* A name once given on this machine stays until the page is renamed. */
static void list_recall(struct workspace *ws, struct page *p, struct known *known,
                        const char *name)
{
    bool same = known->name && name && !strcmp(known->name, name);
    bool keep =
        same && name_is_component(known->dir) && !pages_name_taken(ws, known->dir);
    cleanup_free char *dir =
        keep ? xstrdup(known->dir) : pages_free_name(ws, p->slug, p->id);
    pages_insert(ws, p, dir);
    p->own_dir = keep && known->own_dir;
    p->name = xstrdup(name);
    p->unkept = !keep;
    known_give_params(known, p);
}

static struct page *list_take_new(struct workspace *ws, const struct platform_page *from)
{
    struct known *known = known_take(ws, from->id);
    struct page *p = page_new(ws, known ? known->key : NULL, from->id, false);
    p->slug = name_slug(from->name);
    if (known) {
        list_recall(ws, p, known, from->name);
    } else {
        cleanup_free char *dir = pages_free_name(ws, p->slug, p->id);
        pages_insert(ws, p, dir);
    }
    page_unref(p); /* the table's reference remains */
    known_free(known);
    p->list_token = xstrdup(from->token);
    page_take_fields(p, from);
    page_set_info(p, present_info(from));
    if (ws->listed_once)
        page_changed_elsewhere(p, CHANGE_CAME, p->dir);
    return p;
}

/* A platform that lists archived pages beside the others says so in their status. */
static bool summary_is_archived(const struct platform_page *from)
{
    return from->status && !strcmp(from->status, "archived");
}

/* This list was on its way while we changed the page: it may be the older of the two. */
static bool page_is_ahead(const struct page *p)
{
    return p->save || p->archiving || p->changed_in == p->ws->sweep;
}

static bool list_is_gone(struct workspace *ws, const char *id)
{
    struct gone_id *g;
    if (batch_has_removed(ws, id))
        return true;
    LL_FOREACH (ws->gone, g)
        if (!strcmp(g->id, id))
            return true;
    return false;
}

void list_forget_gone(struct workspace *ws)
{
    struct gone_id *g;
    struct gone_id *tmp;
    LL_FOREACH_SAFE(ws->gone, g, tmp)
    {
        free(g->id);
        free(g);
    }
    ws->gone = NULL;
}

void list_note_gone(struct workspace *ws, const char *id)
{
    if (!ws->listing)
        return;
    struct gone_id *g = xcalloc(1, sizeof *g);
    g->id = xstrdup(id);
    LL_PREPEND(ws->gone, g);
}

/* NULL: it is no page to be shown. */
static struct page *list_take_page(struct workspace *ws, const struct platform_page *from)
{
    if (!from->id || !*from->id || summary_is_archived(from) ||
        list_is_gone(ws, from->id))
        return NULL;
    struct page *p = pages_find_id(ws, from->id);
    if (!p)
        p = list_take_new(ws, from);
    else if (!page_is_ahead(p))
        list_take_known(ws, p, from);
    return p;
}

static void list_keep(struct workspace *ws, const struct summary *s,
                      struct state_change *c)
{
    struct page *p = s->taken;
    if (!p)
        return;
    p->seen = ws->sweep;
    list_cache_take(p, s->page);
    keep_place(c, p);
    if (keep_is_interrupted(p))
        page_want_body(p);
}

/* What a user wrote does not go out of sight: the files beside it are in archived/ from
 * now on. It may come back under the name that it has here. */
static void list_drop(struct workspace *ws, struct page *p)
{
    log_info("page %s is gone from the platform", p->dir);
    list_cache_drop(p);
    page_ref(p);
    page_changed_elsewhere(p, CHANGE_GONE, p->dir);
    known_put(ws, p);
    page_scratch(p); /* cut loose with the rest */
    page_detach(p);
    pages_remove(ws, p);
    archived_take(ws, p);
    page_unref(p);
}

/* What the sweep did not have is gone, except what was made or changed here meanwhile,
 * and what has a draft: that stays, with the files beside it, until it is dealt with. */
static void list_drop_unseen(struct workspace *ws)
{
    struct page *p;
    struct page *tmp;
    HASH_ITER (hh_name, ws->by_name, p, tmp) {
        if (p->id && p->seen < ws->sweep && !page_is_dirty(p) && !page_is_ahead(p))
            list_drop(ws, p);
    }
}

bool list_has_name(struct workspace *ws, const char *id)
{
    return id && (pages_find_id(ws, id) || known_has(ws, id));
}

static struct summary *list_order(struct workspace *ws, const struct platform_page *pages,
                                  size_t n)
{
    struct summary *order = xcalloc(n + 1, sizeof *order);
    for (size_t i = 0; i < n; i++)
        order[i] = (struct summary){&pages[i], list_has_name(ws, pages[i].id), NULL};
    qsort(order, n, sizeof *order, summary_compare);
    return order;
}

void list_take_cached(struct workspace *ws, const struct platform_page *pages,
                      size_t count)
{
    cleanup_free struct summary *order = list_order(ws, pages, count);
    for (size_t i = 0; i < count; i++) {
        struct page *p = list_take_page(ws, order[i].page);
        if (p)
            p->summary_sum = list_cache_sum(order[i].page);
    }
}

static void list_apply(struct workspace *ws, const struct platform_answer *answer)
{
    size_t n = answer->page_count;
    cleanup_free struct summary *order = list_order(ws, answer->pages, n);
    struct state_change *c = n ? keep_begin(ws) : NULL;
    list_cache_begin(ws);
    for (size_t i = 0; i < n; i++)
        order[i].taken = list_take_page(ws, order[i].page);
    /* Apart from the first loop: what lives on and what does not lie apart in memory. */
    for (size_t i = 0; i < n; i++)
        list_keep(ws, &order[i], c);
    keep_end(ws, c);
    list_drop_unseen(ws);
    list_cache_end(ws);
    archived_swept(ws);
    ws->listed_once = true;
    ws->swept_ms = clock_ms();
}

static void list_look(struct workspace *ws)
{
    if (ws->listed_once && clock_ms() - ws->tried_ms > ws->config.refresh_ms)
        list_sweep(ws, HTTP_BACKGROUND);
}

static void list_done(void *arg, const struct platform_answer *answer)
{
    struct workspace *ws = arg;
    ws_lock(ws);
    ws->listing = false;
    if (!answer->err) {
        list_apply(ws, answer);
        list_ask_me(ws);
        workspace_forgot(ws); /* as it came it takes as much as what is kept of it */
    }
    list_forget_gone(ws);
    struct wait *waits = wait_take(&ws->list_waits);
    changes_look_later(ws);
    ws_unlock(ws);
    if (answer->err)
        log_warning("the list of pages cannot be read: %s", answer->message);
    wait_run(waits, answer->err);
}

void list_sweep(struct workspace *ws, enum http_class class)
{
    struct platform_call call = {class, 0, list_done, ws, wait_who(ws->list_waits)};
    if (ws->listing)
        return;
    ws->listing = true;
    ws->tried_ms = clock_ms();
    ws->sweep++;
    platform_pages_list(ws->config.platform, NULL, &call);
}

/* ---- the face ---------------------------------------------------------------- */

void workspace_pages_used(struct workspace *ws)
{
    ws_lock(ws);
    list_look(ws);
    ws_unlock(ws);
}

int workspace_pages_ready(struct workspace *ws, struct wait *w)
{
    int err = 0;
    ws_lock(ws);
    if (!ws->listed_once) {
        wait_add(&ws->list_waits, w);
        list_sweep(ws, HTTP_INTERACTIVE);
        err = -EINPROGRESS;
    } else {
        list_look(ws);
    }
    ws_unlock(ws);
    return err;
}

int workspace_refresh(struct workspace *ws, struct wait *w)
{
    ws_lock(ws);
    wait_add(&ws->list_waits, w);
    list_sweep(ws, HTTP_INTERACTIVE);
    ws_unlock(ws);
    return -EINPROGRESS;
}

void workspace_each_page(struct workspace *ws, page_visit_fn *fn, void *arg)
{
    struct page *p;
    struct page *tmp;
    ws_lock(ws);
    HASH_ITER (hh_name, ws->by_name, p, tmp)
        fn(arg, p->dir, p);
    ws_unlock(ws);
}

void workspace_each_id(struct workspace *ws, page_visit_fn *fn, void *arg)
{
    struct page *p;
    struct page *tmp;
    ws_lock(ws);
    HASH_ITER (hh_id, ws->by_id, p, tmp)
        fn(arg, p->id, p);
    ws_unlock(ws);
}

int64_t workspace_refresh_ms(const struct workspace *ws)
{
    return ws->config.refresh_ms;
}

struct page *workspace_find_page(struct workspace *ws, const char *name)
{
    ws_lock(ws);
    struct page *p = page_ref(pages_find(ws, name));
    if (p)
        p->moved = false; /* by this name it is found from now on */
    ws_unlock(ws);
    return p;
}

struct page *workspace_find_id(struct workspace *ws, const char *id)
{
    ws_lock(ws);
    struct page *p = page_ref(pages_find_id(ws, id));
    ws_unlock(ws);
    return p;
}

int workspace_page_make(struct workspace *ws, const char *name, struct page **ret_page)
{
    int err = 0;
    if (!name_is_component(name) || !json_utf8_valid(name, strlen(name), NULL))
        return -EINVAL; /* the platform could not be told such a name */
    ws_lock(ws);
    if (pages_name_taken(ws, name)) {
        err = -EEXIST;
    } else if (!ws->writable) {
        err = workspace_refuse(ws, name);
    } else {
        struct page *p = page_new(ws, NULL, NULL, false);
        p->own_dir = true;
        pages_insert(ws, p, name);
        keep_place_now(p);
        *ret_page = p;
    }
    ws_unlock(ws);
    return err;
}
