/* auth.c - what a 401 leads to: the key is read again (it may have been rotated); the
 * same key is then sent once the other way (Bearer, X-API-Key); what worked is kept. */
#include "base/alloc.h"
#include "base/log.h"
#include "base/table.h"
#include "http/queue.h"

/* Enough for a rotated key on a platform that wants it the other way, twice over. */
enum { AUTH_ROUNDS = 6 };

static void auth_reread(void *arg);

/* A thread of its own: a key command may take seconds, and the engine's must not wait. */
static void *auth_read_key(void *arg)
{
    struct http *h = arg;
    h->auth.result = http_key_reload(h->key);
    loop_post(h->loop, auth_reread, h);
    return NULL;
}

static void auth_start_reading(struct http *h)
{
    if (h->auth.reading)
        return;
    auth_finish(h);
    h->auth.reading = true;
    h->auth.started = pthread_create(&h->auth.thread, NULL, auth_read_key, h) == 0;
    if (!h->auth.started) {
        h->auth.result = 0;
        loop_post(h->loop, auth_reread, h);
    }
}

void auth_finish(struct http *h)
{
    if (h->auth.started)
        pthread_join(h->auth.thread, NULL);
    h->auth.started = false;
}

static void auth_ask(struct http *h, struct job *job, struct text *body, const char *type)
{
    job->key_reread = true;
    job_move(job, JOB_ASKING);
    job->refusal = text_ref(body);
    job->refusal_type = xstrdup(type);
    DL_APPEND(h->auth.waiting, job);
    auth_start_reading(h);
}

static void auth_send_again(struct http *h, struct job *job)
{
    job->auth_rounds++;
    queue_add(h, job, true);
}

bool auth_again(struct http *h, struct job *job, struct text *body, const char *type)
{
    if (job->auth_rounds >= AUTH_ROUNDS)
        return false;
    if (job->key_generation != h->auth.generation ||
        (job->auth != h->auth.mode && !job->other_auth)) {
        auth_send_again(h, job); /* another request found the way meanwhile */
        return true;
    }
    if (!job->key_reread) {
        auth_ask(h, job, body, type);
        return true;
    }
    if (!job->other_auth && !h->auth.refused) {
        job->other_auth = true;
        job->auth = job->auth == AUTH_BEARER ? AUTH_API_KEY : AUTH_BEARER;
        auth_send_again(h, job);
        return true;
    }
    if (!h->auth.refused)
        log_warning("http: the platform refuses the API key");
    h->auth.refused = true;
    return false;
}

void auth_worked(struct http *h, const struct job *job)
{
    if (job->key_generation != h->auth.generation)
        return;
    h->auth.mode = job->auth;
    h->auth.refused = false;
}

static void auth_answer_waiting(struct http *h, struct job *job)
{
    struct text *body = steal_ptr(job->refusal);
    char *type = steal_ptr(job->refusal_type);
    struct http_answer answer = {
        .status = 401, .body = body, .content_type = type, .sent = true, .reason = ""};
    DL_DELETE(h->auth.waiting, job);
    if (!auth_again(h, job, body, type))
        http_finish(h, job, &answer);
    text_unref(body);
    free(type);
}

/* On the loop: the key was read. */
static void auth_reread(void *arg)
{
    struct http *h = arg;
    struct job *job;
    h->auth.reading = false;
    if (h->auth.result < 0)
        log_warning("http: cannot read the API key again: errno %d", -h->auth.result);
    if (h->auth.result > 0) {
        log_info("http: the API key has changed and is taken up");
        h->auth.generation++;
        h->auth.refused = false;
    }
    /* Those that this lets ask again were all asked before: the list gets no longer. */
    while ((job = h->auth.waiting))
        auth_answer_waiting(h, job);
    queue_pump(h);
}
