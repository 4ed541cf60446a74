/* budget.h - how many requests a minute are left, and who may spend them.
 *
 * Three limits at once: what the user allows (max_requests, exact over any 60 s), what
 * the platform says is left (X-RateLimit-*), and a pause it asked for (429). Each class
 * leaves a part of what is left to the classes before it, so that a crawler or a sweep
 * never starves a save. Pure: the clock is handed in, so it is tested without waiting. */
#ifndef HTTP_BUDGET_H
#define HTTP_BUDGET_H

#include <stdint.h>

#include "http/http.h"

struct budget {
    unsigned max;   /* requests allowed in any 60 s; 0: no such limit */
    int64_t *spent; /* ring of the last `max` start times */
    unsigned next;  /* slot of the oldest, and of the next to come */

    long limit, remaining; /* as said last, less what went out since; -1: not said */
    int64_t reset_at;      /* when that window ends; 0: not said */
    int64_t paused_until;  /* a 429's wait */
};

/* What one answer said of the limits; -1 where it said nothing. */
struct budget_news {
    long limit;
    long remaining;
    int64_t reset_ms; /* from now */
};
#define BUDGET_NO_NEWS ((struct budget_news){-1, -1, -1})

void budget_init(struct budget *b, unsigned max_requests);
void budget_finish(struct budget *b);

/* When a request of this class may start; not after `now` means at once. */
int64_t budget_when(const struct budget *b, enum http_class class, int64_t now);
/* A request starts. */
void budget_take(struct budget *b, int64_t now);
/* in_flight: requests on their way, which the platform may not have counted yet. */
void budget_learn(struct budget *b, const struct budget_news *news, unsigned in_flight,
                  int64_t now);
/* Nobody starts before now + wait_ms. */
void budget_pause(struct budget *b, int64_t wait_ms, int64_t now);

#endif
