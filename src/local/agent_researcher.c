/* agent_researcher.c - explores, asks, reports. Never pauses: what it plans fits into its
 * turns. And the copilot, who asks one or two questions and answers. */
#include <string.h>

#include "base/alloc.h"
#include "local/agent_kinds.h"
#include "local/agent_plan.h"
#include "local/agent_report.h"
#include "local/agent_turn.h"
#include "local/agent_words.h"
#include "local/agent_work.h"

enum { REPORT_QUERIES = 8, ANSWER_QUERIES = 2, OTHER_TURNS = 2 };

static void put_section(void *arg, const char *finding)
{
    report_section(finding, true, arg);
}

static void put_sentence(void *arg, const char *finding)
{
    struct buf *out = arg;
    cleanup_buf struct buf sentence = BUF_INIT;
    if (report_sentence(finding, &sentence))
        buf_printf(out, "- %s\n", sentence.data);
}

static void explore(struct agent_turn *t, size_t queries)
{
    struct agent_words words = {0};
    cleanup_agent_plan struct agent_plan plan = {0};
    size_t turns = (size_t)t->session->turn_budget;
    size_t room = turns > OTHER_TURNS ? turns - OTHER_TURNS : 1;
    agent_words_add(&words, t->session->task);
    if (!work_explore(t, &words, queries < room ? queries : room, &plan))
        return;
    work_plan_queries(t, &plan);
    t->outcome = TURN_DONE;
}

/* ---- researcher ------------------------------------------------------------------- */

void research_begin(const struct agent_session *session, struct agent_change *change)
{
    (void)session;
    agent_change_step(change, "research.explore", "Explore the data", NULL);
}

void research_explore(struct agent_turn *t)
{
    explore(t, REPORT_QUERIES);
    if (t->outcome == TURN_DONE)
        agent_change_step(&t->change, "research.report", "Write the report", NULL);
}

void research_report(struct agent_turn *t)
{
    cleanup_buf struct buf title = BUF_INIT;
    cleanup_buf struct buf report = BUF_INIT;
    cleanup_buf struct buf findings = BUF_INIT;
    cleanup_buf struct buf sections = BUF_INIT;
    work_title(t->session->task, &title);
    if (work_findings(t, NULL, put_section, &sections) == 0 && !t->session->finishing) {
        agent_turn_fail(t, "no_results", "none of the queries gave rows to report");
        return;
    }
    work_findings(t, NULL, put_sentence, &findings);
    buf_puts(&report, "# ");
    report_text(title.data, &report);
    buf_puts(&report, "\n\n");
    if (findings.len)
        buf_append(&report, findings.data, findings.len);
    else
        buf_puts(&report, "The rows rank nothing; they are shown below.\n");
    buf_append(&report, sections.data, sections.len);
    buf_puts(&report, "\nEvery figure above is the result of the query below it.\n");
    work_result(t, "research_report", title.data, &report);
}

/* ---- copilot ---------------------------------------------------------------------- */

void copilot_begin(const struct agent_session *session, struct agent_change *change)
{
    (void)session;
    agent_change_step(change, "copilot.explore", "Look at the data", NULL);
}

void copilot_explore(struct agent_turn *t)
{
    explore(t, ANSWER_QUERIES);
    if (t->outcome == TURN_DONE)
        agent_change_step(&t->change, "copilot.answer", "Answer", NULL);
}

static void put_short_section(void *arg, const char *finding)
{
    report_section(finding, false, arg);
}

void copilot_answer(struct agent_turn *t)
{
    cleanup_buf struct buf answer = BUF_INIT;
    work_findings(t, NULL, put_sentence, &answer);
    size_t found = work_findings(t, NULL, put_short_section, &answer);
    if (!answer.len)
        buf_puts(&answer, "It was told to finish before a query was run.\n");
    if (found == 0 && !t->session->finishing)
        agent_turn_fail(t, "no_results", "none of the queries gave rows to answer with");
    else
        work_result(t, NULL, NULL, &answer);
}
