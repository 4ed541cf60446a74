/* state.c - the thread that writes state.db, and the changes handed to it. */
#include "workspace/state.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/table.h"
#include "workspace/state_sql.h"

enum { HISTORY_SECONDS = 30 * 24 * 3600 };

struct state_change {
    struct state_step *steps, *last;
};

/* A change or a question on its way; lives until it is answered. */
struct state_job {
    struct state_step *steps;
    state_done_fn *done; /* of a change */
    state_rows_fn *rows; /* of a question */
    void *arg;
    int err;
    struct state_text *found;
    size_t found_count;
    struct state_job *prev, *next;
};

struct state {
    struct loop *loop;
    struct state_db db; /* the thread's, once it runs */
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows; a leaf */
    pthread_cond_t more;
    struct state_job *jobs;
    bool stopping, stopped;
};

/* ---- answers ----------------------------------------------------------------- */

static void job_free(struct state_job *job)
{
    struct state_step *step;
    struct state_step *tmp;
    LL_FOREACH_SAFE(job->steps, step, tmp)
    state_step_free(step);
    state_rows_free(job->found, job->found_count);
    free(job);
}

static void job_answer(void *arg)
{
    struct state_job *job = arg;
    if (job->rows)
        job->rows(job->arg, job->found, job->found_count);
    else
        job->done(job->arg, job->err);
    job_free(job);
}

static void job_finish(struct state *s, struct state_job *job)
{
    if (job->rows || job->done)
        loop_post(s->loop, job_answer, job);
    else
        job_free(job);
}

/* ---- the thread -------------------------------------------------------------- */

static void job_run(struct state *s, struct state_job *job)
{
    if (job->rows)
        job->err = state_db_ask(&s->db, job->steps, &job->found, &job->found_count);
    else
        job->err = state_db_run(&s->db, job->steps);
    job_finish(s, job);
}

/* NULL: nothing is left and no more will come. */
static struct state_job *state_take(struct state *s)
{
    pthread_mutex_lock(&s->lock);
    while (!s->jobs && !s->stopping)
        pthread_cond_wait(&s->more, &s->lock);
    struct state_job *job = s->jobs;
    if (job)
        DL_DELETE(s->jobs, job);
    pthread_mutex_unlock(&s->lock);
    return job;
}

static void *state_main(void *arg)
{
    struct state *s = arg;
    for (;;) {
        struct state_job *job = state_take(s);
        if (!job)
            return NULL;
        job_run(s, job);
    }
}

static int state_start(struct state *s)
{
    sigset_t all;
    sigset_t old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int err = pthread_create(&s->thread, NULL, state_main, s);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return -err;
}

static void state_enqueue(struct state *s, struct state_job *job)
{
    pthread_mutex_lock(&s->lock);
    bool late = s->stopping;
    if (!late) {
        DL_APPEND(s->jobs, job);
        pthread_cond_signal(&s->more);
    }
    pthread_mutex_unlock(&s->lock);
    if (late) {
        job->err = -ECANCELED;
        job_finish(s, job);
    }
}

/* ---- steps ------------------------------------------------------------------- */

static struct state_step *step_new(enum state_statement which)
{
    struct state_step *step = xcalloc(1, sizeof *step);
    step->which = which;
    return step;
}

static void step_string(struct state_step *step, const char *string)
{
    step->values[step->count++] = (struct state_value){
        .type = string ? VALUE_STRING : VALUE_NULL, .string = xstrdup(string)};
}

static void step_text(struct state_step *step, struct text *text)
{
    step->values[step->count++] = (struct state_value){
        .type = text ? VALUE_TEXT : VALUE_NULL, .text = text_ref(text)};
}

static void step_number(struct state_step *step, int64_t number)
{
    step->values[step->count++] =
        (struct state_value){.type = VALUE_NUMBER, .number = number};
}

static struct state_step *change_step(struct state_change *c, enum state_statement which)
{
    struct state_step *step = step_new(which);
    if (c->last)
        c->last->next = step;
    else
        c->steps = step;
    c->last = step;
    return step;
}

struct state_change *state_change_new(void)
{
    return xcalloc(1, sizeof(struct state_change));
}

void state_put_page(struct state_change *c, const struct state_page *page)
{
    if (!c)
        return;
    struct state_step *step = change_step(c, SQL_PUT_PAGE);
    step_string(step, page->key);
    step_string(step, page->id);
    step_string(step, page->dir);
    step_string(step, page->name);
    step_number(step, page->own_dir);
}

void state_drop_page(struct state_change *c, const char *key)
{
    static const enum state_statement all[] = {SQL_DROP_PAGE, SQL_DROP_PAGE_DRAFTS,
                                               SQL_DROP_PAGE_TEXTS};
    for (size_t i = 0; c && i < ARRAY_LEN(all); i++)
        step_string(change_step(c, all[i]), key);
}

static void step_draft(struct state_step *step, const struct state_draft *draft)
{
    step_string(step, draft->key);
    step_string(step, draft->file);
    step_string(step, state_slot_word(draft->slot));
    step_string(step, state_stage_word(draft->stage));
}

void state_mark_draft(struct state_change *c, const struct state_draft *draft)
{
    if (!c)
        return;
    struct state_step *step = change_step(c, SQL_MARK_DRAFT);
    step_draft(step, draft);
    step_text(step, draft->problem);
    step_text(step, draft->verdict);
    step_text(step, draft->base);
}

void state_put_draft(struct state_change *c, const struct state_draft *draft)
{
    if (!c)
        return;
    struct state_step *step = change_step(c, SQL_PUT_DRAFT);
    step_draft(step, draft);
    step_text(step, draft->text);
    step_text(step, draft->problem);
    step_text(step, draft->verdict);
    step_text(step, draft->base);
    step_number(step, state_time(draft->mtime));
}

void state_drop_draft(struct state_change *c, const char *key, const char *file,
                      enum state_slot slot)
{
    if (!c)
        return;
    struct state_step *step = change_step(c, SQL_DROP_DRAFT);
    step_string(step, key);
    step_string(step, file);
    step_string(step, state_slot_word(slot));
}

void state_put_text(struct state_change *c, const struct state_text *text)
{
    if (!c)
        return;
    struct state_step *step = change_step(c, SQL_PUT_TEXT);
    step_string(step, text->key);
    step_string(step, text->file);
    step_text(step, text->shown);
    step_text(step, text->remote);
    step_number(step, state_time(text->when));
}

static void step_prune(struct state_step *step)
{
    struct timespec then = clock_now();
    then.tv_sec -= HISTORY_SECONDS;
    step_number(step, state_time(then));
}

void state_put_replaced(struct state_change *c, const struct state_text *text)
{
    if (!c)
        return;
    struct state_step *step = change_step(c, SQL_PUT_REPLACED);
    step_string(step, text->key);
    step_string(step, text->file);
    step_text(step, text->shown);
    step_number(step, state_time(text->when));
    step_prune(change_step(c, SQL_PRUNE));
}

void state_commit(struct state *s, struct state_change *c, state_done_fn *done, void *arg)
{
    struct state_job *job = xcalloc(1, sizeof *job);
    job->steps = c->steps;
    job->done = done;
    job->arg = arg;
    free(c);
    state_enqueue(s, job);
}

/* ---- questions --------------------------------------------------------------- */

static void state_ask(struct state *s, struct state_step *step, state_rows_fn *done,
                      void *arg)
{
    struct state_job *job = xcalloc(1, sizeof *job);
    job->steps = step;
    job->rows = done;
    job->arg = arg;
    state_enqueue(s, job);
}

void state_read_texts(struct state *s, const char *key, state_rows_fn *done, void *arg)
{
    struct state_step *step = step_new(SQL_READ_TEXTS);
    step_string(step, key);
    state_ask(s, step, done, arg);
}

void state_read_replaced(struct state *s, const char *key, const char *file,
                         state_rows_fn *done, void *arg)
{
    struct state_step *step = step_new(SQL_READ_REPLACED);
    step_string(step, key);
    step_string(step, file);
    state_ask(s, step, done, arg);
}

int state_load(struct state *s, const struct state_visitor *visitor, void *arg)
{
    return state_db_load(&s->db, visitor, arg);
}

/* ---- beginning and end ------------------------------------------------------- */

int state_open(const char *dir, struct loop *loop, struct state **ret_state,
               char **ret_reason)
{
    cleanup_free char *path = xasprintf("%s/state.db", dir);
    struct state *s = xcalloc(1, sizeof *s);
    s->loop = loop;
    int err = state_db_open(&s->db, path, ret_reason);
    if (err) {
        free(s);
        return err;
    }
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->more, NULL);
    err = state_start(s);
    if (err) {
        s->stopped = true; /* there is no thread to wait for */
        state_close(s);
        *ret_reason = xasprintf("no thread can be started: %s", strerror(-err));
        return err;
    }
    *ret_state = s;
    return 0;
}

void state_stop(struct state *s)
{
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->more);
    pthread_mutex_unlock(&s->lock);
    if (s->stopped)
        return;
    s->stopped = true;
    pthread_join(s->thread, NULL);
}

void state_close(struct state *s)
{
    if (!s)
        return;
    state_stop(s);
    state_db_close(&s->db);
    pthread_cond_destroy(&s->more);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
