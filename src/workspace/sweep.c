/* sweep.c - the platform's list, taken in as it comes.
 *
 * Each part of it is taken into the table when it is here, so that a list of any length
 * takes no more memory than a few parts. A page that this machine has not seen waits for the
 * end with nothing but its summary: of two new ones that want one name the older gets it, and
 * which that is only the whole list tells. What the list did not have is dropped at its end
 * alone; one that was not read to its end takes nothing away.
 *
 * The first `ls` of a mount without a cached list waits for that end too. Entries could be
 * given as they come, but a listing that lacks pages is no listing to rsync --delete and git,
 * and their names would not be final. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "workspace/archived.h"
#include "workspace/batch.h"
#include "workspace/body.h"
#include "workspace/keep.h"
#include "workspace/names.h"
#include "workspace/present.h"
#include "workspace/shed.h"
#include "workspace/since.h"

/* ---- a summary of a page that is known ------------------------------------------ */

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
    /* A draft keeps its body, where that is here: asked again later. */
    bool kept = page_is_dirty(p) && (p->body == BODY_READY || p->body == BODY_SHED);
    if (changed && (!kept || !p->list_token)) {
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
    bool keep = same && name_is_component(known->dir) && !pages_has_name(ws, known->dir);
    cleanup_free char *dir =
        keep ? xstrdup(known->dir) : pages_free_name(ws, p->slug, p->id);
    pages_insert(ws, p, dir);
    p->own_dir = keep && known->own_dir;
    p->unkept = !keep;
    known_give_params(known, p);
}

static struct page *page_of_summary(struct workspace *ws, struct known *known,
                                    const struct platform_page *from)
{
    struct page *p = page_new(ws, known ? known->key : NULL, from->id, false);
    p->slug = name_slug(from->name);
    p->list_token = xstrdup(from->token);
    page_take_fields(p, from);
    page_set_info(p, present_info(from));
    return p;
}

/* The table has the page, by its name: of a new one the caller's reference is taken over. */
static void list_tell_new(struct page *p)
{
    if (p->ws->listed_once)
        page_changed_elsewhere(p, CHANGE_CAME, p->dir);
    page_unref(p);
}

static struct page *list_take_named(struct workspace *ws,
                                    const struct platform_page *from)
{
    struct known *known = known_take(ws, from->id);
    struct page *p = page_of_summary(ws, known, from);
    list_recall(ws, p, known, from->name);
    list_tell_new(p);
    known_free(known);
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
    return p->save || p->archiving || (p->changed_in && p->changed_in == p->ws->sweep);
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

/* It is no page to be shown. */
static bool list_passes_by(struct workspace *ws, const struct platform_page *from)
{
    return !from->id || !*from->id || summary_is_archived(from) ||
           list_is_gone(ws, from->id);
}

/* NULL: it has no name here yet. */
static struct page *list_take_page(struct workspace *ws, const struct platform_page *from)
{
    struct page *p = pages_find_id(ws, from->id);
    if (!p && known_has(ws, from->id))
        p = list_take_named(ws, from);
    else if (p && !page_is_ahead(p))
        list_take_known(ws, p, from);
    return p;
}

/* A sweep of this mount has it. */
static void list_keep(struct page *p, const struct platform_page *from,
                      struct state_change *c)
{
    p->seen = p->ws->sweep;
    list_cache_take(p, from);
    page_shed_info(p);
    keep_place(c, p);
    if (keep_is_interrupted(p))
        page_want_body(p);
}

/* ---- pages that have no name here yet -------------------------------------------- */

struct arrival {
    struct page *page; /* in no table yet; a reference */
    struct timespec created;
};

/* NULL: it came already, in a list that changed while it was read. */
static struct page *arrival_take(struct workspace *ws, const struct platform_page *from)
{
    if (!strset_add(&ws->arrival_ids, from->id))
        return NULL;
    if (ws->arrival_count == ws->arrival_cap) {
        ws->arrival_cap = ws->arrival_cap ? 2 * ws->arrival_cap : 64;
        ws->arrivals = xrealloc(ws->arrivals, ws->arrival_cap * sizeof *ws->arrivals);
    }
    struct arrival *n = &ws->arrivals[ws->arrival_count++];
    n->page = page_of_summary(ws, NULL, from);
    if (!clock_parse(from->created_at, &n->created))
        n->created = (struct timespec){0};
    return n->page;
}

/* Of two pages that want one name, the older gets it; those without a time go by id. */
static int arrival_compare(const void *a, const void *b)
{
    const struct arrival *x = a;
    const struct arrival *y = b;
    if (x->created.tv_sec && y->created.tv_sec) {
        if (x->created.tv_sec != y->created.tv_sec)
            return x->created.tv_sec < y->created.tv_sec ? -1 : 1;
        if (x->created.tv_nsec != y->created.tv_nsec)
            return x->created.tv_nsec < y->created.tv_nsec ? -1 : 1;
    }
    return strcmp(x->page->id, y->page->id);
}

/* Takes the reference over. One that was made here has come by its POST meanwhile. */
static void arrival_settle(struct workspace *ws, struct page *p, struct state_change *c)
{
    if (pages_find_id(ws, p->id) || list_is_gone(ws, p->id)) {
        page_unref(p);
        return;
    }
    cleanup_free char *dir = pages_free_name(ws, p->slug, p->id);
    pages_insert(ws, p, dir);
    keep_place(c, p);
    list_tell_new(p);
}

static void arrivals_forget(struct workspace *ws)
{
    free(steal_ptr(ws->arrivals));
    ws->arrival_count = ws->arrival_cap = 0;
    strset_clear(&ws->arrival_ids);
}

static void arrivals_settle(struct workspace *ws, bool keep)
{
    enum { AT_ONCE = 1000 }; /* rows of a change, which are held until it is written */
    struct state_change *c = NULL;
    if (ws->arrival_count)
        qsort(ws->arrivals, ws->arrival_count, sizeof *ws->arrivals, arrival_compare);
    for (size_t i = 0; i < ws->arrival_count; i++) {
        if (keep && i % AT_ONCE == 0) {
            keep_end(ws, c);
            c = keep_begin(ws);
        }
        arrival_settle(ws, ws->arrivals[i].page, c);
    }
    keep_end(ws, c);
    arrivals_forget(ws);
}

static void arrivals_drop(struct workspace *ws)
{
    for (size_t i = 0; i < ws->arrival_count; i++)
        page_unref(ws->arrivals[i].page);
    arrivals_forget(ws);
}

/* ---- pages that are gone ---------------------------------------------------------- */

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

/* ---- the list of an earlier mount -------------------------------------------------- */

/* NULL: it is no page to be shown. */
static struct page *list_take(struct workspace *ws, const struct platform_page *from)
{
    if (list_passes_by(ws, from))
        return NULL;
    struct page *p = list_take_page(ws, from);
    return p ? p : arrival_take(ws, from);
}

void list_take_cached(struct workspace *ws, const struct platform_page *from)
{
    struct page *p = list_take(ws, from);
    if (!p)
        return;
    p->summary_sum = list_cache_sum(from);
    page_shed_info(p);
}

void list_end_cached(struct workspace *ws)
{
    arrivals_settle(ws, false);
}

/* ---- a sweep ------------------------------------------------------------------------ */

static void list_part(void *arg, const struct platform_page *pages, size_t count)
{
    struct workspace *ws = arg;
    ws_lock(ws);
    since_look(ws, pages, count);
    struct state_change *c = keep_begin(ws);
    for (size_t i = 0; i < count; i++) {
        struct page *p = list_take(ws, &pages[i]);
        if (p)
            list_keep(p, &pages[i], c);
    }
    keep_end(ws, c);
    list_cache_flush(ws);
    ws_unlock(ws);
}

static void list_complete(struct workspace *ws, bool whole)
{
    arrivals_settle(ws, true);
    if (whole)
        list_drop_unseen(ws);
    list_cache_end(ws);
    archived_swept(ws);
    ws->listed_once = true;
    ws->swept_ms = clock_ms();
    list_ask_me(ws);
    workspace_forgot(ws); /* as it came it takes more than what is kept of it */
}

static void list_begin(struct workspace *ws, enum http_class class);

/* Lock held, released. */
static void list_end(struct workspace *ws, const struct platform_answer *answer)
{
    list_forget_gone(ws);
    struct wait *waits = wait_take(&ws->list_waits);
    changes_look_later(ws);
    ws_unlock(ws);
    if (answer->err)
        log_warning("the list of pages cannot be read: %s", answer->message);
    wait_run(waits, answer->err);
}

static void list_done(void *arg, const struct platform_answer *answer)
{
    struct workspace *ws = arg;
    ws_lock(ws);
    ws->listing = false;
    enum since_end end = since_end(ws, answer->err);
    if (answer->err) {
        arrivals_drop(ws);
        list_cache_break_off(ws);
    } else {
        list_complete(ws, end == SINCE_WHOLE);
    }
    if (end == SINCE_DOUBT) {
        list_begin(ws, ws->list_waits ? HTTP_INTERACTIVE : HTTP_BACKGROUND);
        ws_unlock(ws);
    } else {
        list_end(ws, answer);
    }
}

static void list_begin(struct workspace *ws, enum http_class class)
{
    struct platform_call call = {class, 0, list_done, ws, wait_who(ws->list_waits)};
    ws->listing = true;
    ws->tried_ms = clock_ms();
    ws->sweep++;
    list_cache_begin(ws);
    const struct platform_query query = {.updated_since = since_begin(ws, class),
                                         .part = list_part};
    platform_pages_list(ws->config.platform, &query, &call);
}

void list_sweep(struct workspace *ws, enum http_class class)
{
    if (!ws->listing)
        list_begin(ws, class);
    else if (class == HTTP_INTERACTIVE)
        since_want_whole(ws);
}
