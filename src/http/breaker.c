#include "http/breaker.h"

#include <stdio.h>

enum {
    BREAKER_REST_MS = 1000, /* between two trials that somebody's request makes */
    BREAKER_PROBE_MS = 1000,
    BREAKER_PROBE_MAX_MS = 30000,
    BREAKER_SLOW_MS = 1000,
};

enum breaker_way breaker_way(const struct breaker *b, enum breaker_kind kind, int64_t now)
{
    bool worth_it = kind != BREAKER_FRESH || !b->slow;
    if (!b->open)
        return BREAKER_PASS;
    if (b->trial)
        return worth_it || kind == BREAKER_PROBE ? BREAKER_HOLD : BREAKER_REFUSE;
    if (kind == BREAKER_PROBE || (worth_it && now - b->tried_at >= BREAKER_REST_MS))
        return BREAKER_PASS;
    return kind == BREAKER_AGAIN ? BREAKER_NAP : BREAKER_REFUSE;
}

static void breaker_fail(struct breaker *b, const struct breaker_attempt *a)
{
    b->slow = a->ended - a->started >= BREAKER_SLOW_MS;
    b->err = a->err;
    b->tried_at = a->ended;
    snprintf(b->reason, sizeof b->reason, "%s", a->reason);
    if (!b->open)
        b->probe_ms = BREAKER_PROBE_MS;
    else if (b->probe_ms < BREAKER_PROBE_MAX_MS)
        b->probe_ms = b->probe_ms * 2 < BREAKER_PROBE_MAX_MS ? b->probe_ms * 2
                                                             : BREAKER_PROBE_MAX_MS;
    b->open = true;
}

bool breaker_note(struct breaker *b, const struct breaker_attempt *a)
{
    bool was_open = b->open;
    if (a->trial)
        b->trial = false;
    if (a->answered || (a->trial && !a->gone)) {
        b->open = false; /* something is there, if only a server that hangs */
        return was_open;
    }
    if (!a->gone || (was_open && !a->trial))
        return false;
    if (!was_open && (a->cut_short || a->last_ok > a->started))
        return false;
    breaker_fail(b, a);
    return true;
}
