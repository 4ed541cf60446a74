/* data_reader.h - one open result: the answer that it was opened on, and its text
 * (json/rows.h), which is made where it is read. */
#ifndef WORKSPACE_DATA_READER_H
#define WORKSPACE_DATA_READER_H

#include "base/text.h"
#include "json/rows.h"

struct data_reader;

/* Takes a reference to the text; rows is an array in it. */
struct data_reader *data_reader_new(enum rows_form form, struct text *text,
                                    struct json_span rows);
void data_reader_free(struct data_reader *r); /* NULL is allowed */
/* Appends up to size bytes from off on; fewer at the end alone. Any thread. -EFBIG: a CSV
 * with more columns than there can be. */
int data_reader_read(struct data_reader *r, size_t size, uint64_t off, struct buf *out);
/* The length of all of it; 0 where it cannot be read. */
uint64_t data_reader_size(struct data_reader *r);

#endif
