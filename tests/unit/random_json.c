#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "random_json.h"
#include "random_source.h"

struct frame {
    bool is_object;
    size_t count;
    size_t path_len, pointer_len; /* of the container's own paths */
};

struct maker {
    struct random_json *doc;
    struct buf *out;
    const struct random_plan *plan;
    struct frame frames[RANDOM_DEPTH];
    size_t depth;
    struct buf path, pointer;
    /* the last string made */
    struct buf decoded;
    size_t *origin;
    size_t origin_cap;
};

static void make_blanks(struct maker *m)
{
    static const char *const blanks[] = {" ", "\n", "\t", "\r\n", "    "};
    if (random_percent(20))
        buf_puts(m->out, blanks[random_below(ARRAY_LEN(blanks))]);
}

/* ---- strings ----------------------------------------------------------------------- */

static size_t make_utf8(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

static uint32_t make_code(bool allow_nul)
{
    static const uint32_t limits[] = {0x80, 0x80, 0x80, 0x800, 0x10000, 0x110000};
    for (;;) {
        uint32_t code = (uint32_t)random_below(limits[random_below(ARRAY_LEN(limits))]);
        if ((code < 0xD800 || code > 0xDFFF) && (code || allow_nul))
            return code;
    }
}

static void make_hex(struct buf *out, uint32_t unit)
{
    buf_printf(out, random_percent(50) ? "\\u%04x" : "\\u%04X", unit);
}

static void make_escaped(struct buf *out, uint32_t code)
{
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    static const char letters[] = "\"\\/bfnrt";
    const char *known = code && code < 0x80 ? strchr(meanings, (int)code) : NULL;
    if (known && random_percent(70)) {
        buf_putc(out, '\\');
        buf_putc(out, letters[known - meanings]);
    } else if (code < 0x10000) {
        make_hex(out, code);
    } else {
        make_hex(out, 0xD800 + ((code - 0x10000) >> 10));
        make_hex(out, 0xDC00 + ((code - 0x10000) & 0x3FF));
    }
}

static void make_char(struct maker *m, bool allow_nul)
{
    uint32_t code = make_code(allow_nul);
    char bytes[4];
    size_t n = make_utf8(code, bytes);
    if (m->decoded.len + n > m->origin_cap) {
        m->origin_cap = m->origin_cap * 2 + 64;
        m->origin = xrealloc(m->origin, m->origin_cap * sizeof *m->origin);
    }
    bool escaped = code < 0x20 || code == '"' || code == '\\' || random_percent(15);
    for (size_t i = 0; i < n; i++)
        m->origin[m->decoded.len + i] = m->out->len + (escaped ? 0 : i);
    if (escaped)
        make_escaped(m->out, code);
    else
        buf_append(m->out, bytes, n);
    buf_append(&m->decoded, bytes, n);
}

/* `unique` ends the keys of an object, behind a mark, so that they differ; SIZE_MAX: no
 * key. */
static void make_string(struct maker *m, size_t unique)
{
    bool is_key = unique != SIZE_MAX;
    size_t n = random_percent(5) ? random_below(300) : random_below(12);
    buf_clear(&m->decoded);
    buf_putc(m->out, '"');
    while (n--)
        make_char(m, !is_key);
    if (is_key) {
        buf_printf(m->out, "#%zu", unique);
        buf_printf(&m->decoded, "#%zu", unique);
    }
    buf_putc(m->out, '"');
}

/* ---- numbers ----------------------------------------------------------------------- */

static void make_digits(struct buf *out, size_t most)
{
    for (size_t n = 1 + random_below(most); n; n--)
        buf_putc(out, (char)('0' + random_below(10)));
}

static void make_number(struct maker *m)
{
    static const char *const odd[] = {
        "0.1", "1.0",  "1e400",   "12345678901234567890",        "-0",
        "0",   "1E+2", "-0.0e-0", "1e-999999999999999999999999", "100000000.00000001"};
    if (m->plan->integers) {
        buf_printf(m->out, "%lld", (long long)random_next() >> random_below(64));
        return;
    }
    if (random_percent(40)) {
        buf_puts(m->out, odd[random_below(ARRAY_LEN(odd))]);
        return;
    }
    buf_printf(m->out, "%s%zu", random_percent(30) ? "-" : "", random_below(100000));
    if (random_percent(40)) {
        buf_putc(m->out, '.');
        make_digits(m->out, 25);
    }
    if (random_percent(30)) {
        static const char *const marks[] = {"e", "E", "e+", "E-"};
        buf_puts(m->out, marks[random_below(ARRAY_LEN(marks))]);
        make_digits(m->out, 22);
    }
}

/* ---- paths ------------------------------------------------------------------------- */

static void path_add_key(struct maker *m)
{
    buf_puts(&m->path, "[\"");
    buf_putc(&m->pointer, '/');
    for (size_t i = 0; i < m->decoded.len; i++) {
        char c = m->decoded.data[i];
        if (c == '"' || c == '\\')
            buf_putc(&m->path, '\\');
        buf_putc(&m->path, c);
        if (c == '~' || c == '/')
            buf_puts(&m->pointer, c == '~' ? "~0" : "~1");
        else
            buf_putc(&m->pointer, c);
    }
    buf_puts(&m->path, "\"]");
}

static void path_add_index(struct maker *m, size_t index)
{
    buf_printf(&m->path, "[%zu]", index);
    buf_printf(&m->pointer, "/%zu", index);
}

static void make_sample(struct maker *m, size_t start, bool is_string)
{
    struct random_json *doc = m->doc;
    if (doc->samples_len == RANDOM_SAMPLES || random_below(m->plan->sample_rate))
        return;
    struct random_sample *s = &doc->samples[doc->samples_len++];
    *s = (struct random_sample){.start = start, .end = m->out->len};
    s->path = xstrndup(m->path.len ? m->path.data : "", m->path.len);
    s->pointer = xstrndup(m->pointer.len ? m->pointer.data : "", m->pointer.len);
    s->is_string = is_string;
    if (!is_string)
        return;
    buf_append(&s->decoded, m->decoded.data, m->decoded.len);
    s->origin = xcalloc(m->decoded.len, sizeof *s->origin);
    if (m->decoded.len)
        memcpy(s->origin, m->origin, m->decoded.len * sizeof *s->origin);
}

/* ---- values ------------------------------------------------------------------------ */

static void make_scalar(struct maker *m)
{
    static const char *const literals[] = {"null", "true", "false"};
    size_t start = m->out->len;
    size_t kind = random_below(5);
    if (kind < 2)
        make_string(m, SIZE_MAX);
    else if (kind < 4)
        make_number(m);
    else
        buf_puts(m->out, literals[random_below(3)]);
    make_sample(m, start, kind < 2);
}

static void make_open(struct maker *m)
{
    struct frame *f = &m->frames[m->depth++];
    *f = (struct frame){random_percent(50), 0, m->path.len, m->pointer.len};
    buf_putc(m->out, f->is_object ? '{' : '[');
}

/* What goes before the next member or element. */
static void make_lead(struct maker *m)
{
    struct frame *f = &m->frames[m->depth - 1];
    buf_resize(&m->path, f->path_len);
    buf_resize(&m->pointer, f->pointer_len);
    if (f->count)
        buf_putc(m->out, ',');
    make_blanks(m);
    if (f->is_object) {
        make_string(m, f->count);
        path_add_key(m);
        make_blanks(m);
        buf_putc(m->out, ':');
        make_blanks(m);
    } else {
        path_add_index(m, f->count);
    }
    f->count++;
}

static bool make_wants_close(struct maker *m)
{
    if (m->out->len >= m->plan->bytes)
        return true;
    return m->depth > 1 && random_percent(m->plan->nesting > 50 ? 3 : 15);
}

static void make_value(struct maker *m)
{
    bool nest = m->out->len < m->plan->bytes && m->depth < m->plan->depth;
    if (nest && (!m->depth || random_percent(m->plan->nesting)))
        make_open(m);
    else
        make_scalar(m);
}

void random_json_make(struct random_json *doc, const struct random_plan *plan)
{
    struct maker *m = xcalloc(1, sizeof *m);
    memset(doc, 0, sizeof *doc);
    m->doc = doc;
    m->out = &doc->text;
    m->plan = plan;
    make_blanks(m);
    make_value(m);
    while (m->depth) {
        make_blanks(m);
        if (make_wants_close(m)) {
            buf_putc(m->out, m->frames[--m->depth].is_object ? '}' : ']');
            continue;
        }
        make_lead(m);
        make_value(m);
    }
    make_blanks(m);
    buf_finish(&m->path);
    buf_finish(&m->pointer);
    buf_finish(&m->decoded);
    free(m->origin);
    free(m);
}

void random_json_finish(struct random_json *doc)
{
    for (size_t i = 0; i < doc->samples_len; i++) {
        free(doc->samples[i].path);
        free(doc->samples[i].pointer);
        free(doc->samples[i].origin);
        buf_finish(&doc->samples[i].decoded);
    }
    buf_finish(&doc->text);
}
