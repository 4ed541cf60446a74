/* queue.h - who goes next: the classes, the budget, the breaker, and turns in each class.
 *
 * Saves first: they are few, and somebody's close() waits for each. In a class everybody
 * has turns: one who queues a hundred requests is served as often as one who queues one.
 */
#ifndef HTTP_QUEUE_H
#define HTTP_QUEUE_H

#include "http/http_internal.h"

/* first: before all others of its class (it was sent before). */
void queue_add(struct http *h, struct job *job, bool first);
void queue_remove(struct http *h, struct job *job);
/* Starts what may start, fails what the breaker refuses, and sets the clock for the rest. */
void queue_pump(struct http *h);
/* After a trial: begins to probe, or ends it. */
void queue_probe(struct http *h);

#endif
