/* agent_plan_internal.h - inside of the planner: agent_columns.c chooses the columns that
 * a task is about, agent_plan.c makes queries of them. */
#ifndef LOCAL_AGENT_PLAN_INTERNAL_H
#define LOCAL_AGENT_PLAN_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

struct agent_plan;
struct agent_words;
struct explore_column;
struct explore_table;
struct explore_value;

enum { DIMENSIONS_MAX = 3 }; /* by which one task is looked at */

/* What the planner works with. */
struct planner {
    const struct agent_words *words;
    const struct explore_table *table;
    const struct explore_column *dimensions[DIMENSIONS_MAX];
    size_t dimension_count, named_count; /* the first so many the task named */
    /* What ends well or badly: the most specific column first. */
    const struct explore_column *outcome, *other_outcome;
    const struct explore_column *measure;
    bool measure_named;
    const struct explore_column *time;
    const struct explore_column *value_column; /* NULL: the task names no value */
    const struct explore_value *value;
    struct agent_plan *plan;
    size_t max;
};

/* Fills dimensions, outcomes, measure, time and value from words and table. */
void plan_choose(struct planner *p);
/* Does the task name the column, or one of its values? The position of the word. */
size_t plan_wanted(const struct planner *p, const struct explore_column *c);

/* Parts of values that are good and bad ends; a NULL ends them. */
extern const char *const plan_good_words[];
extern const char *const plan_bad_words[];
/* "not won" is no success. */
bool plan_value_is(const struct explore_value *v, const char *const *list);

#endif
