#include "base/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/table.h"

static _Thread_local const struct loop *loop_current;

struct loop_task {
    loop_fn *fn;
    void *arg;
    struct loop_task *next, *prev;
};

struct loop_io {
    int fd;
    loop_io_fn *fn;
    void *arg;
    UT_hash_handle hh;
};

struct loop {
    int epoll_fd;
    int wake_fd;
    pthread_t thread;
    bool started;
    struct loop_io *ios; /* by fd; loop thread only */

    pthread_mutex_t lock; /* guards all below; a leaf lock */
    struct loop_task *tasks;
    struct loop_timer **heap; /* binary min-heap by due_ms */
    unsigned heap_len, heap_cap;
    bool awake; /* wake_fd was written and not yet drained */
    bool stopping;
};

int loop_create(struct loop **ret_loop)
{
    struct loop *l = xcalloc(1, sizeof *l);
    struct epoll_event ev = {.events = EPOLLIN};
    pthread_mutex_init(&l->lock, NULL);
    l->wake_fd = -1;
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll_fd >= 0)
        l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ev.data.fd = l->wake_fd;
    if (l->wake_fd < 0 || epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->wake_fd, &ev) < 0) {
        int err = -errno;
        loop_destroy(l);
        return err;
    }
    *ret_loop = l;
    return 0;
}

/* Called with the lock held. */
static void loop_wake(struct loop *l)
{
    uint64_t one = 1;
    if (l->awake)
        return;
    l->awake = true;
    if (write(l->wake_fd, &one, sizeof one) < 0)
        l->awake = false; /* only EAGAIN is possible: the counter is full, it is awake */
}

void loop_post(struct loop *l, loop_fn *fn, void *arg)
{
    struct loop_task *task = xcalloc(1, sizeof *task);
    task->fn = fn;
    task->arg = arg;
    pthread_mutex_lock(&l->lock);
    DL_APPEND(l->tasks, task);
    loop_wake(l);
    pthread_mutex_unlock(&l->lock);
}

bool loop_is_current(const struct loop *l)
{
    return loop_current == l;
}

/* ---- timers: a binary heap, each timer knowing its slot ---------------------- */

static void heap_place(struct loop *l, unsigned i, struct loop_timer *t)
{
    l->heap[i] = t;
    t->slot = i + 1;
}

static void heap_up(struct loop *l, unsigned i)
{
    struct loop_timer *t = l->heap[i];
    for (; i > 0 && l->heap[(i - 1) / 2]->due_ms > t->due_ms; i = (i - 1) / 2)
        heap_place(l, i, l->heap[(i - 1) / 2]);
    heap_place(l, i, t);
}

static void heap_down(struct loop *l, unsigned i)
{
    struct loop_timer *t = l->heap[i];
    for (;;) {
        unsigned child = 2 * i + 1;
        if (child >= l->heap_len)
            break;
        if (child + 1 < l->heap_len &&
            l->heap[child + 1]->due_ms < l->heap[child]->due_ms)
            child++;
        if (l->heap[child]->due_ms >= t->due_ms)
            break;
        heap_place(l, i, l->heap[child]);
        i = child;
    }
    heap_place(l, i, t);
}

static void heap_remove(struct loop *l, struct loop_timer *t)
{
    unsigned i = t->slot - 1;
    struct loop_timer *last = l->heap[--l->heap_len];
    t->slot = 0;
    if (last == t)
        return;
    heap_place(l, i, last);
    heap_up(l, i);
    heap_down(l, last->slot - 1);
}

void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t delay_ms, loop_fn *fn,
                    void *arg)
{
    pthread_mutex_lock(&l->lock);
    if (t->slot)
        heap_remove(l, t);
    t->due_ms = clock_ms() + (delay_ms > 0 ? delay_ms : 0);
    t->fn = fn;
    t->arg = arg;
    if (l->heap_len == l->heap_cap) {
        l->heap_cap = l->heap_cap ? l->heap_cap * 2 : 64;
        l->heap = xrealloc(l->heap, l->heap_cap * sizeof(struct loop_timer *));
    }
    heap_place(l, l->heap_len++, t);
    heap_up(l, t->slot - 1);
    if (t->slot == 1)
        loop_wake(l);
    pthread_mutex_unlock(&l->lock);
}

void loop_timer_clear(struct loop *l, struct loop_timer *t)
{
    pthread_mutex_lock(&l->lock);
    if (t->slot)
        heap_remove(l, t);
    pthread_mutex_unlock(&l->lock);
}

static unsigned loop_count_timers(struct loop *l)
{
    pthread_mutex_lock(&l->lock);
    unsigned n = l->heap_len;
    pthread_mutex_unlock(&l->lock);
    return n;
}

/* The next timer that is due, taken out of the heap; its call is copied, since the
 * owner may free the timer once it runs. */
static bool loop_pop_timer(struct loop *l, loop_fn **ret_fn, void **ret_arg)
{
    bool found = false;
    pthread_mutex_lock(&l->lock);
    if (l->heap_len && l->heap[0]->due_ms <= clock_ms()) {
        struct loop_timer *t = l->heap[0];
        *ret_fn = t->fn;
        *ret_arg = t->arg;
        heap_remove(l, t);
        found = true;
    }
    pthread_mutex_unlock(&l->lock);
    return found;
}

/* A timer that sets itself again with no delay must not keep the descriptors waiting:
 * a round runs no more timers than were set when it began. */
static void loop_run_timers(struct loop *l)
{
    loop_fn *fn;
    void *arg;
    for (unsigned n = loop_count_timers(l); n && loop_pop_timer(l, &fn, &arg); n--)
        fn(arg);
}

/* ---- descriptors ------------------------------------------------------------- */

static void loop_forget(struct loop *l, struct loop_io *io)
{
    HASH_DEL(l->ios, io);
    free(io);
}

static struct loop_io *loop_remember(struct loop *l, int fd)
{
    struct loop_io *io = xcalloc(1, sizeof *io);
    io->fd = fd;
    HASH_ADD_INT(l->ios, fd, io);
    return io;
}

/* Adds or changes; epoll forgets a descriptor that was closed, ours may still know it. */
static int loop_epoll_set(struct loop *l, int fd, uint32_t epoll_events)
{
    struct epoll_event ev = {.events = epoll_events, .data.fd = fd};
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, fd, &ev) == 0)
        return 0;
    if (errno != ENOENT)
        return -errno;
    return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

int loop_watch(struct loop *l, int fd, uint32_t epoll_events, loop_io_fn *fn, void *arg)
{
    struct loop_io *io;
    HASH_FIND_INT(l->ios, &fd, io);
    if (!epoll_events) {
        if (!io)
            return 0;
        loop_forget(l, io);
        return epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, fd, NULL) < 0 ? -errno : 0;
    }
    if (!io)
        io = loop_remember(l, fd);
    io->fn = fn;
    io->arg = arg;
    int err = loop_epoll_set(l, fd, epoll_events);
    if (err < 0)
        loop_forget(l, io); /* nothing will come from it */
    return err;
}

static void loop_dispatch(struct loop *l, const struct epoll_event *ev)
{
    struct loop_io *io;
    int fd = ev->data.fd;
    HASH_FIND_INT(l->ios, &fd, io);
    if (io) /* gone when an earlier callback of this round stopped watching it */
        io->fn(io->arg, fd, ev->events);
}

/* ---- the thread -------------------------------------------------------------- */

static struct loop_task *loop_take_tasks(struct loop *l, bool *ret_stop)
{
    uint64_t drained;
    pthread_mutex_lock(&l->lock);
    if (l->awake && read(l->wake_fd, &drained, sizeof drained) >= 0)
        l->awake = false;
    struct loop_task *tasks = l->tasks;
    l->tasks = NULL;
    *ret_stop = l->stopping && !tasks;
    pthread_mutex_unlock(&l->lock);
    return tasks;
}

static void loop_run_tasks(struct loop_task *tasks)
{
    struct loop_task *task;
    struct loop_task *tmp;
    DL_FOREACH_SAFE (tasks, task, tmp) {
        task->fn(task->arg);
        free(task);
    }
}

static int loop_wait_ms(struct loop *l)
{
    int64_t wait = -1;
    pthread_mutex_lock(&l->lock);
    if (l->heap_len)
        wait = l->heap[0]->due_ms - clock_ms();
    if (l->heap_len && wait < 0)
        wait = 0;
    if (l->tasks || l->stopping)
        wait = 0;
    pthread_mutex_unlock(&l->lock);
    return wait > 3600000 ? 3600000 : (int)wait;
}

static void *loop_main(void *arg)
{
    struct loop *l = arg;
    struct epoll_event events[64];
    loop_current = l;
    for (;;) {
        bool stop;
        loop_run_tasks(loop_take_tasks(l, &stop));
        if (stop)
            return NULL;
        loop_run_timers(l);
        int n = epoll_wait(l->epoll_fd, events, ARRAY_LEN(events), loop_wait_ms(l));
        for (int i = 0; i < n; i++)
            if (events[i].data.fd != l->wake_fd)
                loop_dispatch(l, &events[i]);
    }
}

int loop_start(struct loop *l)
{
    sigset_t all;
    sigset_t old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int err = pthread_create(&l->thread, NULL, loop_main, l);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    l->started = err == 0;
    return -err;
}

void loop_stop(struct loop *l)
{
    if (!l->started)
        return;
    pthread_mutex_lock(&l->lock);
    l->stopping = true;
    loop_wake(l);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->thread, NULL);
    l->started = false;
}

void loop_destroy(struct loop *l)
{
    struct loop_io *io;
    struct loop_io *io_tmp;
    struct loop_task *task;
    struct loop_task *task_tmp;
    if (!l)
        return;
    HASH_ITER (hh, l->ios, io, io_tmp) {
        HASH_DEL(l->ios, io);
        free(io);
    }
    DL_FOREACH_SAFE (l->tasks, task, task_tmp)
        free(task);
    if (l->wake_fd >= 0)
        close(l->wake_fd);
    if (l->epoll_fd >= 0)
        close(l->epoll_fd);
    pthread_mutex_destroy(&l->lock);
    free(l->heap);
    free(l);
}
