/* shed.c - which texts go, how, and how they come back. */
#include "workspace/shed.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>

#include "base/clock.h"
#include "json/json.h"
#include "workspace/cache.h"
#include "workspace/conflict.h"
#include "workspace/overlay.h"
#include "workspace/render_model.h"
#include "workspace/sql.h"

/* Bytes of texts that stay; so many pages are looked at for one that may go; what was asked
 * for by others than open() keeps its texts so long; so long after the kernel forgot
 * something, what was kept for it alone goes. */
enum { LOADED_BYTES = 2 << 20, SHED_TRIES = 32, LEASE_MS = 10000, TRIM_MS = 1000 };

/* ---- may it go? ------------------------------------------------------------------ */

static bool doc_may_shed(const struct doc *d)
{
    const struct item *it = d->file;
    if (d->which == PAGE_PARAMS)
        return true;
    if (!d->present || !d->shown || !d->remote || d->own || d->problem || d->refused ||
        d->theirs || d->draft_base || d->base || d->past || d->waiting || d->staged ||
        d->interrupted || d->rejected || !conflict_may_shed(d))
        return false;
    return !it || !(it->dirty || it->orphan || overlay_is_open(d->file));
}

static bool page_may_shed(const struct page *p)
{
    if (p->body != BODY_READY || p->stale || p->unsure || p->body_waits || p->archiving ||
        !p->listed || page_is_dirty(p) || clock_ms() - p->leased_ms < LEASE_MS)
        return false;
    for (int i = 0; i < page_docs(p); i++)
        if (!doc_may_shed(&p->docs[i]))
            return false;
    return sql_may_shed(p);
}

/* ---- going ----------------------------------------------------------------------- */

/* Whatever the blanks in which it came. */
static uint64_t value_sum(const struct text *value)
{
    cleanup_buf struct buf compact = BUF_INIT;
    struct json_limits limits = JSON_LIMITS_WIRE;
    struct json_span root;
    if (json_check(value->data, value->len, &limits, &root, NULL) != 0)
        return 0;
    json_compact(&compact, value->data, root);
    return cache_sum("", compact.data, compact.len);
}

static void doc_shed(struct doc *d)
{
    if (d->which == PAGE_PARAMS)
        return;
    d->shed = true;
    d->shed_sum = value_sum(d->remote);
    d->size = d->shown->len;
    conflict_shed(d);
    text_replace(&d->shown, NULL);
    text_replace(&d->remote, NULL);
}

static void info_shed(struct page *p)
{
    if (!p->info)
        return;
    p->info_size = p->info->len;
    p->info_sum = cache_sum("", p->info->data, p->info->len);
    text_replace(&p->info, NULL);
}

static void page_shed(struct page *p)
{
    for (int i = 0; i < page_docs(p); i++)
        doc_shed(&p->docs[i]);
    sql_shed(p);
    info_shed(p);
    p->body = BODY_SHED;
}

void page_shed_info(struct page *p)
{
    if (p->ws->cache && p->body == BODY_NONE)
        info_shed(p);
}

bool page_is_shed(const struct page *p)
{
    if (p->husk)
        return true;
    for (int i = 0; i < page_docs(p); i++)
        if (p->docs[i].shed)
            return true;
    return false;
}

/* ---- coming back ----------------------------------------------------------------- */

bool doc_take_shed(struct doc *d, struct text *remote, struct text *fresh)
{
    if (!d->shed)
        return false;
    bool same = value_sum(remote) == d->shed_sum;
    /* "null" is no document's value. */
    cleanup_text struct text *base = same ? text_ref(remote) : text_from_string("null");
    d->shed = false;
    conflict_unshed(d, base);
    if (!same)
        return false;
    text_replace(&d->remote, remote);
    text_replace(&d->shown, fresh);
    return true;
}

bool page_has_info(const struct page *p, const struct text *info)
{
    if (p->info || !info || !p->info_size)
        return text_equal(p->info, info);
    return p->info_size == info->len &&
           p->info_sum == cache_sum("", info->data, info->len);
}

/* ---- who is next ------------------------------------------------------------------- */

static size_t page_bytes(const struct page *p)
{
    size_t bytes = p->info ? p->info->len : 0;
    for (int i = 0; i < page_docs(p); i++) {
        const struct doc *d = &p->docs[i];
        bytes += (d->shown ? d->shown->len : 0) + (d->remote ? d->remote->len : 0);
    }
    return bytes;
}

void shed_forget(struct page *p)
{
    struct workspace *ws = p->ws;
    if (!p->loaded_bytes)
        return;
    DL_DELETE2(ws->loaded, p, loaded_prev, loaded_next);
    ws->loaded_bytes -= p->loaded_bytes;
    p->loaded_bytes = 0;
    page_unref(p);
}

void shed_note_loaded(struct page *p)
{
    struct workspace *ws = p->ws;
    if (!ws->cache || p->is_template || !p->id)
        return;
    page_ref(p);
    shed_forget(p);
    p->loaded_bytes = page_bytes(p) + 1;
    ws->loaded_bytes += p->loaded_bytes;
    DL_APPEND2(ws->loaded, p, loaded_prev, loaded_next);
}

void shed_note_used(struct page *p)
{
    struct workspace *ws = p->ws;
    if (!p->loaded_bytes || !p->loaded_next)
        return; /* (the last one already) */
    DL_DELETE2(ws->loaded, p, loaded_prev, loaded_next);
    DL_APPEND2(ws->loaded, p, loaded_prev, loaded_next);
}

/* Those used longest ago, `tries` of them, but not p. */
static void shed_some(struct workspace *ws, const struct page *p, size_t tries)
{
    while (tries-- && ws->loaded_bytes > LOADED_BYTES && ws->loaded != p) {
        struct page *oldest = ws->loaded;
        if (page_may_shed(oldest)) {
            page_shed(oldest);
            shed_forget(oldest);
        } else {
            shed_note_used(oldest);
        }
    }
}

void shed_others(struct page *p)
{
    shed_some(p->ws, p, SHED_TRIES);
}

/* Who kept them then may be gone, and nothing comes that would shed others. */
static void shed_all(struct workspace *ws)
{
    size_t count = 0;
    struct page *p;
    DL_COUNT2(ws->loaded, p, count, loaded_next);
    shed_some(ws, NULL, count);
}

/* ---- what the kernel forgot --------------------------------------------------------- */

/* Of shed documents that nobody has in hand this is all that is to be known. */
struct husk {
    struct page *page; /* weak */
    struct {
        bool given;
        uint64_t sum;
        size_t size;
        struct timespec mtime;
    } docs[PAGE_DOCS];
};

static bool doc_may_husk(const struct doc *d)
{
    if (d->file || d->readers || d->own || !d->present || d->unlinker || d->problem ||
        d->waiting || d->staged)
        return false;
    return d->which == PAGE_PARAMS || d->shed;
}

static bool page_may_husk(const struct page *p)
{
    if (p->body != BODY_SHED || !p->docs || p->sql || page_is_dirty(p))
        return false;
    for (int i = 0; i < PAGE_DOCS; i++)
        if (!doc_may_husk(&p->docs[i]))
            return false;
    return true;
}

static void docs_husk(struct page *p, struct husk *husk)
{
    husk->page = p;
    for (int i = 0; i < PAGE_DOCS; i++) {
        struct doc *d = &p->docs[i];
        husk->docs[i].given = d->shed_given;
        husk->docs[i].sum = d->shed_sum;
        husk->docs[i].size = d->size;
        husk->docs[i].mtime = d->mtime;
        doc_finish(d);
    }
    free(steal_ptr(p->docs));
}

void docs_unhusk(struct page *p)
{
    struct husk *husk = steal_ptr(p->husk);
    for (int i = 0; husk && i < PAGE_DOCS; i++) {
        struct doc *d = &p->docs[i];
        d->shed = d->which != PAGE_PARAMS;
        d->shed_given = husk->docs[i].given;
        d->shed_sum = husk->docs[i].sum;
        d->size = husk->docs[i].size;
        d->mtime = husk->docs[i].mtime;
    }
    free(husk);
}

/* Files that only their documents know. (More are only made with the lock held.) */
static void page_trim(struct page *p)
{
    sql_trim(p);
    renders_trim(p);
    for (int i = 0; i < page_docs(p); i++) {
        struct doc *d = &p->docs[i];
        struct item *it = d->file;
        conflict_trim(d);
        if (!it || it->dirty || it->xattrs || atomic_load(&it->refs) != 1)
            continue;
        d->file = NULL;
        it->doc = NULL;
        item_unref(it);
    }
}

/* What came with a body and stays lies among what goes now: it is moved out of the way. */
static void token_put(struct page *p, struct buf *out)
{
    cleanup_free char *token = steal_ptr(p->token);
    buf_append(out, token ? token : "", token ? strlen(token) + 1 : 1);
}

static void token_take(struct page *p, const char **at)
{
    p->token = **at ? xstrdup(*at) : NULL;
    *at += strlen(*at) + 1;
}

/* All that goes goes before the little that is to stay gets its place: so the memory is
 * free in one piece. */
static void workspace_husk(struct workspace *ws)
{
    struct page *p;
    struct page *tmp;
    struct husk *husks = NULL;
    cleanup_buf struct buf tokens = BUF_INIT;
    size_t count = 0;
    size_t cap = 0;
    HASH_ITER (hh_name, ws->by_name, p, tmp) {
        page_trim(p);
        if (!page_may_husk(p))
            continue;
        if (count == cap) {
            cap = cap ? 2 * cap : 256;
            husks = xrealloc(husks, cap * sizeof *husks);
        }
        docs_husk(p, &husks[count++]);
        token_put(p, &tokens);
    }
    malloc_trim(0);
    const char *at = tokens.data;
    for (size_t i = 0; i < count; i++) {
        husks[i].page->husk = xmalloc(sizeof *husks);
        *husks[i].page->husk = husks[i];
        token_take(husks[i].page, &at);
    }
    free(husks);
}

static void workspace_trim(void *arg)
{
    struct workspace *ws = arg;
    atomic_store(&ws->trimming, false);
    ws_lock(ws);
    shed_all(ws);
    workspace_husk(ws);
    ws_unlock(ws);
    malloc_trim(0);
}

void workspace_forgot(struct workspace *ws)
{
    if (!atomic_exchange(&ws->trimming, true))
        loop_timer_set(ws->config.loop, &ws->trim, TRIM_MS, workspace_trim, ws);
}
