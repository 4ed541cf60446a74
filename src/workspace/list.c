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

struct page *pages_find_id(struct workspace *ws, const char *id)
{
    struct page *p = NULL;
    HASH_FIND(hh_id, ws->by_id, id, strlen(id), p);
    return p;
}

bool pages_has_name(struct workspace *ws, const char *dir)
{
    return pages_find(ws, dir) || overlay_has(ws->overlay->pages, dir);
}

static bool pages_name_taken(void *arg, const char *dir)
{
    return pages_has_name(arg, dir);
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

/* ---- the face ---------------------------------------------------------------- */

static void list_look(struct workspace *ws)
{
    if (ws->listed_once && clock_ms() - ws->tried_ms > ws->config.refresh_ms)
        list_sweep(ws, HTTP_BACKGROUND);
}

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
