/* pool.h - threads that do what may take a while, one task each at a time. They are
 * started when there is work and none is idle, up to a limit; beyond, tasks queue. */
#ifndef LOCAL_POOL_H
#define LOCAL_POOL_H

#include <stddef.h>

struct pool;
typedef void pool_fn(void *arg);

struct pool *pool_create(size_t threads_max);
/* In the order in which they come. -EAGAIN when not even one thread can be started. */
int pool_submit(struct pool *p, pool_fn *fn, void *arg);
/* Runs what was submitted (nothing may be any more), then ends. NULL is allowed. */
void pool_destroy(struct pool *p);

#endif
