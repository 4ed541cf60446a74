/* api_agents.c - starting an agent, and what can be done to one that runs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "local/agent_json.h"
#include "local/agent_turn.h"
#include "local/agents.h"
#include "local/app.h"
#include "local/exchange.h"
#include "local/jsonout.h"
#include "local/store.h"
#include "local/stream.h"

enum { TASK_MAX = 16 << 10, PARAMS_MAX = 256 << 10, INPUT_MAX = 1 << 20 };

void api_agent_failure(struct reply *rp, int r)
{
    if (r == -ENOENT)
        reply_not_found(rp, "there is no such session");
    else
        reply_failure(rp, r);
}

/* ---- POST /agents/run ------------------------------------------------------------- */

static bool parse_profile(const char *text, struct json_span root,
                          struct agent_session *s, struct reply *rp)
{
    cleanup_buf struct buf known = BUF_INIT;
    struct json_span value;
    if (json_member(text, root, "profile_id", &value))
        s->profile = json_string_dup(text, value);
    if (s->profile && agent_profile_find(s->profile))
        return true;
    for (size_t i = 0; i < agent_profile_count; i++)
        buf_printf(&known, "%s%s", i ? ", " : "", agent_profiles[i].id);
    if (s->profile)
        reply_invalid(rp, "profile_id", "there is no profile '%.100s': %s", s->profile,
                      known.data);
    else
        reply_invalid(rp, "profile_id", "profile_id must be one of: %s", known.data);
    return false;
}

static bool parse_task(const char *text, struct json_span root, struct agent_session *s,
                       struct reply *rp)
{
    struct json_span value;
    if (json_member(text, root, "task", &value))
        s->task = json_string_dup(text, value);
    if (!s->task || !s->task[strspn(s->task, " \t\r\n")])
        reply_invalid(rp, "task", "task must be a text that is not empty");
    else if (strlen(s->task) > TASK_MAX)
        reply_invalid(rp, "task", "task may have %d bytes", TASK_MAX);
    else
        return true;
    return false;
}

/* max_turns is every profile's; the rest is read by those that know it. */
static bool parse_budget(const char *text, struct json_span params,
                         struct agent_session *s, struct reply *rp)
{
    const struct agent_profile *profile = agent_profile_find(s->profile);
    struct json_span value;
    s->turn_budget = profile->turn_budget;
    if (!json_member(text, params, "max_turns", &value) || value.type == JSON_NULL)
        return true;
    char *end = NULL;
    long long turns = 0;
    if (value.type == JSON_NUMBER)
        turns = strtoll(text + value.start, &end, 10);
    if (turns < profile->turns_min || turns > profile->turn_budget ||
        end != text + value.end) {
        reply_invalid(rp, "input_params.max_turns",
                      "max_turns must be a whole number from %d to %d",
                      profile->turns_min, profile->turn_budget);
        return false;
    }
    s->turn_budget = turns;
    return true;
}

static bool parse_run_params(const char *text, struct json_span root,
                             struct agent_session *s, struct reply *rp)
{
    cleanup_buf struct buf line = BUF_INIT;
    struct json_span value = {0, 0, JSON_NULL};
    json_member(text, root, "input_params", &value);
    if (value.type == JSON_OBJECT)
        json_compact(&line, text, value);
    else
        buf_puts(&line, "{}");
    if (value.type != JSON_OBJECT && value.type != JSON_NULL) {
        reply_invalid(rp, "input_params", "input_params must be an object");
        return false;
    }
    if (line.len > PARAMS_MAX) {
        reply_invalid(rp, "input_params", "input_params may have %d bytes", PARAMS_MAX);
        return false;
    }
    s->params = buf_steal(&line);
    return parse_budget(text, value, s, rp);
}

static bool parse_async(const char *text, struct json_span root, bool *ret_async,
                        struct reply *rp)
{
    struct json_span value;
    *ret_async = true;
    if (!json_member(text, root, "async", &value) || value.type == JSON_NULL)
        return true;
    *ret_async = value.type != JSON_FALSE;
    if (value.type == JSON_TRUE || value.type == JSON_FALSE)
        return true;
    reply_invalid(rp, "async", "async must be true or false");
    return false;
}

static void print_started(const struct agent_session *s, struct buf *out)
{
    buf_printf(out, "{\"success\":true,\"session_id\":\"%s\",\"status\":\"%s\"", s->id,
               agent_status_name(s->status));
    buf_puts(out, ",\"profile_id\":");
    json_out_string(out, s->profile);
    agent_time_print(out, "created_at", s->created_ms);
    buf_puts(out, ",\"async\":true}");
}

void api_agent_run(struct app *app, struct request *rq, struct reply *rp)
{
    static const char *const known[] = {"profile_id", "task", "input_params", "async"};
    cleanup_agent_session struct agent_session s = {0};
    struct json_span root;
    bool async;
    const char *text;
    if (!request_object(rq, false, &root, rp) ||
        !request_only(rq, root, known, ARRAY_LEN(known), rp))
        return;
    text = rq->body.data;
    if (!parse_profile(text, root, &s, rp) || !parse_task(text, root, &s, rp) ||
        !parse_run_params(text, root, &s, rp) || !parse_async(text, root, &async, rp))
        return;
    s.user_id = xstrdup(key_user_id(rq->key));
    int r = agents_start(app->agents, &s);
    if (r >= 0 && !async)
        r = agents_wait(app->agents, s.id, &rp->stream);
    if (r < 0) {
        api_agent_failure(rp, r);
        return;
    }
    rp->status = 200;
    if (async)
        print_started(&s, &rp->body);
}

/* ---- one session ------------------------------------------------------------------ */

static void reply_status(struct app *app, struct request *rq, struct reply *rp)
{
    cleanup_agent_session struct agent_session s = {0};
    int r = app->store->ops->agent_get(app->store, rq->param, &s);
    if (r < 0) {
        api_agent_failure(rp, r);
        return;
    }
    rp->status = 200;
    buf_putc(&rp->body, '{');
    agent_session_members(&s, &rp->body);
    buf_putc(&rp->body, '}');
}

void api_agent_status(struct app *app, struct request *rq, struct reply *rp)
{
    reply_status(app, rq, rp);
}

/* One that was not made here counts for none. */
static int64_t events_seen(const struct request *rq)
{
    char *end = NULL;
    if (!rq->last_event_id)
        return 0;
    long long seen = strtoll(rq->last_event_id, &end, 10);
    return *end || seen < 0 ? 0 : seen;
}

void api_agent_stream(struct app *app, struct request *rq, struct reply *rp)
{
    int r = agents_stream(app->agents, rq->param, events_seen(rq), &rp->stream);
    if (r < 0) {
        api_agent_failure(rp, r);
        return;
    }
    rp->status = 200;
    reply_header(rp, "Cache-Control", "no-store");
    reply_header(rp, "Connection", "close");
}

/* {"input": ANSWER}, or the answer's bare object. */
static bool parse_input(struct request *rq, struct buf *ret_input, struct reply *rp)
{
    struct json_span root;
    struct json_span value;
    struct json_iter it;
    if (!request_object(rq, false, &root, rp))
        return false;
    json_iter_init(&it, rq->body.data, root);
    bool is_wrapped = json_iter_next(&it) && !json_iter_next(&it) &&
                      json_member(rq->body.data, root, "input", &value);
    json_compact(ret_input, rq->body.data, is_wrapped ? value : root);
    if (ret_input->len <= INPUT_MAX)
        return true;
    reply_invalid(rp, "input", "an answer may have %d bytes", INPUT_MAX);
    return false;
}

void api_agent_resume(struct app *app, struct request *rq, struct reply *rp)
{
    cleanup_buf struct buf input = BUF_INIT;
    cleanup_free char *why = NULL;
    if (!parse_input(rq, &input, rp))
        return;
    int r = agents_resume(app->agents, rq->param, input.data, &why);
    if (r == -EBUSY)
        reply_error(rp, 409, "not_awaiting_input", NULL,
                    "the session awaits no input now");
    else if (r == -EINVAL)
        reply_invalid(rp, "input", "%s", why);
    else if (r < 0)
        api_agent_failure(rp, r);
    else
        reply_status(app, rq, rp);
}

void api_agent_cancel(struct app *app, struct request *rq, struct reply *rp)
{
    int r = agents_cancel(app->agents, rq->param);
    if (r == -EBUSY)
        reply_error(rp, 409, "session_ended", NULL, "the session has ended already");
    else if (r < 0 && r != -EALREADY)
        api_agent_failure(rp, r);
    else
        reply_status(app, rq, rp);
}
