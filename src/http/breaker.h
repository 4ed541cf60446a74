/* breaker.h - the platform is gone: nobody waits for a timeout of his own.
 *
 * It opens when a connection could not be made, and no answer came since that was begun.
 * While it is open one trial at a time goes out; whatever else comes fails at once with
 * what the last trial said. The first HTTP answer closes it.
 *
 * Trials are: a request of the engine's own (a probe) after a second, and then after
 * twice as long each time, up to half a minute; and, a second after the last trial, the
 * next request that somebody makes: any while trials fail at once (connection refused),
 * a save only when they take their time. Those for whom it is worth while wait for the
 * trial that is on its way: the two requests of a save come together. Pure: the clock is
 * handed in. */
#ifndef HTTP_BREAKER_H
#define HTTP_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

struct breaker {
    bool open;
    bool trial; /* one is on its way */
    bool slow;  /* the last one took its time */
    int err;    /* what it said */
    char reason[160];
    int64_t tried_at; /* when it ended */
    int64_t probe_ms; /* from then to the next probe */
};

/* How an attempt ended. */
struct breaker_attempt {
    bool trial;
    bool answered;  /* an HTTP answer came */
    bool gone;      /* no connection could be made */
    bool cut_short; /* by its own deadline: proves nothing */
    int64_t started, ended;
    int64_t last_ok; /* when the last answer of any request came; 0: none */
    int err;
    const char *reason;
};

/* What is done with a request. */
enum breaker_way {
    BREAKER_PASS,  /* may start, if the breaker is open as the trial */
    BREAKER_HOLD,  /* waits for the trial on its way */
    BREAKER_NAP,   /* was sent before: tries again a little later, without an attempt */
    BREAKER_REFUSE /* fails at once */
};
enum breaker_kind { BREAKER_FRESH, BREAKER_SAVE, BREAKER_AGAIN, BREAKER_PROBE };

/* Zero-initialised is closed. */
enum breaker_way breaker_way(const struct breaker *b, enum breaker_kind kind,
                             int64_t now);
/* True: it has opened or closed, or a trial has failed: queues are to be looked at. */
bool breaker_note(struct breaker *b, const struct breaker_attempt *a);

#endif
