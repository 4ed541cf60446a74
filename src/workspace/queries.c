/* queries.c - which file shows which query. */
#include "workspace/queries.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "workspace/names.h"

static const char query_suffix[] = ".sql";
enum { QUERY_SUFFIX = sizeof query_suffix - 1 };

/* ---- file names -------------------------------------------------------------- */

/* Can "<name>.sql" be a file's name, and one that no editor gives to a file of its own? */
static bool name_is_plain(const char *name, size_t len)
{
    size_t pos = 0;
    uint32_t code;
    if (!len || len + QUERY_SUFFIX > NAME_COMPONENT_MAX || *name == '.' || *name == '#')
        return false;
    while (pos < len) {
        size_t n = utf8_decode(name + pos, len - pos, &code);
        if (!n || code == '/' || utf8_is_control(code))
            return false;
        pos += n;
    }
    return true;
}

char *queries_name_of_file(const char *file)
{
    size_t len = strlen(file);
    if (len <= QUERY_SUFFIX || strcmp(file + len - QUERY_SUFFIX, query_suffix) != 0 ||
        !name_is_plain(file, len - QUERY_SUFFIX))
        return NULL;
    return xstrndup(file, len - QUERY_SUFFIX);
}

static void query_name(const struct queries *q, const struct query *query,
                       struct buf *out)
{
    if (query->name.start < query->name.end)
        json_string_decode(q->text->data, query->name, out);
    buf_append(out, "", 0);
}

/* What a name that cannot be a file's becomes. malloc'ed. */
static char *name_made_safe(const struct buf *name)
{
    cleanup_free char *slug = name_slug(name->data);
    const char *stem = slug + strspn(slug, "#");
    return xasprintf("%s~%08x", name->len && *stem ? stem : "query",
                     table_hash(name->data, name->len));
}

static struct query *query_of_stem(const struct queries *q, const char *stem)
{
    cleanup_free char *file = xasprintf("%s%s", stem, query_suffix);
    struct query *query = NULL;
    HASH_FIND(hh, q->by_file, file, strlen(file), query);
    return query;
}

static bool query_take_file(struct queries *q, struct query *query, const char *stem)
{
    cleanup_free char *file = xasprintf("%s%s", stem, query_suffix);
    if (queries_find(q, file))
        return false;
    query->file = steal_ptr(file);
    HASH_ADD_KEYPTR(hh, q->by_file, query->file, strlen(query->file), query);
    return true;
}

/* The first query of a name that can be a file's has it, whatever stands before. */
static void query_name_plainly(struct queries *q, struct query *query)
{
    cleanup_buf struct buf name = BUF_INIT;
    query_name(q, query, &name);
    if (name_is_plain(name.data, name.len))
        query_take_file(q, query, name.data);
}

static void query_name_otherwise(struct queries *q, struct query *query)
{
    cleanup_buf struct buf name = BUF_INIT;
    query_name(q, query, &name);
    bool plain = name_is_plain(name.data, name.len);
    cleanup_free char *stem = plain ? xstrdup(name.data) : name_made_safe(&name);
    int room = (int)utf8_cut(stem, strlen(stem), NAME_COMPONENT_MAX - QUERY_SUFFIX - 12);
    if (!plain && query_take_file(q, query, stem))
        return;
    struct query *first = query_of_stem(q, stem);
    while (!query->file) {
        cleanup_free char *numbered =
            xasprintf("%.*s~%u", room, stem, ++first->repeats + 1);
        query_take_file(q, query, numbered);
    }
}

static void queries_name(struct queries *q)
{
    for (size_t i = 0; i < q->count; i++)
        query_name_plainly(q, &q->list[i]);
    for (size_t i = 0; i < q->count; i++)
        if (!q->list[i].file)
            query_name_otherwise(q, &q->list[i]);
}

/* ---- reading ----------------------------------------------------------------- */

static bool query_take(const char *text, const struct json_iter *it, struct query *ret)
{
    struct json_span source;
    struct json_span name;
    *ret = (struct query){.element = it->value, .index = it->index};
    if (it->value.type != JSON_OBJECT ||
        !json_member(text, it->value, "sql", &ret->sql) || ret->sql.type != JSON_STRING)
        return false;
    if (json_member(text, it->value, "source", &source) && source.type != JSON_NULL &&
        !(source.type == JSON_STRING && json_string_is(text, source, "sql")))
        return false;
    if (json_member(text, it->value, "name", &name) && name.type == JSON_STRING)
        ret->name = name;
    return true;
}

static void queries_collect(struct queries *q)
{
    struct json_iter it;
    struct query query;
    size_t cap = 0;
    json_iter_init(&it, q->text->data, q->root);
    while (json_iter_next(&it)) {
        if (!query_take(q->text->data, &it, &query))
            continue;
        if (q->count == cap) {
            cap = cap ? 2 * cap : 8;
            q->list = xrealloc(q->list, cap * sizeof *q->list);
        }
        q->list[q->count++] = query;
    }
}

int queries_read(struct text *text, struct queries *ret, struct json_error *ret_error)
{
    struct json_limits limits = JSON_LIMITS_WIRE;
    struct json_span root;
    int err = json_check(text->data, text->len, &limits, &root, ret_error);
    if (err)
        return err;
    if (root.type != JSON_ARRAY) {
        if (ret_error) {
            *ret_error = (struct json_error){.offset = root.start};
            json_position(text->data, text->len, root.start, &ret_error->line,
                          &ret_error->column);
            snprintf(ret_error->message, sizeof ret_error->message,
                     "declared queries are an array: [{\"name\": ...}]");
        }
        return -EPROTO;
    }
    *ret = (struct queries){.text = text_ref(text), .root = root};
    queries_collect(ret);
    queries_name(ret);
    return 0;
}

void queries_finish(struct queries *q)
{
    HASH_CLEAR(hh, q->by_file);
    for (size_t i = 0; i < q->count; i++)
        free(q->list[i].file);
    free(q->list);
    text_unref(q->text);
    *q = (struct queries){0};
}

const struct query *queries_find(const struct queries *q, const char *file)
{
    struct query *query = NULL;
    HASH_FIND(hh, q->by_file, file, strlen(file), query);
    return query;
}

const struct query *queries_at(const struct queries *q, size_t offset)
{
    for (size_t i = 0; i < q->count; i++)
        if (q->list[i].element.start <= offset && offset < q->list[i].element.end)
            return &q->list[i];
    return NULL;
}

void queries_show(const struct queries *q, const struct query *query, struct buf *out)
{
    size_t from = out->len;
    json_string_decode(q->text->data, query->sql, out);
    if (out->len > from && out->data[out->len - 1] != '\n')
        buf_putc(out, '\n');
}
