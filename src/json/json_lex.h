/* json_lex.h - private to json/: tokens. Two readers: the strict one (lex.c), for texts
 * nobody has looked at yet, and the quick one (walk.c), for texts json_check() accepted.
 */
#ifndef JSON_JSON_LEX_H
#define JSON_JSON_LEX_H

#include <stdint.h>

#include "json/json.h"

/* ---- strict (lex.c) --------------------------------------------------------------- */

/* What a scan found wrong, and where. */
struct json_fault {
    size_t offset;
    char message[160];
};

/* Scans the string, number or literal at *pos of text[0..len) and moves *pos behind it.
 * 0, or -EPROTO with *ret_fault filled. */
int json_lex_string(const char *text, size_t len, size_t *pos,
                    struct json_fault *ret_fault);
int json_lex_number(const char *text, size_t len, size_t *pos,
                    struct json_fault *ret_fault);
int json_lex_literal(const char *text, size_t len, size_t *pos,
                     struct json_fault *ret_fault);

/* Fills the fault; always -EPROTO. */
int json_fault(struct json_fault *fault, size_t offset, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- quick (walk.c) --------------------------------------------------------------- */

size_t json_skip_blanks(const char *text, size_t pos, size_t end);
/* Behind the string whose opening quote stands at pos. */
size_t json_skip_string(const char *text, size_t pos, size_t end);
/* Behind the number or literal at pos. */
size_t json_skip_word(const char *text, size_t pos, size_t end);
enum json_type json_type_at(char first);
/* The next token: its first byte, *ret its place, and *pos behind it. NUL at the end. */
char json_next_token(const char *text, size_t *pos, size_t end, struct json_span *ret);

/* ---- layout (print.c) ------------------------------------------------------------ */

/* Blanks a level with which json_reindent() lays out the value. */
unsigned json_indent_step(const char *text, struct json_span value);
/* A value so many levels inside another one; no newline at the end. */
void json_reindent_part(struct buf *out, const char *text, struct json_span value,
                        unsigned step, size_t depth);

/* ---- layout (print.c) ------------------------------------------------------------ */

/* Blanks a level with which json_reindent() lays out the value. */
unsigned json_indent_step(const char *text, struct json_span value);
/* A value so many levels inside another one; no newline at the end. */
void json_reindent_part(struct buf *out, const char *text, struct json_span value,
                        unsigned step, size_t depth);

/* ---- strings (string.c) ----------------------------------------------------------- */

/* Order of two strings by their decoded bytes, as memcmp's. */
int json_string_compare(const char *a, struct json_span a_span, const char *b,
                        struct json_span b_span);
bool json_string_is_bytes(const char *text, struct json_span string, const char *s,
                          size_t len);
unsigned json_string_hash(const char *text, struct json_span string);

/* ---- numbers (number.c) ----------------------------------------------------------- */

/* The same number, by exact decimal value. */
bool json_number_same(const char *a, struct json_span a_span, const char *b,
                      struct json_span b_span);

#endif
