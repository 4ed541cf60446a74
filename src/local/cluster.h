/* cluster.h - rows in groups that say much the same, by their words.
 *
 * Deterministic, and in one pass: a row is the set of the words of its prose (the columns
 * whose texts have four words or more on average; where there are none, all columns of
 * text), without those that say nothing and without numbers. A word weighs log((n+1)/df):
 * one that all n rows have, such as the one they were searched by, next to nothing, a rare
 * one much. In the order that the rows have, each joins the group whose first row is most
 * like it, where that is CLUSTER_LIKE or more; else it is the first of a new group. Two
 * rows are as like as the weight of what they share, by the root of the product of theirs:
 * 1 where they have the same words, 0 where they share none. */
#ifndef LOCAL_CLUSTER_H
#define LOCAL_CLUSTER_H

#include <stddef.h>

#include "base/buf.h"

enum {
    CLUSTER_TEXT_MAX = 1000, /* characters of a value that are looked at */
    CLUSTER_PROSE_WORDS = 4,
    CLUSTER_WORDS_MAX = 64, /* different ones of a row */
    CLUSTER_LABEL_WORDS = 3,
    CLUSTER_EXAMPLE_MAX = 200, /* bytes */
};
#define CLUSTER_LIKE 0.5

/* rows: a JSON array of objects that all have the same keys in the same order. Appends an
 * array of the `max` largest groups: {"cluster": 1, 2, ..., "label": up to three words that
 * half of its rows have, the heaviest, "size": rows, "share": of all rows, "example": the
 * prose of its first row}. */
void cluster_rows(const struct buf *rows, size_t max, struct buf *out);

#endif
