#include "local/agent_work.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "json/json.h"
#include "local/agent_answer.h"
#include "local/agent_plan.h"
#include "local/agent_turn.h"
#include "local/agent_words.h"
#include "local/explore.h"
#include "local/gates.h"
#include "local/jsonout.h"
#include "local/sqlgate.h"

enum { QUERY_ROWS = 30, TITLE_MAX = 120 };

bool work_explore(struct agent_turn *t, const struct agent_words *words, size_t max,
                  struct agent_plan *ret_plan)
{
    cleanup_explore struct explore e = {0};
    cleanup_buf struct buf data = BUF_INIT;
    struct sqlgate *gate = gates_borrow(t->gates);
    explore_run(gate, EXPLORE_TIME_MS, &e);
    gates_return(t->gates, gate);
    agent_plan_make(&e, words, max, ret_plan);
    if (!ret_plan->count) {
        agent_turn_fail(t, "no_data", "the workspace has no table that can be queried");
        return false;
    }
    buf_puts(&data, "{\"tables\":");
    explore_print(&e, false, &data);
    buf_puts(&data, "}");
    agent_change_event(&t->change, "schema.explored", &data);
    return true;
}

void work_plan_queries(struct agent_turn *t, const struct agent_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        cleanup_buf struct buf input = BUF_INIT;
        plan_query_print(&plan->queries[i], &input);
        agent_change_step(&t->change, "query", plan->queries[i].title, input.data);
    }
}

static void print_rows(const struct sqlgate_result *result, struct buf *out)
{
    buf_puts(out, ",\"columns\":[");
    for (size_t i = 0; i < result->columns.count; i++) {
        if (i)
            buf_putc(out, ',');
        json_out_string(out, result->columns.names[i]);
    }
    buf_puts(out, "],\"rows\":");
    buf_append(out, result->rows.data, result->rows.len);
    buf_printf(out, ",\"row_count\":%zu,\"truncated\":%s", result->row_count,
               result->truncated ? "true" : "false");
}

static bool ask(struct agent_turn *t, const char *sql, struct buf *out)
{
    struct sqlgate_result result = {0};
    struct sqlgate_error error = {0};
    const struct sqlgate_query q = {.sql = sql, .row_limit = QUERY_ROWS};
    struct sqlgate *gate = gates_borrow(t->gates);
    int r = sqlgate_run(gate, &q, &result, &error);
    gates_return(t->gates, gate);
    if (r < 0) {
        buf_puts(out, ",\"error\":");
        json_out_string(out, error.message);
        return false;
    }
    print_rows(&result, out);
    sqlgate_result_finish(&result);
    return true;
}

/* The input with what was found behind its members. */
void work_query(struct agent_turn *t)
{
    cleanup_free char *sql = agent_member_text(t->step->input, "sql");
    size_t len = strlen(t->step->input);
    buf_append(&t->output, t->step->input, len - 1); /* all but the brace */
    bool good = ask(t, sql ? sql : "", &t->output);
    buf_putc(&t->output, '}');
    agent_change_event(&t->change, good ? "query.completed" : "query.failed", &t->output);
    t->outcome = TURN_DONE;
}

size_t work_findings(const struct agent_turn *t, const char *behind, work_finding_fn *fn,
                     void *arg)
{
    size_t first = 0;
    size_t with_rows = 0;
    for (size_t i = 0; behind && i < t->session->loaded_steps; i++)
        if (!strcmp(t->session->steps[i].kind, behind))
            first = i;
    for (size_t i = first; i < t->session->loaded_steps; i++) {
        const struct agent_step *step = &t->session->steps[i];
        struct json_span root, rows;
        if (!step->output || strcmp(step->kind, "query") != 0 ||
            json_check(step->output, strlen(step->output), &JSON_LIMITS_WIRE, &root,
                       NULL) < 0)
            continue;
        with_rows += json_member(step->output, root, "rows", &rows);
        fn(arg, step->output);
    }
    return with_rows;
}

void work_title(const char *task, struct buf *out)
{
    task += strspn(task, " \t\r\n");
    size_t line = strcspn(task, "\r\n");
    size_t len = utf8_cut(task, line, TITLE_MAX);
    buf_append(out, task, len);
    if (len < line)
        buf_puts(out, "\xe2\x80\xa6");
}

void work_result(struct agent_turn *t, const char *type, const char *title,
                 const struct buf *markdown)
{
    struct buf *out = &t->result;
    if (type) {
        buf_puts(out, "{\"artifact\":{\"artifact_type\":");
        json_out_string(out, type);
        json_out_key(out, "title");
        json_out_string(out, title);
        buf_puts(out, ",\"format\":\"markdown\",\"content\":");
        json_out_text(out, markdown->data, markdown->len);
        buf_puts(out, "}}");
    } else {
        buf_puts(out, "{\"answer\":");
        json_out_text(out, markdown->data, markdown->len);
        buf_puts(out, "}");
    }
    t->outcome = TURN_COMPLETE;
}
