/* agent_columns.c - what a column may be used for, and which of them a task is about. */
#include <string.h>

#include "local/agent_plan_internal.h"
#include "local/agent_words.h"
#include "local/explore.h"

enum {
    PROSE_WORDS = 4,       /* texts longer than this on average are no names */
    DIMENSION_WIDE = 2000, /* more different values than this say little in a table */
};

const char *const plan_good_words[] = {
    "won",      "win",  "success", "successful", "converted", "accepted", "passed",
    "resolved", "paid", "yes",     "true",       "retained",  "renewed",  NULL};
const char *const plan_bad_words[] = {"lost",    "lose",      "failed",   "failure",
                                      "refused", "rejected",  "declined", "unresolved",
                                      "unpaid",  "no",        "not",      "false",
                                      "churned", "cancelled", NULL};
/* ---- what a column may be used for ------------------------------------------------ */

static bool is_number(const struct explore_column *c)
{
    return c->type == EXPLORE_INTEGER || c->type == EXPLORE_REAL;
}

static bool is_time(const struct explore_column *c)
{
    return c->known && c->filled > 0 &&
           (c->type == EXPLORE_DATE || c->type == EXPLORE_TIMESTAMP);
}

static bool ends_with(const char *name, const char *end)
{
    size_t len = strlen(name);
    size_t end_len = strlen(end);
    return len >= end_len && !strcmp(name + len - end_len, end);
}

static bool is_identifier(const struct explore_column *c)
{
    return !strcmp(c->name, "id") || ends_with(c->name, "_id") ||
           ends_with(c->name, "zip") || ends_with(c->name, "phone");
}

static bool is_dimension(const struct explore_column *c)
{
    if (!c->known || c->uniques < 2 || is_time(c) || is_identifier(c))
        return false;
    if (is_number(c))
        return c->type == EXPLORE_INTEGER && c->uniques <= 10 &&
               c->uniques * 3 <= c->filled;
    return c->words <= PROSE_WORDS && c->uniques <= DIMENSION_WIDE &&
           c->uniques * 3 <= c->filled * 2;
}

static bool is_measure(const struct explore_column *c)
{
    return c->known && is_number(c) && c->uniques > 2 && !is_identifier(c);
}

/* "not won" is no success. */
bool plan_value_is(const struct explore_value *v, const char *const *list)
{
    return v->text && agent_words_part(v->text, list) &&
           (list == plan_bad_words || !agent_words_part(v->text, plan_bad_words));
}

static bool has_value(const struct explore_column *c, const char *const *list)
{
    for (size_t i = 0; i < c->value_count; i++)
        if (plan_value_is(&c->values[i], list))
            return true;
    return false;
}

static bool is_outcome(const struct explore_column *c)
{
    return c->known && c->is_enumerated && has_value(c, plan_good_words) &&
           has_value(c, plan_bad_words);
}

/* Does the task name the column, or one of its values? The position of the word. */
size_t plan_wanted(const struct planner *p, const struct explore_column *c)
{
    size_t best = agent_words_want(p->words, c->name);
    for (size_t i = 0; c->is_enumerated && i < c->value_count; i++) {
        size_t at = c->values[i].text ? agent_words_want(p->words, c->values[i].text) : 0;
        if (at && (!best || at < best))
            best = at;
    }
    return best;
}

/* ---- choosing columns ------------------------------------------------------------- */

static bool chosen(const struct planner *p, const struct explore_column *c)
{
    for (size_t i = 0; i < p->dimension_count; i++)
        if (p->dimensions[i] == c)
            return true;
    return false;
}

enum naming { BY_GROUP, BY_NAME, BY_VALUE };

/* How early the task names the column, in this way; 0: it does not. */
static size_t named(const struct planner *p, const struct explore_column *c,
                    enum naming how)
{
    if (how == BY_GROUP)
        return agent_words_group(p->words, c->name);
    if (how == BY_NAME)
        return agent_words_want(p->words, c->name);
    return is_outcome(c) ? 0 : plan_wanted(p, c);
}

static const struct explore_column *best_named(const struct planner *p, enum naming how)
{
    const struct explore_column *best = NULL;
    size_t best_at = 0;
    for (size_t i = 0; i < p->table->column_count; i++) {
        const struct explore_column *c = &p->table->columns[i];
        size_t at = named(p, c, how);
        if (!at || !is_dimension(c) || c == p->outcome || chosen(p, c) ||
            agent_words_refuse(p->words, c->name))
            continue;
        if (!best || at < best_at) {
            best = c;
            best_at = at;
        }
    }
    return best;
}

/* One that a reader sees at a glance: few values, on most rows. */
static const struct explore_column *best_unnamed(const struct planner *p)
{
    const struct explore_column *best = NULL;
    for (size_t i = 0; i < p->table->column_count; i++) {
        const struct explore_column *c = &p->table->columns[i];
        if (!is_dimension(c) || !c->is_enumerated || is_outcome(c) || chosen(p, c) ||
            agent_words_refuse(p->words, c->name))
            continue;
        if (!best || c->filled > best->filled)
            best = c;
    }
    return best;
}

static void choose_dimensions(struct planner *p)
{
    const struct explore_column *c;
    for (enum naming how = BY_GROUP; how <= BY_VALUE; how++)
        while (p->dimension_count < DIMENSIONS_MAX && (c = best_named(p, how)))
            p->dimensions[p->dimension_count++] = c;
    p->named_count = p->dimension_count;
    while (p->dimension_count < DIMENSIONS_MAX && (c = best_unnamed(p)))
        p->dimensions[p->dimension_count++] = c;
}

/* The most specific one: that which fewest rows have is of the things that end well or
 * badly, and not of what happened meanwhile. */
static void choose_outcome(struct planner *p)
{
    for (size_t i = 0; i < p->table->column_count; i++) {
        const struct explore_column *c = &p->table->columns[i];
        if (!is_outcome(c) || agent_words_refuse(p->words, c->name))
            continue;
        if (!p->outcome || c->filled < p->outcome->filled) {
            p->other_outcome = p->outcome;
            p->outcome = c;
        } else if (!p->other_outcome) {
            p->other_outcome = c;
        }
    }
}

/* Named, or else one with many values; where an outcome is known on some rows only, one
 * that is known on as many. */
static void choose_measure(struct planner *p)
{
    size_t best_at = 0;
    for (size_t i = 0; i < p->table->column_count; i++) {
        const struct explore_column *c = &p->table->columns[i];
        size_t at = agent_words_want(p->words, c->name);
        if (!is_measure(c) || agent_words_refuse(p->words, c->name))
            continue;
        bool same_rows = p->outcome && c->filled == p->outcome->filled;
        bool better = !p->measure || (at && (!best_at || at < best_at)) ||
                      (at == best_at && same_rows);
        if (better) {
            p->measure = c;
            best_at = at;
        }
    }
    p->measure_named = best_at > 0;
}

static void choose_time(struct planner *p)
{
    size_t best_at = 0;
    for (size_t i = 0; i < p->table->column_count; i++) {
        const struct explore_column *c = &p->table->columns[i];
        size_t at = agent_words_want(p->words, c->name);
        if (!is_time(c) || agent_words_refuse(p->words, c->name))
            continue;
        if (!p->time || (at && !best_at) || (!best_at && c->filled > p->time->filled)) {
            p->time = c;
            best_at = at;
        }
    }
}

/* A value that the task names, of a column that is no outcome: "negative". */
static void choose_value(struct planner *p)
{
    size_t best_at = 0;
    for (size_t i = 0; i < p->table->column_count; i++) {
        const struct explore_column *c = &p->table->columns[i];
        if (!is_dimension(c) || !c->is_enumerated || is_outcome(c))
            continue;
        for (size_t k = 0; k < c->value_count; k++) {
            const char *text = c->values[k].text;
            size_t at = text ? agent_words_want(p->words, text) : 0;
            if (at && (!best_at || at < best_at)) {
                p->value_column = c;
                p->value = &c->values[k];
                best_at = at;
            }
        }
    }
}

void plan_choose(struct planner *p)
{
    choose_outcome(p);
    choose_dimensions(p);
    choose_measure(p);
    choose_time(p);
    choose_value(p);
}
