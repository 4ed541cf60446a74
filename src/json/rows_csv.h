/* rows_csv.h - private to json/: the columns of rows, and a row as a line of csv. */
#ifndef JSON_ROWS_CSV_H
#define JSON_ROWS_CSV_H

#include "base/table.h"
#include "json/json.h"

struct column {
    struct json_span key; /* where it stands first; of `value`: none */
    size_t index;
    char *name; /* decoded; may hold NUL */
    size_t name_len;
    UT_hash_handle hh;
};

struct columns {
    const char *text;
    struct column *by_name; /* in the order of the columns, too */
    struct column **list;
    struct json_span *cells; /* of the row at hand; end 0: it has none */
    size_t count, room;
    struct buf scratch;
};

/* Reads the keys of all rows. -EFBIG (rows.h). To be finished in any case. */
int columns_init(struct columns *c, const char *text, struct json_span array);
void columns_finish(struct columns *c);
/* Appends a line; nothing when there are no columns. */
void columns_header(struct columns *c, struct buf *out);
void columns_row(struct columns *c, struct json_span row, struct buf *out);

#endif
