/* queries_edit.c - edits of the text of queries.json, a span at a time. */
#include <string.h>

#include "base/alloc.h"
#include "workspace/queries.h"

/* The text with [start, end) replaced. */
static struct text *text_splice(const struct text *text, size_t start, size_t end,
                                const struct buf *put)
{
    struct buf out = BUF_INIT;
    buf_reserve(&out, text->len - (end - start) + put->len);
    buf_append(&out, text->data, start);
    if (put->len)
        buf_append(&out, put->data, put->len);
    buf_append(&out, text->data + end, text->len - end);
    return text_from_buf(&out);
}

/* ---- one string -------------------------------------------------------------- */

static bool ends_in_newline(const char *s, size_t len)
{
    return len && s[len - 1] == '\n';
}

/* Without the newline that queries_show() puts there again. */
static size_t strip_newline(const char *sql, size_t len)
{
    bool shown = len > 1 && sql[len - 1] == '\n' && sql[len - 2] != '\n';
    return shown ? len - 1 : len;
}

/* Is what is written what the file showed, with or without the newline that it lacked? */
static bool sql_is_same(const struct buf *old, const char *sql, size_t len)
{
    bool longer = len == old->len + 1 && sql[len - 1] == '\n' && old->len &&
                  !ends_in_newline(old->data, old->len);
    return (len == old->len || longer) &&
           (!old->len || !memcmp(old->data, sql, old->len));
}

struct text *queries_set_sql(const struct queries *q, const struct query *query,
                             const char *sql, size_t len)
{
    cleanup_buf struct buf old = BUF_INIT;
    cleanup_buf struct buf put = BUF_INIT;
    json_string_decode(q->text->data, query->sql, &old);
    if (sql_is_same(&old, sql, len))
        return text_ref(q->text);
    if (!ends_in_newline(old.data, old.len))
        len = strip_newline(sql, len);
    json_quote(&put, sql, len);
    return text_splice(q->text, query->sql.start, query->sql.end, &put);
}

struct text *queries_rename(const struct queries *q, const struct query *query,
                            const char *name)
{
    cleanup_buf struct buf put = BUF_INIT;
    if (query->name.start == query->name.end)
        return NULL;
    if (json_string_is(q->text->data, query->name, name))
        return text_ref(q->text);
    json_quotes(&put, name);
    return text_splice(q->text, query->name.start, query->name.end, &put);
}

/* ---- elements that come and go ------------------------------------------------ */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Where the blanks before this offset begin. */
static size_t blanks_before(const char *text, size_t offset)
{
    while (offset && is_blank(text[offset - 1]))
        offset--;
    return offset;
}

/* How an object of the array is laid out: what stands before it, behind its brace, between
 * its members, in its colons, before its last brace. */
struct layout {
    struct buf before, open, between, colon, close;
};

static void layout_finish(struct layout *l)
{
    struct buf *all[] = {&l->before, &l->open, &l->between, &l->colon, &l->close};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        buf_finish(all[i]);
}

static void buf_set(struct buf *b, const char *from, size_t len)
{
    buf_clear(b);
    buf_append(b, from, len);
}

static void layout_set(struct layout *l, const char *before, const char *open,
                       const char *colon, const char *close)
{
    buf_set(&l->before, before, strlen(before));
    buf_set(&l->open, open, strlen(open));
    buf_set(&l->between, open, strlen(open));
    buf_set(&l->colon, colon, strlen(colon));
    buf_set(&l->close, close, strlen(close));
}

/* Of an empty array, as amdahlfs itself shows one. */
static void layout_default(struct layout *l, const struct text *text)
{
    bool crlf = text->len && memmem(text->data, text->len, "\r\n", 2);
    layout_set(l, crlf ? "\r\n  " : "\n  ", crlf ? "\r\n    " : "\n    ", ": ",
               crlf ? "\r\n  " : "\n  ");
}

/* As that object. False: it is none, or has no members. */
static bool layout_take(struct layout *l, const char *text, struct json_span object)
{
    struct json_iter it;
    size_t end = object.start + 1;
    json_iter_init(&it, text, object);
    if (object.type != JSON_OBJECT || !json_iter_next(&it))
        return false;
    buf_set(&l->open, text + end, it.key.start - end);
    buf_set(&l->between, text + end, it.key.start - end);
    buf_set(&l->colon, text + it.key.end, it.value.start - it.key.end);
    end = it.value.end;
    for (bool second = true; json_iter_next(&it); second = false) {
        size_t from = blanks_before(text, it.key.start);
        if (second)
            buf_set(&l->between, text + from, it.key.start - from);
        end = it.value.end;
    }
    buf_set(&l->close, text + end, object.end - 1 - end);
    return true;
}

/* Beside elements that are no objects. */
static void layout_guess(struct layout *l, const char *before, size_t len)
{
    buf_set(&l->open, before, len);
    if (len && memchr(before, '\n', len))
        buf_puts(&l->open, "  ");
    buf_set(&l->between, l->open.data, l->open.len);
    buf_set(&l->close, before, len);
    buf_set(&l->colon, ": ", len ? 2 : 1);
}

static void put_buf(struct buf *out, const struct buf *part)
{
    if (part->len)
        buf_append(out, part->data, part->len);
}

static void put_member(struct buf *out, const struct layout *l, const char *key,
                       const char *value, size_t len)
{
    put_buf(out, out->data[out->len - 1] == '{' ? &l->open : &l->between);
    json_quotes(out, key);
    put_buf(out, &l->colon);
    json_quote(out, value, len);
}

static void put_query(struct buf *out, const struct layout *l, const char *name,
                      const char *sql, size_t len)
{
    put_buf(out, &l->before);
    buf_putc(out, '{');
    put_member(out, l, "name", name, strlen(name));
    buf_putc(out, ',');
    put_member(out, l, "source", "sql", 3);
    buf_putc(out, ',');
    put_member(out, l, "sql", sql, len);
    put_buf(out, &l->close);
    buf_putc(out, '}');
}

/* The last element of the array, and the last that shows how objects are laid out. */
static bool array_end(const struct queries *q, struct layout *l,
                      struct json_span *ret_last)
{
    struct json_iter it;
    bool any = false;
    bool taken = false;
    const char *text = q->text->data;
    json_iter_init(&it, text, q->root);
    while (json_iter_next(&it)) {
        any = true;
        *ret_last = it.value;
        taken = layout_take(l, text, it.value) || taken;
    }
    if (!any)
        return false;
    size_t from = blanks_before(text, ret_last->start);
    buf_set(&l->before, text + from, ret_last->start - from);
    if (!taken)
        layout_guess(l, text + from, ret_last->start - from);
    return true;
}

struct text *queries_add(const struct queries *q, const char *name, const char *sql,
                         size_t len)
{
    __attribute__((__cleanup__(layout_finish))) struct layout l = {
        BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT};
    cleanup_buf struct buf put = BUF_INIT;
    struct json_span last = {0};
    bool any = array_end(q, &l, &last);
    if (any)
        buf_putc(&put, ',');
    else
        layout_default(&l, q->text);
    put_query(&put, &l, name, sql, strip_newline(sql, len));
    if (any)
        return text_splice(q->text, last.end, last.end, &put);
    buf_puts(&put, l.close.data[0] == '\r' ? "\r\n" : "\n");
    return text_splice(q->text, q->root.start + 1, q->root.end - 1, &put);
}

struct text *queries_remove(const struct queries *q, const struct query *query)
{
    struct json_iter it;
    struct json_span before = {0};
    struct json_span after = {0};
    const struct buf nothing = BUF_INIT;
    json_iter_init(&it, q->text->data, q->root);
    while (json_iter_next(&it) && it.index <= query->index + 1) {
        if (it.index + 1 == query->index)
            before = it.value;
        else if (it.index == query->index + 1)
            after = it.value;
    }
    size_t start = before.end ? before.end : query->element.start;
    size_t end = before.end || !after.end ? query->element.end : after.start;
    return text_splice(q->text, start, end, &nothing);
}
