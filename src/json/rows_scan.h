/* rows_scan.h - private to json/: the quick reader once more, inlined, for rows by the
 * million. Wants a text that json_check() accepted. */
#ifndef JSON_ROWS_SCAN_H
#define JSON_ROWS_SCAN_H

#include <stdint.h>
#include <string.h>

#include "json/json_lex.h"

static inline bool scan_is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static inline size_t scan_blanks(const char *text, size_t pos, size_t end)
{
    while (pos < end && scan_is_blank(text[pos]))
        pos++;
    return pos;
}

/* The lowest bit that is set is that of the first byte that is c, of a word as it is in
 * memory, low byte first. */
static inline uint64_t scan_find(uint64_t bytes, unsigned char c)
{
    uint64_t x = bytes ^ (0x0101010101010101u * c);
    return (x - 0x0101010101010101u) & ~x & 0x8080808080808080u;
}

/* To the next quote or backslash, or as near as eight bytes at a time go. */
static inline size_t scan_plain(const char *text, size_t pos, size_t end)
{
    uint64_t bytes;
    while (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && pos + sizeof bytes <= end) {
        memcpy(&bytes, text + pos, sizeof bytes);
        uint64_t found = scan_find(bytes, '"') | scan_find(bytes, '\\');
        if (found)
            return pos + ((size_t)__builtin_ctzll(found) >> 3);
        pos += sizeof bytes;
    }
    return pos;
}

static inline size_t scan_string(const char *text, size_t pos, size_t end)
{
    pos++;
    while ((pos = scan_plain(text, pos, end)) < end && text[pos] != '"')
        pos += text[pos] == '\\' ? 2 : 1;
    return pos < end ? pos + 1 : end;
}

/* Behind the array or object at pos. */
static inline size_t scan_nested(const char *text, size_t pos, size_t end)
{
    size_t depth = 0;
    while (pos < end) {
        char c = text[pos];
        if (c == '"') {
            pos = scan_string(text, pos, end);
            continue;
        }
        pos++;
        if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && --depth == 0)
            return pos;
    }
    return end;
}

static inline enum json_type scan_type(char first)
{
    switch (first) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 'n':
        return JSON_NULL;
    case 't':
        return JSON_TRUE;
    case 'f':
        return JSON_FALSE;
    default:
        return JSON_NUMBER;
    }
}

static inline bool scan_ends_word(char c)
{
    return c == ',' || c == '}' || c == ']' || scan_is_blank(c);
}

/* The value at pos, which is no blank and before end. */
static inline struct json_span scan_value(const char *text, size_t pos, size_t end)
{
    struct json_span value = {pos, pos, scan_type(text[pos])};
    if (value.type == JSON_STRING)
        value.end = scan_string(text, pos, end);
    else if (value.type == JSON_OBJECT || value.type == JSON_ARRAY)
        value.end = scan_nested(text, pos, end);
    else
        while (value.end < end && !scan_ends_word(text[value.end]))
            value.end++;
    return value;
}

/* To the next element or key of a container whose closing bracket stands at end; *pos is
 * behind the one before, or behind the opening bracket. False at the end. */
static inline bool scan_step(const char *text, size_t *pos, size_t end)
{
    size_t at = scan_blanks(text, *pos, end);
    if (at < end && text[at] == ',')
        at = scan_blanks(text, at + 1, end);
    *pos = at;
    return at < end;
}

/* The next member of an object, as scan_step(). */
static inline bool scan_member(const char *text, size_t *pos, size_t end,
                               struct json_span *ret_key, struct json_span *ret_value)
{
    if (!scan_step(text, pos, end))
        return false;
    *ret_key = (struct json_span){*pos, scan_string(text, *pos, end), JSON_STRING};
    size_t at = scan_blanks(text, ret_key->end, end);
    at = scan_blanks(text, at + 1, end); /* behind the colon */
    if (at >= end)
        return false;
    *ret_value = scan_value(text, at, end);
    *pos = ret_value->end;
    return true;
}

#endif
