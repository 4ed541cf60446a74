/* agent_plan.h - which questions to ask of the data, given a task's words and what the
 * data is. Works for any table: what a column may be used for is seen by its values. */
#ifndef LOCAL_AGENT_PLAN_H
#define LOCAL_AGENT_PLAN_H

#include <stddef.h>

#include "base/buf.h"

struct agent_words;
struct explore;

/* A query whose rows are told of: `label` names the column that says what a row is of,
 * `value` the one that ranks the rows ("": the rows are shown as they are). */
struct plan_query {
    char *title; /* owned, as all of it */
    char *sql;
    char *label;
    char *value;
};

struct agent_plan {
    char *table; /* the table it is about; NULL: there is none with columns */
    struct plan_query *queries;
    size_t count;
};

/* At most `max` queries, those first that answer the task best; one at least when there is
 * a table. */
void agent_plan_make(const struct explore *e, const struct agent_words *words, size_t max,
                     struct agent_plan *ret);
void agent_plan_finish(struct agent_plan *p);
#define cleanup_agent_plan __attribute__((__cleanup__(agent_plan_finish)))

/* Appends {"title","sql","label","value"}. */
void plan_query_print(const struct plan_query *q, struct buf *out);

#endif
