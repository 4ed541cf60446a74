/* search.h - finding documents, and interactions that are about one thing, by words.
 *
 * SQLite's FTS5 over the indexes that the store keeps (store_sqlite_search.c), through a
 * gate: read-only, under the gate's limits of time and memory. What users write is never
 * the query language of FTS5 but plain words: it is cut at whatever is no letter or digit,
 * words that say nothing ("the") are left out where others remain, and each is quoted. All
 * the words must be there; where nothing has all of them, any of them will do. */
#ifndef LOCAL_SEARCH_H
#define LOCAL_SEARCH_H

#include "base/buf.h"
#include "local/sqlgate.h"

enum {
    SEARCH_WORDS_MAX = 32, /* of a query; those behind are not looked for */
    SEARCH_DOCUMENTS = 10, /* unless told otherwise */
    SEARCH_DOCUMENTS_MAX = 100,
    SEARCH_COLUMNS_MAX = 8, /* of either */
    CLUSTERS_MAX = 20,
    CLUSTER_ROWS = 500, /* that are looked at: those that match best */
};

/* The one table that cluster_search can be aimed at. */
#define SEARCH_TARGET "interactions"

/* The columns of what the two give; NULL-terminated. */
extern const char *const search_document_columns[];
extern const char *const search_cluster_columns[];

/* Appends the FTS5 expression for s[0..len); nothing when there are no words in it. */
void search_expression(const char *s, size_t len, bool any, struct buf *out);
/* A word that says nothing? In lower case. */
bool search_is_filler(const char *word, size_t len);

/* Documents that match, the best first, as a JSON array of objects. Errors as
 * sqlgate_run(). */
int search_documents(struct sqlgate *g, const char *query, size_t len, size_t limit,
                     struct buf *ret_rows, struct sqlgate_error *ret_error);
/* All documents; with the beginning of each. */
int search_knowledge(struct sqlgate *g, bool with_excerpts, struct buf *ret_rows,
                     struct sqlgate_error *ret_error);
/* Interactions that match (query NULL: some of all), in groups (cluster.h), the largest
 * first. */
int search_clusters(struct sqlgate *g, const char *query, size_t len,
                    struct buf *ret_rows, struct sqlgate_error *ret_error);

#endif
