#include "local/agent_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "local/uuid.h"

static const char *const status_names[] = {
    [AGENT_QUEUED] = "queued",
    [AGENT_RUNNING] = "running",
    [AGENT_AWAITING_INPUT] = "awaiting_input",
    [AGENT_COMPLETE] = "complete",
    [AGENT_FAILED] = "failed",
    [AGENT_CANCELED] = "canceled",
};

const char *agent_status_name(enum agent_status status)
{
    return status_names[status];
}

bool agent_status_parse(const char *name, enum agent_status *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(status_names); i++) {
        if (!strcmp(name, status_names[i])) {
            *ret = (enum agent_status)i;
            return true;
        }
    }
    return false;
}

static void step_finish(struct agent_step *s)
{
    free(s->kind);
    free(s->title);
    free(s->input);
    free(s->output);
}

void agent_session_finish(struct agent_session *s)
{
    free(s->profile);
    free(s->user_id);
    free(s->task);
    free(s->params);
    free(s->awaited);
    free(s->input);
    free(s->result);
    free(s->error);
    for (size_t i = 0; i < s->loaded_steps; i++)
        step_finish(&s->steps[i]);
    free(s->steps);
    *s = (struct agent_session){0};
}

void agent_event_finish(struct agent_event *e)
{
    free(e->type);
    free(e->data);
}

void agent_change_finish(struct agent_change *c)
{
    for (size_t i = 0; i < c->event_count; i++)
        agent_event_finish(&c->events[i]);
    free(c->events);
    for (size_t i = 0; i < c->step_count; i++)
        step_finish(&c->steps[i]);
    free(c->steps);
    for (size_t i = 0; i < c->child_count; i++) {
        agent_session_finish(&c->children[i]);
        agent_change_finish(&c->child_changes[i]);
    }
    free(c->children);
    free(c->child_changes);
    free(c->output);
    *c = (struct agent_change){0};
}

/* On one line, whatever blanks a user's JSON has between its tokens. */
static char *one_line(const char *json, size_t len)
{
    cleanup_buf struct buf line = BUF_INIT;
    struct json_span root;
    if (json_check(json, len, &JSON_LIMITS_WIRE, &root, NULL) == 0)
        json_compact(&line, json, root);
    else
        buf_puts(&line, "{}");
    return buf_steal(&line);
}

void agent_change_event(struct agent_change *c, const char *type, const struct buf *data)
{
    c->events = xrealloc(c->events, (c->event_count + 1) * sizeof *c->events);
    c->events[c->event_count++] = (struct agent_event){
        .type = xstrdup(type),
        .data = data && data->len ? one_line(data->data, data->len) : xstrdup("{}"),
    };
}

void agent_change_step(struct agent_change *c, const char *kind, const char *title,
                       const char *input)
{
    c->steps = xrealloc(c->steps, (c->step_count + 1) * sizeof *c->steps);
    c->steps[c->step_count++] = (struct agent_step){
        .kind = xstrdup(kind),
        .title = xstrdup(title),
        .input = xstrdup(input ? input : "{}"),
    };
}

struct agent_change *agent_change_child(struct agent_change *c,
                                        struct agent_session *child)
{
    size_t n = c->child_count++;
    c->children = xrealloc(c->children, (n + 1) * sizeof *c->children);
    c->child_changes = xrealloc(c->child_changes, (n + 1) * sizeof *c->child_changes);
    c->children[n] = *child;
    c->child_changes[n] = (struct agent_change){0};
    *child = (struct agent_session){0};
    return &c->child_changes[n];
}

void agent_list_finish(struct agent_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        agent_session_finish(&l->items[i]);
    free(l->items);
    *l = (struct agent_list){0};
}

void agent_id_set(char ret[AGENT_ID_TEXT], const char *id)
{
    snprintf(ret, AGENT_ID_TEXT, "%s", id ? id : "");
}

/* As a ULID: 48 bits of time, 80 random ones, in Crockford's 32 digits. */
void agent_id_make(int64_t now_ms, char ret[AGENT_ID_TEXT])
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    char random[17];
    random_hex(random, 16);
    memcpy(ret, "as_", 3);
    for (int i = 0; i < 10; i++)
        ret[3 + i] = digits[(uint64_t)now_ms >> (45 - 5 * i) & 31];
    uint64_t bits = strtoull(random, NULL, 16);
    for (int i = 0; i < 12; i++)
        ret[13 + i] = digits[bits >> (5 * i) & 31];
    random_hex(random, 8);
    bits = strtoull(random, NULL, 16);
    for (int i = 0; i < 4; i++)
        ret[25 + i] = digits[bits >> (5 * i) & 31];
    ret[29] = '\0';
}
