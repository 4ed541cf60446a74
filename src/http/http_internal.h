/* http_internal.h - the engine room behind http.h.
 *
 * A job is a request from http_send() to its answer. It is in one place at a time:
 *   queued    in queue[class], until the budget and a free slot let it start (queue.h);
 *             its timer is the deadline
 *   flying    with libcurl; libcurl's timeout is the deadline
 *   sleeping  its timer is the end of the pause before the next attempt
 *   streaming with libcurl, its attempt counted as over (stream.c)
 *   asking    in auth.waiting, while the key is read again after a 401
 * All of it belongs to the loop's thread, but for what `lock` guards. */
#ifndef HTTP_INTERNAL_H
#define HTTP_INTERNAL_H

#include <pthread.h>

#include "http/breaker.h"
#include "http/budget.h"
#include "http/engine.h"
#include "http/http.h"
#include "http/retry.h"

enum job_place {
    JOB_NEW,
    JOB_QUEUED,
    JOB_FLYING,
    JOB_SLEEPING,
    JOB_ASKING,
    JOB_STREAMING
};

struct job {
    struct http *http;
    char *method;
    char *path;
    struct text *body;
    enum http_class class;
    enum retry_policy policy;
    http_done_fn *done;
    void *arg;
    bool (*wanted)(void *arg);
    struct http_stream *stream; /* or NULL */

    int who;              /* as in http_request */
    enum job_place place; /* written by the loop's thread, under the lock (job_move) */
    uint64_t turn;        /* in its class */
    int64_t queued_at;
    uint64_t budget_mark;      /* while flying */
    int64_t started, deadline; /* monotonic */
    struct loop_timer timer;
    struct transfer *transfer; /* while flying */
    unsigned attempts;         /* all of them */
    unsigned tries;            /* those that count, see retry.h */
    bool was_online;
    bool probe;           /* the breaker's own */
    bool trial;           /* while flying: what comes of it is the breaker's matter */
    bool cut_short;       /* the attempt that flies has less than its full time */
    int64_t attempted_at; /* when it started */

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
    struct breaker breaker;
    struct loop_timer probe_timer;
    struct loop_timer pump_timer;        /* when the budget lets the next one go */
    struct job *queue[HTTP_CLASSES];     /* by turn */
    uint64_t turn[HTTP_CLASSES];         /* that was served last */
    int64_t waiting_since[HTTP_CLASSES]; /* one of them is served or comes to be first */
    int64_t waited_ms[HTTP_CLASSES];     /* in all */
    unsigned flying[HTTP_CLASSES];
    unsigned streaming[HTTP_CLASSES];
    unsigned jobs[HTTP_CLASSES];
    struct auth auth;
    unsigned chance; /* state of the jitter */

    enum stop_stage stop;
    int64_t grace_ms;
    struct loop_timer stop_timer;

    pthread_mutex_t lock; /* guards all below; a leaf lock */
    pthread_cond_t stopped_cond;
    bool stopped;
    struct job *all; /* read under the lock by other threads; changed under it */
    struct http_stats stats;
    int64_t reset_at, paused_until, offline_since; /* for the stats; 0: none */
    int64_t published_at;
};

/* http.c */
void http_start(struct http *h, struct job *job, int64_t now);
/* It was not tried, but that counts as a try: true, and again later; false: no more. */
bool http_nap(struct http *h, struct job *job);
void http_finish(struct http *h, struct job *job, struct http_answer *answer);
void http_fail(struct http *h, struct job *job, int err, const char *reason);
/* As http_send(); what comes of it is seen by the breaker alone. */
void http_send_probe(struct http *h, const struct http_request *request);
unsigned http_in_flight(const struct http *h);
/* http_send() of a job that is made. */
void http_send_job(struct job *job);
/* An attempt is over: the budget, the breaker and the stats are told. Returns the wait
 * before the next one that the server asks for. */
int64_t http_learn(struct http *h, struct job *job, const struct transfer *t,
                   const struct transfer_result *r);

/* stream.c: its job starts; order is what it starts with. */
void stream_prepare(struct job *job, struct transfer_order *order);
/* Its transfer ended and flies no more. True: it was open, and has been answered. */
bool stream_end(struct http *h, struct job *job, struct transfer *t,
                const struct transfer_result *r);
/* Its job is answered, and gone after this. */
void stream_over(struct http_stream *s);

/* show.c: for http_get_stats(), which may run on any thread. */
void http_publish(struct http *h);

/* auth.c: a 401 came. True: the job is taken care of (it will be sent again, or be
 * answered later); false: the 401 is the answer. */
bool auth_again(struct http *h, struct job *job, struct text *body, const char *type);
/* Anything but a 401 came: the way the job was sent works. */
void auth_worked(struct http *h, const struct job *job);
/* After the loop has stopped. */
void auth_finish(struct http *h);

/* job.c */
struct job *job_new(struct http *h, const struct http_request *request);
void job_move(struct job *job, enum job_place place);
void job_free(struct job *job);

/* stop.c */
void stop_check(struct http *h, const struct job *finished);

#endif
