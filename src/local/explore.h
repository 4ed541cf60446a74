/* explore.h - what the data is: tables, columns, kinds of values, and some values.
 *
 * All of it is asked through a gate, as any query is: what users may not see is not seen
 * here, and what takes too long is left out (known false) and not waited for. So it also
 * holds for a table that came from somebody's CSV file.
 *
 *     struct explore e;
 *     struct sqlgate *gate = gates_borrow(gates);
 *     explore_run(gate, EXPLORE_TIME_MS, &e);
 *     gates_return(gates, gate);
 *     for (size_t i = 0; i < e.table_count; i++)
 *         use(e.tables[i].name, e.tables[i].columns, e.tables[i].column_count);
 *     explore_finish(&e);
 */
#ifndef LOCAL_EXPLORE_H
#define LOCAL_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct sqlgate;

enum {
    EXPLORE_TIME_MS = 6000, /* for everything; a query has SQLGATE_TIME_MS at most */
    EXPLORE_VALUES_MAX = 30,
    EXPLORE_SAMPLES_MAX = 5,
    EXPLORE_SAMPLE_ROWS = 3,
    EXPLORE_TEXT_MAX = 200, /* characters of a value; longer ones are cut */
};

/* What a column's values are, by the values: SQLite has no dates. */
enum explore_type {
    EXPLORE_INTEGER,
    EXPLORE_REAL,
    EXPLORE_DATE,      /* "2026-04-14" */
    EXPLORE_TIMESTAMP, /* "2026-04-14 09:30:00", or with a T */
    EXPLORE_TEXT,
};
/* "integer", "real", "date", "timestamp", "text". */
const char *explore_type_name(enum explore_type type);

struct explore_value {
    char *text;     /* owned; UTF-8, a number by its letters */
    bool is_number; /* else a string, to be quoted in SQL */
    int64_t count;  /* rows that have it; 0: not counted */
};

struct explore_column {
    char *name; /* owned; quote it in SQL: explore_quote_name() */
    enum explore_type type;
    bool known;      /* the rest could be found out */
    int64_t filled;  /* rows that are not NULL */
    int64_t nulls;   /* rows that are */
    int64_t uniques; /* different values */
    double words;    /* of a text, on average: above 3 or so it is prose, not a name */
    struct explore_value low, high; /* text NULL: all is NULL */
    /* Where there are at most EXPLORE_VALUES_MAX different ones: all of them, the most
     * frequent first (is_enumerated); else a few, in the order of the rows. */
    bool is_enumerated;
    struct explore_value *values; /* owned */
    size_t value_count;
};

struct explore_table {
    char *name;        /* owned */
    int64_t row_count; /* -1: not known */
    struct explore_column *columns;
    size_t column_count;
    char *sample_rows; /* owned; a JSON array of the first rows, objects; NULL: unknown */
};

struct explore {
    struct explore_table *tables; /* owned */
    size_t table_count;
};

/* Always fills *ret, perhaps with little; explore_finish() it. Takes time_ms at most. */
void explore_run(struct sqlgate *gate, int64_t time_ms, struct explore *ret);
void explore_finish(struct explore *e);
#define cleanup_explore __attribute__((__cleanup__(explore_finish)))

/* NULL: no such column. */
const struct explore_column *explore_column(const struct explore_table *table,
                                            const char *name);

/* Appends a name, or a value, as SQL. */
void explore_quote_name(struct buf *sql, const char *name);
void explore_quote_value(struct buf *sql, const struct explore_value *value);

/* Appends the tables as a JSON array. Without samples there are no values and no rows. */
void explore_print(const struct explore *e, bool with_samples, struct buf *out);

#endif
