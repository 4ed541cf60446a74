/* agent_turn.h - one step of a session, while it is taken.
 *
 * A kind of step is a row of a table: its function reads the session as it stands, does
 * its work (through a gate, say), and fills the turn with what came of it. It runs on one
 * of the agents' threads, without a lock. When the server dies in the middle, the same
 * step is taken again, so a step changes nothing but by its turn. */
#ifndef LOCAL_AGENT_TURN_H
#define LOCAL_AGENT_TURN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "local/agent_record.h"

struct gates;
struct store;

enum turn_outcome {
    TURN_DONE,     /* the step is done, the next follows */
    TURN_AWAIT,    /* `awaited` is asked; the same step runs again with session->input */
    TURN_WAIT,     /* for a sub-agent's end; the same step runs again then */
    TURN_COMPLETE, /* the step is done, and the session: `result` */
    TURN_FAIL,     /* the session has failed: error_code and `error`, a sentence */
};

struct agent_turn {
    const struct agent_session *session; /* with its steps */
    const struct agent_step *step;
    struct gates *gates;
    struct store *store;
    enum turn_outcome outcome;
    struct agent_change change; /* events, planned steps, children: agent_change_*() */
    struct buf output;          /* JSON, what the step found out; empty: {} */
    struct buf awaited;         /* JSON */
    struct buf result;          /* JSON */
    const char *error_code;     /* static */
    struct buf error;
};
void agent_turn_finish(struct agent_turn *t);
__attribute__((format(printf, 3, 4))) void
agent_turn_fail(struct agent_turn *t, const char *code, const char *fmt, ...);

struct agent_kind {
    const char *name;
    void (*run)(struct agent_turn *t);
    /* NULL when this JSON is an answer to what the step awaits, else what would be one. */
    const char *(*check)(const char *input);
    bool skippable; /* left out when the session is told to come to an end */
};
/* NULL: no such kind. */
const struct agent_kind *agent_kind_find(const char *name);

struct agent_profile {
    const char *id, *name, *description;
    const char *produces;       /* NULL: no artifact */
    const char *schema;         /* of input_params: JSON */
    int turn_budget, turns_min; /* the most, and the fewest that can be asked for */
    /* Plans the first steps. */
    void (*begin)(const struct agent_session *session, struct agent_change *change);
};
extern const struct agent_profile agent_profiles[];
extern const size_t agent_profile_count;
/* NULL: no such profile. */
const struct agent_profile *agent_profile_find(const char *id);

/* The output of the newest step of that kind that is done; NULL: none is. */
const char *agent_turn_output(const struct agent_turn *t, const char *kind);

#endif
