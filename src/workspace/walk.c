#include "workspace/walk.h"

#include <string.h>

#include "base/clock.h"
#include "workspace/names.h"

enum {
    WALK_PAUSE_MS = 2000, /* a step later than this is of another walk */
    WALK_GAP = 2,         /* a step's length, while it may be chance */
    WALK_GAP_MAX = 8,     /* later, beside what was asked for ahead */
    WALK_CERTAIN = 2,     /* steps in a row by one order that are no chance */
    WALK_FIRST = 8,       /* pages ahead, at first */
};

/* ---- orders -------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
    const struct page *x = *(struct page *const *)a;
    const struct page *y = *(struct page *const *)b;
    return strcmp(x->dir, y->dir);
}

static int compare_numbers(uint64_t x, uint64_t y)
{
    return x < y ? -1 : x > y;
}

static int compare_listed(const void *a, const void *b)
{
    const struct page *x = *(struct page *const *)a;
    const struct page *y = *(struct page *const *)b;
    return compare_numbers(name_order(x->dir), name_order(y->dir));
}

static int compare_inodes(const void *a, const void *b)
{
    const struct page *x = *(struct page *const *)a;
    const struct page *y = *(struct page *const *)b;
    return compare_numbers(x->ino, y->ino);
}

static int (*const comparers[WALK_ORDERS])(const void *a, const void *b) = {
    compare_names, compare_listed, compare_inodes};

void walk_forget_orders(struct workspace *ws)
{
    for (int i = 0; i < WALK_ORDERS; i++) {
        free(ws->walks.orders[i]);
        ws->walks.orders[i] = NULL;
    }
    ws->walks.count = 0;
}

static void walk_make_orders(struct workspace *ws)
{
    struct walks *w = &ws->walks;
    struct page *p;
    struct page *tmp;
    size_t n = HASH_CNT(hh_name, ws->by_name);
    if (w->count == n)
        return;
    walk_forget_orders(ws);
    struct page **all = xcalloc(n + 1, sizeof *all);
    HASH_ITER (hh_name, ws->by_name, p, tmp)
        all[w->count++] = p;
    for (int i = 0; i < WALK_ORDERS; i++) {
        w->orders[i] = i ? xcalloc(n + 1, sizeof *all) : all;
        memcpy(w->orders[i], all, n * sizeof *all);
        qsort(w->orders[i], n, sizeof *all, comparers[i]);
    }
}

/* Where p stands in that order; -1: it is in no table. */
static long order_position(const struct walks *w, int order, struct page *p)
{
    struct page **at =
        w->count ? bsearch(&p, w->orders[order], w->count, sizeof p, comparers[order])
                 : NULL;
    return at ? (long)(at - w->orders[order]) : -1;
}

/* ---- walks --------------------------------------------------------------------- */

/* How far ahead the next step of a walk may be: what was read before is passed over. */
static long trail_reach(const struct trail *t, int order)
{
    return t->streak[order] < WALK_CERTAIN ? WALK_GAP : WALK_GAP_MAX + (long)t->window;
}

static bool trail_leads_to(const struct trail *t, int order, long position)
{
    long step = position - t->position[order];
    return step > 0 && step <= trail_reach(t, order);
}

static bool trail_leads_on(const struct trail *t, const long position[WALK_ORDERS])
{
    for (int order = 0; order < WALK_ORDERS; order++)
        if (trail_leads_to(t, order, position[order]))
            return true;
    return false;
}

/* The walk of which this is a step; where it is of none, the place of the oldest, for what
 * may become one. */
static struct trail *trail_find(struct walks *w, const long position[WALK_ORDERS],
                                int64_t now_ms)
{
    struct trail *oldest = &w->trails[0];
    for (size_t i = 0; i < WALK_TRAILS; i++) {
        struct trail *t = &w->trails[i];
        if (t->at_ms && now_ms - t->at_ms <= WALK_PAUSE_MS && trail_leads_on(t, position))
            return t;
        if (t->at_ms < oldest->at_ms)
            oldest = t;
    }
    *oldest = (struct trail){0};
    return oldest;
}

/* By which orders it goes on; the one by which it has longest, -1: by none for certain. */
static int trail_go(struct trail *t, const long position[WALK_ORDERS], int64_t now_ms)
{
    int best = 0;
    for (int order = 0; order < WALK_ORDERS; order++) {
        bool on = t->at_ms && trail_leads_to(t, order, position[order]);
        t->streak[order] = on ? t->streak[order] + 1 : 0;
        t->position[order] = position[order];
        if (t->streak[order] > t->streak[best])
            best = order;
    }
    t->at_ms = now_ms;
    return t->streak[best] < WALK_CERTAIN ? -1 : best;
}

static void walk_fetch(struct workspace *ws, const struct trail *t, int order)
{
    struct walks *w = &ws->walks;
    size_t from = (size_t)t->position[order] + 1;
    size_t to = from + t->window < w->count ? from + t->window : w->count;
    for (size_t i = from; i < to && w->under_way < ws->config.read_ahead; i++) {
        struct page *p = w->orders[order][i];
        if (!p->id || p->body != BODY_NONE)
            continue;
        p->ahead = true;
        w->under_way++;
        page_want_body(p);
    }
}

static bool walk_locate(struct page *p, long ret_position[WALK_ORDERS])
{
    for (int order = 0; order < WALK_ORDERS; order++)
        ret_position[order] = order_position(&p->ws->walks, order, p);
    return ret_position[0] >= 0;
}

static void walk_note(struct page *p, int64_t now_ms)
{
    struct workspace *ws = p->ws;
    long position[WALK_ORDERS];
    if (!walk_locate(p, position))
        return;
    struct trail *t = trail_find(&ws->walks, position, now_ms);
    int order = trail_go(t, position, now_ms);
    if (order < 0)
        return;
    t->window = t->window ? t->window * 2 : WALK_FIRST;
    if (t->window > ws->config.read_ahead)
        t->window = ws->config.read_ahead;
    walk_fetch(ws, t, order);
}

/* Orders cost something where pages are many: none is made for a step that is alone. */
void walk_step(struct page *p)
{
    struct workspace *ws = p->ws;
    struct walks *w = &ws->walks;
    struct page *first = NULL;
    int64_t now_ms = clock_ms();
    bool alone = now_ms - w->last_ms > WALK_PAUSE_MS;
    if (p->is_template || !p->listed || !ws->config.read_ahead)
        return;
    w->last_ms = now_ms;
    cleanup_free char *before = steal_ptr(w->first);
    if (alone) {
        w->first = xstrdup(p->dir);
        return;
    }
    walk_make_orders(ws);
    if (before)
        HASH_FIND(hh_name, ws->by_name, before, strlen(before), first);
    if (first)
        walk_note(first, now_ms);
    walk_note(p, now_ms);
}

void walk_arrived(struct page *p, int err)
{
    struct walks *w = &p->ws->walks;
    if (!p->ahead)
        return;
    w->under_way--;
    p->ahead = false;
    p->brought = !err;
    for (size_t i = 0; err && i < WALK_TRAILS; i++)
        w->trails[i] = (struct trail){0};
}
