#include "base/alloc.h"
#include "base/clock.h"
#include "http/http_internal.h"

/* A little more than a minute: whoever finds the budget spent is served when it comes back.
 * What nobody waits for has time: a sweep of many requests is served slowly. */
enum { JOB_DEADLINE_MS = 75000, JOB_BACKGROUND_MS = 900000 };

static int64_t job_time(const struct http_request *request)
{
    if (request->deadline_ms > 0)
        return request->deadline_ms;
    return request->class == HTTP_BACKGROUND ? JOB_BACKGROUND_MS : JOB_DEADLINE_MS;
}

struct job *job_new(struct http *h, const struct http_request *request)
{
    struct job *job = xcalloc(1, sizeof *job);
    job->http = h;
    job->method = xstrdup(request->method);
    job->path = xstrdup(request->path);
    job->body = text_ref(request->body);
    job->class = request->class;
    job->who = request->who;
    job->policy = request->once          ? RETRY_ONCE
                  : request->report_lost ? RETRY_ASK
                                         : RETRY_SAFE;
    job->done = request->done;
    job->arg = request->arg;
    job->wanted = request->wanted;
    job->started = clock_ms();
    job->deadline = job->started + job_time(request);
    return job;
}

void job_move(struct job *job, enum job_place place)
{
    pthread_mutex_lock(&job->http->lock);
    job->place = place;
    pthread_mutex_unlock(&job->http->lock);
}

void job_free(struct job *job)
{
    free(job->method);
    free(job->path);
    text_unref(job->body);
    text_unref(job->refusal);
    free(job->refusal_type);
    free(job);
}
