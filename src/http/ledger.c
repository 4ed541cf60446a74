#include "http/ledger.h"

#include <string.h>

enum { LEDGER_CERTAIN_MS = 55000 };

static void ledger_clear(struct ledger *l)
{
    memset(l->ended, 0, sizeof l->ended);
    memset(l->sum, 0, sizeof l->sum);
}

static void ledger_drop_step(struct ledger *l, int64_t step)
{
    for (unsigned row = 0; row < LEDGER_ROWS; row++) {
        uint32_t *slot = &l->ended[row][step % LEDGER_STEPS];
        l->sum[row] -= *slot;
        *slot = 0;
    }
}

void ledger_roll(struct ledger *l, int64_t now)
{
    int64_t step = now / LEDGER_STEP_MS;
    if (step - l->step >= LEDGER_STEPS) {
        ledger_clear(l);
        l->step = step;
    }
    while (l->step < step)
        ledger_drop_step(l, ++l->step); /* the slot's last use is a minute ago */
}

void ledger_start(struct ledger *l, enum http_class class)
{
    l->flying[class]++;
    l->flying[LEDGER_ALL]++;
}

void ledger_end(struct ledger *l, enum http_class class, bool counted)
{
    unsigned slot = (unsigned)(l->step % LEDGER_STEPS);
    l->flying[class]--;
    l->flying[LEDGER_ALL]--;
    if (!counted)
        return;
    l->ended[class][slot]++;
    l->sum[class]++;
    l->ended[LEDGER_ALL][slot]++;
    l->sum[LEDGER_ALL]++;
}

unsigned ledger_count(const struct ledger *l, unsigned row)
{
    return l->sum[row] + l->flying[row];
}

unsigned ledger_certain(const struct ledger *l)
{
    unsigned n = 0;
    for (int64_t i = 0; i < LEDGER_CERTAIN_MS / LEDGER_STEP_MS && i <= l->step; i++)
        n += l->ended[LEDGER_ALL][(l->step - i) % LEDGER_STEPS];
    return n;
}

int64_t ledger_when_below(const struct ledger *l, unsigned row, int64_t below,
                          int64_t now)
{
    int64_t count = ledger_count(l, row);
    if (count < below)
        return now;
    int64_t step = l->step < LEDGER_STEPS ? 0 : l->step - LEDGER_STEPS + 1;
    for (; step <= l->step; step++) {
        count -= l->ended[row][step % LEDGER_STEPS];
        if (count < below)
            return (step + LEDGER_STEPS) * LEDGER_STEP_MS;
    }
    return now + LEDGER_WINDOW_MS;
}
