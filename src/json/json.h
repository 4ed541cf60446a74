/* json.h - JSON as text. Decides what is valid, finds where things stand, and never
 * prints a number, a string or a key other than by copying the bytes it was given.
 *
 * The texts are what users and platforms wrote: 0.1, 1.0, 1e400, 12345678901234567890,
 * "\u00e9", the order of keys and duplicate keys all survive, because no value is ever
 * converted. (jansson keeps none of these. Its header and this one cannot be included
 * together: both name the types of values JSON_NULL to JSON_OBJECT.)
 *
 * Grammar: RFC 8259, strict; the text must be UTF-8 without a byte-order mark; escaped
 * surrogates must come in pairs. Nothing here recurses: nesting is bounded by the limits.
 * Functions other than json_check() want a text that json_check() has accepted.
 */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum json_type {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

/* A value inside a text: its first byte and the one behind its last (quotes included). */
struct json_span {
    size_t start;
    size_t end;
    enum json_type type;
};

/* Where and why a text is refused. Line and column count from 1; the column counts bytes,
 * as vim's quickfix and gcc do. */
struct json_error {
    size_t offset;
    unsigned line;
    unsigned column;
    char message[160];
};

struct json_limits {
    size_t max_bytes;   /* -EFBIG above */
    unsigned max_depth; /* arrays and objects within each other */
    bool refuse_duplicate_keys;
};

/* json_check() refuses more than these, whatever the limits say. */
#define JSON_DEPTH_MAX 4096
#define JSON_BYTES_MAX ((size_t)1 << 30)
#define JSON_LIMITS_USER ((struct json_limits){32u << 20, 1000, true})
/* Answers hold a user's documents, and envelopes around them. */
#define JSON_LIMITS_WIRE ((struct json_limits){64u << 20, 1100, false})

/* 0, -EPROTO (not JSON, too deep, duplicate key) or -EFBIG; *ret_error (may be NULL) is
 * filled on failure. *ret_root (may be NULL) gets the span of the value on success. */
int json_check(const char *text, size_t len, const struct json_limits *limits,
               struct json_span *ret_root, struct json_error *ret_error);

/* Line and column, from 1, of a byte offset (one behind the end counts as the end). */
void json_position(const char *text, size_t len, size_t offset, unsigned *ret_line,
                   unsigned *ret_column);

/* ---- walking ---------------------------------------------------------------------- */

/* Members of an object or elements of an array, in the order of the text.
 *   struct json_iter it;
 *   json_iter_init(&it, text, object);
 *   while (json_iter_next(&it)) use(it.key, it.value, it.index);                       */
struct json_iter {
    const char *text;
    size_t pos, end;
    bool is_object;
    size_t index;
    struct json_span key; /* the key's string; meaningless in an array */
    struct json_span value;
};
void json_iter_init(struct json_iter *it, const char *text, struct json_span container);
bool json_iter_next(struct json_iter *it);

/* The value of a member (the last one of that name, as most readers take it), compared
 * after decoding escapes. False when obj is no object or has no such key. */
bool json_member(const char *text, struct json_span obj, const char *key,
                 struct json_span *ret_value);
/* The same for a key that may hold NUL bytes. */
bool json_member_bytes(const char *text, struct json_span obj, const char *key,
                       size_t len, struct json_span *ret_value);
bool json_element(const char *text, struct json_span array, size_t index,
                  struct json_span *ret_value);

/* Follows a path from `from`: "root.children[1].props.data", "[0].sql", "a['odd key']",
 * "a[\"odd.key\"]", "root.children.1", "$.root", and JSON pointers
 * ("/root/children/1/props"). "" and "$" are `from` itself. Goes as deep as the text
 * does: returns true when the whole path was found; otherwise false with *ret the deepest
 * value on the way (`from` at least). */
bool json_path(const char *text, struct json_span from, const char *path,
               struct json_span *ret);

/* ---- strings ---------------------------------------------------------------------- */

/* Appends the decoded bytes (UTF-8; \u0000 becomes a NUL byte) of a string. */
void json_string_decode(const char *text, struct json_span string, struct buf *out);
/* The decoded string, malloc'ed; NULL when the span is no string or holds a NUL. */
char *json_string_dup(const char *text, struct json_span string)
    __attribute__((warn_unused_result));
/* Where byte `decoded` of the decoded string stands in the text (at its escape's start);
 * that of the closing quote when the string is shorter. */
size_t json_string_offset(const char *text, struct json_span string, size_t decoded);
/* Does the string, decoded, equal s? */
bool json_string_is(const char *text, struct json_span string, const char *s);
/* Appends s[0..len) as a JSON string with its quotes. Escapes only ", \, and controls:
 * what is not UTF-8 (ask json_utf8_valid) would not make a JSON text. */
void json_quote(struct buf *out, const char *s, size_t len);
void json_quotes(struct buf *out, const char *s);
/* Strict UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. When false,
 * *ret_offset (may be NULL) is that of the first byte that is none. */
bool json_utf8_valid(const char *s, size_t len, size_t *ret_offset);

/* ---- whole texts ------------------------------------------------------------------ */

/* Appends the value with its own tokens, indented by two spaces, a newline at the end.
 * Empty arrays and objects stay on one line: [] and {}. A text whose indentation would be
 * many times as long as itself (deep nesting around very many values) gets the lines, but
 * no indentation. Doing it twice changes nothing. */
void json_reindent(struct buf *out, const char *text, struct json_span value);
/* Appends the value without blanks between its tokens. */
void json_compact(struct buf *out, const char *text, struct json_span value);
/* The same tokens in the same order, whatever the blanks; strings compare decoded,
 * numbers by their letters: 1.0 is not 1. This is "did the user change anything". */
bool json_same_tokens(const char *a, struct json_span a_span, const char *b,
                      struct json_span b_span);
/* The same value: keys in any order (a duplicate's last one counts), numbers by value,
 * exactly (1.0, 1, 10e-1 are one; big ones are not rounded).
 * This is "did a normalising platform store what was sent". */
bool json_same_value(const char *a, struct json_span a_span, const char *b,
                     struct json_span b_span);

#endif
