/* import.h - a CSV file as the workspace's interactions. */
#ifndef LOCAL_IMPORT_H
#define LOCAL_IMPORT_H

#include <stdio.h>

#include "base/buf.h"
#include "local/store.h"

/* Replaces `interactions` by the file's records; its first names the columns. Types are
 * guessed from all values: integer, real, date, timestamp, else text; an empty field is
 * NULL. 0 or -errno with the reason, and its line, in *ret_error; then the table is as it
 * was. *ret_rows: how many there are. */
int import_csv(struct store *store, FILE *file, size_t *ret_rows, struct buf *ret_error);

/* The type that a value alone would have; "" is DATA_NULL. */
enum data_type import_guess(const char *value);
/* The type of a column that holds both. */
enum data_type import_join(enum data_type a, enum data_type b);
/* A header as a column's name: lower case, [a-z0-9_], no digit in front; never empty. */
void import_column_name(const char *header, size_t index, struct buf *ret_name);

#endif
