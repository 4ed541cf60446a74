/* view.c - the files of a page that are made here: errors, verdict.json, info.json, and
 * the last render. Reading one costs no request. */
#include "workspace/render_model.h"

#include <string.h>

/* The documents in the order in which their problems are told. */
static const enum page_file view_docs[] = {PAGE_SPEC, PAGE_QUERIES, PAGE_PAGE,
                                           PAGE_PARAMS};

static struct text *view_errors(struct page *p)
{
    struct buf out = BUF_INIT;
    for (size_t i = 0; p->docs && i < ARRAY_LEN(view_docs); i++) {
        struct text *problem = page_doc_of(p, view_docs[i])->problem;
        if (problem)
            buf_append(&out, problem->data, problem->len);
    }
    return text_from_buf(&out);
}

static const char view_waiting[] = "{\n"
                                   "  \"ok\": false,\n"
                                   "  \"waiting\": true,\n"
                                   "  \"errors\": []\n"
                                   "}\n";
static const char view_stored[] = "{\n"
                                  "  \"ok\": true,\n"
                                  "  \"stored\": true,\n"
                                  "  \"errors\": []\n"
                                  "}\n";

/* Of what the files hold now: the newest refusal, else the last good verdict; a page that
 * was never saved from here passed the same verifier when it was stored. */
static struct text *view_verdict(struct page *p)
{
    struct buf out = BUF_INIT;
    struct json_span root = {0, 0, JSON_OBJECT};
    for (size_t i = 0; p->docs && i < ARRAY_LEN(view_docs); i++) {
        struct doc *d = page_doc_of(p, view_docs[i]);
        if (d->verdict)
            return text_ref(d->verdict);
    }
    if (!p->id)
        return text_from_string(view_waiting);
    if (!p->verdict)
        return text_from_string(view_stored);
    root.end = p->verdict->len;
    json_reindent(&out, p->verdict->data, root);
    return text_from_buf(&out);
}

static struct text *view_info(struct page *p)
{
    if (p->body == BODY_SHED && !p->info && p->info_size)
        return NULL; /* in cache.db */
    return p->info ? text_ref(p->info) : text_from_string("{}\n");
}

static struct text *view_render(struct page *p)
{
    struct render *r = render_intern(p, "");
    struct text *text = text_ref(r->answer);
    render_unref(r);
    return text;
}

static struct text *(*const view_makers[PAGE_FILES])(struct page *p) = {
    [PAGE_ERRORS] = view_errors,
    [PAGE_INFO] = view_info,
    [PAGE_VERDICT] = view_verdict,
    [PAGE_RENDER] = view_render,
};

int page_view_ready(struct page *p, enum page_file which, struct wait *w)
{
    ws_lock(p->ws);
    bool shed = which == PAGE_INFO && p->body == BODY_SHED;
    ws_unlock(p->ws);
    return shed ? page_file_ready(p, true, w) : 0;
}

struct text *page_view(struct page *p, enum page_file which)
{
    ws_lock(p->ws);
    struct text *text = view_makers[which](p);
    ws_unlock(p->ws);
    return text;
}

void page_view_stat(struct page *p, enum page_file which, struct stat *ret)
{
    cleanup_text struct text *text = which == PAGE_RENDER ? NULL : page_view(p, which);
    ws_lock(p->ws);
    size_t size = text ? text->len : p->info_size;
    const struct render *render = which == PAGE_RENDER ? page_renders(p)->sets : NULL;
    while (render && *render->name)
        render = render->older;
    if (which == PAGE_RENDER)
        size = render ? render->size : 0;
    *ret = (struct stat){
        .st_ino = page_file_number(p, which),
        .st_mode = S_IFREG | (p->id ? 0444 : 0644),
        .st_nlink = 1,
        .st_size = (off_t)size,
        .st_blksize = 4096,
        .st_blocks = (blkcnt_t)((size + 511) / 512),
        .st_mtim = p->ctime,
    };
    if (render && render->number)
        ret->st_mtim = render->mtime;
    ws_unlock(p->ws);
    ret->st_ctim = ret->st_atim = ret->st_mtim;
}

bool page_view_is_sink(struct page *p)
{
    ws_lock(p->ws);
    bool sink = !p->id;
    ws_unlock(p->ws);
    return sink;
}

/* ---- extended attributes ----------------------------------------------------- */

static const char *page_state(const struct page *p)
{
    const char *name = p->id ? "saved" : "new";
    for (int i = 0; !p->save && i < page_docs(p); i++) {
        enum doc_state state = doc_state(&p->docs[i]);
        if (state >= DOC_REFUSED)
            return doc_state_name(state);
        if (state > DOC_SAVED)
            name = doc_state_name(state);
    }
    return p->save ? doc_state_name(DOC_SAVING) : name;
}

static char *page_first_error(struct page *p)
{
    cleanup_text struct text *errors = view_errors(p);
    return errors->len ? xstrndup(errors->data, strcspn(errors->data, "\n")) : NULL;
}

char *page_attribute(struct page *p, const char *name)
{
    char *value = NULL;
    ws_lock(p->ws);
    if (!strcmp(name, "id"))
        value = xstrdup(p->id);
    else if (!strcmp(name, "url"))
        value = xstrdup(p->console_url);
    else if (!strcmp(name, "updated_at"))
        value = xstrdup(p->updated_at);
    else if (!strcmp(name, "state"))
        value = xstrdup(page_state(p));
    else if (!strcmp(name, "error"))
        value = page_first_error(p);
    ws_unlock(p->ws);
    return value;
}
