/* http_internal.h - the engine room behind http.h.
 *
 * A job is a request from http_send() to its answer. It is in one place at a time:
 *   queued    in queue[class], until the budget and a free slot let it start; its timer
 *             is the deadline
 *   flying    with libcurl; libcurl's timeout is the deadline
 *   sleeping  its timer is the end of the pause before the next attempt
 *   asking    in auth.waiting, while the key is read again after a 401
 * All of it belongs to the loop's thread, but for what `lock` guards. */
#ifndef HTTP_INTERNAL_H
#define HTTP_INTERNAL_H

#include <pthread.h>

#include "http/budget.h"
#include "http/engine.h"
#include "http/http.h"
#include "http/retry.h"

enum job_place { JOB_NEW, JOB_QUEUED, JOB_FLYING, JOB_SLEEPING, JOB_ASKING };

struct job {
    struct http *http;
    char *method;
    char *path;
    struct text *body;
    enum http_class class;
    enum retry_policy policy;
    http_done_fn *done;
    void *arg;

    enum job_place place;
    int64_t started, deadline; /* monotonic */
    struct loop_timer timer;
    struct transfer *transfer; /* while flying */
    unsigned attempts;         /* all of them */
    unsigned tries;            /* those that count, see retry.h */
    bool was_online;

    enum auth_mode auth;
    unsigned key_generation;
    unsigned auth_rounds;
    bool key_reread, other_auth;
    struct text *refusal; /* the 401's body, while asking */
    char *refusal_type;

    struct job *prev, *next; /* in queue[class] or auth.waiting */
    struct job *all_prev, *all_next;
};

struct auth {
    enum auth_mode mode; /* what worked last */
    unsigned generation; /* of the key: how often it changed */
    bool refused;        /* this generation, in both modes */
    bool reading;        /* the thread runs, or its result is on its way */
    bool started;        /* the thread is to be joined */
    pthread_t thread;
    int result; /* of the thread; handed over by loop_post */
    struct job *waiting;
};

enum stop_stage { STOP_NO, STOP_GRACE, STOP_ALL };

struct http {
    struct loop *loop;
    struct engine *engine;
    struct http_key *key; /* borrowed */
    struct url url;
    char *api_version;
    int64_t timeout_ms;
    size_t max_body;

    struct budget budget;
    struct loop_timer pump_timer; /* when the budget lets the next one go */
    struct job *queue[HTTP_CLASSES];
    unsigned flying[HTTP_CLASSES];
    struct job *all;
    unsigned jobs; /* in all */
    struct auth auth;
    unsigned chance; /* state of the jitter */

    enum stop_stage stop;
    int64_t grace_ms;
    struct loop_timer stop_timer;

    pthread_mutex_t lock; /* guards all below; a leaf lock */
    pthread_cond_t stopped_cond;
    bool stopped;
    int64_t reset_at; /* of the budget, for the stats */
    struct http_stats stats;
};

/* http.c */
void http_queue(struct http *h, struct job *job, bool first);
void http_pump(struct http *h);
void http_finish(struct http *h, struct job *job, struct http_answer *answer);
unsigned http_in_flight(const struct http *h);

/* auth.c: a 401 came. True: the job is taken care of (it will be sent again, or be
 * answered later); false: the 401 is the answer. */
bool auth_again(struct http *h, struct job *job, struct text *body, const char *type);
/* Anything but a 401 came: the way the job was sent works. */
void auth_worked(struct http *h, const struct job *job);
/* After the loop has stopped. */
void auth_finish(struct http *h);

/* job.c */
struct job *job_new(struct http *h, const struct http_request *request);
void job_free(struct job *job);

/* stop.c */
void stop_check(struct http *h, const struct job *finished);

#endif
