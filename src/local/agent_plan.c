#include "local/agent_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "local/agent_plan_internal.h"
#include "local/agent_words.h"
#include "local/explore.h"
#include "local/jsonout.h"

enum {
    SHOWN_ROWS = 12,
    FILLER_QUERIES = 4, /* where the task names little, so many are asked anyway */
};

static const char *const outcome_words[] = {
    "best",    "worst",    "close",      "closes",  "closed", "closing",
    "win",     "wins",     "won",        "winning", "rate",   "rates",
    "convert", "converts", "conversion", "success", "lose",   "loses",
    "lost",    "perform",  "performs",   NULL};
static const char *const trend_words[] = {
    "trend",  "trends", "month",   "months", "monthly", "time",   "week",
    "weekly", "growth", "grow",    "when",   "history", "change", "changed",
    "over",   "year",   "quarter", "lately", NULL};

/* ---- queries ---------------------------------------------------------------------- */

/* Takes sql's text over. */
static void add(struct planner *p, char *title, struct buf *sql, const char *label,
                const char *value)
{
    struct agent_plan *plan = p->plan;
    if (plan->count == p->max) {
        free(title);
        buf_clear(sql);
        return;
    }
    plan->queries = xrealloc(plan->queries, (plan->count + 1) * sizeof *plan->queries);
    plan->queries[plan->count++] = (struct plan_query){
        .title = title,
        .sql = buf_steal(sql),
        .label = xstrdup(label),
        .value = xstrdup(value),
    };
}

static void put_in_list(const struct explore_column *c, const char *const *words,
                        struct buf *sql)
{
    const char *separator = "(";
    for (size_t i = 0; i < c->value_count; i++) {
        if (!c->values[i].text || !plan_value_is(&c->values[i], words))
            continue;
        buf_puts(sql, separator);
        explore_quote_value(sql, &c->values[i]);
        separator = ", ";
    }
    buf_putc(sql, ')');
}

static void put_from(const struct planner *p, const struct explore_column *by,
                     struct buf *sql)
{
    buf_puts(sql, " FROM ");
    explore_quote_name(sql, p->table->name);
    buf_puts(sql, " WHERE ");
    explore_quote_name(sql, by->name);
    buf_puts(sql, " IS NOT NULL");
}

static void put_group(const struct explore_column *by, const char *order, struct buf *sql)
{
    buf_puts(sql, " GROUP BY ");
    explore_quote_name(sql, by->name);
    buf_printf(sql, " ORDER BY %s, ", order);
    explore_quote_name(sql, by->name);
    buf_printf(sql, " LIMIT %d", SHOWN_ROWS);
}

static void put_is_in(const struct explore_column *c, const char *const *words,
                      struct buf *sql)
{
    explore_quote_name(sql, c->name);
    buf_puts(sql, " IN ");
    put_in_list(c, words, sql);
}

static void put_sum_in(const struct explore_column *c, const char *const *words,
                       struct buf *sql)
{
    buf_puts(sql, "SUM(CASE WHEN ");
    put_is_in(c, words, sql);
    buf_puts(sql, " THEN 1 ELSE 0 END)");
}

/* Of those that came to an end, how many came to a good one? */
static void ask_outcome(struct planner *p, const struct explore_column *outcome,
                        const struct explore_column *by)
{
    cleanup_buf struct buf sql = BUF_INIT;
    if (!outcome || by == outcome)
        return;
    buf_puts(&sql, "SELECT ");
    explore_quote_name(&sql, by->name);
    buf_puts(&sql, ", ROUND(100.0 * ");
    put_sum_in(outcome, plan_good_words, &sql);
    buf_puts(&sql, " / COUNT(*), 1) AS success_percent, ");
    put_sum_in(outcome, plan_good_words, &sql);
    buf_puts(&sql, " AS successes, ");
    put_sum_in(outcome, plan_bad_words, &sql);
    buf_puts(&sql, " AS failures");
    put_from(p, by, &sql);
    buf_puts(&sql, " AND (");
    put_is_in(outcome, plan_good_words, &sql);
    buf_puts(&sql, " OR ");
    put_is_in(outcome, plan_bad_words, &sql);
    buf_puts(&sql, ")");
    put_group(by, "success_percent DESC, successes DESC", &sql);
    add(p, xasprintf("Success (%s) by %s", outcome->name, by->name), &sql, by->name,
        "success_percent");
}

/* Two columns may tell of it, one of which may say nothing by this dimension. */
static void ask_rate(struct planner *p, const struct explore_column *by)
{
    ask_outcome(p, p->outcome, by);
    ask_outcome(p, p->other_outcome, by);
}

static void ask_measure(struct planner *p, const struct explore_column *by)
{
    cleanup_buf struct buf sql = BUF_INIT;
    if (!p->measure || by == p->measure)
        return;
    buf_puts(&sql, "SELECT ");
    explore_quote_name(&sql, by->name);
    buf_puts(&sql, ", ROUND(SUM(");
    explore_quote_name(&sql, p->measure->name);
    buf_puts(&sql, "), 2) AS total, ROUND(AVG(");
    explore_quote_name(&sql, p->measure->name);
    buf_puts(&sql, "), 2) AS average, COUNT(");
    explore_quote_name(&sql, p->measure->name);
    buf_puts(&sql, ") AS counted");
    put_from(p, by, &sql);
    buf_puts(&sql, " AND ");
    explore_quote_name(&sql, p->measure->name);
    buf_puts(&sql, " IS NOT NULL");
    put_group(by, "total DESC", &sql);
    add(p, xasprintf("%s by %s", p->measure->name, by->name), &sql, by->name, "total");
}

/* How much of each row of the table is of the value that the task names? */
static void ask_share(struct planner *p, const struct explore_column *by)
{
    cleanup_buf struct buf sql = BUF_INIT;
    if (!p->value || by == p->value_column)
        return;
    buf_puts(&sql, "SELECT ");
    explore_quote_name(&sql, by->name);
    buf_puts(&sql, ", ROUND(100.0 * SUM(");
    explore_quote_name(&sql, p->value_column->name);
    buf_puts(&sql, " = ");
    explore_quote_value(&sql, p->value);
    buf_puts(&sql, ") / COUNT(*), 1) AS share_percent, SUM(");
    explore_quote_name(&sql, p->value_column->name);
    buf_puts(&sql, " = ");
    explore_quote_value(&sql, p->value);
    buf_puts(&sql, ") AS matching, COUNT(*) AS counted");
    put_from(p, by, &sql);
    buf_puts(&sql, " AND ");
    explore_quote_name(&sql, p->value_column->name);
    buf_puts(&sql, " IS NOT NULL");
    put_group(by, "share_percent DESC", &sql);
    add(p, xasprintf("%s = %s by %s", p->value_column->name, p->value->text, by->name),
        &sql, by->name, "share_percent");
}

static void ask_count(struct planner *p, const struct explore_column *by)
{
    cleanup_buf struct buf sql = BUF_INIT;
    buf_puts(&sql, "SELECT ");
    explore_quote_name(&sql, by->name);
    buf_puts(&sql, ", COUNT(*) AS row_count");
    put_from(p, by, &sql);
    put_group(by, "row_count DESC", &sql);
    add(p, xasprintf("Rows by %s", by->name), &sql, by->name, "row_count");
}

/* The last months, the newest first. */
static void ask_trend(struct planner *p)
{
    cleanup_buf struct buf sql = BUF_INIT;
    if (!p->time)
        return;
    buf_puts(&sql, "SELECT substr(");
    explore_quote_name(&sql, p->time->name);
    buf_puts(&sql, ", 1, 7) AS month, COUNT(*) AS row_count");
    if (p->measure) {
        buf_puts(&sql, ", ROUND(SUM(");
        explore_quote_name(&sql, p->measure->name);
        buf_puts(&sql, "), 2) AS total");
    }
    put_from(p, p->time, &sql);
    buf_printf(&sql, " GROUP BY month ORDER BY month DESC LIMIT %d", SHOWN_ROWS);
    add(p,
        p->measure
            ? xasprintf("Rows and %s by month of %s", p->measure->name, p->time->name)
            : xasprintf("Rows by month of %s", p->time->name),
        &sql, "month", "");
}

static void ask_overview(struct planner *p)
{
    cleanup_buf struct buf sql = BUF_INIT;
    buf_puts(&sql, "SELECT COUNT(*) AS row_count");
    if (p->time) {
        buf_puts(&sql, ", MIN(");
        explore_quote_name(&sql, p->time->name);
        buf_puts(&sql, ") AS first, MAX(");
        explore_quote_name(&sql, p->time->name);
        buf_puts(&sql, ") AS last");
    }
    buf_puts(&sql, " FROM ");
    explore_quote_name(&sql, p->table->name);
    add(p, xasprintf("All of %s", p->table->name), &sql, "", "");
}

/* ---- the plan --------------------------------------------------------------------- */

static void ask_named(struct planner *p, bool outcomes)
{
    for (size_t i = 0; i < p->named_count; i++) {
        if (outcomes)
            ask_rate(p, p->dimensions[i]);
        if (p->measure_named)
            ask_measure(p, p->dimensions[i]);
        ask_share(p, p->dimensions[i]);
        ask_count(p, p->dimensions[i]);
        if (!p->measure_named)
            ask_measure(p, p->dimensions[i]);
        if (!outcomes)
            ask_rate(p, p->dimensions[i]);
    }
}

static void ask_unnamed(struct planner *p, bool outcomes)
{
    for (size_t i = p->named_count; i < p->dimension_count; i++) {
        if (p->plan->count >= FILLER_QUERIES)
            return;
        if (outcomes)
            ask_rate(p, p->dimensions[i]);
        if (p->measure_named)
            ask_measure(p, p->dimensions[i]);
        if (!outcomes && !p->measure_named)
            ask_count(p, p->dimensions[i]);
    }
}

static void ask_all(struct planner *p)
{
    bool outcomes = agent_words_any(p->words, outcome_words) ||
                    (p->outcome && plan_wanted(p, p->outcome) > 0);
    bool trend = agent_words_any(p->words, trend_words) ||
                 (p->time && agent_words_want(p->words, p->time->name) > 0);
    if (trend && !p->named_count)
        ask_trend(p);
    ask_named(p, outcomes);
    if (outcomes && p->outcome && !p->named_count)
        ask_count(p, p->outcome);
    if (trend && p->named_count)
        ask_trend(p);
    ask_unnamed(p, outcomes);
    if (!trend)
        ask_trend(p);
    ask_overview(p);
}

/* The table that the task names most of; else the first with columns. */
static const struct explore_table *choose_table(const struct explore *e,
                                                const struct agent_words *words)
{
    const struct explore_table *best = NULL;
    size_t best_score = 0;
    for (size_t i = 0; i < e->table_count; i++) {
        const struct explore_table *t = &e->tables[i];
        size_t score = agent_words_want(words, t->name) ? 2 : 1;
        for (size_t c = 0; c < t->column_count; c++)
            score += agent_words_want(words, t->columns[c].name) > 0;
        if (t->column_count && score > best_score) {
            best = t;
            best_score = score;
        }
    }
    return best;
}

void agent_plan_make(const struct explore *e, const struct agent_words *words, size_t max,
                     struct agent_plan *ret)
{
    struct planner p = {.words = words, .plan = ret, .max = max};
    *ret = (struct agent_plan){0};
    p.table = choose_table(e, words);
    if (!p.table)
        return;
    ret->table = xstrdup(p.table->name);
    plan_choose(&p);
    ask_all(&p);
}

void agent_plan_finish(struct agent_plan *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->queries[i].title);
        free(p->queries[i].sql);
        free(p->queries[i].label);
        free(p->queries[i].value);
    }
    free(p->queries);
    free(p->table);
    *p = (struct agent_plan){0};
}

void plan_query_print(const struct plan_query *q, struct buf *out)
{
    buf_puts(out, "{\"title\":");
    json_out_string(out, q->title);
    json_out_key(out, "sql");
    json_out_string(out, q->sql);
    json_out_key(out, "label");
    json_out_string(out, q->label);
    json_out_key(out, "value");
    json_out_string(out, q->value);
    buf_putc(out, '}');
}
