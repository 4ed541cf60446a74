/* keep_load.c - what an earlier mount left comes back: pages that are only on this
 * machine, drafts, params, and the names that were given here. */
#include "workspace/keep.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "workspace/conflict.h"
#include "workspace/names.h"

/* ---- pages ------------------------------------------------------------------- */

struct load {
    struct workspace *ws;
    struct known *by_key;
};

void known_free(struct known *known)
{
    if (!known)
        return;
    free(known->key);
    free(known->id);
    free(known->dir);
    free(known->name);
    text_unref(known->params);
    free(known);
}

bool known_has(const struct workspace *ws, const char *id)
{
    struct known *known = NULL;
    HASH_FIND(hh, ws->known, id, strlen(id), known);
    return known != NULL;
}

const char *known_name(const struct workspace *ws, const char *id)
{
    struct known *known = NULL;
    HASH_FIND(hh, ws->known, id, strlen(id), known);
    return known ? known->name : NULL;
}

struct known *known_take(struct workspace *ws, const char *id)
{
    struct known *known = NULL;
    HASH_FIND(hh, ws->known, id, strlen(id), known);
    if (known)
        HASH_DEL(ws->known, known);
    return known;
}

void known_put(struct workspace *ws, struct page *p)
{
    const struct doc *params = page_doc_of(p, PAGE_PARAMS);
    struct known *known = xcalloc(1, sizeof *known);
    known->key = xstrdup(p->key);
    known->id = xstrdup(p->id);
    known->dir = xstrdup(p->dir);
    known->name = xstrdup(p->name);
    known->own_dir = p->own_dir;
    known->params = params->own ? text_ref(params->shown) : NULL;
    known->params_mtime = params->mtime;
    known_free(known_take(ws, p->id));
    HASH_ADD_KEYPTR(hh, ws->known, known->id, strlen(known->id), known);
}

void known_give_params(struct known *known, struct page *p)
{
    if (!known->params)
        return;
    struct doc *params = page_doc_of(p, PAGE_PARAMS);
    text_replace(&params->shown, text_ref(known->params));
    params->mtime = known->params_mtime;
    params->own = true;
    params->present = true;
}

static void load_page(void *arg, const struct state_page *row)
{
    struct load *load = arg;
    struct known *known = xcalloc(1, sizeof *known);
    known->key = xstrdup(row->key);
    known->id = xstrdup(row->id);
    known->dir = xstrdup(row->dir);
    known->name = xstrdup(row->name);
    known->own_dir = row->own_dir;
    HASH_ADD_KEYPTR(hh_key, load->by_key, known->key, strlen(known->key), known);
}

/* A page that is there before the platform is asked. */
static void known_make_page(struct load *load, struct known *known)
{
    struct workspace *ws = load->ws;
    if (known->page)
        return;
    const char *wanted = name_is_component(known->dir) ? known->dir : "page";
    cleanup_free char *dir = pages_free_name(ws, wanted, known->key);
    struct page *p = page_new(ws, known->key, known->id, false);
    p->name = xstrdup(known->name);
    p->slug = known->name ? name_slug(known->name) : NULL;
    p->own_dir = known->own_dir;
    pages_insert(ws, p, dir);
    p->unkept = strcmp(dir, known->dir) != 0;
    known->page = p;
    page_unref(p); /* the table's reference remains */
}

/* ---- drafts ------------------------------------------------------------------ */

/* The file holds this text: tried already, so a close that wrote nothing sends nothing,
 * and a new save does. */
static void doc_hold(struct doc *d, const struct state_draft *row)
{
    struct item *it = item_new(d->page->ws, ITEM_FILE, 0644);
    doc_bind(d, it);
    item_put_text(it, row->text);
    it->mtime = it->ctime = row->mtime;
    it->seq = it->tried_seq = 1;
    item_unref(it);
    d->waiting = row->stage == STATE_WAITING;
    d->interrupted = row->stage == STATE_SAVING;
    text_replace(&d->draft_base, text_ref(row->base));
    text_replace(&d->base, text_ref(row->base));
}

static void doc_take_problem(struct doc *d, const struct state_draft *row)
{
    if (row->stage != STATE_REFUSED || d->problem)
        return;
    text_replace(&d->problem, text_ref(row->problem));
    text_replace(&d->verdict, text_ref(row->verdict));
}

static void doc_set_aside(struct doc *d, struct text *text)
{
    struct text *refused = steal_ptr(d->refused);
    d->refused = text;
    doc_keep_rejected(d);
    d->refused = refused;
}

/* In the order in which they were written. A refused text that was moved onto the file
 * stands beside it (and the user may have changed it there since); of all others the file
 * holds the newest. */
static void doc_take_draft(struct doc *d, const struct state_draft *row)
{
    text_replace(&d->kept[row->slot], text_ref(row->text));
    doc_take_problem(d, row);
    conflict_recall(d);
    if (row->slot == STATE_MOVED && row->stage == STATE_REFUSED) {
        if (doc_has_rejected(d))
            d->rejected = true;
        else
            doc_set_aside(d, row->text);
        text_replace(&d->refused, text_ref(row->text)); /* the newest that was */
        return;
    }
    cleanup_text struct text *before = d->file ? doc_text(d) : NULL;
    doc_hold(d, row);
    d->moved_held = row->slot == STATE_MOVED;
    if (before && !text_equal(before, row->text))
        doc_set_aside(d, before);
    if (row->stage == STATE_REFUSED)
        text_replace(&d->refused, text_ref(row->text));
}

static void load_draft(void *arg, const struct state_draft *row)
{
    struct load *load = arg;
    struct known *known = NULL;
    int which = page_file_find(row->file);
    HASH_FIND(hh_key, load->by_key, row->key, strlen(row->key), known);
    if (!known || which < 0 || !page_file_is_doc((enum page_file)which)) {
        log_warning("state.db: a draft of %s of no known page is left alone", row->file);
        return;
    }
    known_make_page(load, known);
    doc_take_draft(page_doc_of(known->page, (enum page_file)which), row);
}

static void load_params(void *arg, const struct state_text *row)
{
    struct load *load = arg;
    struct known *known = NULL;
    HASH_FIND(hh_key, load->by_key, row->key, strlen(row->key), known);
    if (!known)
        return;
    text_replace(&known->params, text_ref(row->shown));
    known->params_mtime = row->when;
}

/* ---- all of it --------------------------------------------------------------- */

/* A create was under way: the platform may have the page, with this spec. */
static void page_note_lost(struct page *p)
{
    if (!p->id && keep_is_interrupted(p))
        p->lost = doc_text(page_doc_of(p, PAGE_SPEC));
}

static void load_finish(struct load *load)
{
    struct known *known;
    struct known *tmp;
    HASH_ITER (hh_key, load->by_key, known, tmp) {
        HASH_DELETE(hh_key, load->by_key, known);
        if (!known->id)
            known_make_page(load, known);
        if (!known->page) {
            HASH_ADD_KEYPTR(hh, load->ws->known, known->id, strlen(known->id), known);
            continue;
        }
        known_give_params(known, known->page);
        page_note_lost(known->page);
        known_free(known);
    }
}

int keep_open(struct workspace *ws, char **ret_reason)
{
    static const struct state_visitor visitor = {load_page, load_draft, load_params};
    struct load load = {.ws = ws};
    const struct workspace_config *config = &ws->config;
    if (!config->state_dir)
        return 0;
    int err = state_open(config->state_dir, config->loop, &ws->state, ret_reason);
    if (err)
        return err;
    err = state_load(ws->state, &visitor, &load);
    load_finish(&load);
    if (err)
        *ret_reason = xasprintf("%s/state.db is damaged; it is left as it is. It holds "
                                "the drafts of this workspace: move it away, do not "
                                "remove it, to begin a new one",
                                config->state_dir);
    return err;
}

void keep_close(struct workspace *ws)
{
    struct known *known;
    struct known *tmp;
    HASH_ITER (hh, ws->known, known, tmp) {
        HASH_DEL(ws->known, known);
        known_free(known);
    }
    state_close(steal_ptr(ws->state));
}
