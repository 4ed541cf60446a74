/* queries.h - the SQL that stands in the text of queries.json: which file shows which query,
 * and edits of that text that leave every other byte as it was. Pure functions; a text that
 * no edit touches is never printed anew.
 *
 * A query has a file when its source is "sql", or it names none, and its "sql" is a string.
 * The file holds the decoded string and, where that does not end in a newline, one more: the
 * one that editors put there. Written back, that newline is not taken for a part of the SQL
 * (queries_set_sql()), so neither an unchanged file nor an editor's habit is a change. */
#ifndef WORKSPACE_QUERIES_H
#define WORKSPACE_QUERIES_H

#include "base/table.h"
#include "base/text.h"
#include "json/json.h"

struct query {
    struct json_span element; /* the query itself */
    struct json_span name;    /* its string; empty: it has none */
    struct json_span sql;
    size_t index;     /* in the array */
    char *file;       /* "deals.sql"; no two have the same */
    unsigned repeats; /* others of its name */
    UT_hash_handle hh;
};

struct queries {
    struct text *text; /* a reference */
    struct json_span root;
    struct query *list; /* in the order of the text */
    size_t count;
    struct query *by_file;
};

/* Reads a text: 0, -EPROTO (no JSON, or no array; *ret_error, which may be NULL, says where),
 * -EFBIG. The spans are those of `text`, which is held until queries_finish(). */
int queries_read(struct text *text, struct queries *ret, struct json_error *ret_error);
void queries_finish(struct queries *q); /* zeroed is allowed */
/* NULL: none. */
const struct query *queries_find(const struct queries *q, const char *file);

/* File names are one ordinary path component whatever the platform called a query, hang on
 * the text alone, and are the query's name with ".sql" where that can be a file's name. Where
 * it cannot ("../x", "", one with a newline, a leading dot) it is made safe and gets "~" and
 * a hash of the name; the second query of one name is "name~2.sql". */

/* What a new file of this name would call its query: malloc'ed, or NULL where no query has
 * it (".deals.sql.swp", "4913", "deals.sql~", "#deals.sql#"). */
char *queries_name_of_file(const char *file) __attribute__((warn_unused_result));

/* Appends what the file of this query holds. */
void queries_show(const struct queries *q, const struct query *query, struct buf *out);

/* Edits: a new reference to the whole text, the same one where nothing changes. What is
 * written (`sql`) must be UTF-8. */

/* The string is replaced. What is written ends in a newline that counts only when the one
 * that it replaces ends in one. */
struct text *queries_set_sql(const struct queries *q, const struct query *query,
                             const char *sql, size_t len);
/* {"name", "source": "sql", "sql"} behind the last element, laid out as that one is. */
struct text *queries_add(const struct queries *q, const char *name, const char *sql,
                         size_t len);
/* NULL: it has no name to be replaced. */
struct text *queries_rename(const struct queries *q, const struct query *query,
                            const char *name);
struct text *queries_remove(const struct queries *q, const struct query *query);

/* The file of the query that holds this offset of the text; NULL: of none that has one. */
const struct query *queries_at(const struct queries *q, size_t offset);

#endif
