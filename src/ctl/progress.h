/* progress.h - how far a long command is: pages done, how fast, and how long it may take.
 *
 * On a terminal a line that is drawn anew, else a plain line now and then. How long it takes
 * is the worse of two guesses: at the pace so far, and by what the mount's budget of requests
 * allows to what nobody waits for. */
#ifndef CTL_PROGRESS_H
#define CTL_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
    const char *root; /* the mount's; borrowed */
    size_t total;
    bool terminal;
    bool drawn; /* a line is on the terminal that is not finished */
    int64_t started_ms, shown_ms;
    int64_t looked_ms;  /* at the budget */
    double limit, left; /* requests a minute; of those, now. limit 0: there is none */
    int64_t paused_s;   /* for so long the platform wants none */
    struct {
        int64_t ms;
        size_t fetched;
    } past[32]; /* of every other second, a ring */
    size_t past_count;
};

/* total: pages. What it says goes to standard output. */
void progress_begin(struct progress *p, const char *root, size_t total);
/* So many are done, so many of them were fetched: shows it when it is time to. */
void progress_show(struct progress *p, size_t done, size_t fetched);
/* Clears the line, for what is printed otherwise, and at the end. */
void progress_clear(struct progress *p);

#endif
