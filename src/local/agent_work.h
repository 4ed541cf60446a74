/* agent_work.h - what several profiles' steps do: look at the schema, ask a query. */
#ifndef LOCAL_AGENT_WORK_H
#define LOCAL_AGENT_WORK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct agent_plan;
struct agent_turn;
struct agent_words;

/* Explores the data, says so in an event, and plans at most max queries for the words.
 * False: there is nothing to ask, and the turn has failed. */
bool work_explore(struct agent_turn *t, const struct agent_words *words, size_t max,
                  struct agent_plan *ret_plan);
/* A step for each query of the plan. */
void work_plan_queries(struct agent_turn *t, const struct agent_plan *plan);
/* The "query" step. */
void work_query(struct agent_turn *t);

/* The outputs of the session's queries behind the last step of kind `behind` (NULL: all);
 * `fn` is called for each that has rows or an error. How many had rows. */
typedef void work_finding_fn(void *arg, const char *finding);
size_t work_findings(const struct agent_turn *t, const char *behind, work_finding_fn *fn,
                     void *arg);
/* Appends the task as a title: one line, cut. */
void work_title(const char *task, struct buf *out);
/* The artifact as the result: {"artifact":{"artifact_type","title","format","content"},
 * "content": ...}. type NULL: {"answer": ...} alone. */
void work_result(struct agent_turn *t, const char *type, const char *title,
                 const struct buf *markdown);

#endif
