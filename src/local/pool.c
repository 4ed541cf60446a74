#include "local/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#include "base/alloc.h"
#include "base/table.h"

struct pool_task {
    pool_fn *fn;
    void *arg;
    struct pool_task *prev, *next;
};

struct pool {
    pthread_mutex_t lock; /* guards everything below */
    pthread_cond_t work;
    struct pool_task *tasks; /* owned, oldest first */
    size_t task_count, idle;
    pthread_t *threads; /* owned, room for threads_max */
    size_t thread_count, threads_max;
    bool stopping;
};

static struct pool_task *take_task(struct pool *p)
{
    while (!p->tasks && !p->stopping) {
        p->idle++;
        pthread_cond_wait(&p->work, &p->lock);
        p->idle--;
    }
    struct pool_task *task = p->tasks;
    if (task) {
        DL_DELETE(p->tasks, task);
        p->task_count--;
    }
    return task;
}

static void *pool_main(void *arg)
{
    struct pool *p = arg;
    struct pool_task *task;
    pthread_mutex_lock(&p->lock);
    while ((task = take_task(p))) {
        pthread_mutex_unlock(&p->lock);
        task->fn(task->arg);
        free(task);
        pthread_mutex_lock(&p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

struct pool *pool_create(size_t threads_max)
{
    struct pool *p = xcalloc(1, sizeof *p);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    p->threads = xcalloc(threads_max, sizeof *p->threads);
    p->threads_max = threads_max;
    return p;
}

/* One more thread where the idle ones would not do. True: somebody will take the task. */
static bool grow(struct pool *p)
{
    if (p->idle > p->task_count || p->thread_count == p->threads_max)
        return true;
    if (pthread_create(&p->threads[p->thread_count], NULL, pool_main, p) == 0)
        p->thread_count++;
    return p->thread_count > 0;
}

int pool_submit(struct pool *p, pool_fn *fn, void *arg)
{
    pthread_mutex_lock(&p->lock);
    if (!grow(p)) {
        pthread_mutex_unlock(&p->lock);
        return -EAGAIN;
    }
    struct pool_task *task = xcalloc(1, sizeof *task);
    task->fn = fn;
    task->arg = arg;
    DL_APPEND(p->tasks, task);
    p->task_count++;
    pthread_cond_signal(&p->work);
    pthread_mutex_unlock(&p->lock);
    return 0;
}

void pool_destroy(struct pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; i < p->thread_count; i++)
        pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
    free(p->threads);
    free(p);
}
