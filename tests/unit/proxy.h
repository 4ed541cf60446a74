/* proxy.h - a door before a real server: it counts what goes through, and loses answers
 * on demand after the server has acted. One request a connection, one after another. */
#ifndef UNIT_PROXY_H
#define UNIT_PROXY_H

#include <stddef.h>

struct proxy;

/* Listens on a free port of 127.0.0.1 and hands on to `upstream`. */
struct proxy *proxy_start(unsigned upstream);
void proxy_stop(struct proxy *p);
unsigned proxy_port(const struct proxy *p);

/* Requests since proxy_forget() whose "METHOD path " begins with `what` ("" for all; the
 * path without /api/platform/v1). */
size_t proxy_count(struct proxy *p, const char *what);
void proxy_forget(struct proxy *p);
/* The next request that begins with `what` is acted upon, but never answered. */
void proxy_lose_answer(struct proxy *p, const char *what);
/* The next one is not even handed on. */
void proxy_lose_request(struct proxy *p, const char *what);

#endif
