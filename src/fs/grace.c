#include "fs/grace.h"

#include <unistd.h>

enum { GRACE_STEP_US = 50, GRACE_STEPS_MAX = 100 };

unsigned grace_enter(struct grace *g)
{
    for (;;) {
        unsigned turn = atomic_load(&g->turn) & 1;
        atomic_fetch_add(&g->under_way[turn], 1);
        if ((atomic_load(&g->turn) & 1) == turn)
            return turn;
        atomic_fetch_sub(&g->under_way[turn], 1); /* it was just over */
    }
}

void grace_leave(struct grace *g, unsigned turn)
{
    atomic_fetch_sub(&g->under_way[turn], 1);
}

void grace_wait(struct grace *g)
{
    unsigned old = atomic_fetch_add(&g->turn, 1) & 1;
    for (int i = 0; atomic_load(&g->under_way[old]) && i < GRACE_STEPS_MAX; i++)
        usleep(GRACE_STEP_US);
}
