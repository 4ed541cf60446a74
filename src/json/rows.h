/* rows.h - the rows of a query in the forms that other programs read, produced as they are
 * read: the text of the answer is the only copy of the whole.
 *
 * Nothing is converted: numbers keep their letters, and what is nested keeps its text.
 *
 *   csv     RFC 4180 quoting, LF line ends, a header. The columns are the keys of the first
 *           row in its order, then those that later rows add, in the order in which they
 *           come. A string is its decoded bytes (\u0000 is a NUL byte), in quotes when it
 *           holds a comma, a quote, CR or LF; null, and a key that a row does not have, is
 *           an empty field; an array or object is its text without blanks, in quotes. Of a
 *           key that a row has twice the last one counts, as json_member() has it. A row
 *           that is no object is the field `value` of one. An empty field that is alone on
 *           its line is "", so that the row is not taken for a blank line. No columns: no
 *           bytes.
 *   ndjson  a row a line, its own text without the blanks between tokens
 *   json    the array as json_reindent() has it
 *
 * A row is made whole, so the longest row bounds the memory; besides that some 200 KiB, and
 * a word for each column and each MiB of output. Not to be used by two threads at once. */
#ifndef JSON_ROWS_H
#define JSON_ROWS_H

#include <stdint.h>

#include "json/json.h"

/* More than these, or so many in so many rows that the commas would be sixteen times as
 * long as the text (1 MiB is free), is -EFBIG. */
#define ROWS_COLUMNS_MAX 32767u

enum rows_form { ROWS_CSV, ROWS_NDJSON, ROWS_JSON };

struct rows;

/* text: accepted by json_check(), and there until rows_free(). array: the rows in it; null
 * counts as none. *ret is the caller's. -EPROTO: it is no array; -EFBIG. Csv: reads all
 * keys. */
int rows_new(enum rows_form form, const char *text, struct json_span array,
             struct rows **ret);
void rows_free(struct rows *r); /* NULL is allowed */
/* Appends `size` bytes from `off` on, fewer only at the end. In order this costs each row
 * once, from anywhere else at most a MiB more. */
void rows_read(struct rows *r, uint64_t off, size_t size, struct buf *out);
/* The length of all of it. Produces what was not read yet, and keeps none of it. */
uint64_t rows_size(struct rows *r);

#endif
