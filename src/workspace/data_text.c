/* data_text.c - an answer in the form that a file shows. Tokens are copied as they came. */
#include "workspace/data_internal.h"

#include <string.h>

#include "json/json.h"

/* ---- columns ----------------------------------------------------------------------- */

/* Their names, decoded, in order. */
struct columns {
    struct buf *names;
    size_t count;
};

static bool columns_has(const struct columns *c, const struct buf *name)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->names[i].len == name->len &&
            !memcmp(c->names[i].data ? c->names[i].data : "",
                    name->data ? name->data : "", name->len))
            return true;
    return false;
}

/* Takes the name's bytes; nothing when it is there already. */
static void columns_add(struct columns *c, struct buf *name)
{
    if (columns_has(c, name))
        return;
    c->names = xrealloc(c->names, (c->count + 1) * sizeof *c->names);
    c->names[c->count++] = *name;
    *name = (struct buf)BUF_INIT;
}

static void columns_finish(struct columns *c)
{
    for (size_t i = 0; i < c->count; i++)
        buf_finish(&c->names[i]);
    free(c->names);
}

/* ["a", "b"] or [{"name": "a"}, ...]. */
static void columns_said(struct columns *c, const char *text, struct json_span said)
{
    struct json_iter it;
    json_iter_init(&it, text, said);
    while (said.type == JSON_ARRAY && json_iter_next(&it)) {
        cleanup_buf struct buf name = BUF_INIT;
        struct json_span value = it.value;
        if (value.type == JSON_OBJECT)
            json_member(text, it.value, "name", &value);
        if (value.type != JSON_STRING)
            continue;
        json_string_decode(text, value, &name);
        columns_add(c, &name);
    }
}

/* Is member number i of a row the column of that number? Rows mostly have one order. (A key
 * with escapes is looked for among all.) */
static bool is_column(const struct columns *c, size_t i, const char *text,
                      struct json_span key)
{
    size_t len = key.end - key.start - 2;
    const char *raw = text + key.start + 1;
    return i < c->count && c->names[i].len == len && !memchr(raw, '\\', len) &&
           !memcmp(c->names[i].data ? c->names[i].data : "", raw, len);
}

/* What rows have that is not among them yet. */
static void columns_found(struct columns *c, const char *text, struct json_span rows)
{
    struct json_iter row;
    struct json_iter it;
    json_iter_init(&row, text, rows);
    while (json_iter_next(&row)) {
        if (row.value.type != JSON_OBJECT)
            continue;
        json_iter_init(&it, text, row.value);
        while (json_iter_next(&it)) {
            cleanup_buf struct buf name = BUF_INIT;
            if (is_column(c, it.index, text, it.key))
                continue;
            json_string_decode(text, it.key, &name);
            columns_add(c, &name);
        }
    }
}

/* ---- CSV (RFC 4180, but for LF) ------------------------------------------------------ */

static void put_field(struct buf *out, const char *s, size_t len)
{
    bool plain = len > 0;
    for (size_t i = 0; plain && i < len; i++)
        plain = s[i] != '"' && s[i] != ',' && s[i] != '\n' && s[i] != '\r';
    if (plain) {
        buf_append(out, s, len);
        return;
    }
    buf_putc(out, '"');
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '"')
            buf_putc(out, '"');
        buf_putc(out, s[i]);
    }
    buf_putc(out, '"');
}

/* Null is an empty field, and an empty string "". */
static void put_value(struct buf *out, const char *text, struct json_span value,
                      struct buf *room)
{
    buf_clear(room);
    if (value.type == JSON_STRING)
        json_string_decode(text, value, room);
    else if (value.type == JSON_ARRAY || value.type == JSON_OBJECT)
        json_compact(room, text, value);
    else if (value.type != JSON_NULL)
        buf_append(room, text + value.start, value.end - value.start);
    if (value.type != JSON_NULL)
        put_field(out, room->data ? room->data : "", room->len);
}

/* The values in the order of the columns. */
static void put_object(struct buf *out, const struct columns *c, const char *text,
                       struct json_span row, struct json_span *values, struct buf *room)
{
    struct json_iter it;
    memset(values, 0, c->count * sizeof *values);
    json_iter_init(&it, text, row);
    while (json_iter_next(&it)) {
        size_t i = it.index;
        if (!is_column(c, i, text, it.key)) {
            buf_clear(room);
            json_string_decode(text, it.key, room);
            const char *key = room->data ? room->data : "";
            for (i = 0; i < c->count; i++)
                if (c->names[i].len == room->len &&
                    !memcmp(c->names[i].data ? c->names[i].data : "", key, room->len))
                    break;
        }
        if (i < c->count)
            values[i] = it.value;
    }
    for (size_t i = 0; i < c->count; i++) {
        if (i)
            buf_putc(out, ',');
        if (values[i].end)
            put_value(out, text, values[i], room);
    }
}

/* An array is a row by position, any other value a row of one field. */
static void put_other(struct buf *out, const char *text, struct json_span row,
                      struct buf *room)
{
    struct json_iter it;
    if (row.type != JSON_ARRAY) {
        put_value(out, text, row, room);
        return;
    }
    json_iter_init(&it, text, row);
    while (json_iter_next(&it)) {
        if (it.index)
            buf_putc(out, ',');
        put_value(out, text, it.value, room);
    }
}

static void put_csv(struct buf *out, const struct dataset *d, const char *text)
{
    struct columns c = {0};
    struct json_iter it;
    cleanup_buf struct buf room = BUF_INIT;
    columns_said(&c, text, d->columns);
    columns_found(&c, text, d->rows);
    cleanup_free struct json_span *values = xcalloc(c.count + 1, sizeof *values);
    for (size_t i = 0; i < c.count; i++) {
        if (i)
            buf_putc(out, ',');
        put_field(out, c.names[i].data ? c.names[i].data : "", c.names[i].len);
    }
    if (c.count)
        buf_putc(out, '\n');
    json_iter_init(&it, text, d->rows);
    while (json_iter_next(&it)) {
        if (it.value.type == JSON_OBJECT)
            put_object(out, &c, text, it.value, values, &room);
        else
            put_other(out, text, it.value, &room);
        buf_putc(out, '\n');
    }
    columns_finish(&c);
}

/* ---- JSON ---------------------------------------------------------------------------- */

static void put_ndjson(struct buf *out, const struct dataset *d, const char *text)
{
    struct json_iter it;
    json_iter_init(&it, text, d->rows);
    while (json_iter_next(&it)) {
        json_compact(out, text, it.value);
        buf_putc(out, '\n');
    }
}

static void put_json(struct buf *out, const struct dataset *d, const char *text)
{
    json_reindent(out, text, d->rows);
}

static void (*const makers[DATA_FORMS])(struct buf *, const struct dataset *,
                                        const char *) = {
    [DATA_CSV] = put_csv, [DATA_NDJSON] = put_ndjson, [DATA_JSON] = put_json};

struct text *data_text_make(const struct dataset *d, enum data_form form,
                            struct text *body)
{
    struct buf out = BUF_INIT;
    makers[form](&out, d, body->data);
    return text_from_buf(&out);
}
