/* agents_step.c - how a session goes from one step to the next. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "local/agent_command.h"
#include "local/agent_turn.h"
#include "local/agents_internal.h"
#include "local/jsonout.h"
#include "local/store.h"

void agent_turn_finish(struct agent_turn *t)
{
    agent_change_finish(&t->change);
    buf_finish(&t->output);
    buf_finish(&t->awaited);
    buf_finish(&t->result);
    buf_finish(&t->error);
}

void agent_turn_fail(struct agent_turn *t, const char *code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    buf_clear(&t->error);
    buf_vprintf(&t->error, fmt, ap);
    va_end(ap);
    t->error_code = code;
    t->outcome = TURN_FAIL;
}

const char *agent_turn_output(const struct agent_turn *t, const char *kind)
{
    for (size_t i = t->session->loaded_steps; i-- > 0;)
        if (t->session->steps[i].output && !strcmp(t->session->steps[i].kind, kind))
            return t->session->steps[i].output;
    return NULL;
}

/* ---- where a session stands ------------------------------------------------------- */

static void replace(char **slot, const char *text)
{
    char *copy = xstrdup(text);
    free(*slot);
    *slot = copy;
}

static int64_t wall_ms(void)
{
    struct timespec ts = clock_now();
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void end_with(struct agent_session *s, struct agent_change *c, const char *type,
                     const struct buf *data)
{
    agent_change_event(c, type, data);
    s->ended_ms = wall_ms();
    replace(&s->awaited, NULL);
    replace(&s->input, NULL);
}

void agents_end_failed(struct agent_session *s, struct agent_change *c, const char *error)
{
    cleanup_buf struct buf data = BUF_INIT;
    bool canceled = s->status == AGENT_CANCELED;
    buf_printf(&data, "{\"status\":\"%s\",\"error\":%s}",
               canceled ? "canceled" : "failed", error);
    replace(&s->error, error);
    end_with(s, c, "session.failed", &data);
    if (!canceled)
        s->status = AGENT_FAILED;
}

void agents_end_complete(struct agent_session *s, struct agent_change *c,
                         const char *result)
{
    cleanup_buf struct buf data = BUF_INIT;
    buf_printf(&data, "{\"status\":\"complete\",\"result\":%s}", result);
    replace(&s->result, result);
    end_with(s, c, "session.completed", &data);
    s->status = AGENT_COMPLETE;
}

void agents_await(struct agent_session *s, struct agent_change *c, const char *awaited)
{
    cleanup_buf struct buf data = BUF_INIT;
    buf_printf(&data, "{\"status\":\"awaiting_input\",\"request\":%s}", awaited);
    replace(&s->awaited, awaited);
    replace(&s->input, NULL);
    agent_change_event(c, "session.awaiting_input", &data);
    s->status = AGENT_AWAITING_INPUT;
}

/* The step that follows the one that the change ends, and its index. */
static const struct agent_step *
next_step(const struct agent_session *s, const struct agent_change *c, int64_t *ret_index)
{
    for (size_t i = 0; i < s->loaded_steps; i++) {
        *ret_index = s->steps[i].index;
        if (!s->steps[i].output && *ret_index != c->done_step)
            return &s->steps[i];
    }
    *ret_index = s->step_count + 1;
    return c->step_count ? &c->steps[0] : NULL;
}

static void ask_to_go_on(struct agent_session *s, struct agent_change *c)
{
    cleanup_free char *awaited = xasprintf(
        "{\"type\":\"continue_or_finish\",\"message\":\"All %lld turns are used. Go on, "
        "or "
        "finish with what there is?\",\"options\":[\"continue\",\"finish\"],"
        "\"turns_used\":%lld,\"turn_budget\":%lld,"
        "\"answer\":{\"action\":\"continue|finish\"}}",
        (long long)s->turn_budget, (long long)s->turns, (long long)s->turn_budget);
    agents_await(s, c, awaited);
}

void agents_go_on(struct agent_session *s, struct agent_change *c)
{
    int64_t index;
    const struct agent_step *step = next_step(s, c, &index);
    cleanup_buf struct buf data = BUF_INIT;
    if (!step) {
        agents_end_failed(s, c,
                          "{\"code\":\"internal\",\"message\":\"no step is left\"}");
        return;
    }
    if (s->turns >= s->turn_budget && !s->finishing) {
        ask_to_go_on(s, c);
        return;
    }
    buf_printf(&data, "{\"step\":%lld,\"kind\":\"%s\",\"title\":", (long long)index,
               step->kind);
    json_out_string(&data, step->title);
    buf_puts(&data, "}");
    agent_change_event(c, "step.started", &data);
}

/* ---- what came of a step ---------------------------------------------------------- */

static void step_event(const struct agent_step *step, const char *type,
                       struct agent_change *c)
{
    cleanup_buf struct buf data = BUF_INIT;
    buf_printf(&data, "{\"step\":%lld,\"kind\":\"%s\",\"title\":", (long long)step->index,
               step->kind);
    json_out_string(&data, step->title);
    buf_puts(&data, "}");
    agent_change_event(c, type, &data);
}

static void step_done(struct agent_session *s, struct agent_turn *t)
{
    t->change.done_step = t->step->index;
    t->change.output = buf_steal(&t->output);
    if (!*t->change.output)
        replace(&t->change.output, "{}");
    s->turns++;
    replace(&s->input, NULL);
    step_event(t->step, "step.completed", &t->change);
}

static void fail(struct agent_session *s, struct agent_turn *t)
{
    cleanup_buf struct buf error = BUF_INIT;
    buf_printf(&error, "{\"code\":\"%s\",\"message\":", t->error_code);
    json_out_text(&error, t->error.data ? t->error.data : "", t->error.len);
    buf_printf(&error, ",\"step\":%lld}", (long long)t->step->index);
    agents_end_failed(s, &t->change, error.data);
}

/* True: there is something to store. */
static bool apply(struct agent_session *s, struct agent_turn *t)
{
    switch (t->outcome) {
    case TURN_DONE:
        step_done(s, t);
        agents_go_on(s, &t->change);
        break;
    case TURN_AWAIT:
        agents_await(s, &t->change, t->awaited.data);
        break;
    case TURN_WAIT:
        return false;
    case TURN_COMPLETE:
        step_done(s, t);
        agents_end_complete(s, &t->change, t->result.data);
        break;
    case TURN_FAIL:
        fail(s, t);
        break;
    }
    return true;
}

static void run_step(struct agent_turn *t)
{
    const struct agent_kind *kind = agent_kind_find(t->step->kind);
    if (!strcmp(t->step->kind, AGENT_COMMAND_KIND)) {
        agent_turn_fail(t, "no_agent_command",
                        "this session is an agent command's, and the server was started "
                        "without one");
    } else if (!kind) {
        agent_turn_fail(t, "internal", "this server knows no step '%s'", t->step->kind);
    } else if (kind->skippable && t->session->finishing) {
        step_event(t->step, "step.skipped", &t->change);
        buf_puts(&t->output, "{\"skipped\":true}");
    } else {
        kind->run(t);
    }
}

/* ---- a step ----------------------------------------------------------------------- */

static int begin(struct agents *a, struct agent_session *s)
{
    cleanup_agent_change struct agent_change c = {0};
    cleanup_buf struct buf data = BUF_INIT;
    buf_puts(&data, "{\"status\":\"running\",\"profile_id\":");
    json_out_string(&data, s->profile);
    buf_puts(&data, ",\"task\":");
    json_out_string(&data, s->task);
    buf_printf(&data, ",\"input_params\":%s,\"turn_budget\":%lld}", s->params,
               (long long)s->turn_budget);
    s->status = AGENT_RUNNING;
    s->started_ms = wall_ms();
    agent_change_event(&c, "session.started", &data);
    if (!s->loaded_steps || strcmp(s->steps[0].kind, AGENT_COMMAND_KIND) != 0)
        agents_go_on(s, &c);
    return agents_commit(a, s, &c);
}

/* A session that is to be worked on, begun if it was not; -ENODATA: it is not to be. */
static int pick_up(struct agents *a, const struct agent_job *job, struct agent_session *s)
{
    pthread_mutex_lock(&a->lock);
    int r = job->canceled ? -ENODATA : a->store->ops->agent_get(a->store, job->id, s);
    if (r >= 0 && s->status == AGENT_QUEUED)
        r = begin(a, s);
    if (r >= 0 && s->status != AGENT_RUNNING)
        r = -ENODATA;
    pthread_mutex_unlock(&a->lock);
    return r;
}

static int store_turn(struct agents *a, const struct agent_job *job,
                      struct agent_session *s, struct agent_turn *t)
{
    int r = -ECANCELED;
    pthread_mutex_lock(&a->lock);
    if (!job->canceled)
        r = apply(s, t) ? agents_commit(a, s, &t->change) : -EAGAIN;
    pthread_mutex_unlock(&a->lock);
    return r;
}

bool agents_take_step(struct agents *a, struct agent_job *job)
{
    cleanup_agent_session struct agent_session s = {0};
    struct agent_turn t = {.session = &s, .gates = a->gates, .store = a->store};
    if (pick_up(a, job, &s) < 0)
        return false;
    for (size_t i = 0; i < s.loaded_steps && !t.step; i++)
        if (!s.steps[i].output)
            t.step = &s.steps[i];
    if (!t.step)
        return false;
    if (!strcmp(t.step->kind, AGENT_COMMAND_KIND) && a->command) {
        agent_command_run(a->command, s.id);
        return false;
    }
    run_step(&t);
    int r = store_turn(a, job, &s, &t);
    agent_turn_finish(&t);
    if (r < 0 && r != -EAGAIN && r != -ECANCELED)
        log_error("agent %s: %s", s.id, strerror(-r));
    return r >= 0 && s.status == AGENT_RUNNING;
}
