/* stop.c - http_stop(): saves are let finish, the rest is answered. */
#include <errno.h>

#include "base/alloc.h"
#include "base/table.h"
#include "http/queue.h"

static void stop_cancel(struct http *h, struct job *job)
{
    struct http_answer answer = {.err = -ECANCELED,
                                 .reason = "the client is being stopped"};
    if (job->place == JOB_QUEUED)
        queue_remove(h, job);
    if (job->place == JOB_ASKING)
        DL_DELETE(h->auth.waiting, job);
    if (job->place == JOB_FLYING) {
        answer.sent = transfer_was_sent(job->transfer);
        engine_remove(h->engine, job->transfer);
        transfer_free(steal_ptr(job->transfer));
        h->flying[job->class]--;
        if (job->trial)
            h->breaker.trial = false;
    }
    if (job->place == JOB_STREAMING) {
        answer.sent = true;
        engine_remove(h->engine, job->transfer);
        transfer_free(steal_ptr(job->transfer));
        h->streaming[job->class]--;
    }
    http_finish(h, job, &answer);
}

static void stop_cancel_all(struct http *h, bool saves_too)
{
    struct job *job;
    struct job *tmp;
    DL_FOREACH_SAFE2(h->all, job, tmp, all_next)
    if (saves_too || job->class != HTTP_SAVE)
        stop_cancel(h, job);
}

static bool stop_has_saves(const struct http *h)
{
    for (const struct job *job = h->all; job; job = job->all_next)
        if (job->class == HTTP_SAVE)
            return true;
    return false;
}

static void stop_end(void *arg)
{
    struct http *h = arg;
    if (h->stop == STOP_ALL)
        return;
    h->stop = STOP_ALL;
    loop_timer_clear(h->loop, &h->stop_timer);
    stop_cancel_all(h, true);
    loop_timer_clear(h->loop, &h->pump_timer);
    loop_timer_clear(h->loop, &h->probe_timer);
    pthread_mutex_lock(&h->lock);
    h->stopped = true;
    pthread_cond_broadcast(&h->stopped_cond);
    pthread_mutex_unlock(&h->lock);
}

static void stop_look(void *arg)
{
    struct http *h = arg;
    if (!stop_has_saves(h))
        stop_end(h);
}

/* Looks only after what the answer called forth has been posted: a save is a chain. */
void stop_check(struct http *h, const struct job *finished)
{
    if (h->stop == STOP_GRACE && finished->class == HTTP_SAVE)
        loop_post(h->loop, stop_look, h);
}

static void stop_begin(void *arg)
{
    struct http *h = arg;
    if (h->stop != STOP_NO)
        return;
    h->stop = STOP_GRACE;
    stop_cancel_all(h, false);
    loop_timer_set(h->loop, &h->stop_timer, h->grace_ms, stop_end, h);
    stop_look(h);
}

void http_stop(struct http *h, int64_t grace_ms)
{
    h->grace_ms = grace_ms;
    loop_post(h->loop, stop_begin, h);
    pthread_mutex_lock(&h->lock);
    while (!h->stopped)
        pthread_cond_wait(&h->stopped_cond, &h->lock);
    pthread_mutex_unlock(&h->lock);
}
