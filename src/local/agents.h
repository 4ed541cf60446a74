/* agents.h - agents at work: sessions that are taken from step to step by a few threads.
 *
 * The store is the truth (agent_record.h); what is here is who has to do something now,
 * and who watches. A session is taken one step at a time, then goes to the end of the
 * queue, so a thousand sessions share the threads. Whatever is stored is told in the same
 * order to those who watch. A session that runs when the server ends goes on when it is
 * started again. */
#ifndef LOCAL_AGENTS_H
#define LOCAL_AGENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "local/agent_record.h"

struct agents;
struct gates;
struct store;
struct stream;

enum {
    AGENT_THREADS = 4,
    AGENT_WAIT_MS = 60000, /* the longest that POST /agents/run {"async":false} waits */
};

/* command: NULL, or a shell command that does the work of every profile
 * (agent_command.h). Goes on with what was not at its end. 0 or -errno. */
int agents_create(struct store *store, struct gates *gates, const char *command,
                  struct agents **ret_agents);
/* Steps that run are finished, none is begun. NULL is allowed. */
void agents_destroy(struct agents *a);

/* Starts *session (profile, user_id, task, params, turn_budget filled; what else it gets
 * is filled here). 0 or -errno. */
int agents_start(struct agents *a, struct agent_session *session);
/* Answers what a session awaits; input is JSON, on one line. -ENOENT; -EBUSY: it awaits
 * nothing; -EINVAL: no such answer, the reason in *ret_why (owned by the caller). */
int agents_resume(struct agents *a, const char *id, const char *input, char **ret_why);
/* Ends a session and its sub-agents. -ENOENT; -EALREADY: it was canceled; -EBUSY: it has
 * come to another end before. */
int agents_cancel(struct agents *a, const char *id);

/* The session's events behind `after` (0: all), as server-sent events. */
int agents_stream(struct agents *a, const char *id, int64_t after,
                  struct stream **ret_stream);
/* The answer to a run that is waited for: one JSON object, as soon as the session has
 * ended or awaits input, or else after AGENT_WAIT_MS. */
int agents_wait(struct agents *a, const char *id, struct stream **ret_stream);

#endif
