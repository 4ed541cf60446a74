/* server_stream.h - streams (stream.h) as answers of libmicrohttpd: a connection whose
 * stream has nothing to read is suspended. Part of the HTTP front. */
#ifndef LOCAL_SERVER_STREAM_H
#define LOCAL_SERVER_STREAM_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>

struct stream;
struct server_stream;

struct server_streams {
    pthread_mutex_t lock; /* guards what follows; only the library's own below it */
    struct server_stream *open;
    bool stopping;
};

void server_streams_init(struct server_streams *s);
/* Ends all, also those to come; none is parked afterwards. */
void server_streams_stop(struct server_streams *s);
/* None is open. */
void server_streams_finish(struct server_streams *s);

/* An answer that reads from the stream, which it takes over. NULL: out of memory. */
struct MHD_Response *server_stream_response(struct server_streams *s,
                                            struct MHD_Connection *connection,
                                            struct stream *stream);

#endif
