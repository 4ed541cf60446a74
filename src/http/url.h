/* url.h - checks the platform's address, the one thing a user types. */
#ifndef HTTP_URL_H
#define HTTP_URL_H

#include <stdbool.h>

struct url {
    char *base;    /* what a path is appended to: ".../api/platform/v1" */
    char *host;    /* for people: "app.amdahl.co", "localhost:8080", the socket's path */
    char *socket;  /* path of a Unix socket, or NULL */
    bool loopback; /* no proxy is asked */
};

/* https anywhere; http on 127.0.0.0/8, ::1 and localhost only; unix:/path. A trailing
 * slash and /api/platform/v1 are allowed and taken off. 0, or -EINVAL with *ret_reason
 * (malloc'ed) in words; a URL with a password in it is refused and not repeated there. */
int url_parse(const char *text, struct url *ret, char **ret_reason);
void url_finish(struct url *u);

#endif
