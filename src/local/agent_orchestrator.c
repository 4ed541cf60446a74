/* agent_orchestrator.c - splits a task, has sub-agents do the parts, puts their results
 * together. */
#include <ctype.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "json/json.h"
#include "local/agent_answer.h"
#include "local/agent_kinds.h"
#include "local/agent_report.h"
#include "local/agent_turn.h"
#include "local/agent_words.h"
#include "local/agent_work.h"
#include "local/jsonout.h"
#include "local/store.h"

enum { PARTS_MAX = 6, PART_WORDS = 2 };

void orchestrator_begin(const struct agent_session *session, struct agent_change *change)
{
    (void)session;
    agent_change_step(change, "orchestrator.split", "Split the task", NULL);
}

/* ---- splitting -------------------------------------------------------------------- */

/* The length of the separator at p, 0: none. */
static size_t separator_at(const char *p)
{
    static const char *const words[] = {" and then ", " then ", ", and ", "; ", "\n"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (!strncmp(p, words[i], strlen(words[i])))
            return strlen(words[i]);
    return strchr(".?!", *p) && (p[1] == ' ' || p[1] == '\n') ? 1 : 0;
}

static size_t count_words(const char *text, size_t len)
{
    size_t words = 0;
    for (size_t i = 0; i < len; i++)
        words += !isspace((unsigned char)text[i]) &&
                 (i == 0 || isspace((unsigned char)text[i - 1]));
    return words;
}

/* A part without the number or dash of a list before it. */
static char *clean_part(const char *text, size_t len)
{
    size_t start = 0;
    while (start < len && strchr(" \t\r\n-*0123456789.)", text[start]))
        start++;
    while (len > start && isspace((unsigned char)text[len - 1]))
        len--;
    return count_words(text + start, len - start) >= PART_WORDS
               ? xstrndup(text + start, len - start)
               : NULL;
}

/* What is too short to be a task of its own is left out; nothing at all: the whole. */
static size_t split(const char *task, char *ret_parts[PARTS_MAX])
{
    size_t count = 0;
    const char *start = task;
    for (const char *p = task; count < PARTS_MAX; p++) {
        size_t skip = *p ? separator_at(p) : 0;
        if (*p && !skip)
            continue;
        char *part = clean_part(start, (size_t)(p - start));
        if (part)
            ret_parts[count++] = part;
        if (!*p)
            break;
        start = p + skip;
        p = start - 1;
    }
    if (count == 0)
        ret_parts[count++] = xstrdup(task);
    return count;
}

static const char *profile_for(const char *part)
{
    static const char *const writing[] = {"write",   "draft", "post",
                                          "article", "blog",  "newsletter",
                                          "piece",   "email", NULL};
    static const char *const asking[] = {"many", "much", "count", "number", NULL};
    if (agent_words_part(part, writing))
        return "content_writer";
    return agent_words_part(part, asking) ? "copilot" : "researcher";
}

/* A sub-agent, and the step that waits for it. A writer need not ask: nobody looks. */
static void delegate(struct agent_turn *t, const char *part)
{
    const struct agent_profile *profile = agent_profile_find(profile_for(part));
    struct agent_session child = {.status = AGENT_QUEUED};
    cleanup_buf struct buf input = BUF_INIT;
    cleanup_buf struct buf title = BUF_INIT;
    struct timespec now = clock_now();
    agent_id_make((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, child.id);
    snprintf(child.parent_id, sizeof child.parent_id, "%s", t->session->id);
    child.profile = xstrdup(profile->id);
    child.user_id = xstrdup(t->session->user_id);
    child.task = xstrdup(part);
    child.params = xstrdup("{\"auto_approve\":true}");
    child.turn_budget = profile->turn_budget;
    buf_printf(&input, "{\"session_id\":\"%s\",\"profile_id\":\"%s\",\"task\":", child.id,
               profile->id);
    json_out_string(&input, part);
    buf_puts(&input, "}");
    buf_puts(&title, "Sub-agent: ");
    work_title(part, &title);
    agent_change_event(&t->change, "agent.started", &input);
    agent_change_step(&t->change, "orchestrator.agent", title.data, input.data);
    struct agent_change *first = agent_change_child(&t->change, &child);
    profile->begin(&t->change.children[t->change.child_count - 1], first);
}

void orchestrator_split(struct agent_turn *t)
{
    char *parts[PARTS_MAX];
    size_t count = split(t->session->task, parts);
    for (size_t i = 0; i < count; i++) {
        delegate(t, parts[i]);
        free(parts[i]);
    }
    agent_change_step(&t->change, "orchestrator.combine", "Put the results together",
                      NULL);
    t->outcome = TURN_DONE;
}

/* ---- waiting ---------------------------------------------------------------------- */

static void print_ended(const struct agent_session *child, struct buf *out)
{
    buf_printf(out, "{\"session_id\":\"%s\",\"profile_id\":", child->id);
    json_out_string(out, child->profile);
    json_out_key(out, "task");
    json_out_string(out, child->task);
    buf_printf(out, ",\"status\":\"%s\",\"result\":%s,\"error\":%s}",
               agent_status_name(child->status), child->result ? child->result : "null",
               child->error ? child->error : "null");
}

void orchestrator_agent(struct agent_turn *t)
{
    cleanup_agent_session struct agent_session child = {0};
    cleanup_free char *id = agent_member_text(t->step->input, "session_id");
    int r = id ? t->store->ops->agent_get(t->store, id, &child) : -1;
    if (r < 0) {
        agent_turn_fail(t, "internal", "a sub-agent's session cannot be read");
        return;
    }
    if (!agent_status_ended(child.status)) {
        t->outcome = TURN_WAIT;
        return;
    }
    print_ended(&child, &t->output);
    agent_change_event(
        &t->change, child.status == AGENT_COMPLETE ? "agent.completed" : "agent.failed",
        &t->output);
    t->outcome = TURN_DONE;
}

/* ---- together --------------------------------------------------------------------- */

static bool member_at(const char *json, const char *path, struct buf *out)
{
    struct json_span root, value;
    if (json_check(json, strlen(json), &JSON_LIMITS_WIRE, &root, NULL) < 0 ||
        !json_path(json, root, path, &value) || value.type != JSON_STRING)
        return false;
    json_string_decode(json, value, out);
    return true;
}

static void put_part(const char *ended, struct buf *out)
{
    cleanup_free char *task = agent_member_text(ended, "task");
    buf_puts(out, "\n# ");
    report_text(task ? task : "", out);
    buf_puts(out, "\n\n");
    if (member_at(ended, "result.artifact.content", out) ||
        member_at(ended, "result.answer", out))
        buf_puts(out, "\n");
    else if (buf_puts(out, "This part failed: "), !member_at(ended, "error.message", out))
        buf_puts(out, "it says no reason.\n");
    else
        buf_puts(out, "\n");
}

void orchestrator_combine(struct agent_turn *t)
{
    cleanup_buf struct buf all = BUF_INIT;
    size_t complete = 0;
    for (size_t i = 0; i < t->session->loaded_steps; i++) {
        const struct agent_step *step = &t->session->steps[i];
        cleanup_buf struct buf status = BUF_INIT;
        if (!step->output || strcmp(step->kind, "orchestrator.agent") != 0)
            continue;
        put_part(step->output, &all);
        complete += member_at(step->output, "status", &status) &&
                    !strcmp(status.data, "complete");
    }
    if (complete == 0)
        agent_turn_fail(t, "no_results", "all of the sub-agents failed");
    else
        work_result(t, NULL, NULL, &all);
}
