/* stream.h - a request whose answer does not end: a stream of events, given as it comes.
 *
 * It waits for its turn, its share of the budget and the key as any request does, and
 * counts as one. Once the platform has answered 200 with text/event-stream it is open: it
 * has no deadline any more, and holds no place that others wait for. Each has a connection
 * of its own. It is never opened again behind the caller's back; before it is open it is
 * repeated only when it was certainly not taken, as what is marked `once` (http.h).
 *
 * Who reads slower than the platform sends holds the platform up: see `data`. */
#ifndef HTTP_STREAM_H
#define HTTP_STREAM_H

#include "http/http.h"

struct http_stream;

/* All callbacks run on the engine's thread, no lock held, one at a time. */
struct http_stream_request {
    const char *path;
    const char *last_id; /* for Last-Event-ID; NULL, or what no header can hold (more than
                            * 1024 bytes, control characters): not sent */
    enum http_class class; /* not HTTP_SAVE */
    int64_t deadline_ms;   /* until it is open; 0: as in http_request */
    int who;
    /* It is open. NULL is allowed. */
    void (*opened)(void *arg);
    /* The next bytes. 0: taken; 1: none of them, they come again after
     * http_stream_resume(), and nothing is read until then; a negative errno ends it. */
    int (*data)(void *arg, const char *data, size_t len);
    /* Its end, once, and nothing comes after it. err 0 with status 200: the platform ended
     * it, the body is empty; with another status: it was refused. -EPROTO: an answer of
     * 200 that is no stream of events; -EINTR: http_stream_close(); what `data` returned;
     * else as in http_answer. */
    http_done_fn *done;
    void *arg;
};

/* Any thread; not after loop_stop(). The strings are copied. The stream is the caller's,
 * to be given back with http_stream_close(), before or after its end. */
struct http_stream *http_stream_open(struct http *h,
                                     const struct http_stream_request *request);
/* What `data` did not take comes again. Any thread, before the close. */
void http_stream_resume(struct http_stream *s);
/* Ends it, if it has not ended (`done` still comes then, with -EINTR), and gives it back.
 * Any thread, also in the callbacks; before loop_stop(). */
void http_stream_close(struct http_stream *s);

#endif
