/* agent_record.h - agents' sessions as the store keeps them: the session itself, the steps
 * that it takes, and the events that tell of it.
 *
 * All that happens to a session is a change (agent_change), stored whole or not at all:
 * what a step found out, the steps that it planned, the events that say so, and where the
 * session stands then. So a server that ended in the middle goes on with the first step
 * that is not done, and no event is there twice. */
#ifndef LOCAL_AGENT_RECORD_H
#define LOCAL_AGENT_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { AGENT_ID_TEXT = 30 }; /* "as_", 26 letters and digits that sort by time, NUL */

enum agent_status {
    AGENT_QUEUED,
    AGENT_RUNNING,
    AGENT_AWAITING_INPUT,
    AGENT_COMPLETE,
    AGENT_FAILED,
    AGENT_CANCELED,
};
/* "queued", "running", "awaiting_input", "complete", "failed", "canceled". */
const char *agent_status_name(enum agent_status status);
bool agent_status_parse(const char *name, enum agent_status *ret);
static inline bool agent_status_ended(enum agent_status status)
{
    return status >= AGENT_COMPLETE;
}

/* A step of a session. input and output are JSON. */
struct agent_step {
    int64_t index; /* 1, 2, ... */
    char *kind;    /* owned, as all of it */
    char *title;
    char *input;
    char *output; /* NULL: not done */
};

struct agent_session {
    char id[AGENT_ID_TEXT];
    char parent_id[AGENT_ID_TEXT]; /* "": nobody's sub-agent */
    int64_t seq;                   /* order of creation */
    char *profile;                 /* owned, as all of it */
    char *user_id;
    char *task;
    char *params; /* a JSON object */
    enum agent_status status;
    int64_t turns, turn_budget;
    bool finishing; /* told to make an end with what there is */
    char *awaited;  /* JSON: what is asked while AWAITING_INPUT; NULL */
    char *input;    /* JSON: the answer, until a step has taken it; NULL */
    char *result;   /* JSON; NULL */
    char *error;    /* JSON; NULL */
    int64_t created_ms, started_ms, updated_ms, ended_ms; /* 0: not yet */
    int64_t event_count, step_count, steps_done;
    struct agent_step *steps; /* in order; none in a list */
    size_t loaded_steps;
};
void agent_session_finish(struct agent_session *s);
#define cleanup_agent_session __attribute__((__cleanup__(agent_session_finish)))

struct agent_event {
    int64_t seq; /* 1, 2, ... within the session */
    char *type;  /* owned */
    char *data;  /* JSON on one line, owned */
    int64_t created_ms;
};
void agent_event_finish(struct agent_event *e);

/* What happens to a session at once. */
struct agent_change {
    struct agent_event *events; /* owned; the store fills seq and created_ms */
    size_t event_count;
    struct agent_step *steps; /* new ones, owned; the store fills the index */
    size_t step_count;
    struct agent_session *children;     /* new sessions, owned */
    struct agent_change *child_changes; /* one a child: its first events and steps */
    size_t child_count;
    int64_t done_step; /* index of the step that is done now; 0: none */
    char *output;      /* its output, owned */
};
void agent_change_finish(struct agent_change *c);
#define cleanup_agent_change __attribute__((__cleanup__(agent_change_finish)))
/* data is JSON (compacted to a line here); an empty buffer is {}. */
void agent_change_event(struct agent_change *c, const char *type, const struct buf *data);
void agent_change_step(struct agent_change *c, const char *kind, const char *title,
                       const char *input);
/* Takes *child over; returns the change for its first events and steps (valid until the
 * next child). */
struct agent_change *agent_change_child(struct agent_change *c,
                                        struct agent_session *child);

struct agent_filter {
    bool has_status;
    enum agent_status status;
    const char *parent_id; /* only its sub-agents; NULL: all */
    const char *profile;   /* NULL: all */
    int64_t created_gte, created_lte;
    int64_t limit, offset;
    int64_t after_seq; /* go on behind the session with this one (a cursor); 0: no */
};

struct agent_list {
    struct agent_session *items; /* newest first */
    size_t count;
    int64_t total;
    bool more;
};
void agent_list_finish(struct agent_list *l);
#define cleanup_agent_list __attribute__((__cleanup__(agent_list_finish)))

/* Copies an id; NULL is "". */
void agent_id_set(char ret[AGENT_ID_TEXT], const char *id);
/* A new id, which sorts by time. */
void agent_id_make(int64_t now_ms, char ret[AGENT_ID_TEXT]);

#endif
