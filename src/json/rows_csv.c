/* rows_csv.c - the columns of rows, and a row as a line of csv. */
#include "json/rows_csv.h"

#include <errno.h>
#include <string.h>

#include "json/rows.h"
#include "json/rows_scan.h"

/* Commas may cost this much (rows.h). */
enum { COMMAS_FREE = 1 << 20, COMMAS_PER_BYTE = 16 };

static const char columns_value[] = "value"; /* the field of what is no object */

static int column_add(struct columns *c, struct json_span key, const char *name,
                      size_t len)
{
    if (c->count >= ROWS_COLUMNS_MAX)
        return -EFBIG;
    if (c->count == c->room) {
        c->room = c->room ? 2 * c->room : 16;
        c->list = xrealloc(c->list, c->room * sizeof *c->list);
        c->cells = xrealloc(c->cells, c->room * sizeof *c->cells);
    }
    struct column *made = xcalloc(1, sizeof *made);
    made->key = key;
    made->index = c->count;
    made->name = xmalloc(len + 1);
    memcpy(made->name, name, len);
    made->name[len] = '\0';
    made->name_len = len;
    HASH_ADD_KEYPTR(hh, c->by_name, made->name, made->name_len, made);
    c->list[c->count++] = made;
    return 0;
}

static struct column *column_find(struct columns *c, struct json_span key)
{
    struct column *found;
    buf_clear(&c->scratch);
    buf_puts(&c->scratch, "");
    json_string_decode(c->text, key, &c->scratch);
    HASH_FIND(hh, c->by_name, c->scratch.data, c->scratch.len, found);
    return found;
}

/* The same letters: then it is the same key. */
static bool column_is(const struct columns *c, size_t index, struct json_span key)
{
    if (index >= c->count)
        return false;
    struct json_span own = c->list[index]->key;
    return own.end - own.start == key.end - key.start &&
           !memcmp(c->text + own.start, c->text + key.start, key.end - key.start);
}

static int columns_see(struct columns *c, size_t index, struct json_span key)
{
    if (column_is(c, index, key) || column_find(c, key))
        return 0;
    return column_add(c, key, c->scratch.data, c->scratch.len);
}

static int columns_see_row(struct columns *c, struct json_span row)
{
    struct json_span key;
    struct json_span value;
    size_t pos = row.start + 1;
    size_t index = 0;
    int err = 0;
    if (row.type != JSON_OBJECT) {
        struct column *found;
        HASH_FIND(hh, c->by_name, columns_value, sizeof columns_value - 1, found);
        return found ? 0
                     : column_add(c, (struct json_span){0, 0, JSON_STRING}, columns_value,
                                  sizeof columns_value - 1);
    }
    while (!err && scan_member(c->text, &pos, row.end - 1, &key, &value))
        err = columns_see(c, index++, key);
    return err;
}

int columns_init(struct columns *c, const char *text, struct json_span array)
{
    size_t pos = array.start + 1;
    size_t end = array.end - 1;
    uint64_t rows = 0;
    int err = 0;
    *c = (struct columns){.text = text};
    if (array.type != JSON_ARRAY)
        return 0;
    for (; !err && scan_step(text, &pos, end); rows++) {
        struct json_span row = scan_value(text, pos, end);
        pos = row.end;
        err = columns_see_row(c, row);
    }
    uint64_t commas = rows * c->count;
    if (!err && commas > COMMAS_FREE &&
        commas / COMMAS_PER_BYTE > array.end - array.start)
        err = -EFBIG;
    return err;
}

void columns_finish(struct columns *c)
{
    HASH_CLEAR(hh, c->by_name);
    for (size_t i = 0; i < c->count; i++) {
        free(c->list[i]->name);
        free(c->list[i]);
    }
    free(c->list);
    free(c->cells);
    buf_finish(&c->scratch);
}

/* ---- fields ------------------------------------------------------------------- */

static void csv_quoted(struct buf *out, const char *s, size_t len)
{
    buf_putc(out, '"');
    while (len) {
        const char *quote = memchr(s, '"', len);
        size_t n = quote ? (size_t)(quote - s) + 1 : len;
        buf_append(out, s, n);
        if (quote)
            buf_putc(out, '"');
        s += n;
        len -= n;
    }
    buf_putc(out, '"');
}

static bool csv_needs_quotes(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (s[i] == ',' || s[i] == '"' || s[i] == '\n' || s[i] == '\r')
            return true;
    return false;
}

static void csv_bytes(struct buf *out, const char *s, size_t len)
{
    if (csv_needs_quotes(s, len))
        csv_quoted(out, s, len);
    else
        buf_append(out, s, len);
}

static void csv_string(struct columns *c, struct json_span string, struct buf *out)
{
    const char *s = c->text + string.start + 1;
    size_t len = string.end - string.start - 2;
    if (len && memchr(s, '\\', len)) {
        buf_clear(&c->scratch);
        json_string_decode(c->text, string, &c->scratch);
        s = c->scratch.data;
        len = c->scratch.len;
    }
    if (len)
        csv_bytes(out, s, len);
}

static void csv_field(struct columns *c, struct json_span value, struct buf *out)
{
    if (value.type == JSON_STRING) {
        csv_string(c, value, out);
    } else if (value.type == JSON_ARRAY || value.type == JSON_OBJECT) {
        buf_clear(&c->scratch);
        json_compact(&c->scratch, c->text, value);
        csv_quoted(out, c->scratch.data, c->scratch.len);
    } else if (value.type != JSON_NULL) {
        buf_append(out, c->text + value.start, value.end - value.start);
    }
}

void columns_header(struct columns *c, struct buf *out)
{
    size_t start = out->len;
    for (size_t i = 0; i < c->count; i++) {
        if (i)
            buf_putc(out, ',');
        csv_bytes(out, c->list[i]->name, c->list[i]->name_len);
    }
    if (c->count && out->len == start)
        buf_puts(out, "\"\"");
    if (c->count)
        buf_putc(out, '\n');
}

/* Where the fields of the row stand. */
static void columns_take(struct columns *c, struct json_span row)
{
    struct json_span key;
    struct json_span value;
    size_t pos = row.start + 1;
    for (size_t i = 0; i < c->count; i++)
        c->cells[i].end = 0;
    if (row.type != JSON_OBJECT) {
        struct column *own;
        HASH_FIND(hh, c->by_name, columns_value, sizeof columns_value - 1, own);
        if (own)
            c->cells[own->index] = row;
        return;
    }
    for (size_t i = 0; scan_member(c->text, &pos, row.end - 1, &key, &value); i++) {
        struct column *own = column_is(c, i, key) ? c->list[i] : column_find(c, key);
        if (own)
            c->cells[own->index] = value;
    }
}

void columns_row(struct columns *c, struct json_span row, struct buf *out)
{
    if (!c->count)
        return;
    columns_take(c, row);
    size_t start = out->len;
    for (size_t i = 0; i < c->count; i++) {
        if (i)
            buf_putc(out, ',');
        if (c->cells[i].end)
            csv_field(c, c->cells[i], out);
    }
    if (out->len == start)
        buf_puts(out, "\"\"");
    buf_putc(out, '\n');
}
