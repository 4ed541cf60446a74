/* ratelimit.h - one budget for all requests, in fixed windows, as the platform's edge has
 * it. The clock is given, so that a test need not wait. */
#ifndef LOCAL_RATELIMIT_H
#define LOCAL_RATELIMIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct ratelimit {
    unsigned limit; /* requests per window; 0: no limit */
    int64_t window_ms;
    pthread_mutex_t lock; /* guards what follows */
    int64_t window_start;
    unsigned used;
};

struct ratelimit_state {
    bool allowed;
    unsigned limit;
    unsigned remaining;
    unsigned reset_seconds; /* until the window ends, rounded up */
};

/* "100" (a minute) or "10/5" (in five seconds). False when it is neither. */
bool ratelimit_parse(const char *text, struct ratelimit *ret);
/* Counts one request at monotonic now_ms. */
struct ratelimit_state ratelimit_take(struct ratelimit *l, int64_t now_ms);

#endif
