/* transfer.h - one request over one libcurl handle. The handle is the transfer's alone
 * from transfer_new() to transfer_free(); in between it is the engine's multi that moves
 * it. */
#ifndef HTTP_TRANSFER_H
#define HTTP_TRANSFER_H

#include <curl/curl.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/text.h"
#include "http/head.h"
#include "http/url.h"

/* Where the body of a stream goes. Called from within libcurl. */
struct transfer_sink {
    void (*opened)(void *owner); /* 200 and text/event-stream came */
    /* 0; 1: not taken, until engine_resume(); a negative errno ends the transfer. */
    int (*data)(void *owner, const char *data, size_t len);
};

enum auth_mode { AUTH_BEARER, AUTH_API_KEY };

struct transfer_order {
    const struct url *url;
    const char *method;
    const char *path;
    struct text *body; /* or NULL */
    const char *key;   /* copied where it must be, and wiped */
    enum auth_mode auth;
    const char *api_version; /* or NULL */
    bool fresh;              /* on a new connection */
    bool repeatable;         /* libcurl may start again when a reused connection dies */
    int64_t timeout_ms;      /* of a stream: to connect */
    size_t max_body;
    const struct transfer_sink *sink; /* it is a stream; or NULL */
    const char *last_id;              /* its Last-Event-ID, or NULL */
};

struct transfer {
    CURL *easy;
    void *owner; /* whose it is; the engine hands it back */
    struct curl_slist *headers;
    struct text *body;
    size_t body_sent;
    bool repeatable;
    struct buf answer;
    size_t max_body;
    bool too_big;
    const struct transfer_sink *sink;
    bool streaming; /* the sink gets the body */
    bool no_stream; /* 200, but of another type */
    int sink_err;
    struct head head;
    char error[CURL_ERROR_SIZE];
};

/* How it ended. reason points into the transfer. */
struct transfer_result {
    int err; /* as in http_answer */
    long status;
    bool sent;
    const char *content_type;
    const char *reason;
};

struct transfer *transfer_new(const struct transfer_order *order, void *owner);
void transfer_result(struct transfer *t, CURLcode code, struct transfer_result *ret);
/* Did any of it leave? */
bool transfer_was_sent(struct transfer *t);
void transfer_free(struct transfer *t);

#endif
