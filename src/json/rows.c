/* rows.c - rows in three forms, by offset. */
#include "json/rows.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "json/rows_csv.h"
#include "json/rows_scan.h"

enum { CHUNK_BYTES = 128 << 10, MARK_BYTES = 1 << 20 };

/* Production can go on from here. */
struct mark {
    size_t pos;   /* in the text: behind a row, or the opening bracket */
    uint64_t off; /* in the output */
};

struct rows_ops {
    void (*begin)(struct rows *r);
    void (*row)(struct rows *r, struct json_span row, bool first);
    void (*end)(struct rows *r, bool empty);
};

struct rows {
    const struct rows_ops *ops;
    const char *text;
    struct json_span array;
    struct columns columns; /* of csv */
    unsigned step;          /* of json: blanks a level */
    struct buf chunk;       /* what was made last */
    uint64_t chunk_off;
    size_t pos; /* where production goes on: behind the chunk */
    bool ended; /* the chunk is the last one */
    bool sized;
    uint64_t size; /* once sized */
    struct mark *marks;
    size_t mark_count, mark_room;
};

/* ---- forms -------------------------------------------------------------------- */

static void csv_begin(struct rows *r)
{
    columns_header(&r->columns, &r->chunk);
}

static void csv_row(struct rows *r, struct json_span row, bool first)
{
    (void)first;
    columns_row(&r->columns, row, &r->chunk);
}

static void rows_nothing(struct rows *r)
{
    (void)r;
}

static void rows_no_end(struct rows *r, bool empty)
{
    (void)r;
    (void)empty;
}

/* json_compact() by the run, not by the token. */
static void ndjson_row(struct rows *r, struct json_span row, bool first)
{
    size_t from = row.start;
    size_t pos = row.start;
    (void)first;
    while (pos < row.end) {
        char c = r->text[pos];
        if (c == '"') {
            pos = scan_string(r->text, pos, row.end);
        } else if (scan_is_blank(c)) {
            buf_append(&r->chunk, r->text + from, pos - from);
            from = pos = scan_blanks(r->text, pos, row.end);
        } else {
            pos++;
        }
    }
    buf_append(&r->chunk, r->text + from, pos - from);
    buf_putc(&r->chunk, '\n');
}

static void json_begin(struct rows *r)
{
    buf_putc(&r->chunk, '[');
}

static void json_line(struct rows *r, unsigned depth)
{
    buf_putc(&r->chunk, '\n');
    for (unsigned i = 0; i < depth * r->step; i++)
        buf_putc(&r->chunk, ' ');
}

static void json_row(struct rows *r, struct json_span row, bool first)
{
    if (!first)
        buf_putc(&r->chunk, ',');
    json_line(r, 1);
    json_reindent_part(&r->chunk, r->text, row, r->step, 1);
}

static void json_end(struct rows *r, bool empty)
{
    if (!empty)
        json_line(r, 0);
    buf_puts(&r->chunk, "]\n");
}

static const struct rows_ops rows_forms[] = {
    [ROWS_CSV] = {csv_begin, csv_row, rows_no_end},
    [ROWS_NDJSON] = {rows_nothing, ndjson_row, rows_no_end},
    [ROWS_JSON] = {json_begin, json_row, json_end},
};

/* ---- production --------------------------------------------------------------- */

int rows_new(enum rows_form form, const char *text, struct json_span array,
             struct rows **ret)
{
    struct rows *r;
    int err = 0;
    if (array.type != JSON_ARRAY && array.type != JSON_NULL)
        return -EPROTO;
    r = xcalloc(1, sizeof *r);
    r->ops = &rows_forms[form];
    /* Null is read as an array that has nothing in it. */
    r->text = array.type == JSON_NULL ? "[]" : text;
    r->array = array.type == JSON_NULL ? (struct json_span){0, 2, JSON_ARRAY} : array;
    if (form == ROWS_CSV)
        err = columns_init(&r->columns, r->text, r->array);
    if (form == ROWS_JSON)
        r->step = json_indent_step(r->text, r->array);
    r->pos = r->array.start + 1;
    if (err) {
        rows_free(r);
        return err;
    }
    *ret = r;
    return 0;
}

void rows_free(struct rows *r)
{
    if (!r)
        return;
    columns_finish(&r->columns);
    buf_finish(&r->chunk);
    free(r->marks);
    free(r);
}

static void rows_mark(struct rows *r)
{
    uint64_t last = r->mark_count ? r->marks[r->mark_count - 1].off : 0;
    if (r->chunk_off < last + MARK_BYTES)
        return;
    if (r->mark_count == r->mark_room) {
        r->mark_room = r->mark_room ? 2 * r->mark_room : 16;
        r->marks = xrealloc(r->marks, r->mark_room * sizeof *r->marks);
    }
    r->marks[r->mark_count++] = (struct mark){r->pos, r->chunk_off};
}

/* The chunk behind the one at hand. */
static void rows_make(struct rows *r)
{
    size_t begin = r->array.start + 1;
    size_t end = r->array.end - 1;
    r->chunk_off += r->chunk.len;
    buf_clear(&r->chunk);
    rows_mark(r);
    bool first = r->pos == begin;
    if (!r->chunk_off)
        r->ops->begin(r);
    while (r->chunk.len < CHUNK_BYTES) {
        if (!scan_step(r->text, &r->pos, end)) {
            r->ops->end(r, first);
            r->ended = r->sized = true;
            r->size = r->chunk_off + r->chunk.len;
            return;
        }
        struct json_span row = scan_value(r->text, r->pos, end);
        r->pos = row.end;
        r->ops->row(r, row, first);
        first = false;
    }
}

/* Production goes on from the last mark that is not behind off. */
static void rows_seek(struct rows *r, uint64_t off)
{
    struct mark at = {r->array.start + 1, 0};
    for (size_t i = 0; i < r->mark_count && r->marks[i].off <= off; i++)
        at = r->marks[i];
    if (off >= r->chunk_off && at.off <= r->chunk_off)
        return;
    r->pos = at.pos;
    r->chunk_off = at.off;
    r->ended = false;
    buf_clear(&r->chunk);
}

void rows_read(struct rows *r, uint64_t off, size_t size, struct buf *out)
{
    if (r->sized && off >= r->size)
        return;
    rows_seek(r, off);
    while (size) {
        uint64_t behind = r->chunk_off + r->chunk.len;
        if (off >= behind) {
            if (r->ended)
                return;
            rows_make(r);
            continue;
        }
        size_t left = (size_t)(behind - off);
        size_t n = left < size ? left : size;
        buf_append(out, r->chunk.data + (off - r->chunk_off), n);
        off += n;
        size -= n;
    }
}

uint64_t rows_size(struct rows *r)
{
    if (!r->sized && r->mark_count)
        rows_seek(r, r->marks[r->mark_count - 1].off);
    while (!r->sized)
        rows_make(r);
    return r->size;
}
