/* grace.h - waiting until the answers that were begun have been given.
 *
 * An answer is worked out and then sent; what it says may change in between. Whoever tells
 * the kernel of a change first waits for the answers that were under way: the kernel would
 * take an older one for the newer. No lock is held meanwhile. */
#ifndef FS_GRACE_H
#define FS_GRACE_H

#include <stdatomic.h>

struct grace {
    atomic_uint turn;
    atomic_uint under_way[2];
};

/* Around an answer, from before its first look at anything to behind its reply. Nests. */
unsigned grace_enter(struct grace *g);
void grace_leave(struct grace *g, unsigned turn);
/* One thread at a time. At most some milliseconds: who waits has other things to do than to
 * wait for a slow disk behind somebody's answer. */
void grace_wait(struct grace *g);

#endif
