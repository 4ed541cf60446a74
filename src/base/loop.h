/* loop.h - the engine thread: one thread that runs tasks, timers and descriptors.
 *
 * Everything that waits in this program waits here: libcurl's sockets (http/), deadlines,
 * retries, completions. Callbacks run one after another on the loop's thread and must not
 * block. loop_post() and loop_timer_set() may be called from any thread; its lock is a
 * leaf lock, held only to link a task in, so posting is allowed under any other lock. */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
typedef void loop_fn(void *arg);
typedef void loop_io_fn(void *arg, int fd, uint32_t epoll_events);

/* Makes the loop's descriptors; no thread yet (so that a program may still fork). */
int loop_create(struct loop **ret_loop);
/* Starts the thread (all signals blocked in it). 0 or -errno. */
int loop_start(struct loop *l);
/* Runs what is already posted, then ends and joins the thread. Idempotent. */
void loop_stop(struct loop *l);
/* After loop_stop. Tasks and timers that did not run are dropped. NULL is allowed. */
void loop_destroy(struct loop *l);

/* Runs fn(arg) on the loop's thread, after what was posted before. */
void loop_post(struct loop *l, loop_fn *fn, void *arg);
bool loop_is_current(const struct loop *l);

/* A one-shot timer. Lives in its owner's struct; zero-initialised is "not set".
 * Set again, it moves. Callable from any thread; clear from another thread than the
 * loop's does not wait for a callback that is running. */
struct loop_timer {
    int64_t due_ms; /* monotonic */
    loop_fn *fn;
    void *arg;
    unsigned slot; /* position in the loop's heap + 1; 0: not set */
};
void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t delay_ms, loop_fn *fn,
                    void *arg);
void loop_timer_clear(struct loop *l, struct loop_timer *t);

/* Watches fd for EPOLLIN/EPOLLOUT; events 0 stops watching. Loop thread only (or before
 * loop_start). fn and arg are kept until the next call for the same fd. 0 or -errno. */
int loop_watch(struct loop *l, int fd, uint32_t epoll_events, loop_io_fn *fn, void *arg);

#endif
