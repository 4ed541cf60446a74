/* feed.h - the events of one session as server-sent events, for any number of readers.
 *
 * A feed holds the frames since the session's first event, each as it is sent:
 *     id: 3
 *     data: {"type":"query.completed","seq":3,...}
 *     <blank line>
 * A reader is a stream (stream.h): it gives all frames behind the one it asks for, then
 * sleeps until there are more, and ends when the feed does. Any thread may call these. */
#ifndef LOCAL_FEED_H
#define LOCAL_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agent_event;
struct feed;
struct stream;

/* Counted: one reference for the caller, one for each reader. */
struct feed *feed_create(const char *session_id);
struct feed *feed_ref(struct feed *f);
void feed_unref(struct feed *f);

/* Appends a frame and wakes who waits for it. */
void feed_append(struct feed *f, const struct agent_event *event);
/* No more will come. */
void feed_end(struct feed *f);
/* Has everyone who sleeps send a comment: a reader that went away is noticed by that
 * alone (a connection that sleeps is not watched). */
void feed_ping(struct feed *f);
size_t feed_readers(struct feed *f);

/* Reads the frames behind the event `after` (0: all). */
struct stream *feed_open(struct feed *f, int64_t after);

#endif
