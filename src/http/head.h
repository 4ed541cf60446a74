/* head.h - what an answer's header and body say about waiting. */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include <stddef.h>
#include <stdint.h>

#include "http/budget.h"

struct head {
    struct budget_news news; /* but for reset_ms, see head_end() */
    int64_t wait_ms;         /* Retry-After; -1: absent */
    size_t bytes;            /* of all header lines so far */

    double reset;        /* X-RateLimit-Reset as it came; -1: absent */
    int64_t retry_at_ms; /* Retry-After as a moment; -1: absent */
    int64_t date_ms;     /* the server's own clock; -1: absent */
};

enum { HEAD_MAX = 256 << 10 };

void head_init(struct head *h);
/* Takes in one header line, as it came (CRLF and all). */
void head_line(struct head *h, const char *line, size_t len);
/* After the last line: makes waits of moments. They are told by the server's clock, so
 * they are measured by it where it shows (Date), else by ours, epoch_ms. */
void head_end(struct head *h, int64_t epoch_ms);
/* The wait that an error's body asks for, in milliseconds: retry_after or
 * retry_after_seconds, at the top, in `error`, or in either's `details`. 0: none. */
int64_t head_body_wait(const char *body, size_t len);

#endif
