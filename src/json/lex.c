/* The strict scanner: strings, numbers and literals of a text that nobody has checked. */
#include "json/json_lex.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/utf8.h"

int json_fault(struct json_fault *fault, size_t offset, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(fault->message, sizeof fault->message, fmt, ap);
    va_end(ap);
    fault->offset = offset;
    return -EPROTO;
}

bool json_utf8_valid(const char *s, size_t len, size_t *ret_offset)
{
    for (size_t pos = 0; pos < len;) {
        uint32_t code;
        size_t step = utf8_decode(s + pos, len - pos, &code);
        if (!step) {
            if (ret_offset)
                *ret_offset = pos;
            return false;
        }
        pos += step;
    }
    return true;
}

/* ---- strings ---------------------------------------------------------------------- */

/* The four digits of a \u escape at pos; -1 when they are none. */
static long lex_hex4(const char *text, size_t len, size_t pos)
{
    long code = 0;
    if (len - pos < 4)
        return -1;
    for (size_t i = pos; i < pos + 4; i++) {
        unsigned char c = (unsigned char)text[i];
        if (!isxdigit(c))
            return -1;
        code = code * 16 + (isdigit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return code;
}

/* At the backslash of a \u escape; a surrogate takes its other half with it. */
static int lex_unicode_escape(const char *text, size_t len, size_t *pos,
                              struct json_fault *fault)
{
    long code = lex_hex4(text, len, *pos + 2);
    if (code < 0)
        return json_fault(fault, *pos, "\\u needs four hexadecimal digits");
    if (code >= 0xDC00 && code <= 0xDFFF)
        return json_fault(fault, *pos,
                          "\\u%04lx is the second half of a surrogate pair, but no first "
                          "half stands before it",
                          code);
    size_t next = *pos + 6;
    if (code >= 0xD800 && code <= 0xDBFF) {
        bool escape = len - next >= 2 && text[next] == '\\' && text[next + 1] == 'u';
        long low = escape ? lex_hex4(text, len, next + 2) : -1;
        if (low < 0xDC00 || low > 0xDFFF)
            return json_fault(fault, *pos,
                              "\\u%04lx is the first half of a surrogate pair, but no "
                              "second half follows",
                              code);
        next += 6;
    }
    *pos = next;
    return 0;
}

static int lex_escape(const char *text, size_t len, size_t *pos, struct json_fault *fault)
{
    unsigned char c = *pos + 1 < len ? (unsigned char)text[*pos + 1] : 0;
    if (c == 'u')
        return lex_unicode_escape(text, len, pos, fault);
    if (!c || !strchr("\"\\/bfnrt", c)) {
        if (isprint(c))
            return json_fault(fault, *pos,
                              "unknown escape \\%c in a string (a backslash is "
                              "written \\\\)",
                              c);
        return json_fault(fault, *pos,
                          "a lone backslash in a string (it is written \\\\)");
    }
    *pos += 2;
    return 0;
}

static int lex_control(unsigned char c, size_t pos, struct json_fault *fault)
{
    if (!c)
        return json_fault(fault, pos, "a NUL byte in a string (write \\u0000)");
    if (c == '\n' || c == '\r')
        return json_fault(fault, pos,
                          "a line break in a string (write \\n, or is its closing quote "
                          "missing?)");
    if (c == '\t')
        return json_fault(fault, pos, "a tab in a string (write \\t)");
    return json_fault(fault, pos, "a control character in a string (write \\u%04x)", c);
}

/* One character of a string, which is neither its end nor plain ASCII. */
static int lex_char(const char *text, size_t len, size_t *pos, struct json_fault *fault)
{
    unsigned char c = (unsigned char)text[*pos];
    if (c == '\\')
        return lex_escape(text, len, pos, fault);
    if (c < 0x20)
        return lex_control(c, *pos, fault);
    uint32_t code;
    size_t step = utf8_decode(text + *pos, len - *pos, &code);
    if (!step)
        return json_fault(fault, *pos, "byte 0x%02x is not valid UTF-8 here", c);
    *pos += step;
    return 0;
}

int json_lex_string(const char *text, size_t len, size_t *pos, struct json_fault *fault)
{
    size_t i = *pos + 1;
    while (i < len && text[i] != '"') {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c < 0x80 && c != '\\') {
            i++;
            continue;
        }
        int err = lex_char(text, len, &i, fault);
        if (err < 0)
            return err;
    }
    if (i >= len)
        return json_fault(fault, *pos,
                          "a string that is not closed before the text ends");
    *pos = i + 1;
    return 0;
}

/* ---- numbers and literals --------------------------------------------------------- */

static bool lex_digit(const char *text, size_t len, size_t pos)
{
    return pos < len && text[pos] >= '0' && text[pos] <= '9';
}

static size_t lex_digits(const char *text, size_t len, size_t pos)
{
    while (lex_digit(text, len, pos))
        pos++;
    return pos;
}

int json_lex_number(const char *text, size_t len, size_t *pos, struct json_fault *fault)
{
    size_t i = *pos;
    if (text[i] == '-')
        i++;
    if (!lex_digit(text, len, i))
        return json_fault(fault, *pos, "a minus sign without a digit behind it");
    if (text[i] == '0' && lex_digit(text, len, i + 1))
        return json_fault(fault, *pos, "a number must not begin with 0");
    i = lex_digits(text, len, i);
    if (i < len && text[i] == '.') {
        if (!lex_digit(text, len, ++i))
            return json_fault(fault, *pos, "a number needs a digit behind its point");
        i = lex_digits(text, len, i);
    }
    if (i < len && (text[i] == 'e' || text[i] == 'E')) {
        i++;
        if (i < len && (text[i] == '+' || text[i] == '-'))
            i++;
        if (!lex_digit(text, len, i))
            return json_fault(fault, *pos, "a number needs a digit in its exponent");
        i = lex_digits(text, len, i);
    }
    *pos = i;
    return 0;
}

static size_t lex_word_length(const char *text, size_t len, size_t pos)
{
    size_t i = pos;
    while (i < len && (isalnum((unsigned char)text[i]) || strchr("_$", text[i])) &&
           text[i])
        i++;
    return i - pos;
}

/* Words of other languages, and what JSON has in their place. */
static const struct {
    const char *word;
    const char *advice;
} lex_foreign[] = {
    {"none", "null"},
    {"nil", "null"},
    {"undefined", "null"},
    {"nan", "null, or a string"},
    {"inf", "null, or a string"},
    {"infinity", "null, or a string"},
    {"true", "true"},
    {"false", "false"},
    {"null", "null"},
};

static int lex_foreign_word(const char *text, size_t pos, size_t n,
                            struct json_fault *fault)
{
    int width = n < 40 ? (int)n : 40;
    for (size_t i = 0; i < ARRAY_LEN(lex_foreign); i++)
        if (strlen(lex_foreign[i].word) == n &&
            !strncasecmp(lex_foreign[i].word, text + pos, n))
            return json_fault(fault, pos, "'%.*s' is no JSON value (write %s)", width,
                              text + pos, lex_foreign[i].advice);
    return json_fault(fault, pos, "'%.*s' is no JSON value (strings take double quotes)",
                      width, text + pos);
}

int json_lex_literal(const char *text, size_t len, size_t *pos, struct json_fault *fault)
{
    static const char *const literals[] = {"null", "true", "false"};
    size_t n = lex_word_length(text, len, *pos);
    for (size_t i = 0; i < ARRAY_LEN(literals); i++)
        if (strlen(literals[i]) == n && !memcmp(literals[i], text + *pos, n)) {
            *pos += n;
            return 0;
        }
    return lex_foreign_word(text, *pos, n, fault);
}
