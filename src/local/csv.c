#include "local/csv.h"

#include <errno.h>
#include <stdarg.h>

enum { BYTE_ORDER_MARK = 3 };

/* What ended a field. */
enum csv_end { CSV_COMMA, CSV_LINE, CSV_FILE };

void csv_init(struct csv *c, FILE *file)
{
    *c = (struct csv){.file = file, .next_line = 1};
}

void csv_finish(struct csv *c)
{
    buf_finish(&c->bytes);
}

int csv_rewind(struct csv *c)
{
    c->next_line = 1;
    return fseek(c->file, 0, SEEK_SET) < 0 ? -errno : 0;
}

__attribute__((format(printf, 3, 4))) static int csv_fail(struct csv *c, int r,
                                                          const char *fmt, ...)
{
    int n = snprintf(c->error, sizeof c->error, "line %u: ", c->next_line);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(c->error + n, sizeof c->error - (size_t)n, fmt, ap);
    va_end(ap);
    return r;
}

static int csv_getc(struct csv *c)
{
    int ch = getc_unlocked(c->file);
    if (ch == '\n')
        c->next_line++;
    return ch;
}

/* CRLF counts as LF; a CR alone is a byte like others. */
static int csv_getc_folded(struct csv *c)
{
    int ch = csv_getc(c);
    if (ch != '\r')
        return ch;
    int next = csv_getc(c);
    if (next == '\n')
        return next;
    ungetc(next, c->file);
    return ch;
}

static int csv_put(struct csv *c, int ch)
{
    if (ch == '\0')
        return csv_fail(c, -EPROTO, "a NUL byte");
    if (c->bytes.len >= CSV_RECORD_MAX)
        return csv_fail(c, -EFBIG, "the record is larger than %d bytes", CSV_RECORD_MAX);
    buf_putc(&c->bytes, (char)ch);
    return 0;
}

static int csv_end_of(int ch)
{
    return ch == ',' ? CSV_COMMA : ch == '\n' ? CSV_LINE : CSV_FILE;
}

/* Behind the opening quote; returns what ended the field, or -errno. */
static int csv_quoted(struct csv *c)
{
    unsigned opened = c->next_line;
    for (;;) {
        int ch = csv_getc(c);
        if (ch == EOF)
            return csv_fail(c, -EPROTO, "the quote opened in line %u is never closed",
                            opened);
        if (ch == '"') {
            ch = csv_getc_folded(c);
            if (ch == ',' || ch == '\n' || ch == EOF)
                return csv_end_of(ch);
            if (ch != '"')
                return csv_fail(c, -EPROTO, "text behind a closing quote");
        }
        int r = csv_put(c, ch);
        if (r < 0)
            return r;
    }
}

static int csv_plain(struct csv *c, int ch)
{
    while (ch != ',' && ch != '\n' && ch != EOF) {
        int r = ch == '"' ? csv_fail(c, -EPROTO, "a quote within an unquoted field")
                          : csv_put(c, ch);
        if (r < 0)
            return r;
        ch = csv_getc_folded(c);
    }
    return csv_end_of(ch);
}

static int csv_field_read(struct csv *c, int first)
{
    if (c->count == CSV_COLUMNS_MAX)
        return csv_fail(c, -EPROTO, "more than %d columns", CSV_COLUMNS_MAX);
    c->starts[c->count++] = c->bytes.len;
    int end = first == '"' ? csv_quoted(c) : csv_plain(c, first);
    if (end >= 0)
        buf_putc(&c->bytes, '\0');
    return end;
}

static void csv_skip_mark(struct csv *c)
{
    static const unsigned char mark[BYTE_ORDER_MARK] = {0xef, 0xbb, 0xbf};
    unsigned char head[BYTE_ORDER_MARK];
    if (fread(head, 1, sizeof head, c->file) != sizeof head || head[0] != mark[0] ||
        head[1] != mark[1] || head[2] != mark[2])
        rewind(c->file);
}

int csv_next(struct csv *c)
{
    int ch;
    int end;
    if (c->next_line == 1 && ftell(c->file) == 0)
        csv_skip_mark(c);
    do {
        c->line = c->next_line;
        ch = csv_getc_folded(c);
    } while (ch == '\n');
    if (ch == EOF)
        return ferror(c->file) ? csv_fail(c, -EIO, "cannot be read") : 0;
    buf_clear(&c->bytes);
    c->count = 0;
    while ((end = csv_field_read(c, ch)) == CSV_COMMA)
        ch = csv_getc_folded(c);
    return end < 0 ? end : 1;
}
