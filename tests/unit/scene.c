#include "scene.h"

struct text *some_text(void)
{
    return text_from_string("{}");
}

void some_step(struct save *s)
{
}

static void scene_set_save(struct scene *c)
{
    struct save *s = &c->save;
    s->page = &c->page;
    s->doc = c->spec;
    s->other = c->queries;
    s->item = &c->file;
    s->seq = 1;
    s->text = some_text();
    s->base = some_text();
    s->spec = some_text();
    s->queries = some_text();
    s->fields = some_text();
}

struct scene *scene_new(void)
{
    struct scene *c = xcalloc(1, sizeof *c);
    c->page.ws = &c->ws;
    c->page.dir = xstrdup("weekly");
    c->page.id = xstrdup("pg-1");
    c->page.body = BODY_READY;
    page_make_docs(&c->page);
    for (int i = 0; i < PAGE_DOCS; i++) {
        struct doc *d = &c->page.docs[i];
        text_replace(&d->shown, some_text());
        d->remote = d->which == PAGE_PARAMS ? NULL : some_text();
    }
    c->spec = page_doc_of(&c->page, PAGE_SPEC);
    c->queries = page_doc_of(&c->page, PAGE_QUERIES);
    c->file = (struct item){
        .ws = &c->ws, .type = ITEM_FILE, .doc = c->spec, .dirty = true, .seq = 1};
    c->moved = (struct item){.ws = &c->ws, .type = ITEM_FILE, .seq = 9};
    buf_puts(&c->file.data, "{}");
    c->spec->file = &c->file;
    scene_set_save(c);
    return c;
}

static void doc_free(struct doc *d)
{
    struct text *texts[] = {d->remote,  d->shown,  d->problem,          d->verdict,
                            d->refused, d->theirs, d->kept[STATE_DRAFT]};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        text_unref(texts[i]);
}

void scene_free(struct scene *c)
{
    struct save *s = &c->save;
    struct text *texts[] = {s->text,   s->base,        s->spec,     s->queries,
                            s->fields, s->other_draft, c->page.lost};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        text_unref(texts[i]);
    for (int i = 0; i < PAGE_DOCS; i++)
        doc_free(&c->page.docs[i]);
    free(c->page.docs);
    free(s->look_id);
    free(c->page.id);
    free(c->page.dir);
    buf_finish(&c->file.data);
    free(c);
}

/* A page that only this machine has. */
static void scene_make_new(struct scene *c)
{
    free(steal_ptr(c->page.id));
    text_replace(&c->save.base, NULL);
    c->save.look_id = xstrdup("pg-2");
    c->page.lost = some_text();
    c->save.looked_for_lost = true;
}

void scene_enter(struct scene *c, enum save_state state)
{
    struct save *s = &c->save;
    s->state = state;
    if (state > SAVE_QUEUED)
        c->page.save = s;
    if (state == SAVE_QUEUED) {
        c->other = *s;
        c->other.state = SAVE_PATCH;
        c->page.save = &c->other;
        DL_APPEND(c->page.saves, s);
    }
    s->pending = state == SAVE_VALIDATE;
    s->writing = state == SAVE_DISK;
    s->then = state == SAVE_DISK ? some_step : NULL;
    if (state >= SAVE_LOOK && state <= SAVE_FIND)
        scene_make_new(c);
}
