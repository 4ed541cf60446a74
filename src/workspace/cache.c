/* cache.c - the thread that works on cache.db, and what is handed to it. */
#include "workspace/cache.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "base/log.h"
#include "base/table.h"
#include "workspace/cache_sql.h"

/* So many rows of a list are one transaction: a body is not read behind them all. A file
 * that is damaged again and again is on a disk that is. */
enum { LIST_ROWS = 1000, RESETS_MAX = 5 };

/* A change or a question on its way. */
struct cache_job {
    int (*run)(struct cache_db *d, struct cache_job *job);
    char *id, *token;
    struct text *text;
    struct timespec at;
    cache_body_fn *done;
    void *arg;
    int err;
    struct cache_row *rows;
    unsigned generation; /* of the file that a list's rows are meant for */
    bool clear;          /* of a list: nothing of an older one stays */
    struct cache_job *prev, *next;
};

/* Of a list: text NULL: dropped. */
struct cache_row {
    char *id;
    struct text *text;
    struct cache_row *next;
};

struct cache_list {
    struct cache_job *jobs;
    struct cache_row *last;
    unsigned rows; /* in the last job */
    unsigned generation;
    bool anew;
    bool flushed; /* some of it was handed in */
};

struct cache {
    struct loop *loop;
    struct cache_db db; /* the thread's, once it runs */
    unsigned resets;    /* same */
    pthread_t thread;
    atomic_uint generation; /* counts files; summaries of an older one are all lost */
    atomic_uint listed;     /* the generation that the summaries were put into last */
    pthread_mutex_t lock;   /* guards what follows; a leaf */
    pthread_cond_t more;
    struct cache_job *jobs, *list_jobs;
    bool stopping, stopped;
};

/* ---- jobs -------------------------------------------------------------------- */

static void rows_free(struct cache_row *rows)
{
    struct cache_row *row;
    struct cache_row *tmp;
    LL_FOREACH_SAFE(rows, row, tmp)
    {
        free(row->id);
        text_unref(row->text);
        free(row);
    }
}

static void job_free(struct cache_job *job)
{
    rows_free(job->rows);
    text_unref(job->text);
    free(job->id);
    free(job->token);
    free(job);
}

static void job_answer(void *arg)
{
    struct cache_job *job = arg;
    const struct cache_body body = {job->text, job->token, job->at};
    job->done(job->arg, job->text ? &body : NULL);
    job_free(job);
}

static void job_finish(struct cache *c, struct cache_job *job)
{
    if (job->done)
        loop_post(c->loop, job_answer, job);
    else
        job_free(job);
}

static int run_put_body(struct cache_db *d, struct cache_job *job)
{
    const struct cache_body body = {job->text, job->token, job->at};
    return cache_db_put_body(d, job->id, &body);
}

static int run_drop_body(struct cache_db *d, struct cache_job *job)
{
    return cache_db_drop_body(d, job->id);
}

static int run_read_body(struct cache_db *d, struct cache_job *job)
{
    return cache_db_read_body(d, job->id, &job->text, &job->token, &job->at);
}

static int run_read_summary(struct cache_db *d, struct cache_job *job)
{
    return cache_db_read_summary(d, job->id, &job->text);
}

static int run_put_me(struct cache_db *d, struct cache_job *job)
{
    return cache_db_put_me(d, job->text);
}

static int run_row(struct cache_db *d, const struct cache_row *row)
{
    if (row->text)
        return cache_db_put_summary(d, row->id, row->text);
    int err = cache_db_drop_summary(d, row->id);
    return err ? err : cache_db_drop_body(d, row->id);
}

static int run_list(struct cache_db *d, struct cache_job *job)
{
    const struct cache_row *row;
    int err = job->clear ? cache_db_forget_list(d) : 0;
    LL_FOREACH (job->rows, row)
        err = err ? err : run_row(d, row);
    if (!err && job->at.tv_sec)
        err = cache_db_put_time(d, job->at);
    return err;
}

/* ---- the thread -------------------------------------------------------------- */

/* Everything in it is lost; what comes from now on is kept again, if it can be. */
static void cache_reset(struct cache *c)
{
    atomic_fetch_add(&c->generation, 1);
    if (++c->resets > RESETS_MAX) {
        log_warning("%s is damaged again and again: not used any more", c->db.path);
        cache_db_close(&c->db);
        return;
    }
    log_info("%s is damaged: begun anew", c->db.path);
    int err = cache_db_reset(&c->db);
    if (err) {
        log_warning("%s cannot be used: %s", c->db.path, strerror(-err));
        cache_db_close(&c->db);
    }
}

/* A part of the list that is not written makes the summaries another list: they are all
 * put again by the next sweep. */
static void cache_run(struct cache *c, struct cache_job *job)
{
    bool is_list = job->run == run_list;
    if (!c->db.db || (is_list && job->generation != atomic_load(&c->generation)))
        return;
    job->err = cache_db_begin(&c->db);
    if (!job->err)
        job->err = cache_db_end(&c->db, job->run(&c->db, job));
    if (job->err == -EUCLEAN)
        cache_reset(c);
    else if (job->err && is_list)
        atomic_fetch_add(&c->generation, 1);
    if (job->err && job->err != -ENOENT)
        log_debug("cache.db: %s: %s", job->id ? job->id : "the list",
                  strerror(-job->err));
}

/* NULL: nothing is left and no more will come. */
static struct cache_job *cache_take(struct cache *c)
{
    pthread_mutex_lock(&c->lock);
    while (!c->jobs && !c->list_jobs && !c->stopping)
        pthread_cond_wait(&c->more, &c->lock);
    struct cache_job **from = c->jobs ? &c->jobs : &c->list_jobs;
    struct cache_job *job = *from;
    if (job)
        DL_DELETE(*from, job);
    pthread_mutex_unlock(&c->lock);
    return job;
}

static void *cache_main(void *arg)
{
    struct cache *c = arg;
    for (;;) {
        struct cache_job *job = cache_take(c);
        if (!job)
            return NULL;
        cache_run(c, job);
        job_finish(c, job);
    }
}

static void cache_enqueue(struct cache *c, struct cache_job **queue,
                          struct cache_job *job)
{
    pthread_mutex_lock(&c->lock);
    bool late = c->stopping;
    if (!late) {
        DL_APPEND(*queue, job);
        pthread_cond_signal(&c->more);
    }
    pthread_mutex_unlock(&c->lock);
    if (late)
        job_finish(c, job);
}

/* ---- bodies ------------------------------------------------------------------ */

static struct cache_job *job_new(int (*run)(struct cache_db *d, struct cache_job *job),
                                 const char *id)
{
    struct cache_job *job = xcalloc(1, sizeof *job);
    job->run = run;
    job->id = xstrdup(id);
    return job;
}

void cache_put_body(struct cache *c, const char *id, const struct cache_body *body)
{
    if (!c)
        return;
    struct cache_job *job = job_new(run_put_body, id);
    job->token = xstrdup(body->token);
    job->text = text_ref(body->text);
    job->at = body->at;
    cache_enqueue(c, &c->jobs, job);
}

void cache_drop_body(struct cache *c, const char *id)
{
    if (c)
        cache_enqueue(c, &c->jobs, job_new(run_drop_body, id));
}

void cache_read_body(struct cache *c, const char *id, cache_body_fn *done, void *arg)
{
    struct cache_job *job = job_new(run_read_body, id);
    job->done = done;
    job->arg = arg;
    cache_enqueue(c, &c->jobs, job);
}

/* Behind what is still to be written of the list. */
void cache_read_summary(struct cache *c, const char *id, cache_body_fn *done, void *arg)
{
    struct cache_job *job = job_new(run_read_summary, id);
    job->done = done;
    job->arg = arg;
    cache_enqueue(c, &c->list_jobs, job);
}

void cache_put_me(struct cache *c, struct text *me)
{
    if (!c || !me)
        return;
    struct cache_job *job = job_new(run_put_me, NULL);
    job->text = text_ref(me);
    cache_enqueue(c, &c->jobs, job);
}

/* ---- the list ---------------------------------------------------------------- */

struct cache_list *cache_list_begin(struct cache *c)
{
    if (!c)
        return NULL;
    struct cache_list *list = xcalloc(1, sizeof *list);
    list->generation = atomic_load(&c->generation);
    list->anew = list->generation != atomic_load(&c->listed);
    return list;
}

bool cache_list_is_anew(const struct cache_list *list)
{
    return list && list->anew;
}

static struct cache_job *list_job(struct cache_list *list)
{
    struct cache_job *job = job_new(run_list, NULL);
    job->generation = list->generation;
    DL_APPEND(list->jobs, job);
    list->last = NULL;
    list->rows = 0;
    return job;
}

static void list_add(struct cache_list *list, const char *id, struct text *text)
{
    if (!list)
        return;
    struct cache_row *row = xcalloc(1, sizeof *row);
    row->id = xstrdup(id);
    row->text = text_ref(text);
    bool full = !list->jobs || list->rows == LIST_ROWS;
    struct cache_job *job = full ? list_job(list) : list->jobs->prev;
    if (list->last)
        list->last->next = row;
    else
        job->rows = row;
    list->last = row;
    list->rows++;
}

void cache_list_put(struct cache_list *list, const char *id, struct text *summary)
{
    list_add(list, id, summary);
}

void cache_list_drop(struct cache_list *list, const char *id)
{
    list_add(list, id, NULL);
}

void cache_list_flush(struct cache *c, struct cache_list *list)
{
    struct cache_job *job;
    struct cache_job *tmp;
    if (!list || !list->jobs)
        return;
    list->jobs->clear = list->anew && !list->flushed;
    list->flushed = true;
    DL_FOREACH_SAFE (list->jobs, job, tmp) {
        DL_DELETE(list->jobs, job);
        cache_enqueue(c, &c->list_jobs, job);
    }
    list->last = NULL;
}

void cache_list_end(struct cache *c, struct cache_list *list, const struct timespec *at)
{
    if (!list)
        return;
    if (at) {
        list_job(list)->at = *at;
        atomic_store(&c->listed, list->generation);
    } else if (!list->flushed) {
        list->anew = false; /* some rows of a list that is there */
    }
    cache_list_flush(c, list);
    free(list);
}

/* A list of which a part is missing is none: it would hide pages. */
bool cache_load(struct cache *c, cache_summary_fn *each, void *arg,
                struct timespec *ret_at, struct text **ret_me)
{
    if (!c->db.db)
        return false;
    int err = cache_db_load(&c->db, each, arg, ret_at, ret_me);
    if (err == -EUCLEAN)
        cache_reset(c);
    if (!err)
        atomic_store(&c->listed, atomic_load(&c->generation));
    return !err;
}

/* ---- beginning and end ------------------------------------------------------- */

static int cache_start(struct cache *c)
{
    sigset_t all;
    sigset_t old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int err = pthread_create(&c->thread, NULL, cache_main, c);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return -err;
}

struct cache *cache_open(const char *dir, uint64_t max_bytes, struct loop *loop)
{
    cleanup_free char *path = xasprintf("%s/cache.db", dir);
    struct cache *c = xcalloc(1, sizeof *c);
    c->loop = loop;
    atomic_init(&c->generation, 1);
    int err = cache_db_open(&c->db, path, max_bytes);
    if (!err) {
        pthread_mutex_init(&c->lock, NULL);
        pthread_cond_init(&c->more, NULL);
        err = cache_start(c);
        c->stopped = err != 0;
    }
    if (!err)
        return c;
    log_warning("%s: %s: this mount goes without a cache", path,
                err == -EBUSY ? "in use by another mount" : strerror(-err));
    cache_db_close(&c->db);
    free(c);
    return NULL;
}

void cache_stop(struct cache *c)
{
    if (!c || c->stopped)
        return;
    pthread_mutex_lock(&c->lock);
    c->stopping = true;
    pthread_cond_signal(&c->more);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    c->stopped = true;
}

void cache_close(struct cache *c)
{
    if (!c)
        return;
    cache_stop(c);
    cache_db_close(&c->db);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->more);
    free(c);
}
