/* server.h - the HTTP front: with server_stream.c the only part that knows libmicrohttpd. */
#ifndef LOCAL_SERVER_H
#define LOCAL_SERVER_H

#include <stdbool.h>
#include <stdio.h>

struct app;
struct server;

struct server_options {
    int listen_fd;    /* taken over on success */
    FILE *access_log; /* NULL: none; a JSON object a request, written before the answer */
    bool verbose;     /* a line per request in the log */
};

/* Answers requests: one thread has the connections, a few others run the handlers, and an
 * answer that comes bit by bit (stream.h) needs none. app must outlive it. 0 or -errno. */
int server_start(struct app *app, const struct server_options *options,
                 struct server **ret_server);
/* Ends all connections. NULL is allowed. */
void server_stop(struct server *s);

#endif
