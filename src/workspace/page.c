/* page.c - a page as a whole: its identity, its summary, its body and when to fetch it.
 */
#include "workspace/overlay.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/sha256.h"
#include "workspace/body.h"
#include "workspace/conflict.h"
#include "workspace/keep.h"
#include "workspace/names.h"
#include "workspace/present.h"
#include "workspace/render_model.h"
#include "workspace/shed.h"
#include "workspace/sql.h"

static const struct {
    const char *name;
    bool doc;
} page_files[PAGE_FILES] = {
    [PAGE_ERRORS] = {"errors", false},        [PAGE_INFO] = {"info.json", false},
    [PAGE_PARAMS] = {"params.json", true},    [PAGE_RENDER] = {"render.json", false},
    [PAGE_VERDICT] = {"verdict.json", false}, [PAGE_PAGE] = {"page.json", true},
    [PAGE_QUERIES] = {"queries.json", true},  [PAGE_SPEC] = {"spec.json", true},
};

static const enum page_file page_docs_order[PAGE_DOCS] = {PAGE_PARAMS, PAGE_PAGE,
                                                          PAGE_QUERIES, PAGE_SPEC};

/* Without a document: what there is of it from the start. */
static bool page_has_doc(const struct page *p, enum page_file which)
{
    return p->id != NULL && !p->detached && !(p->is_template && which == PAGE_PARAMS);
}

bool page_file_is_doc(enum page_file which)
{
    return page_files[which].doc;
}

const char *page_file_name(enum page_file which)
{
    return page_files[which].name;
}

int page_file_find(const char *name)
{
    for (int i = 0; i < PAGE_FILES; i++)
        if (!strcmp(page_files[i].name, name))
            return i;
    return -1;
}

/* A page that nobody looked at yet has none: there may be a hundred thousand. */
void page_make_docs(struct page *p)
{
    if (p->docs)
        return;
    p->docs = xcalloc(PAGE_DOCS, sizeof *p->docs);
    for (int i = 0; i < PAGE_DOCS; i++) {
        p->docs[i].page = p;
        p->docs[i].which = page_docs_order[i];
        p->docs[i].mtime = p->ctime;
        p->docs[i].present = page_has_doc(p, page_docs_order[i]);
    }
    page_doc_of(p, PAGE_PARAMS)->shown = text_from_string("{}\n");
    docs_unhusk(p);
}

struct doc *page_doc_of(struct page *p, enum page_file which)
{
    if (!page_file_is_doc(which))
        return NULL;
    page_make_docs(p);
    for (int i = 0; i < PAGE_DOCS; i++)
        if (page_docs_order[i] == which)
            return &p->docs[i];
    return NULL;
}

/* ---- life -------------------------------------------------------------------- */

/* The same after a remount; the low four bits are left for the files inside. */
uint64_t page_number_of(const char *key)
{
    uint64_t h = 14695981039346656037u;
    for (; *key; key++)
        h = (h ^ (unsigned char)*key) * 1099511628211u;
    return ((h & ~(uint64_t)15) | ((uint64_t)1 << 63));
}

uint64_t page_number(const struct page *p)
{
    return p->ino;
}

/* `cp -r` takes files in the order of their numbers: sql/ and render/ come before the spec too. */
uint64_t page_file_number(const struct page *p, enum page_file which)
{
    return p->ino + 1 + (uint64_t)which + (which == PAGE_SPEC ? 2 : 0);
}

uint64_t page_sql_number(const struct page *p)
{
    return p->ino + 1 + PAGE_SPEC;
}

uint64_t page_render_number(const struct page *p)
{
    return p->ino + 2 + PAGE_SPEC;
}

static char *page_random_key(void)
{
    uint64_t word[2];
    if (getrandom(word, sizeof word, 0) != (ssize_t)sizeof word)
        abort(); /* cannot be for so few bytes */
    return xasprintf("here-%016llx%016llx", (unsigned long long)word[0],
                     (unsigned long long)word[1]);
}

struct page *page_new(struct workspace *ws, const char *key, const char *id,
                      bool is_template)
{
    struct page *p = xcalloc(1, sizeof *p);
    atomic_init(&p->refs, 1);
    p->ws = ws;
    p->is_template = is_template;
    p->id = xstrdup(id);
    p->key = key ? xstrdup(key) : id ? xstrdup(id) : page_random_key();
    p->ino = page_number_of(p->key);
    p->ctime = clock_now();
    if (!id) {
        p->body = BODY_READY;
        page_make_docs(p);
    }
    return p;
}

struct page *page_ref(struct page *p)
{
    if (p)
        atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

void doc_finish(struct doc *d)
{
    text_unref(d->remote);
    text_unref(d->shown);
    text_unref(d->problem);
    text_unref(d->verdict);
    text_unref(d->refused);
    text_unref(d->base);
    for (int slot = 0; slot < STATE_SLOTS; slot++)
        text_unref(d->kept[slot]);
    keep_forget_past(d);
    conflict_finish(d);
}

void page_unref(struct page *p)
{
    if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (int i = 0; i < page_docs(p); i++)
        doc_finish(&p->docs[i]);
    renders_free(p);
    sql_free(p);
    free(p->docs);
    free(p->husk);
    struct text *texts[] = {p->info, p->verdict, p->lost};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        text_unref(texts[i]);
    char *strings[] = {p->dir,         p->slug,       p->id,    p->name,       p->status,
                       p->console_url, p->updated_at, p->token, p->list_token, p->key};
    for (size_t i = 0; i < ARRAY_LEN(strings); i++)
        free(strings[i]);
    item_unref(p->local);
    free(p);
}

void page_detach(struct page *p)
{
    shed_forget(p);
    p->detached = true;
    page_changed(p);
    sql_detach(p);
    for (int i = 0; i < page_docs(p); i++) {
        if (p->docs[i].file)
            p->docs[i].file->orphan = true;
        doc_unbind(&p->docs[i]);
    }
    if (p->local) {
        p->local->page = NULL;
        p->local->orphan = true;
    }
}

char *page_dir_locked(struct page *p)
{
    return xstrndup(p->dir, strlen(p->dir));
}

char *page_dir(struct page *p)
{
    ws_lock(p->ws);
    char *dir = page_dir_locked(p);
    ws_unlock(p->ws);
    return dir;
}

bool page_is_dirty(const struct page *p)
{
    for (int i = 0; i < page_docs(p); i++)
        if (p->docs[i].file && p->docs[i].file->dirty)
            return true;
    return p->save || p->saves;
}

void page_touch(struct page *p)
{
    p->ctime = clock_now();
    page_changed(p);
}

void page_set_info(struct page *p, struct text *info)
{
    bool same = page_has_info(p, info);
    text_replace(&p->info, info);
    if (!same)
        page_changed(p);
}

struct item *page_local(struct page *p)
{
    ws_lock(p->ws);
    struct item *local = page_scratch(p);
    ws_unlock(p->ws);
    return local;
}

/* The name of its scratch on the disk: "id-" and the platform's id, for a page that has
 * none "new-" and its directory's name; whatever is no plain name goes by its hash. */
char *page_key(const struct page *p)
{
    return page_key_of(p->is_template ? "template"
                       : p->id        ? "id"
                                      : "new",
                       p->id ? p->id : p->dir);
}

char *page_key_of(const char *kind, const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    unsigned char digest[SHA256_BYTES];
    size_t len = strlen(name);
    if (len && len <= 100 && strspn(name, plain) == len)
        return xasprintf("%s-%s", kind, name);
    struct buf key = BUF_INIT;
    sha256(name, len, digest);
    buf_printf(&key, "%s#", kind);
    for (size_t i = 0; i < sizeof digest; i++)
        buf_printf(&key, "%02x", digest[i]);
    return buf_steal(&key);
}

struct item *page_scratch(struct page *p)
{
    if (!p->local) {
        cleanup_free char *key = page_key(p);
        p->local = overlay_page_dir(p->ws->overlay, key);
        p->local->page = p;
        p->local->orphan = !p->listed && !p->is_template;
    }
    return p->local;
}

void page_rekey(struct page *p)
{
    cleanup_free char *key = page_key(p);
    overlay_page_rekey(page_scratch(p), key);
}

/* ---- what the platform says -------------------------------------------------- */

static void string_replace(char **slot, const char *value)
{
    if (!value || (*slot && !strcmp(*slot, value)))
        return; /* an answer that leaves a field out says nothing of it */
    char *copy = xstrdup(value);
    free(*slot);
    *slot = copy;
}

void page_take_fields(struct page *p, const struct platform_page *from)
{
    struct timespec updated;
    if (from->name && (!p->name || strcmp(p->name, from->name) != 0))
        p->unkept = true;
    string_replace(&p->name, from->name);
    string_replace(&p->status, from->status);
    string_replace(&p->console_url, from->console_url);
    string_replace(&p->updated_at, from->updated_at);
    if (!clock_parse(from->updated_at, &updated) || page_is_dirty(p) || p->save ||
        (p->ctime.tv_sec == updated.tv_sec && p->ctime.tv_nsec == updated.tv_nsec))
        return;
    p->ctime = updated;
    page_changed(p);
}

/* When the text of a document began to be what it is: the platform's word, or now. */
static struct timespec page_updated(const struct page *p,
                                    const struct platform_page *from)
{
    struct timespec ts;
    const char *when = from->updated_at ? from->updated_at : p->updated_at;
    return clock_parse(when, &ts) ? ts : clock_now();
}

/* The value's own tokens; `absent` where the page has none. */
static struct text *span_text(const struct platform_page *from, struct json_span span,
                              const char *absent)
{
    if (span.start == span.end)
        return text_from_string(absent);
    return text_new(from->text->data + span.start, span.end - span.start);
}

void page_take_doc(struct page *p, enum page_file which, const struct platform_page *from)
{
    struct text *remote;
    struct text *fresh;
    if (which == PAGE_SPEC) {
        remote = span_text(from, from->spec, "null");
        fresh = present_spec(from);
    } else if (which == PAGE_QUERIES) {
        remote = span_text(from, from->queries, "[]");
        fresh = present_queries(from);
    } else {
        fresh = p->is_template ? present_template(from) : present_page(from);
        remote = text_ref(fresh);
    }
    doc_take_remote(page_doc_of(p, which), remote, fresh, page_updated(p, from));
}

/* Another mount would not know by itself what its documents hold, and since when. */
static bool page_is_shown_otherwise(const struct page *p)
{
    struct timespec updated = {0};
    clock_parse(p->updated_at, &updated);
    for (int i = 0; i < page_docs(p); i++) {
        const struct doc *d = &p->docs[i];
        if (d->which != PAGE_PARAMS && d->remote &&
            (d->own || d->mtime.tv_sec != updated.tv_sec ||
             d->mtime.tv_nsec != updated.tv_nsec))
            return true;
    }
    return false;
}

void page_take_texts(struct page *p, const struct platform_page *from)
{
    page_set_info(p, p->is_template ? NULL : present_info(from));
    if (!from->token)
        free(steal_ptr(p->token));
    string_replace(&p->token, from->token);
    page_take_doc(p, PAGE_SPEC, from);
    page_take_doc(p, PAGE_QUERIES, from);
    page_take_doc(p, PAGE_PAGE, from);
    p->ours = false;
    p->body = BODY_READY;
    p->body_ms = clock_ms();
    shed_note_loaded(p);
}

void page_take_body(struct page *p, const struct platform_page *from)
{
    page_take_fields(p, from);
    page_take_texts(p, from);
    keep_settle_arrived(p);
    if (page_is_shown_otherwise(p))
        keep_texts_now(p);
    p->stale = p->unsure = false;
    page_check(p);
}

void page_drop_body(struct page *p)
{
    renders_drop(p);
    if (p->id && p->body == BODY_READY && page_is_dirty(p))
        p->stale = true;
    else if (p->id && (p->body == BODY_READY || p->body == BODY_SHED))
        p->body = BODY_NONE;
    for (int i = 0; i < page_docs(p); i++)
        if (p->docs[i].file && !p->docs[i].file->dirty)
            item_changed(p->docs[i].file);
    if (p->sql)
        sql_unsure(page_doc_of(p, PAGE_QUERIES));
}

/* ---- what a directory shows -------------------------------------------------- */

bool page_has_moved(struct page *p)
{
    ws_lock(p->ws);
    bool moved = p->moved;
    p->moved = false;
    ws_unlock(p->ws);
    return moved;
}

int page_stat(struct page *p, struct stat *ret)
{
    ws_lock(p->ws);
    int err = p->detached ? -ESTALE : 0;
    *ret = (struct stat){
        .st_ino = p->ino,
        .st_mode = S_IFDIR | (p->is_template ? 0555 : 0755),
        .st_nlink = 2,
        .st_mtim = p->ctime,
        .st_ctim = p->ctime,
        .st_atim = p->ctime,
        .st_blksize = 4096,
    };
    ws_unlock(p->ws);
    return err;
}

/* A directory that was just made: until a document is in it there is nothing to say, and
 * `cp -r pages/a pages/b`, which makes every file anew, finds none there already. */
static bool page_is_blank(const struct page *p)
{
    for (int i = 0; i < page_docs(p); i++)
        if (p->docs[i].present && p->docs[i].which != PAGE_PARAMS)
            return false;
    return !p->id;
}

bool page_has(struct page *p, enum page_file which, bool listed)
{
    bool has;
    ws_lock(p->ws);
    if (page_file_is_doc(which))
        has = p->docs ? page_doc_of(p, which)->present : page_has_doc(p, which);
    else if (p->is_template || (p->hidden & 1u << which))
        has = false;
    else if (!p->id && (which == PAGE_INFO || which == PAGE_RENDER))
        has = false; /* nothing to say of a page that the platform does not have */
    else if (page_is_blank(p))
        has = false;
    else
        has = !listed || !p->ws->config.runtime_hidden || which == PAGE_INFO;
    ws_unlock(p->ws);
    return has;
}

struct item *page_doc(struct page *p, enum page_file which)
{
    ws_lock(p->ws);
    struct item *it = item_ref(doc_item(page_doc_of(p, which)));
    ws_unlock(p->ws);
    return it;
}
