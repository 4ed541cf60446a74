/* exchange.h - one request and its reply, as handlers see them: no type of the HTTP
 * library, so that a handler can be called by a test.
 *
 * A handler is a function of (app, request) that fills the reply. It parses with the
 * request_* helpers: those that return false have filled the reply with the error. */
#ifndef LOCAL_EXCHANGE_H
#define LOCAL_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "json/json.h"

struct api_key;
struct stream;

enum {
    REQUEST_BODY_MAX = 8 << 20,
    REQUEST_DEPTH_MAX = 1000,
    REQUEST_ARGS_MAX = 64,
    REQUEST_PARAM_MAX = 128, /* bytes of ":id" in a path */
    REPLY_HEADERS_MAX = 8,
};

struct request {
    const char *method;
    const char *path;              /* decoded, without the query */
    const char *authorization;     /* the header's value; NULL: not sent */
    const char *x_api_key;         /* likewise */
    const char *last_event_id;     /* likewise */
    char param[REQUEST_PARAM_MAX]; /* the path's ":id", if the route has one */
    const struct api_key *key;     /* set before a handler runs */
    struct {
        char *name, *value;   /* owned */
    } args[REQUEST_ARGS_MAX]; /* of the query, decoded */
    size_t arg_count;
    struct buf body;
    bool body_too_large; /* and then not kept */
};
void request_finish(struct request *rq);
/* Adds an argument; NULL value is "". Those above the limit are left out. */
void request_add_arg(struct request *rq, const char *name, const char *value);
/* NULL: not given. */
const char *request_arg(const struct request *rq, const char *name);

struct reply {
    int status;
    struct buf body;       /* JSON; empty: none */
    struct stream *stream; /* owned; instead of a body */
    struct {
        const char *name; /* static */
        char *value;      /* owned */
    } headers[REPLY_HEADERS_MAX];
    size_t header_count;
};
void reply_finish(struct reply *rp);
void reply_header(struct reply *rp, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The error envelope {"error":{"code","message","details"}}. `details` is JSON text, or
 * NULL for none. */
void reply_error(struct reply *rp, int status, const char *code, const char *details,
                 const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* 400 invalid_argument, naming the offender: {"field": field}. */
void reply_invalid(struct reply *rp, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void reply_not_found(struct reply *rp, const char *what);
/* 403, naming the scope. */
void reply_missing_scope(struct reply *rp, const char *scope, const char *why);
/* What a failed store makes of an answer. */
void reply_failure(struct reply *rp, int r);

/* The body, which must be a JSON object; an empty one counts as {} when that is allowed.
 */
bool request_object(struct request *rq, bool may_be_empty, struct json_span *ret_root,
                    struct reply *rp);
/* Refuses members that are not among the `count` names: a typo must not be silence. */
bool request_only(const struct request *rq, struct json_span root,
                  const char *const *names, size_t count, struct reply *rp);
/* A whole number between min and max from the query; `fallback` when not given; above max
 * it is max (the platform clamps), below min an error. */
bool request_arg_number(const struct request *rq, const char *name, int64_t min,
                        int64_t max, int64_t fallback, int64_t *ret, struct reply *rp);
/* A time from the query, in ms; *ret untouched when not given. */
bool request_arg_time(const struct request *rq, const char *name, int64_t *ret,
                      struct reply *rp);

#endif
