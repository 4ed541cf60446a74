/* csv.h - comma separated values, RFC 4180: quoted fields, doubled quotes, line ends LF
 * or CRLF, line ends within quotes. UTF-8, with or without a byte-order mark. */
#ifndef LOCAL_CSV_H
#define LOCAL_CSV_H

#include <stddef.h>
#include <stdio.h>

#include "base/buf.h"

enum { CSV_COLUMNS_MAX = 500, CSV_RECORD_MAX = 4 << 20 };

struct csv {
    FILE *file;    /* not owned */
    unsigned line; /* that the last record began on, from 1 */
    unsigned next_line;
    struct buf bytes; /* the record's fields, each with a NUL behind it */
    size_t starts[CSV_COLUMNS_MAX];
    size_t count;
    char error[160]; /* why the last call failed, with the line */
};

void csv_init(struct csv *c, FILE *file);
void csv_finish(struct csv *c);
/* From the first record again. */
int csv_rewind(struct csv *c);

/* The next record; empty lines are passed over. 1, 0 at the end, -EPROTO (malformed, too
 * many columns, a NUL byte), -EFBIG (a record too large) or -EIO. */
int csv_next(struct csv *c);
/* A field of the record, until the next call. */
static inline const char *csv_field(const struct csv *c, size_t i)
{
    return c->bytes.data + c->starts[i];
}

#endif
