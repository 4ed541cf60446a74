#include "base/alloc.h"
#include "base/clock.h"
#include "http/http_internal.h"

enum { JOB_DEADLINE_MS = 60000 };

struct job *job_new(struct http *h, const struct http_request *request)
{
    struct job *job = xcalloc(1, sizeof *job);
    job->http = h;
    job->method = xstrdup(request->method);
    job->path = xstrdup(request->path);
    job->body = text_ref(request->body);
    job->class = request->class;
    job->policy = request->once          ? RETRY_ONCE
                  : request->report_lost ? RETRY_ASK
                                         : RETRY_SAFE;
    job->done = request->done;
    job->arg = request->arg;
    job->started = clock_ms();
    job->deadline = job->started + (request->deadline_ms > 0 ? request->deadline_ms
                                                             : (int64_t)JOB_DEADLINE_MS);
    return job;
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
