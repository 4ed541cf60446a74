/* agents_internal.h - inside of agents*.c. */
#ifndef LOCAL_AGENTS_INTERNAL_H
#define LOCAL_AGENTS_INTERNAL_H

#include <pthread.h>

#include "base/loop.h"
#include "base/table.h"
#include "local/agents.h"

struct agent_command;
struct agent_waiter;
struct feed;

/* A session that has something to do, or is at it. */
struct agent_job {
    char id[AGENT_ID_TEXT];
    bool queued, running;
    bool again;    /* while it ran, something happened that it should look at */
    bool canceled; /* what it is doing is for nothing */
    struct agent_job *prev, *next;
    UT_hash_handle hh;
};

struct agent_watch { /* a session that somebody watches */
    char id[AGENT_ID_TEXT];
    struct feed *feed;
    UT_hash_handle hh;
};

struct agents {
    struct store *store;
    struct gates *gates;
    struct agent_command *command; /* NULL: none */
    struct loop *loop;
    struct loop_timer clock;
    pthread_t threads[AGENT_THREADS];
    size_t thread_count;
    /* Guards everything below, and the order in which changes are stored and told: it is
     * held while a change is written. Never while a step runs. */
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct agent_job *jobs;  /* hash by id, owned */
    struct agent_job *queue; /* those that are queued, oldest first */
    struct agent_watch *watches;
    struct agent_waiter *waiters;
    unsigned ticks;
    bool stopping;
};

/* ---- all of these: under the lock ---- */

/* Has a thread look at the session soon. */
void agents_schedule(struct agents *a, const char *id);
/* Stores the change and tells who watches; wakes the parent of a session that ended. */
int agents_commit(struct agents *a, struct agent_session *s, struct agent_change *c);
/* agents_watch.c: events were stored / the session stands as it stands now. */
void agents_tell(struct agents *a, const struct agent_session *s,
                 const struct agent_change *c);
/* Once a second: who has waited long enough, and who is still there. */
void agents_watch_tick(struct agents *a);
void agents_watch_finish(struct agents *a);

/* Into the session and the change: the end, with its events. error: JSON. */
void agents_end_failed(struct agent_session *s, struct agent_change *c,
                       const char *error);
void agents_end_complete(struct agent_session *s, struct agent_change *c,
                         const char *result);
void agents_await(struct agent_session *s, struct agent_change *c, const char *awaited);
/* What comes after a step, or an answer: the next step is announced, or the session asks
 * whether to go on when its turns are used up. done: the step that the change ends; 0. */
void agents_go_on(struct agent_session *s, struct agent_change *c);

/* agents_step.c, without the lock: one step. True: there is more to do at once. */
bool agents_take_step(struct agents *a, struct agent_job *job);

#endif
