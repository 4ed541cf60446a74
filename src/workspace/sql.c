/* sql.c - the files of sql/, worked out of what queries.json holds. */
#include "workspace/sql.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "workspace/cache.h"
#include "workspace/overlay.h"
#include "workspace/shed.h"

static const char sql_name[] = "sql";

struct sql_file *sql_file_of(struct doc *d)
{
    return container_of(d, struct sql_file, doc);
}

/* ---- files ------------------------------------------------------------------- */

static struct sql_file *file_find(const struct sql_dir *dir, const char *name)
{
    struct sql_file *f = NULL;
    HASH_FIND(hh, dir->files, name, strlen(name), f);
    return f;
}

static struct sql_file *file_new(struct sql_dir *dir, const char *name)
{
    struct sql_file *f = xcalloc(1, sizeof *f);
    f->doc.page = dir->page;
    f->doc.which = PAGE_SQL;
    f->doc.mtime = clock_now();
    f->file = xstrdup(name);
    HASH_ADD_KEYPTR(hh, dir->files, f->file, strlen(f->file), f);
    return f;
}

static void file_free(struct sql_dir *dir, struct sql_file *f)
{
    HASH_DEL(dir->files, f);
    doc_finish(&f->doc);
    text_unref(f->good);
    item_unref(f->via);
    free(f->file);
    free(f);
}

static uint64_t file_number(const struct page *p, const char *name)
{
    cleanup_free char *key = xasprintf("%s/sql/%s", p->key, name);
    return page_number_of(key);
}

uint64_t sql_file_number(struct doc *d)
{
    return file_number(d->page, sql_file_of(d)->file);
}

/* Whoever has looked it up is to look again. */
static void file_lose(struct sql_file *f)
{
    struct item *it = item_ref(f->doc.file);
    if (it) {
        doc_unbind(&f->doc);
        it->lost = true;
        item_changed(it);
    }
    item_unref(it);
}

void sql_file_drop(struct sql_file *f)
{
    file_lose(f);
    file_free(f->doc.page->sql, f);
}

static bool file_is_held(const struct sql_file *f)
{
    struct item *it = f->doc.file;
    return it && (it->dirty || overlay_is_open(it));
}

/* ---- what queries.json holds --------------------------------------------------- */

struct timespec sql_queries_mtime(struct page *p)
{
    const struct doc *q = page_doc_of(p, PAGE_QUERIES);
    return q->file && q->file->dirty ? q->file->mtime : q->mtime;
}

/* Does it hold what it held? */
static bool seen_same(const struct sql_dir *dir, const struct doc *q)
{
    const struct item *it = q->file;
    return dir->queries.text && dir->seen.file == it && dir->seen.present == q->present &&
           dir->seen.shown == q->shown && dir->seen.seq == (it ? it->seq : 0) &&
           dir->seen.dirty == (it && it->dirty);
}

static void seen_note(struct sql_dir *dir, const struct doc *q)
{
    const struct item *it = q->file;
    dir->seen.file = it;
    dir->seen.seq = it ? it->seq : 0;
    dir->seen.dirty = it && it->dirty;
    dir->seen.present = q->present;
    text_replace(&dir->seen.shown, text_ref(q->shown));
}

/* Its text; without the name, what it would show again. A reference; NULL: not here. */
static struct text *queries_text(struct doc *q)
{
    struct text *text = q->present ? doc_text(q) : text_ref(q->shown);
    if (!text && !q->page->id)
        text = text_from_string("[]\n");
    return text;
}

/* The text as it was before a draft that is no JSON. */
static int queries_read_good(struct sql_dir *dir, struct doc *q, struct queries *ret)
{
    if (dir->queries.text)
        return -ENOENT; /* what was read last is as good */
    if (q->shown)
        return queries_read(q->shown, ret, NULL);
    cleanup_text struct text *none = text_from_string("[]\n");
    return queries_read(none, ret, NULL);
}

static bool queries_same_files(const struct queries *a, const struct queries *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!queries_find(b, a->list[i].file))
            return false;
    return true;
}

/* With or without the newline at the end that queries_show() puts there. */
static bool file_shows(const struct sql_file *f, const struct text *fresh)
{
    const struct doc *d = &f->doc;
    const struct text *shown = d->shown;
    if (d->shed)
        return d->shed_sum == cache_sum("", fresh->data, fresh->len);
    return shown &&
           (text_equal(shown, fresh) || (shown->len && shown->len + 1 == fresh->len &&
                                         !memcmp(shown->data, fresh->data, shown->len)));
}

static void file_take(struct sql_file *f, const struct queries *queries,
                      const struct query *query, struct timespec mtime)
{
    struct doc *d = &f->doc;
    struct buf out = BUF_INIT;
    queries_show(queries, query, &out);
    struct text *fresh = text_from_buf(&out);
    bool same = file_shows(f, fresh);
    if (same && !d->shed) {
        text_unref(fresh);
        return;
    }
    text_replace(&d->shown, fresh);
    d->shed = d->own = false;
    if (same)
        return;
    bool back = text_equal(fresh, f->good);
    d->mtime = back ? f->good_mtime : mtime;
    if (d->file && !d->file->dirty)
        item_changed(d->file);
}

/* As queries.json is no draft now, this is what a refused one goes back to. */
static void file_note_good(struct sql_file *f)
{
    if (f->doc.shown && f->good != f->doc.shown) {
        text_replace(&f->good, text_ref(f->doc.shown));
        f->good_mtime = f->doc.mtime;
    }
}

static void file_refresh(struct sql_dir *dir, struct sql_file *f, const struct doc *q)
{
    const struct query *query = queries_find(&dir->queries, f->file);
    f->declared = query != NULL;
    if (query) {
        file_take(f, &dir->queries, query, sql_queries_mtime(q->page));
        if (!doc_is_draft(q) && !(f->doc.file && f->doc.file->dirty))
            file_note_good(f);
    } else if (!file_is_held(f)) {
        sql_file_drop(f);
    }
}

/* The page was made: all of them are there. */
static void dir_unveil(struct sql_dir *dir)
{
    struct sql_file *f;
    struct sql_file *tmp;
    if (!dir->bare || !dir->page->id)
        return;
    dir->bare = false;
    HASH_ITER (hh, dir->files, f, tmp)
        if (f->declared && !f->doc.unlinker)
            f->doc.present = true;
    sql_touch(dir->page);
}

static void dir_take(struct sql_dir *dir, struct queries *now, const struct doc *q)
{
    struct sql_file *f;
    struct sql_file *tmp;
    bool first = !dir->queries.text;
    if (!first && !queries_same_files(&dir->queries, now))
        sql_touch(dir->page);
    queries_finish(&dir->queries);
    dir->queries = *now;
    HASH_ITER (hh, dir->files, f, tmp)
        file_refresh(dir, f, q);
}

void sql_unsure(struct doc *d)
{
    struct sql_dir *dir = d->which == PAGE_QUERIES ? d->page->sql : NULL;
    struct sql_file *f;
    struct sql_file *tmp;
    if (!dir || dir->unsure)
        return;
    dir->unsure = true;
    page_sql_changed(dir->page);
    HASH_ITER (hh, dir->files, f, tmp)
        item_unsure(f->doc.file);
}

void sql_refresh(struct sql_dir *dir)
{
    struct queries now = {0};
    if (!dir)
        return;
    dir->unsure = false;
    struct doc *q = page_doc_of(dir->page, PAGE_QUERIES);
    dir_unveil(dir);
    if (seen_same(dir, q))
        return;
    cleanup_text struct text *text = queries_text(q);
    if (!text)
        return;
    /* Emptied, and not yet written again. */
    int err = queries_read(text, &now, &dir->error);
    dir->broken = err != 0;
    if (err)
        err = queries_read_good(dir, q, &now);
    seen_note(dir, q);
    if (!err)
        dir_take(dir, &now, q);
}

/* ---- the directory ------------------------------------------------------------- */

struct sql_dir *sql_dir_of(struct page *p)
{
    if (!p->sql) {
        p->sql = xcalloc(1, sizeof *p->sql);
        p->sql->page = p;
        p->sql->mtime = p->ctime;
    }
    return p->sql;
}

void sql_touch(struct page *p)
{
    if (!p->sql)
        return;
    p->sql->mtime = clock_now();
    page_sql_changed(p);
}

struct item *sql_place(struct page *p, bool make)
{
    struct sql_dir *dir = sql_dir_of(p);
    if (!dir->place && (make || overlay_has(page_scratch(p), sql_name))) {
        dir->place = overlay_sub_dir(page_scratch(p), sql_name);
        dir->place->sql_of = p;
        dir->place->orphan = page_scratch(p)->orphan;
    }
    return dir->place;
}

struct doc *sql_doc(struct page *p, const char *name, bool make)
{
    struct sql_dir *dir = sql_dir_of(p);
    sql_refresh(dir);
    struct sql_file *f = file_find(dir, name);
    if (f)
        return &f->doc;
    const struct doc *q = page_doc_of(p, PAGE_QUERIES);
    const struct query *query = queries_find(&dir->queries, name);
    cleanup_free char *wanted = queries_name_of_file(name);
    if (!query && (!make || !wanted))
        return NULL;
    f = file_new(dir, name);
    f->doc.present = query && !dir->bare;
    if (query) {
        f->doc.mtime = sql_queries_mtime(q->page);
        file_refresh(dir, f, q);
    }
    return &f->doc;
}

/* Is it there to be seen? */
static bool dir_is_there(struct page *p)
{
    const struct sql_dir *dir = p->sql;
    if (p->is_template || p->detached)
        return false;
    if (!p->id)
        return overlay_has(page_scratch(p), sql_name);
    return !dir || !dir->removed;
}

bool page_has_sql(struct page *p, bool listed)
{
    ws_lock(p->ws);
    bool has = dir_is_there(p) && !(listed && p->ws->config.runtime_hidden);
    ws_unlock(p->ws);
    return has;
}

int page_sql_stat(struct page *p, struct stat *ret)
{
    ws_lock(p->ws);
    sql_refresh(p->sql);
    int err = p->detached ? -ESTALE : 0;
    struct timespec mtime = p->sql ? p->sql->mtime : p->ctime;
    *ret = (struct stat){
        .st_ino = page_sql_number(p),
        .st_mode = S_IFDIR | 0755,
        .st_nlink = 2,
        .st_mtim = mtime,
        .st_ctim = mtime,
        .st_atim = mtime,
        .st_blksize = 4096,
    };
    ws_unlock(p->ws);
    return err;
}

/* Without the name queries.json, which `rm -r` takes away first, a page that nobody read is
 * not read for this. */
static bool sql_is_wanted(struct page *p)
{
    ws_lock(p->ws);
    bool wanted = page_doc_of(p, PAGE_QUERIES)->present;
    ws_unlock(p->ws);
    return wanted;
}

int page_sql_ready(struct page *p, struct wait *w)
{
    return sql_is_wanted(p) ? page_file_ready(p, true, w) : 0;
}

int page_sql_rename_ready(struct page *p, struct wait *w)
{
    return sql_is_wanted(p) ? page_ready(p, w) : 0;
}

/* The text has left the memory since. */
static int sql_here(struct page *p)
{
    const struct doc *q = page_doc_of(p, PAGE_QUERIES);
    return q->present && q->shed ? -EAGAIN : 0;
}

int page_sql_stat_ready(struct page *p, struct wait *w)
{
    ws_lock(p->ws);
    bool listed = p->sql && p->sql->listed;
    ws_unlock(p->ws);
    return listed ? page_sql_ready(p, w) : 0;
}

int page_sql_settle(struct page *p, const char *name, struct wait *w)
{
    return page_sql_may_be(name) ? page_sql_ready(p, w) : 0;
}

bool page_sql_may_be(const char *name)
{
    cleanup_free char *query = queries_name_of_file(name);
    return query != NULL;
}

int64_t page_sql_holds_ms(struct page *p)
{
    int64_t holds = INT64_MAX;
    ws_lock(p->ws);
    bool listed = p->sql && p->sql->listed;
    if (listed && !page_is_settled(p))
        holds = 0;
    else if (listed && p->id && !p->list_token)
        holds = p->ws->config.ttl_ms;
    ws_unlock(p->ws);
    return holds;
}

int page_sql_find(struct page *p, const char *name, struct item **ret_item)
{
    ws_lock(p->ws);
    struct doc *d = sql_doc(p, name, false);
    int err = d || !page_sql_may_be(name) ? 0 : sql_here(p);
    *ret_item = item_ref(d ? doc_item(d) : NULL);
    ws_unlock(p->ws);
    return err || *ret_item ? err : -ENOENT;
}

struct item *page_sql_place(struct page *p, bool make)
{
    ws_lock(p->ws);
    struct item *place = sql_place(p, make);
    ws_unlock(p->ws);
    return place;
}

static void each_query(struct sql_dir *dir, item_visit_fn *fn, void *arg)
{
    for (size_t i = 0; i < dir->queries.count; i++) {
        const char *name = dir->queries.list[i].file;
        struct sql_file *f = file_find(dir, name);
        if (f ? f->doc.present : !dir->bare)
            fn(arg, name, file_number(dir->page, name), S_IFREG);
    }
}

static void each_other(struct sql_dir *dir, item_visit_fn *fn, void *arg)
{
    struct sql_file *f;
    struct sql_file *tmp;
    HASH_ITER (hh, dir->files, f, tmp)
        if (!queries_find(&dir->queries, f->file) && f->doc.present)
            fn(arg, f->file, sql_file_number(&f->doc), S_IFREG);
}

int page_sql_each(struct page *p, item_visit_fn *fn, void *arg)
{
    ws_lock(p->ws);
    struct sql_dir *dir = sql_dir_of(p);
    sql_refresh(dir);
    int err = sql_here(p);
    if (!err) {
        dir->listed = true;
        each_query(dir, fn, arg);
        each_other(dir, fn, arg);
    }
    ws_unlock(p->ws);
    return err;
}

int page_sql_make(struct page *p)
{
    ws_lock(p->ws);
    struct sql_dir *dir = sql_dir_of(p);
    int err = p->is_template    ? -EROFS
              : dir_is_there(p) ? -EEXIST
              : p->detached     ? -ENOENT
                                : 0;
    if (!err && !p->id) {
        dir->bare = true;
        err = overlay_sub_make(sql_place(p, true));
    }
    if (!err) {
        dir->removed = false;
        page_touch(p);
    }
    ws_unlock(p->ws);
    return err;
}

/* Not empty, or it may be: what is in it is not known. */
static bool dir_has_files(struct sql_dir *dir)
{
    struct sql_file *f;
    struct sql_file *tmp;
    const struct doc *q = page_doc_of(dir->page, PAGE_QUERIES);
    if (!dir->queries.text)
        return q->present;
    for (size_t i = 0; i < dir->queries.count; i++) {
        f = file_find(dir, dir->queries.list[i].file);
        if (f ? f->doc.present : !dir->bare)
            return true;
    }
    HASH_ITER (hh, dir->files, f, tmp)
        if (f->doc.present)
            return true;
    return false;
}

int page_sql_rmdir(struct page *p, pid_t tgid)
{
    ws_lock(p->ws);
    struct sql_dir *dir = sql_dir_of(p);
    sql_refresh(dir);
    int err = !dir_is_there(p) ? -ENOENT : dir_has_files(dir) ? -ENOTEMPTY : 0;
    struct item *place = err ? NULL : sql_place(p, false);
    if (place)
        err = overlay_sub_remove(place);
    if (!err) {
        dir->removed = true;
        dir->remover = tgid;
        page_touch(p);
    }
    ws_unlock(p->ws);
    return err;
}

void sql_clear_place(struct page *p)
{
    struct item *place = sql_place(p, false);
    if (place)
        overlay_sub_remove(place); /* what is in it stays, and is told of */
}
