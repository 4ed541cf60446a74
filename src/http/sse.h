/* sse.h - server-sent events, taken apart as they come (HTML standard, section 9.2).
 *
 * A push parser: bytes are fed in as the network cuts them, also inside a character or
 * between CR and LF, and whole events come out. It follows the standard but in this:
 * bytes that are no UTF-8 are handed on as they came (who uses them checks them); and an
 * id stays in force over a new connection, as browsers do it.
 *
 * Trust: what is held of one event, lines and all, is bounded. More than that ends the
 * stream, it is never kept. Pure: no I/O, no clock, no lock. */
#ifndef HTTP_SSE_H
#define HTTP_SSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Pointers are the parser's and live as long as the call. All end with a NUL that is not
 * counted; only data may have NULs inside. */
struct sse_event {
    const char *type; /* "message" where the stream names none */
    const char *data; /* lines joined with LF, none at the end */
    size_t len;       /* of data */
};

/* Called for each event that has data. 0, or a negative errno that ends the stream. It may
 * neither feed nor free the parser. */
typedef int sse_event_fn(void *arg, const struct sse_event *event);

struct sse {
    sse_event_fn *event;
    void *arg;
    size_t max;

    struct buf line;    /* the beginning of a line whose end has not come */
    struct buf data;    /* each line with an LF */
    struct buf type;    /* of the event that is coming */
    struct buf id;      /* as the stream said it last */
    struct buf last_id; /* the same when the last event was complete */
    int64_t retry_ms;
    bool started;  /* the first line is over, and with it a byte-order mark */
    bool after_cr; /* an LF now belongs to the line before */
    int err;       /* why it ended; 0: it goes on */
};

/* max: bytes held of one event at most. arg goes to every event. */
void sse_init(struct sse *s, size_t max, sse_event_fn *event, void *arg);
void sse_finish(struct sse *s);

/* Takes the next bytes; data may be NULL when len is 0. 0; -EFBIG (an event is larger
 * than max), or what `event` returned: then, and from then on, nothing more is taken. */
int sse_feed(struct sse *s, const char *data, size_t len);
/* A new connection: what was begun of an event is dropped, an error forgotten, the last id
 * and the wait stay. At the end of a stream there is nothing to call: an event that no
 * blank line ended is no event. */
void sse_restart(struct sse *s);

/* For Last-Event-ID: of the last event that was complete; "" when there is none. Never has
 * a CR, LF or NUL in it, but may be long and have any other byte. */
const char *sse_last_id(const struct sse *s);
/* What the stream asks for before a new connection; -1: it does not. */
int64_t sse_retry_ms(const struct sse *s);

#endif
