/* webserver.h - servers inside the test process, on a port of the kernel's choosing.
 *
 * web_*: a real HTTP server (libmicrohttpd), one callback a request.
 * raw_*: a socket that says whatever the test wants, for what no HTTP server would do. */
#ifndef UNIT_WEBSERVER_H
#define UNIT_WEBSERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct web_request {
    const char *method;
    const char *path;  /* below /api/platform/v1, without its query; "!" when not below */
    const char *query; /* "limit=200&cursor=x", never NULL */
    const char *body;  /* NUL-terminated */
    size_t body_len;
    const char *authorization; /* "" when absent */
    const char *api_key;       /* same */
    const char *version;       /* X-Amdahl-API-Version, same */
    unsigned number;           /* from 1, of all that came */
};

/* 200 and an empty body unless said otherwise. */
struct web_reply {
    int status;
    struct buf body;
    const char *headers[8][2]; /* up to the first NULL name */
};

/* Runs on a thread of the connection's own: several may run at a time. */
typedef void web_fn(void *arg, const struct web_request *rq, struct web_reply *reply);

struct web;
struct web *web_start(web_fn *fn, void *arg);
const char *web_url(const struct web *w); /* "http://127.0.0.1:PORT" */
unsigned web_requests(struct web *w);
void web_stop(struct web *w);

/* One connection; the descriptor is closed when it returns. number: from 1. */
typedef void raw_fn(void *arg, int fd, unsigned number);

struct raw;
struct raw *raw_start(raw_fn *fn, void *arg);
/* On a Unix socket instead; path is removed by raw_stop(). */
struct raw *raw_start_unix(const char *path, raw_fn *fn, void *arg);
const char *raw_url(const struct raw *r); /* or "unix:PATH" */
unsigned raw_connections(struct raw *r);
void raw_stop(struct raw *r);
/* Reads one request, its body too. False when the other side has closed. */
bool raw_read_request(int fd);
void raw_say(int fd, const char *s);
/* Sleeps until the other side closes, or raw_stop() is called. */
void raw_hang(int fd);

#endif
