#include "local/agents.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "json/json.h"
#include "local/agent_answer.h"
#include "local/agent_command.h"
#include "local/agent_turn.h"
#include "local/agents_internal.h"
#include "local/jsonout.h"
#include "local/store.h"

enum { TICK_MS = 1000, LIST_PART = 100 };

/* ---- the queue -------------------------------------------------------------------- */

void agents_schedule(struct agents *a, const char *id)
{
    struct agent_job *job = NULL;
    HASH_FIND_STR(a->jobs, id, job);
    if (!job) {
        job = xcalloc(1, sizeof *job);
        agent_id_set(job->id, id);
        HASH_ADD_STR(a->jobs, id, job);
    }
    if (job->running) {
        job->again = true;
    } else if (!job->queued) {
        job->queued = true;
        DL_APPEND(a->queue, job);
        pthread_cond_signal(&a->work);
    }
}

static void job_done(struct agents *a, struct agent_job *job, bool more)
{
    more = more || job->again;
    job->running = job->again = false;
    if (more && !job->canceled) {
        job->queued = true;
        DL_APPEND(a->queue, job);
    } else {
        HASH_DEL(a->jobs, job);
        free(job);
    }
}

static void *agents_main(void *arg)
{
    struct agents *a = arg;
    pthread_mutex_lock(&a->lock);
    while (!a->stopping) {
        struct agent_job *job = a->queue;
        if (!job) {
            pthread_cond_wait(&a->work, &a->lock);
            continue;
        }
        DL_DELETE(a->queue, job);
        job->queued = false;
        job->running = true;
        pthread_mutex_unlock(&a->lock);
        bool more = agents_take_step(a, job);
        pthread_mutex_lock(&a->lock);
        job_done(a, job, more);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

int agents_commit(struct agents *a, struct agent_session *s, struct agent_change *c)
{
    int r = a->store->ops->agent_change(a->store, s, c);
    if (r < 0)
        return r;
    agents_tell(a, s, c);
    for (size_t i = 0; i < c->child_count; i++)
        agents_schedule(a, c->children[i].id);
    if (agent_status_ended(s->status) && s->parent_id[0])
        agents_schedule(a, s->parent_id);
    return 0;
}

/* ---- start and end ---------------------------------------------------------------- */

static void on_tick(void *arg)
{
    struct agents *a = arg;
    pthread_mutex_lock(&a->lock);
    agents_watch_tick(a);
    pthread_mutex_unlock(&a->lock);
    loop_timer_set(a->loop, &a->clock, TICK_MS, on_tick, a);
}

/* Those that were at work when the server ended. */
static int recover(struct agents *a, enum agent_status status)
{
    struct agent_filter f = {.has_status = true,
                             .status = status,
                             .created_gte = INT64_MIN,
                             .created_lte = INT64_MAX,
                             .limit = LIST_PART};
    bool more = true;
    while (more) {
        cleanup_agent_list struct agent_list l = {0};
        int r = a->store->ops->agent_list(a->store, &f, &l);
        if (r < 0)
            return r;
        for (size_t i = 0; i < l.count; i++)
            agents_schedule(a, l.items[i].id);
        more = l.more;
        if (l.count)
            f.after_seq = l.items[l.count - 1].seq;
    }
    return 0;
}

static int start_threads(struct agents *a)
{
    int r = loop_create(&a->loop);
    if (r >= 0)
        r = loop_start(a->loop);
    if (r < 0)
        return r;
    loop_timer_set(a->loop, &a->clock, TICK_MS, on_tick, a);
    while (a->thread_count < AGENT_THREADS) {
        r = pthread_create(&a->threads[a->thread_count], NULL, agents_main, a);
        if (r != 0)
            return -r;
        a->thread_count++;
    }
    return 0;
}

int agents_create(struct store *store, struct gates *gates, const char *command,
                  struct agents **ret_agents)
{
    struct agents *a = xcalloc(1, sizeof *a);
    a->store = store;
    a->gates = gates;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->work, NULL);
    int r = recover(a, AGENT_QUEUED);
    if (r >= 0)
        r = recover(a, AGENT_RUNNING);
    if (r >= 0 && command)
        a->command = agent_command_create(a, command);
    if (r >= 0)
        r = start_threads(a);
    if (r < 0) {
        log_error("the agents cannot start: %s", strerror(-r));
        agents_destroy(a);
        return r;
    }
    *ret_agents = a;
    return 0;
}

static void stop_threads(struct agents *a)
{
    pthread_mutex_lock(&a->lock);
    a->stopping = true;
    pthread_cond_broadcast(&a->work);
    pthread_mutex_unlock(&a->lock);
    for (size_t i = 0; i < a->thread_count; i++)
        pthread_join(a->threads[i], NULL);
    if (a->loop)
        loop_stop(a->loop);
}

void agents_destroy(struct agents *a)
{
    struct agent_job *job;
    struct agent_job *tmp;
    if (!a)
        return;
    stop_threads(a);
    agent_command_destroy(a->command);
    loop_destroy(a->loop);
    agents_watch_finish(a);
    HASH_ITER (hh, a->jobs, job, tmp) {
        HASH_DEL(a->jobs, job);
        free(job);
    }
    pthread_cond_destroy(&a->work);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

/* ---- what users ask for ----------------------------------------------------------- */

int agents_start(struct agents *a, struct agent_session *session)
{
    cleanup_agent_change struct agent_change c = {0};
    session->status = AGENT_QUEUED;
    if (a->command)
        agent_change_step(&c, AGENT_COMMAND_KIND, "Run the agent command", NULL);
    else
        agent_profile_find(session->profile)->begin(session, &c);
    pthread_mutex_lock(&a->lock);
    int r = a->store->ops->agent_create(a->store, session, &c);
    if (r >= 0)
        agents_schedule(a, session->id);
    pthread_mutex_unlock(&a->lock);
    return r;
}

static const struct agent_step *first_undone(const struct agent_session *s)
{
    for (size_t i = 0; i < s->loaded_steps; i++)
        if (!s->steps[i].output)
            return &s->steps[i];
    return NULL;
}

static const char *asked_type(const char *awaited, struct buf *type)
{
    struct json_span root, value;
    if (json_check(awaited, strlen(awaited), &JSON_LIMITS_WIRE, &root, NULL) == 0 &&
        json_member(awaited, root, "type", &value) && value.type == JSON_STRING)
        json_string_decode(awaited, value, type);
    return type->data ? type->data : "";
}

/* NULL, or what would be an answer. */
static const char *check_answer(const struct agent_session *s, const char *input)
{
    cleanup_buf struct buf type = BUF_INIT;
    const struct agent_step *step = first_undone(s);
    if (!strcmp(asked_type(s->awaited, &type), "continue_or_finish"))
        return agent_choice(input, "continue", "finish")
                   ? NULL
                   : "the answer must be {\"action\":\"continue\"} or "
                     "{\"action\":\"finish\"}";
    const struct agent_kind *kind = step ? agent_kind_find(step->kind) : NULL;
    return kind && kind->check ? kind->check(input) : NULL;
}

static void take_answer(struct agent_session *s, struct agent_change *c,
                        const char *input)
{
    cleanup_buf struct buf data = BUF_INIT;
    cleanup_buf struct buf type = BUF_INIT;
    buf_printf(&data, "{\"input\":%s}", input);
    agent_change_event(c, "session.resumed", &data);
    s->status = AGENT_RUNNING;
    if (!strcmp(asked_type(s->awaited, &type), "continue_or_finish")) {
        const struct agent_profile *profile = agent_profile_find(s->profile);
        if (agent_choice(input, "continue", "finish") == 2)
            s->finishing = true;
        else
            s->turn_budget += profile ? profile->turn_budget : 10;
        agents_go_on(s, c);
    } else {
        free(s->input);
        s->input = xstrdup(input);
    }
    free(s->awaited);
    s->awaited = NULL;
}

static int resume_locked(struct agents *a, const char *id, const char *input,
                         char **ret_why)
{
    cleanup_agent_session struct agent_session s = {0};
    cleanup_agent_change struct agent_change c = {0};
    int r = a->store->ops->agent_get(a->store, id, &s);
    if (r < 0)
        return r;
    if (s.status != AGENT_AWAITING_INPUT || !s.awaited)
        return -EBUSY;
    const char *why = check_answer(&s, input);
    if (why) {
        *ret_why = xstrdup(why);
        return -EINVAL;
    }
    take_answer(&s, &c, input);
    r = agents_commit(a, &s, &c);
    if (r >= 0)
        agents_schedule(a, id);
    return r;
}

int agents_resume(struct agents *a, const char *id, const char *input, char **ret_why)
{
    pthread_mutex_lock(&a->lock);
    int r = resume_locked(a, id, input, ret_why);
    pthread_mutex_unlock(&a->lock);
    return r;
}

static int cancel_locked(struct agents *a, const char *id, const char *why);

static int cancel_children(struct agents *a, const char *id)
{
    struct agent_filter f = {.parent_id = id,
                             .created_gte = INT64_MIN,
                             .created_lte = INT64_MAX,
                             .limit = LIST_PART};
    cleanup_agent_list struct agent_list l = {0};
    int r = a->store->ops->agent_list(a->store, &f, &l);
    for (size_t i = 0; r >= 0 && i < l.count; i++)
        if (!agent_status_ended(l.items[i].status))
            r = cancel_locked(a, l.items[i].id,
                              "the session that started it was canceled");
    return r;
}

/* A reader that knows the two documented ends only sees one of them. */
static void end_canceled(struct agent_session *s, struct agent_change *c, const char *why)
{
    cleanup_buf struct buf error = BUF_INIT;
    cleanup_buf struct buf data = BUF_INIT;
    buf_puts(&error, "{\"code\":\"canceled\",\"message\":");
    json_out_string(&error, why);
    buf_putc(&error, '}');
    buf_printf(&data, "{\"status\":\"canceled\",\"error\":%s}", error.data);
    agent_change_event(c, "session.canceled", &data);
    agents_end_failed(s, c, error.data);
    s->status = AGENT_CANCELED;
}

/* The parent first: its change must not start what is about to be ended. */
static int cancel_locked(struct agents *a, const char *id, const char *why)
{
    cleanup_agent_session struct agent_session s = {0};
    cleanup_agent_change struct agent_change c = {0};
    struct agent_job *job = NULL;
    int r = a->store->ops->agent_get(a->store, id, &s);
    if (r < 0)
        return r;
    if (agent_status_ended(s.status))
        return s.status == AGENT_CANCELED ? -EALREADY : -EBUSY;
    s.status = AGENT_CANCELED;
    end_canceled(&s, &c, why);
    r = agents_commit(a, &s, &c);
    if (r < 0)
        return r;
    HASH_FIND_STR(a->jobs, id, job);
    if (job)
        job->canceled = true;
    if (a->command)
        agent_command_cancel(a->command, id);
    return cancel_children(a, id);
}

int agents_cancel(struct agents *a, const char *id)
{
    pthread_mutex_lock(&a->lock);
    int r = cancel_locked(a, id, "canceled on request");
    pthread_mutex_unlock(&a->lock);
    return r;
}
