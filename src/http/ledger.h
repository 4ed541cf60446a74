/* ledger.h - what went out in the last minute, by class.
 *
 * A server counts a request at some moment between its start and the arrival of its
 * answer. So one is counted here from its start until a minute after its end: then no
 * server, whatever its windows, counts more in a minute of its own than stands here. Ends
 * are kept in steps of 250 ms, rounded to the safe side. Pure: the clock is handed in. */
#ifndef HTTP_LEDGER_H
#define HTTP_LEDGER_H

#include <stdint.h>

#include "http/http.h"

enum {
    LEDGER_WINDOW_MS = 60000,
    LEDGER_STEP_MS = 250,
    LEDGER_STEPS = LEDGER_WINDOW_MS / LEDGER_STEP_MS + 1,
};
/* In place of a class: all of them together. */
enum { LEDGER_ALL = HTTP_CLASSES, LEDGER_ROWS };

/* Zero-initialised is empty. */
struct ledger {
    int64_t step;                              /* the newest */
    uint32_t ended[LEDGER_ROWS][LEDGER_STEPS]; /* ring, by step */
    unsigned sum[LEDGER_ROWS];                 /* of the ring */
    unsigned flying[LEDGER_ROWS];
};

/* Forgets what is older than a minute. To be called before the others, with a clock that
 * never goes back. */
void ledger_roll(struct ledger *l, int64_t now);
void ledger_start(struct ledger *l, enum http_class class);
/* counted: the server may have counted it. */
void ledger_end(struct ledger *l, enum http_class class, bool counted);

/* row: a class or LEDGER_ALL. */
unsigned ledger_count(const struct ledger *l, unsigned row);
/* Of all classes, those that ended in the last 55 s: what any server counts still. */
unsigned ledger_certain(const struct ledger *l);
/* When the count falls below `below` at the earliest (should nothing else start): now, or
 * a time after it. While only those on their way stand in the way: a minute from now. */
int64_t ledger_when_below(const struct ledger *l, unsigned row, int64_t below,
                          int64_t now);

#endif
