/* agent_writer.c - an outline, its approval, then a piece with figures of the data. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "local/agent_answer.h"
#include "local/agent_kinds.h"
#include "local/agent_plan.h"
#include "local/agent_report.h"
#include "local/agent_turn.h"
#include "local/agent_words.h"
#include "local/agent_work.h"
#include "local/jsonout.h"

enum { OUTLINE_SECTIONS = 4 };

void writer_begin(const struct agent_session *session, struct agent_change *change)
{
    (void)session;
    agent_change_step(change, "writer.outline", "Draft the outline", NULL);
}

/* ---- the outline ------------------------------------------------------------------ */

/* {"title","sections":[{"title","sql","label","value"}]} */
static void print_outline(const struct agent_plan *plan, const char *title,
                          struct buf *out)
{
    buf_puts(out, "{\"title\":");
    json_out_string(out, title);
    buf_puts(out, ",\"sections\":[");
    for (size_t i = 0; i < plan->count; i++) {
        if (i)
            buf_putc(out, ',');
        plan_query_print(&plan->queries[i], out);
    }
    buf_puts(out, "]}");
}

/* The task's words and those of the changes that were asked for; a step's input carries
 * all of these. */
void writer_outline(struct agent_turn *t)
{
    struct agent_words words = {0};
    cleanup_agent_plan struct agent_plan plan = {0};
    cleanup_buf struct buf title = BUF_INIT;
    cleanup_free char *changes = agent_member_text(t->step->input, "changes");
    cleanup_free char *wanted_title = agent_member_text(t->step->input, "title");
    agent_words_add(&words, changes); /* what was said last counts most */
    agent_words_add(&words, t->session->task);
    if (!work_explore(t, &words, OUTLINE_SECTIONS, &plan))
        return;
    work_title(wanted_title ? wanted_title : t->session->task, &title);
    print_outline(&plan, title.data, &t->output);
    agent_change_event(&t->change, "outline.drafted", &t->output);
    agent_change_step(&t->change, "writer.approval", "Have the outline approved", NULL);
    t->outcome = TURN_DONE;
}

/* ---- its approval ----------------------------------------------------------------- */

static bool auto_approved(const struct agent_session *s)
{
    struct json_span root, value;
    return s->finishing || (json_check(s->params, strlen(s->params), &JSON_LIMITS_WIRE,
                                       &root, NULL) == 0 &&
                            json_member(s->params, root, "auto_approve", &value) &&
                            value.type == JSON_TRUE);
}

static void ask_approval(struct agent_turn *t, const char *outline)
{
    buf_puts(&t->awaited,
             "{\"type\":\"approval\",\"message\":\"Is this outline right? Approve it, or "
             "say what to change.\",\"options\":[\"approve\",\"changes\"],\"answer\":"
             "{\"action\":\"approve|changes\",\"changes\":\"what to change, with "
             "changes\",\"title\":\"another title, if wanted\"},\"outline\":");
    buf_puts(&t->awaited, outline);
    buf_putc(&t->awaited, '}');
    t->outcome = TURN_AWAIT;
}

/* The sections as queries, then the piece. */
static void approve(struct agent_turn *t, const char *outline)
{
    struct json_span root, sections;
    struct json_iter it;
    json_check(outline, strlen(outline), &JSON_LIMITS_WIRE, &root, NULL);
    if (json_member(outline, root, "sections", &sections)) {
        json_iter_init(&it, outline, sections);
        while (json_iter_next(&it)) {
            cleanup_buf struct buf input = BUF_INIT;
            buf_append(&input, outline + it.value.start, it.value.end - it.value.start);
            cleanup_free char *title = agent_member_text(input.data, "title");
            agent_change_step(&t->change, "query", title ? title : "A query", input.data);
        }
    }
    agent_change_step(&t->change, "writer.piece", "Write the piece", outline);
    agent_change_event(&t->change, "outline.approved", NULL);
    buf_puts(&t->output, "{\"approved\":true}");
}

/* A new outline: all changes said so far, the newest first. */
static void change(struct agent_turn *t, const char *answer)
{
    cleanup_buf struct buf input = BUF_INIT;
    cleanup_free char *changes = agent_member_text(answer, "changes");
    cleanup_free char *title = agent_member_text(answer, "title");
    cleanup_free char *before = NULL;
    for (size_t i = 0; i < t->session->loaded_steps; i++)
        if (t->session->steps[i].output &&
            !strcmp(t->session->steps[i].kind, "writer.outline")) {
            free(before);
            before = agent_member_text(t->session->steps[i].input, "changes");
        }
    cleanup_free char *all = xasprintf("%s%s%s", changes ? changes : "",
                                       before ? ".\n" : "", before ? before : "");
    buf_puts(&input, "{\"changes\":");
    json_out_string(&input, all);
    if (title) {
        json_out_key(&input, "title");
        json_out_string(&input, title);
    }
    buf_puts(&input, "}");
    agent_change_step(&t->change, "writer.outline", "Draft another outline", input.data);
    buf_puts(&t->output, "{\"approved\":false}");
}

static bool asks_changes(const char *answer)
{
    cleanup_free char *changes = agent_member_text(answer, "changes");
    return agent_choice(answer, "approve", "changes") == 2 ||
           (changes && !agent_choice(answer, "approve", "changes"));
}

static bool approves(const char *answer)
{
    return agent_choice(answer, "approve", "approved") > 0;
}

const char *writer_check(const char *input)
{
    cleanup_free char *changes = agent_member_text(input, "changes");
    if (approves(input) || (asks_changes(input) && changes && *changes))
        return NULL;
    return "the answer must be {\"action\":\"approve\"} or "
           "{\"action\":\"changes\",\"changes\":\"what to change\"}";
}

void writer_approval(struct agent_turn *t)
{
    const char *outline = agent_turn_output(t, "writer.outline");
    const char *answer = t->session->input;
    t->outcome = TURN_DONE;
    if (!answer && !auto_approved(t->session))
        ask_approval(t, outline);
    else if (!answer || approves(answer))
        approve(t, outline);
    else
        change(t, answer);
}

/* ---- the piece -------------------------------------------------------------------- */

static void put_section(void *arg, const char *finding)
{
    report_section(finding, false, arg);
}

static void put_lead(void *arg, const char *finding)
{
    struct buf *out = arg;
    cleanup_buf struct buf sentence = BUF_INIT;
    if (!out->len && report_sentence(finding, &sentence))
        buf_printf(out, "%s\n", sentence.data);
}

void writer_piece(struct agent_turn *t)
{
    cleanup_buf struct buf piece = BUF_INIT;
    cleanup_buf struct buf lead = BUF_INIT;
    cleanup_buf struct buf sections = BUF_INIT;
    cleanup_free char *title = agent_member_text(t->step->input, "title");
    size_t found = work_findings(t, "writer.approval", put_section, &sections);
    if (found == 0 && !t->session->finishing) {
        agent_turn_fail(t, "no_results", "none of the outline's queries gave rows");
        return;
    }
    work_findings(t, "writer.approval", put_lead, &lead);
    buf_puts(&piece, "# ");
    report_text(title ? title : "Untitled", &piece);
    buf_puts(&piece, "\n\n");
    buf_puts(&piece, lead.len ? lead.data : "What the workspace's data says.\n");
    if (sections.len)
        buf_append(&piece, sections.data, sections.len);
    work_result(t, "content_piece", title ? title : "Untitled", &piece);
}
