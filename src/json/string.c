/* Strings of a checked text, decoded as they are read, and the way back. */
#include "json/json_lex.h"

#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/table.h"

/* Reads a string's decoded bytes one by one. */
struct string_reader {
    const char *text;
    size_t pos, end; /* of the next character; end is the closing quote */
    size_t from;     /* where the character stands that the last byte came from */
    char pending[4]; /* the rest of a decoded escape */
    unsigned at, have;
};

static struct string_reader string_reader_make(const char *text, struct json_span string)
{
    return (struct string_reader){
        .text = text, .pos = string.start + 1, .end = string.end - 1};
}

static uint32_t string_hex4(const char *s)
{
    uint32_t code = 0;
    for (int i = 0; i < 4; i++)
        code =
            code << 4 | (uint32_t)(s[i] <= '9' ? s[i] - '0' : (s[i] | 0x20) - 'a' + 10);
    return code;
}

static unsigned string_put_utf8(uint32_t code, char out[4])
{
    unsigned len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (unsigned i = len; i-- > 1; code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)(lead[len] | code);
    return len;
}

/* Decodes the escape at text[*pos] and moves *pos behind it; the number of bytes. */
static unsigned string_unescape(const char *text, size_t *pos, char out[4])
{
    static const char letters[] = "bfnrt";
    static const char meanings[] = "\b\f\n\r\t";
    const char *s = text + *pos;
    if (s[1] != 'u') {
        const char *letter = strchr(letters, s[1]);
        out[0] = letter ? meanings[letter - letters] : s[1];
        *pos += 2;
        return 1;
    }
    uint32_t code = string_hex4(s + 2);
    *pos += 6;
    if (code >= 0xD800 && code < 0xDC00) {
        code = 0x10000 + ((code - 0xD800) << 10) + (string_hex4(s + 8) - 0xDC00);
        *pos += 6;
    }
    return string_put_utf8(code, out);
}

/* The next byte, or -1 at the end. */
static int string_read(struct string_reader *r)
{
    if (r->at < r->have)
        return (unsigned char)r->pending[r->at++];
    if (r->pos >= r->end)
        return -1;
    r->from = r->pos;
    if (r->text[r->pos] != '\\')
        return (unsigned char)r->text[r->pos++];
    r->have = string_unescape(r->text, &r->pos, r->pending);
    r->at = 1;
    return (unsigned char)r->pending[0];
}

/* No escape inside: its bytes are what it says. */
static bool string_is_plain(const char *text, struct json_span string)
{
    return !memchr(text + string.start + 1, '\\', string.end - string.start - 2);
}

void json_string_decode(const char *text, struct json_span string, struct buf *out)
{
    size_t pos = string.start + 1;
    char bytes[4];
    if (string.type != JSON_STRING)
        return;
    while (pos < string.end - 1) {
        const char *run = text + pos;
        const char *escape = memchr(run, '\\', string.end - 1 - pos);
        size_t n = escape ? (size_t)(escape - run) : string.end - 1 - pos;
        buf_append(out, run, n);
        pos += n;
        if (escape)
            buf_append(out, bytes, string_unescape(text, &pos, bytes));
    }
}

char *json_string_dup(const char *text, struct json_span string)
{
    cleanup_buf struct buf b = BUF_INIT;
    if (string.type != JSON_STRING)
        return NULL;
    json_string_decode(text, string, &b);
    if (b.len && memchr(b.data, '\0', b.len))
        return NULL;
    return buf_steal(&b);
}

size_t json_string_offset(const char *text, struct json_span string, size_t decoded)
{
    struct string_reader r = string_reader_make(text, string);
    if (string.type != JSON_STRING)
        return string.start;
    for (size_t i = 0; i <= decoded; i++)
        if (string_read(&r) < 0)
            return string.end - 1;
    return r.from;
}

bool json_string_is_bytes(const char *text, struct json_span string, const char *s,
                          size_t len)
{
    struct string_reader r = string_reader_make(text, string);
    if (string.type != JSON_STRING || string.end - string.start - 2 < len)
        return false; /* an escape is never shorter than what it stands for */
    for (size_t i = 0; i < len; i++)
        if (string_read(&r) != (unsigned char)s[i])
            return false;
    return string_read(&r) < 0;
}

bool json_string_is(const char *text, struct json_span string, const char *s)
{
    return json_string_is_bytes(text, string, s, strlen(s));
}

int json_string_compare(const char *a, struct json_span a_span, const char *b,
                        struct json_span b_span)
{
    struct string_reader ra = string_reader_make(a, a_span);
    struct string_reader rb = string_reader_make(b, b_span);
    int ca;
    int cb;
    do {
        ca = string_read(&ra);
        cb = string_read(&rb);
    } while (ca == cb && ca >= 0);
    return (ca > cb) - (ca < cb);
}

unsigned json_string_hash(const char *text, struct json_span string)
{
    cleanup_buf struct buf b = BUF_INIT;
    if (string_is_plain(text, string))
        return table_hash(text + string.start + 1, string.end - string.start - 2);
    json_string_decode(text, string, &b);
    return table_hash(b.data, b.len);
}

/* How a byte is escaped; empty: it stands for itself. */
static void quote_byte(struct buf *out, unsigned char c)
{
    static const char meanings[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *known = c ? strchr(meanings, c) : NULL;
    if (known)
        buf_append(out, (char[]){'\\', letters[known - meanings]}, 2);
    else
        buf_printf(out, "\\u%04x", c);
}

void json_quote(struct buf *out, const char *s, size_t len)
{
    size_t from = 0;
    buf_putc(out, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_append(out, s + from, i - from);
        quote_byte(out, c);
        from = i + 1;
    }
    if (len)
        buf_append(out, s + from, len - from);
    buf_putc(out, '"');
}

void json_quotes(struct buf *out, const char *s)
{
    json_quote(out, s, strlen(s));
}
