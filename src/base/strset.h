/* strset.h - a set of strings that only grows: what was seen already.
 *
 * The strings lie one behind the other, found by an open table of their offsets: a hundred
 * thousand ids of 36 bytes take some 5 MiB, a third of what a table of nodes does. No
 * thread but the caller's. */
#ifndef BASE_STRSET_H
#define BASE_STRSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct strset {
    struct buf strings; /* each with its NUL */
    uint32_t *slots;    /* offset + 1 into strings; 0: free */
    size_t count;
    size_t room; /* slots: 0, or a power of two */
};

#define STRSET_INIT ((struct strset){.strings = BUF_INIT})

/* Copies s. True: it was not there. All of them together: 4 GiB at most. */
bool strset_add(struct strset *set, const char *s);
/* Empty again; its memory is free. */
void strset_clear(struct strset *set);

#endif
