/* stream.h - an answer that comes bit by bit, for as long as its source likes: what a
 * handler puts into a reply instead of a body.
 *
 * A stream is read by the HTTP front alone, never by two threads at once, and costs no
 * thread while there is nothing to read: it is parked then, until its source wakes it. */
#ifndef LOCAL_STREAM_H
#define LOCAL_STREAM_H

#include <stddef.h>
#include <sys/types.h>

struct stream;

struct stream_ops {
    /* Up to max bytes into buf, and how many; -ENODATA: that was all; -EPIPE: it ends here
     * and is not whole. With nothing to read now: stream_park(), then 0. Must not wait. */
    ssize_t (*read)(struct stream *, char *buf, size_t max);
    /* Frees it; not parked any more. */
    void (*close)(struct stream *);
};

struct stream {
    const struct stream_ops *ops;
    const char *content_type; /* static */
    /* Filled by the front before the first read. Both may be called under the source's
     * lock (they take only locks of the front's own), which is what makes "nothing to
     * read, park" one step against "here is something, wake". */
    void (*park)(void *arg);
    void (*wake)(void *arg); /* from any thread; of one that is not parked: nothing */
    void *arg;
};

static inline void stream_park(struct stream *s)
{
    s->park(s->arg);
}
static inline void stream_wake(struct stream *s)
{
    s->wake(s->arg);
}

#endif
