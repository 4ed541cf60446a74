/* render_files.c - render/: its names, and what an open of one of them reads. */
#include "workspace/render_model.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "json/rows.h"
#include "workspace/conflict.h"

static const char *const form_ends[] = {
    [RENDER_CSV] = ".csv", [RENDER_NDJSON] = ".ndjson", [RENDER_JSON] = ".json"};
static const char whole_name[] = "render.json";

/* ---- render/ itself ---------------------------------------------------------- */

bool page_has_render(struct page *p, bool listed)
{
    bool has;
    ws_lock(p->ws);
    if (p->is_template || p->detached || (p->renders && p->renders->hidden))
        has = false;
    else if (!p->id)
        has = p->renders && p->renders->made;
    else
        has = !listed || !p->ws->config.runtime_hidden;
    ws_unlock(p->ws);
    return has;
}

int page_render_make(struct page *p)
{
    int err = 0;
    ws_lock(p->ws);
    if (p->is_template)
        err = -EROFS;
    else if (p->id)
        page_renders(p)->hidden = false;
    else
        page_renders(p)->made = true;
    page_touch(p);
    ws_unlock(p->ws);
    return err;
}

int page_render_rmdir(struct page *p, pid_t tgid)
{
    int err = 0;
    ws_lock(p->ws);
    struct renders *all = page_renders(p);
    if (p->is_template)
        err = -EROFS;
    else if (all->hidden || (!p->id && !all->made))
        err = -ENOENT;
    if (!err) {
        all->hidden = p->id != NULL;
        all->made = false;
        all->unlinker = tgid;
        page_touch(p);
    }
    ws_unlock(p->ws);
    return err;
}

void renders_restore(struct page *p, pid_t tgid)
{
    struct render *r;
    if (!p->renders)
        return;
    if (!tgid || p->renders->unlinker == tgid)
        p->renders->hidden = false;
    DL_FOREACH2(p->renders->sets, r, older)
    for (struct render_file *f = r->files; f; f = f->hh.next)
        if (!tgid || f->unlinker == tgid)
            f->hidden = false;
}

void renders_touch(struct page *p)
{
    page_renders(p)->touched = clock_now();
    page_changed(p);
}

/* Of the platform's queries: those are what it runs. While `rm -r` has taken queries.json
 * away there are none, and they need not be known. */
const struct render_names *page_render_names(struct page *p)
{
    static const struct render_names none;
    struct renders *all = page_renders(p);
    const struct doc *d = page_doc_of(p, PAGE_QUERIES);
    if (!d->present)
        return &none;
    if (!d->remote || (all->names_known && d->remote == all->names_of &&
                       d->mtime.tv_sec == all->names_time.tv_sec &&
                       d->mtime.tv_nsec == all->names_time.tv_nsec))
        return &all->names; /* not in memory now: as they were */
    struct render_names old = all->names;
    all->names = (struct render_names){0};
    render_names_read(d->remote, &all->names);
    bool again = all->names_known && !render_names_same_files(&old, &all->names);
    render_names_finish(&old);
    all->names_of = d->remote;
    all->names_time = d->mtime;
    all->names_known = true;
    if (again)
        renders_touch(p);
    return &all->names;
}

/* ---- sets -------------------------------------------------------------------- */

struct render *page_render_set(struct page *p, const char *name)
{
    if (*name && !render_params_valid(name))
        return NULL;
    ws_lock(p->ws);
    struct render *r = render_intern(p, name);
    bool there = !*name || p->id || r->made;
    ws_unlock(p->ws);
    if (there)
        return r;
    render_unref(r);
    return NULL;
}

int render_make_set(struct render *of, const char *name)
{
    struct page *p = of->page;
    if (*of->name || !render_params_valid(name))
        return -EACCES;
    ws_lock(p->ws);
    int err = p->id ? -EACCES : 0;
    struct render *r = err ? NULL : render_intern(p, name);
    if (r)
        r->made = true;
    ws_unlock(p->ws);
    render_unref(r);
    return err;
}

bool render_is_default(const struct render *r)
{
    return !*r->name;
}

struct page *render_page(const struct render *r)
{
    return r->page;
}

int render_stat(struct render *r, struct stat *ret)
{
    struct page *p = r->page;
    int err = page_stat(p, ret);
    ws_lock(p->ws);
    ret->st_ino = r->ino;
    if (!*r->name && p->docs)
        page_render_names(p);
    struct timespec when = *r->name ? r->mtime : p->renders->touched;
    if (when.tv_sec)
        ret->st_mtim = ret->st_ctim = ret->st_atim = when;
    ws_unlock(p->ws);
    return err;
}

static bool render_names_known(struct page *p)
{
    return !p->id || !page_doc_of(p, PAGE_QUERIES)->present ||
           (p->body == BODY_SHED && p->renders->names_known);
}

/* Lock not held. True: they are known, and stay so when the text leaves the memory. */
static bool render_names_take(struct page *p)
{
    ws_lock(p->ws);
    bool here = page_doc_of(p, PAGE_QUERIES)->remote;
    page_render_names(p);
    ws_unlock(p->ws);
    return here;
}

int render_names_ready(struct render *r, struct wait *w)
{
    enum { TRIES = 3 }; /* it may leave the memory just then (shed.h) */
    struct page *p = r->page;
    for (int i = 0; i < TRIES; i++) {
        ws_lock(p->ws);
        bool known = render_names_known(p);
        ws_unlock(p->ws);
        int err = known ? 0 : page_file_ready(p, true, w);
        if (known || err || render_names_take(p))
            return err;
    }
    return 0;
}

/* ---- files ------------------------------------------------------------------- */

/* By the longest ending: .ndjson is no .json, since the dot counts. */
static bool file_form(const char *name, enum render_form *ret_form, size_t *ret_stem)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < ARRAY_LEN(form_ends); i++) {
        size_t end = strlen(form_ends[i]);
        if (len <= end || strcmp(name + len - end, form_ends[i]) != 0)
            continue;
        *ret_form = (enum render_form)i;
        *ret_stem = len - end;
        return true;
    }
    return false;
}

bool render_file_may_be(const char *name)
{
    enum render_form form;
    size_t stem;
    return file_form(name, &form, &stem);
}

static const struct render_query *query_of_file(struct page *p, const char *name,
                                                enum render_form *ret_form)
{
    const struct render_names *names = page_render_names(p);
    size_t len;
    if (!file_form(name, ret_form, &len))
        return NULL;
    for (size_t i = 0; i < names->count; i++)
        if (strlen(names->queries[i].stem) == len &&
            !memcmp(names->queries[i].stem, name, len))
            return &names->queries[i];
    return NULL;
}

/* query NULL: none. */
static struct render_file *file_new(struct render *r, const char *name,
                                    enum render_form form, const struct buf *query)
{
    struct render_file *f = xcalloc(1, sizeof *f);
    f->render = r;
    f->name = xstrdup(name);
    f->form = form;
    if (query && query->len)
        buf_append(&f->query, query->data, query->len);
    return f;
}

static struct render_file *file_intern(struct render *r, const char *name,
                                       enum render_form form, const struct buf *query)
{
    struct render_file *f;
    HASH_FIND(hh, r->files, name, strlen(name), f);
    if (!f) {
        f = file_new(r, name, form, query);
        HASH_ADD_KEYPTR(hh, r->files, f->name, strlen(f->name), f);
    }
    render_ref(r);
    return f;
}

static struct render_file *copy_intern(struct render *r, const char *name)
{
    struct render_file *f;
    HASH_FIND(hh, r->copies, name, strlen(name), f);
    if (!f) {
        f = file_new(r, name, RENDER_WHOLE, NULL);
        f->copy = true;
        HASH_ADD_KEYPTR(hh, r->copies, f->name, strlen(f->name), f);
    }
    f->hidden = false;
    render_ref(r);
    return f;
}

static bool file_is_whole(const struct render *r, const char *name)
{
    return *r->name && !strcmp(name, whole_name);
}

struct render_file *render_find(struct render *r, const char *name)
{
    struct page *p = r->page;
    struct render_file *f = NULL;
    enum render_form form = RENDER_WHOLE;
    ws_lock(p->ws);
    const struct render_query *query = query_of_file(p, name, &form);
    if (!p->id)
        HASH_FIND(hh, r->copies, name, strlen(name), f);
    if (f)
        render_ref(r);
    else if (p->id && file_is_whole(r, name))
        f = file_intern(r, name, RENDER_WHOLE, NULL);
    else if (p->id && query)
        f = file_intern(r, name, form, &query->name);
    bool hidden = f && f->hidden;
    ws_unlock(p->ws);
    if (!hidden)
        return f;
    render_file_unref(f);
    return NULL;
}

int render_make_file(struct render *r, const char *name, struct render_file **ret_file)
{
    struct page *p = r->page;
    int err = 0;
    ws_lock(p->ws);
    if (p->id)
        err = -EACCES;
    else
        *ret_file = copy_intern(r, name);
    ws_unlock(p->ws);
    return err;
}

int render_unlink(struct render *r, const char *name, pid_t tgid)
{
    struct render_file *f = render_find(r, name);
    if (!f)
        return -ENOENT;
    ws_lock(r->page->ws);
    f->hidden = true;
    f->unlinker = tgid;
    renders_touch(r->page);
    ws_unlock(r->page->ws);
    render_file_unref(f);
    return 0;
}

static uint64_t file_number(const struct render *r, const char *name)
{
    cleanup_free char *key = xasprintf("%s/render/%s/%s", r->page->key, r->name, name);
    return page_number_of(key);
}

static void each_file(struct render *r, const char *name, item_visit_fn *fn, void *arg)
{
    struct render_file *f;
    HASH_FIND(hh, r->files, name, strlen(name), f);
    if (!f || !f->hidden)
        fn(arg, name, file_number(r, name), S_IFREG);
}

static void each_query(struct render *r, item_visit_fn *fn, void *arg)
{
    const struct render_names *names = page_render_names(r->page);
    for (size_t i = 0; i < names->count; i++)
        for (size_t form = 0; form < ARRAY_LEN(form_ends); form++) {
            cleanup_free char *name =
                xasprintf("%s%s", names->queries[i].stem, form_ends[form]);
            each_file(r, name, fn, arg);
        }
}

static void each_set(struct page *p, item_visit_fn *fn, void *arg)
{
    struct render *r;
    DL_FOREACH2(p->renders->sets, r, older)
    if (*r->name && (p->id ? r->answer != NULL : r->made))
        fn(arg, r->name, r->ino, S_IFDIR);
}

void render_each(struct render *r, item_visit_fn *fn, void *arg)
{
    struct page *p = r->page;
    ws_lock(p->ws);
    if (p->id) {
        each_query(r, fn, arg);
        if (*r->name)
            each_file(r, whole_name, fn, arg);
        else
            each_set(p, fn, arg);
    } else {
        for (struct render_file *f = r->copies; f; f = f->hh.next)
            if (!f->hidden)
                fn(arg, f->name, file_number(r, f->name), S_IFREG);
        if (!*r->name)
            each_set(p, fn, arg);
    }
    ws_unlock(p->ws);
}

bool render_file_is_there(struct render_file *f)
{
    struct page *p = f->render->page;
    enum render_form form;
    ws_lock(p->ws);
    bool there = f->copy ? !p->id
                         : p->id && (f->form == RENDER_WHOLE ||
                                     query_of_file(p, f->name, &form) != NULL);
    ws_unlock(p->ws);
    return there && !f->hidden;
}

void page_render_each(struct page *p, render_visit_fn *set, render_file_visit_fn *file,
                      void *arg)
{
    struct render *r;
    if (!p->renders)
        return;
    DL_FOREACH2(p->renders->sets, r, older)
    {
        set(arg, r);
        for (struct render_file *f = r->files; f; f = f->hh.next)
            file(arg, f);
    }
}

void render_file_unref(struct render_file *f)
{
    if (f)
        render_unref(f->render);
}

struct page *render_file_page(const struct render_file *f)
{
    return f->render->page;
}

/* ---- what a query gave ------------------------------------------------------- */

struct outcome {
    struct json_span rows;
    char *error; /* malloc'ed; NULL: none */
};

/* A string, or an object with a message, or whatever it is as its text. */
static char *outcome_error(const char *text, struct json_span error)
{
    struct json_span message;
    struct buf out = BUF_INIT;
    if (error.type == JSON_OBJECT && json_member(text, error, "message", &message) &&
        message.type == JSON_STRING)
        error = message;
    if (error.type == JSON_STRING)
        json_string_decode(text, error, &out);
    else
        json_compact(&out, text, error);
    return buf_steal(&out);
}

static bool outcome_is_error(const char *text, struct json_span error)
{
    return error.type != JSON_NULL && error.type != JSON_FALSE &&
           !(error.type == JSON_STRING && json_string_is(text, error, ""));
}

/* {"results": {"<query>": {"rows": [...], "error"?}}}; the rows alone will do, too. */
static struct outcome outcome_find(const struct text *answer, const struct buf *query)
{
    const char *text = answer->data;
    struct json_limits limits = JSON_LIMITS_WIRE;
    struct json_span span;
    struct json_span error;
    struct outcome o = {0};
    limits.max_bytes = JSON_BYTES_MAX;
    if (json_check(text, answer->len, &limits, &span, NULL)) {
        o.error = xstrdup("the answer is no JSON");
        return o;
    }
    json_member(text, span, "results", &span);
    if (!json_member_bytes(text, span, query->len ? query->data : "", query->len,
                           &span)) {
        o.error = xstrdup("the answer has no such query");
        return o;
    }
    if (json_member(text, span, "error", &error) && outcome_is_error(text, error))
        o.error = outcome_error(text, error);
    if (span.type == JSON_OBJECT && !json_member(text, span, "rows", &span) && !o.error)
        o.error = xstrdup("the answer has no rows");
    o.rows = span;
    return o;
}

struct render_reader {
    struct text *answer;
    struct rows *rows; /* NULL: the answer as it is */
    pthread_mutex_t lock;
};

static int reader_make(const struct render_file *f, struct text *answer,
                       struct render_reader **ret_reader)
{
    static const enum rows_form forms[] = {[RENDER_CSV] = ROWS_CSV,
                                           [RENDER_NDJSON] = ROWS_NDJSON,
                                           [RENDER_JSON] = ROWS_JSON};
    struct rows *rows = NULL;
    int err = 0;
    if (f->form != RENDER_WHOLE) {
        struct outcome o = outcome_find(answer, &f->query);
        err = o.error ? -EIO : rows_new(forms[f->form], answer->data, o.rows, &rows);
        free(o.error);
    }
    if (err)
        return err == -EPROTO ? -EIO : err;
    struct render_reader *reader = xcalloc(1, sizeof *reader);
    reader->answer = text_ref(answer);
    reader->rows = rows;
    pthread_mutex_init(&reader->lock, NULL);
    *ret_reader = reader;
    return 0;
}

static struct text *file_answer(const struct render_file *f, uint64_t *ret_number)
{
    struct workspace *ws = f->render->page->ws;
    ws_lock(ws);
    struct text *answer = text_ref(f->render->answer);
    *ret_number = f->render->number;
    ws_unlock(ws);
    return answer;
}

int render_file_ready(struct render_file *f, struct wait *w)
{
    struct workspace *ws = f->render->page->ws;
    ws_lock(ws);
    int err = render_run(f->render, w);
    ws_unlock(ws);
    return err;
}

int render_file_open(struct render_file *f, struct render_reader **ret_reader)
{
    uint64_t number;
    cleanup_text struct text *answer = file_answer(f, &number);
    return answer ? reader_make(f, answer, ret_reader) : -EAGAIN;
}

void render_read(struct render_reader *reader, size_t size, off_t off, struct buf *out)
{
    const struct text *answer = reader->answer;
    if (off < 0)
        return;
    if (reader->rows) {
        pthread_mutex_lock(&reader->lock);
        rows_read(reader->rows, (uint64_t)off, size, out);
        pthread_mutex_unlock(&reader->lock);
    } else if ((size_t)off < answer->len) {
        size_t left = answer->len - (size_t)off;
        buf_append(out, answer->data + off, left < size ? left : size);
    }
}

void render_close(struct render_reader *reader)
{
    if (!reader)
        return;
    rows_free(reader->rows);
    text_unref(reader->answer);
    pthread_mutex_destroy(&reader->lock);
    free(reader);
}

/* ---- attributes -------------------------------------------------------------- */

/* No lock: the answer is a reference of our own. */
static uint64_t file_measure(const struct render_file *f, struct text *answer)
{
    struct render_reader *reader;
    if (reader_make(f, answer, &reader) != 0)
        return 0;
    uint64_t size = reader->rows ? rows_size(reader->rows) : answer->len;
    render_close(reader);
    return size;
}

int render_file_stat(struct render_file *f, struct stat *ret)
{
    struct render *r = f->render;
    struct workspace *ws = r->page->ws;
    uint64_t number;
    cleanup_text struct text *answer = file_answer(f, &number);
    ws_lock(ws);
    bool measure = !f->copy && answer && f->size_of != number;
    ws_unlock(ws);
    uint64_t size = measure ? file_measure(f, answer) : 0;
    int err = page_stat(r->page, ret);
    ws_lock(ws);
    if (measure) {
        f->size = size;
        f->size_of = number;
    }
    ret->st_ino = file_number(r, f->name);
    ret->st_mode = S_IFREG | (r->page->id ? 0444 : 0644);
    ret->st_nlink = 1;
    ret->st_size = (off_t)f->size;
    ret->st_blocks = (blkcnt_t)((f->size + 511) / 512);
    if (r->mtime.tv_sec)
        ret->st_mtim = ret->st_ctim = ret->st_atim = r->mtime;
    ws_unlock(ws);
    return err;
}

char *render_file_error(struct render_file *f)
{
    uint64_t number;
    cleanup_text struct text *answer = file_answer(f, &number);
    if (!answer || f->form == RENDER_WHOLE)
        return NULL;
    return outcome_find(answer, &f->query).error;
}
