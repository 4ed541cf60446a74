#include "local/agent_script.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "json/json.h"
#include "local/agent_record.h"

/* The server's own events are no lines of the program, but for the pauses. */
static bool is_kept(const struct agent_event *e)
{
    return strncmp(e->type, "session.", 8) != 0 ||
           !strcmp(e->type, "session.awaiting_input") ||
           !strcmp(e->type, "session.resumed");
}

void agent_script_init(struct agent_script *s, struct agent_event *events, size_t count)
{
    *s = (struct agent_script){.events = events};
    for (size_t i = 0; i < count; i++) {
        if (is_kept(&events[i]))
            events[s->count++] = events[i];
        else
            agent_event_finish(&events[i]);
    }
}

void agent_script_finish(struct agent_script *s)
{
    for (size_t i = 0; i < s->count; i++)
        agent_event_finish(&s->events[i]);
    free(s->events);
    *s = (struct agent_script){0};
}

bool agent_script_match(struct agent_script *s, const char *type, const char *data)
{
    const struct agent_event *e = s->next < s->count ? &s->events[s->next] : NULL;
    bool same = e && !strcmp(e->type, type) && !strcmp(e->data, data);
    s->next = same ? s->next + 1 : s->count;
    return same;
}

char *agent_script_answer(struct agent_script *s)
{
    cleanup_buf struct buf answer = BUF_INIT;
    struct json_span root, input;
    if (s->next == s->count || strcmp(s->events[s->next].type, "session.resumed") != 0)
        return NULL;
    const char *data = s->events[s->next++].data;
    if (json_check(data, strlen(data), &JSON_LIMITS_WIRE, &root, NULL) < 0 ||
        !json_member(data, root, "input", &input))
        return NULL;
    json_compact(&answer, data, input);
    return buf_steal(&answer);
}
