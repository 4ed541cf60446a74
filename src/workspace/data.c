/* data.c - the names of data/: which results there are, and the objects they stand for. */
#include "workspace/data.h"

#include <errno.h>
#include <string.h>

#include "workspace/data_internal.h"
#include "workspace/data_params.h"
#include "workspace/overlay.h"

static const char *const form_ends[DATA_FORMS] = {
    [ROWS_CSV] = ".csv", [ROWS_NDJSON] = ".ndjson", [ROWS_JSON] = ".json"};
static const char sql_end[] = ".sql";
static const char schema_name[] = "schema.json";

struct item *workspace_data_local(struct workspace *ws)
{
    return ws->overlay->data;
}

struct data *data_of(struct workspace *ws)
{
    if (!ws->data)
        ws->data = xcalloc(1, sizeof *ws->data);
    return ws->data;
}

/* ---- names ------------------------------------------------------------------------- */

/* The length of name without that end, 0 when it has another, or nothing before it. */
static size_t stem_length(const char *name, const char *end)
{
    size_t len = strlen(name), skip = strlen(end);
    return len > skip && !strcmp(name + len - skip, end) ? len - skip : 0;
}

/* Editors' own (.#top.sql) are no queries; nor may one be called as the schema is. */
static bool is_sql_name(const char *name)
{
    return *name != '.' && stem_length(name, sql_end);
}

static bool is_sql_file(struct workspace *ws, const char *name)
{
    struct item *it = NULL;
    if (!is_sql_name(name) || place_find(workspace_data_local(ws), name, &it) != 0)
        return false;
    bool is = item_type(it) == ITEM_FILE;
    item_unref(it);
    return is;
}

/* "top.sql" for "top.csv"; malloc'ed. NULL: no result has this name, whatever is there. */
static char *sql_of_result(const char *name, enum rows_form *ret_form)
{
    for (int form = 0; form < DATA_FORMS; form++) {
        size_t len = stem_length(name, form_ends[form]);
        if (!len || *name == '.')
            continue;
        *ret_form = (enum rows_form)form;
        return xasprintf("%.*s%s", (int)len, name, sql_end);
    }
    return NULL;
}

bool data_name_is_fleeting(const char *name)
{
    enum rows_form form;
    cleanup_free char *file = sql_of_result(name, &form);
    return file || strchr(name, '=');
}

bool data_is_result(struct workspace *ws, const char *name)
{
    enum rows_form form;
    cleanup_free char *file = sql_of_result(name, &form);
    return !strcmp(name, schema_name) || (file && is_sql_file(ws, file));
}

/* ---- directories of params --------------------------------------------------------- */

static struct data_params *params_new(struct workspace *ws, const char *name,
                                      struct buf *json)
{
    struct data_params *p = xcalloc(1, sizeof *p);
    atomic_init(&p->refs, 0);
    p->ws = ws;
    p->name = xstrdup(name);
    p->json = text_from_buf(json);
    HASH_ADD_KEYPTR(hh, data_of(ws)->params, p->name, strlen(p->name), p);
    return p;
}

struct data_params *data_params_find(struct workspace *ws, const char *name)
{
    cleanup_buf struct buf json = BUF_INIT;
    struct data_params *p = NULL;
    if (!data_params_parse(name, &json))
        return NULL;
    ws_lock(ws);
    HASH_FIND_STR(data_of(ws)->params, name, p);
    if (!p)
        p = params_new(ws, name, &json);
    atomic_fetch_add(&p->refs, 1);
    ws_unlock(ws);
    return p;
}

struct data_params *data_params_ref(struct data_params *p)
{
    if (p)
        atomic_fetch_add(&p->refs, 1);
    return p;
}

/* Under the lock, by which it is found: else one that is found might be freed. */
void data_params_unref(struct data_params *p)
{
    if (!p)
        return;
    struct workspace *ws = p->ws;
    ws_lock(ws);
    bool last = atomic_fetch_sub(&p->refs, 1) == 1;
    if (last)
        HASH_DELETE(hh, ws->data->params, p);
    ws_unlock(ws);
    if (!last)
        return;
    free(p->name);
    text_unref(p->json);
    free(p);
}

uint64_t data_params_number(const struct data_params *p)
{
    cleanup_free char *key = xasprintf("data/%s", p->name);
    return page_number_of(key);
}

/* ---- datasets ---------------------------------------------------------------------- */

static struct dataset *dataset_new(struct workspace *ws, const char *key,
                                   const char *file, struct data_params *params)
{
    cleanup_free char *path = xasprintf("data/%s", key);
    struct dataset *d = xcalloc(1, sizeof *d);
    atomic_init(&d->refs, 0);
    d->ws = ws;
    d->key = xstrdup(key);
    d->file = xstrdup(file);
    d->params = data_params_ref(params);
    d->number = page_number_of(path);
    HASH_ADD_KEYPTR(hh, data_of(ws)->sets, d->key, strlen(d->key), d);
    return d;
}

/* file NULL: the schema. */
static struct dataset *dataset_get(struct workspace *ws, const char *file,
                                   struct data_params *params)
{
    cleanup_free char *key =
        params ? xasprintf("%s/%s", params->name, file) : xstrdup(file ? file : "");
    struct dataset *d = NULL;
    ws_lock(ws);
    HASH_FIND_STR(data_of(ws)->sets, key, d);
    if (!d)
        d = dataset_new(ws, key, file, params);
    atomic_fetch_add(&d->refs, 1);
    ws_unlock(ws);
    return d;
}

struct dataset *data_find(struct workspace *ws, struct data_params *params,
                          const char *name, enum rows_form *ret_form)
{
    *ret_form = ROWS_JSON;
    if (!params && !strcmp(name, schema_name))
        return dataset_get(ws, NULL, NULL);
    cleanup_free char *file = sql_of_result(name, ret_form);
    return file && is_sql_file(ws, file) ? dataset_get(ws, file, params) : NULL;
}

struct dataset *dataset_ref(struct dataset *d)
{
    if (d)
        atomic_fetch_add(&d->refs, 1);
    return d;
}

static void dataset_free(struct dataset *d)
{
    text_unref(d->answer.text);
    text_unref(d->sql);
    data_params_unref(d->params);
    free(d->error);
    free(d->key);
    free(d->file);
    free(d);
}

void dataset_unref(struct dataset *d)
{
    if (!d)
        return;
    struct workspace *ws = d->ws;
    ws_lock(ws);
    bool last = atomic_fetch_sub(&d->refs, 1) == 1;
    if (last)
        HASH_DELETE(hh, ws->data->sets, d);
    ws_unlock(ws);
    if (last)
        dataset_free(d);
}

/* ---- listings ---------------------------------------------------------------------- */

struct data_listing {
    struct workspace *ws;
    struct data_params *params;
    item_visit_fn *fn;
    void *arg;
};

static void list_results(struct data_listing *l, const char *file)
{
    for (int form = 0; form < DATA_FORMS; form++) {
        cleanup_free char *name =
            xasprintf("%.*s%s", (int)stem_length(file, sql_end), file, form_ends[form]);
        enum rows_form found;
        struct dataset *d = NULL;
        if (strlen(name) <= 255 && (l->params || strcmp(name, schema_name) != 0))
            d = data_find(l->ws, l->params, name, &found);
        if (d)
            l->fn(l->arg, name, d->number + 1 + (uint64_t)form, S_IFREG);
        dataset_unref(d);
    }
}

static void list_one(void *arg, const char *name, uint64_t ino, mode_t type)
{
    struct data_listing *l = arg;
    bool hidden = l->ws->config.runtime_hidden;
    if (!l->params && !data_is_result(l->ws, name))
        l->fn(l->arg, name, ino, type);
    if (S_ISREG(type) && is_sql_name(name) && (l->params || !hidden))
        list_results(l, name);
}

int data_each(struct workspace *ws, struct data_params *params, item_visit_fn *fn,
              void *arg)
{
    struct data_listing l = {ws, params, fn, arg};
    if (!params && !ws->config.runtime_hidden) {
        struct dataset *schema = dataset_get(ws, NULL, NULL);
        fn(arg, schema_name, schema->number + 1 + ROWS_JSON, S_IFREG);
        dataset_unref(schema);
    }
    return place_each(workspace_data_local(ws), list_one, &l);
}
