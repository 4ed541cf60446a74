/* utf8.h - characters of untrusted bytes: RFC 3629, strict (no overlong forms, no
 * surrogates, nothing above U+10FFFF). */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The character at s[0..len): its length, 1 to 4, and *ret_code; 0 when the bytes there
 * are none (or len is 0), and *ret_code untouched. */
size_t utf8_decode(const char *s, size_t len, uint32_t *ret_code);
/* The most bytes of s[0..len), at most `max`, that do not end inside a character. Bytes
 * that are no UTF-8 may be cut anywhere. */
size_t utf8_cut(const char *s, size_t len, size_t max);
/* What must not reach a terminal or a file name: C0, DEL, C1, the line and paragraph
 * separators, and the characters that turn the order of what follows (bidirectional
 * embeddings, overrides and isolates; the plain marks LRM and RLM are ordinary text). */
bool utf8_is_control(uint32_t code);

#endif
