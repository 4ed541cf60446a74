/* budget.h - how many requests a minute there are, and who may spend them.
 *
 * The limit is the least of what the user allows (max_requests), what the platform says
 * (X-RateLimit-Limit, or what its X-RateLimit-Remaining shows), and, where it says nothing,
 * what it took in the minute before a 429. It is kept over any minute (ledger.h). Beside it
 * stand what the platform says is left, since others may spend the same budget, and the
 * pause that a 429 asks for.
 *
 * Each class leaves a part of the budget to those before it: a tenth (three at least, one
 * save) is for saves alone. Renders and background have a share that they cannot exceed.
 * Half of the budget may go in a burst; what is left then is spread over the time until
 * the next comes back, so that nobody waits a minute behind a crawler. A class that waits
 * while others have it all is "due" after a while, and then served like a reader.
 *
 * Pure: the clock is handed in, so it is tested without waiting. It never goes back. */
#ifndef HTTP_BUDGET_H
#define HTTP_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "http/http.h"
#include "http/ledger.h"

struct budget {
    long max, said, learned; /* the limits a minute, by whose word; 0: none */
    bool said_outright;      /* `said` was a header of its own */
    struct ledger ledger;

    long remaining;       /* as said last, less what went out since; -1: not said */
    int64_t reset_at;     /* when that window ends */
    int64_t blind_at;     /* when one may go out of a window of which nothing is said */
    int64_t paused_until; /* a 429's wait */
    unsigned refusals;    /* 429s in a row */
    int64_t judged_at;    /* when `learned` was set last */

    uint64_t ended; /* requests */
    int64_t born;
    int64_t started[HTTP_CLASSES]; /* when one last started */
    int64_t paced_at;              /* the same of all that are no saves */
};

/* What one answer said of the limits; -1 where it said nothing. */
struct budget_news {
    long limit;
    long remaining;
    int64_t reset_ms; /* from now */
};
#define BUDGET_NO_NEWS ((struct budget_news){-1, -1, -1})

void budget_init(struct budget *b, unsigned max_requests, int64_t now);

/* When a request of this class may start; not after `now` means at once. */
int64_t budget_when(struct budget *b, enum http_class class, bool due, int64_t now);
/* When a class whose requests wait since `since` is due. */
int64_t budget_due_at(const struct budget *b, enum http_class class, int64_t since);
/* Have saves had more than half of the last minute? Then they wait for those that are due. */
bool budget_saves_prevail(struct budget *b, int64_t now);

/* A request starts (returns a mark for budget_learn); it ends, in whatever way. taken: the platform may have counted it; not
 * after a 429, nor when none of it was sent. */
uint64_t budget_start(struct budget *b, enum http_class class, int64_t now);
void budget_end(struct budget *b, enum http_class class, bool taken, int64_t now);
/* What its answer said, after budget_end(). */
void budget_learn(struct budget *b, const struct budget_news *news, uint64_t mark,
                  int64_t now);
/* A 429, after budget_end() and budget_learn(): nobody starts for this long. wait_ms: as
 * the server asks, 0: it does not. Returns the wait that holds. */
int64_t budget_refused(struct budget *b, int64_t wait_ms, int64_t now);

/* For people. All -1 when there is no limit, or nothing is known. */
struct budget_view {
    long limit, remaining, reserve;
    int64_t reset_at;     /* when more comes back */
    int64_t paused_until; /* 0: not paused */
};
void budget_view(struct budget *b, int64_t now, struct budget_view *ret);

#endif
