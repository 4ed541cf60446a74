#include "local/agent_json.h"

#include "base/clock.h"
#include "local/agent_record.h"
#include "local/jsonout.h"

void agent_time_print(struct buf *out, const char *name, int64_t ms)
{
    char text[CLOCK_TEXT];
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    json_out_key(out, name);
    if (ms)
        buf_printf(out, "\"%s\"", clock_format(ts, text));
    else
        buf_puts(out, "null");
}

void agent_event_print(const struct agent_event *e, const char *session_id,
                       struct buf *out)
{
    buf_puts(out, "{\"type\":");
    json_out_string(out, e->type);
    buf_printf(out, ",\"seq\":%lld,\"session_id\":\"%s\"", (long long)e->seq, session_id);
    agent_time_print(out, "created_at", e->created_ms);
    buf_printf(out, ",\"data\":%s}", e->data);
}

static void print_json(struct buf *out, const char *name, const char *json)
{
    json_out_key(out, name);
    buf_puts(out, json ? json : "null");
}

static void print_string(struct buf *out, const char *name, const char *text)
{
    json_out_key(out, name);
    if (text && *text)
        json_out_string(out, text);
    else
        buf_puts(out, "null");
}

void agent_session_members(const struct agent_session *s, struct buf *out)
{
    print_string(out, "session_id", s->id);
    print_string(out, "id", s->id);
    print_string(out, "status", agent_status_name(s->status));
    print_string(out, "profile_id", s->profile);
    print_string(out, "task", s->task);
    print_string(out, "parent_session_id", s->parent_id);
    agent_time_print(out, "created_at", s->created_ms);
    agent_time_print(out, "started_at", s->started_ms);
    agent_time_print(out, "updated_at", s->updated_ms);
    agent_time_print(out, "completed_at", s->ended_ms);
    buf_printf(out,
               ",\"turns_used\":%lld,\"turn_budget\":%lld,\"event_count\":%lld,"
               "\"progress\":{\"steps_done\":%lld,\"steps\":%lld}",
               (long long)s->turns, (long long)s->turn_budget, (long long)s->event_count,
               (long long)s->steps_done, (long long)s->step_count);
    print_json(out, "input_request", s->awaited);
    print_json(out, "result", s->result);
    print_json(out, "error", s->error);
}

void agent_step_print(const struct agent_step *s, struct buf *out)
{
    buf_printf(out, "{\"index\":%lld", (long long)s->index);
    print_string(out, "kind", s->kind);
    print_string(out, "title", s->title);
    buf_printf(out, ",\"done\":%s", s->output ? "true" : "false");
    print_json(out, "input", s->input);
    print_json(out, "output", s->output);
    buf_putc(out, '}');
}
