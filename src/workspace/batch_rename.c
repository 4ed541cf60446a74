/* batch_rename.c - a page that a batch removes in one place and makes in another. */
#include "workspace/batch.h"

#include <string.h>

#include "json/json.h"
#include "workspace/keep.h"
#include "workspace/overlay.h"

/* The id that its page.json has; malloc'ed or NULL. */
static char *page_told_id(struct page *p)
{
    cleanup_text struct text *text = doc_text(page_doc_of(p, PAGE_PAGE));
    struct json_limits limits = JSON_LIMITS_USER;
    struct json_span root;
    struct json_span id;
    if (!text || json_check(text->data, text->len, &limits, &root, NULL) != 0 ||
        !json_member(text->data, root, "id", &id))
        return NULL;
    return json_string_dup(text->data, id);
}

/* The page that was removed and is made anew as p: by its id, else by its directory. */
static struct batch_page *batch_find_removed(struct batch *b, struct page *p)
{
    struct batch_page *bp;
    cleanup_free char *id = page_told_id(p);
    DL_FOREACH (b->pages, bp)
        if (bp->removed && (id ? !strcmp(bp->page->id, id) : !strcmp(bp->was, p->dir)))
            return bp;
    return NULL;
}

static void doc_become(struct doc *d, struct doc *old)
{
    text_replace(&d->remote, steal_ptr(old->remote));
    text_replace(&d->given, steal_ptr(old->given));
    text_replace(&d->shown, steal_ptr(old->shown));
    d->own = old->own;
    d->waiting = false;
    if (!d->present && !d->unlinker) { /* it was not made anew: it is as it was there */
        d->present = true;
        d->mtime = old->mtime;
    }
}

/* p, which was made here, is the page `old` from now on, which was removed: its files are
 * drafts of that one's. */
static void page_become(struct page *p, struct page *old)
{
    struct {
        char **to, **from;
    } const strings[] = {
        {&p->name, &old->name},
        {&p->status, &old->status},
        {&p->console_url, &old->console_url},
        {&p->updated_at, &old->updated_at},
        {&p->token, &old->token},
        {&p->list_token, &old->list_token},
        {&p->slug, &old->slug},
    };
    for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
        free(*strings[i].to);
        *strings[i].to = steal_ptr(*strings[i].from);
    }
    page_make_docs(p);
    page_make_docs(old);
    for (int i = 0; i < PAGE_DOCS; i++)
        doc_become(&p->docs[i], &old->docs[i]);
    text_replace(&p->info, steal_ptr(old->info));
    text_replace(&p->verdict, steal_ptr(old->verdict));
    p->body = old->body == BODY_READY ? BODY_READY : BODY_NONE;
    p->body_ms = old->body_ms;
    p->stale = old->stale;
    p->epoch++;
    pages_set_id(p->ws, p, old->id); /* nothing is left of the old one */
    keep_place_now(p);
}

/* Not while somebody else's save makes a page of it: that is one of its own then. */
static bool page_may_become(const struct page *p)
{
    return !p->id && p->listed && !p->save;
}

void batch_join_renames(struct batch *b)
{
    struct batch_page *bp;
    struct batch_page *tmp;
    DL_FOREACH (b->pages, bp) {
        struct batch_page *old =
            page_may_become(bp->page) ? batch_find_removed(b, bp->page) : NULL;
        if (!old)
            continue;
        page_become(bp->page, old->page);
        bp->was = steal_ptr(old->was);
    }
    DL_FOREACH_SAFE (b->pages, bp, tmp) {
        if (bp->removed || bp->page->listed)
            continue;
        DL_DELETE(b->pages, bp);
        DL_APPEND(b->sent, bp);
    }
}
