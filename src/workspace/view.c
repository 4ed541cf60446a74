/* view.c - the files of a page that are made here: errors, verdict.json, info.json, and
 * the last render. Reading one costs no request. */
#include "workspace/cache.h"

#include <errno.h>
#include <string.h>

#include "json/json.h"
#include "workspace/model.h"
#include "workspace/present.h"
#include "workspace/render_model.h"
#include "workspace/sql.h"

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
    sql_put_errors(p, &out);
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
    if (sql_verdict(p))
        return text_ref(sql_verdict(p));
    if (!p->id)
        return text_from_string(view_waiting);
    if (!p->verdict)
        return text_from_string(view_stored);
    root.end = p->verdict->len;
    json_reindent(&out, p->verdict->data, root);
    return text_from_buf(&out);
}

/* It is in cache.db: with the body, or of the list. */
static bool info_is_shed(const struct page *p)
{
    return !p->info && p->info_size;
}

static struct text *view_info(struct page *p)
{
    if (info_is_shed(p))
        return NULL;
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

/* Who waits for an info.json of the list. */
struct info_wait {
    struct page *page; /* a reference */
    struct wait *waits;
    struct wait body; /* ours */
};

static void info_end(struct info_wait *i, int err)
{
    struct wait *waits = i->waits;
    page_unref(i->page);
    free(i);
    wait_run(waits, err);
}

static void info_body_here(struct wait *w, int err)
{
    info_end(container_of(w, struct info_wait, body), err);
}

/* The cache has lost it: then it is the body's. */
static void info_read(void *arg, const struct cache_body *found)
{
    struct info_wait *i = arg;
    struct page *p = i->page;
    struct platform_page from;
    ws_lock(p->ws);
    if (found && info_is_shed(p) && platform_page_parse(found->text, &from)) {
        page_set_info(p, present_info(&from));
        platform_page_finish(&from);
    }
    bool lost = info_is_shed(p);
    i->body.tid = wait_who(i->waits);
    ws_unlock(p->ws);
    int err = lost ? page_file_ready(p, true, &i->body) : 0;
    if (err != -EINPROGRESS)
        info_end(i, err);
}

/* Lock held. */
static void info_await(struct page *p, struct wait *w)
{
    struct info_wait *i = xcalloc(1, sizeof *i);
    i->page = page_ref(p);
    i->body.done = info_body_here;
    wait_add(&i->waits, w);
    cache_read_summary(p->ws->cache, p->id, info_read, i);
}

int page_view_ready(struct page *p, enum page_file which, struct wait *w)
{
    ws_lock(p->ws);
    bool shed = which == PAGE_INFO && info_is_shed(p);
    bool listed = shed && p->body == BODY_NONE;
    if (listed)
        info_await(p, w);
    ws_unlock(p->ws);
    return listed ? -EINPROGRESS : shed ? page_file_ready(p, true, w) : 0;
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
