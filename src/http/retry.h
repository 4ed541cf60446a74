/* retry.h - what is sent again, and when. Pure: no clock, no chance, no I/O. */
#ifndef HTTP_RETRY_H
#define HTTP_RETRY_H

#include <stdbool.h>
#include <stdint.h>

/* What a second arrival at the platform would do. */
enum retry_policy {
    RETRY_SAFE, /* nothing: reads, validations, renders */
    RETRY_ASK,  /* nothing new, but whether the first arrived is found out by reading:
                 * PATCH, whose lost answer the caller settles */
    RETRY_ONCE, /* something: a second page, a second agent */
};

struct retry_outcome {
    int err;                /* as in http_answer */
    long status;            /* 0 with err */
    bool sent;              /* as in http_answer */
    bool was_online;        /* the attempt before this request got an answer */
    unsigned tries;         /* attempts so far, at least 1; those that ended in a 429
                             * are not counted: that is the budget's matter */
    int64_t server_wait_ms; /* what the server asked for; 0: nothing */
};

enum { RETRY_ATTEMPTS = 4, RETRY_BASE_MS = 500, RETRY_JITTER_MS = 200 };

bool retry_wanted(enum retry_policy policy, const struct retry_outcome *o);
/* chance: any number, for the jitter. */
int64_t retry_delay_ms(const struct retry_outcome *o, unsigned chance);

#endif
