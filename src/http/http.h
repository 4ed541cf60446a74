/* http.h - the one door to the network. http/ alone knows libcurl.
 *
 * Requests are handed in from any thread and answered on the engine's thread
 * (base/loop.h); nobody waits. Between the two lie the budget (how many requests a minute
 * the platform allows), the classes (who goes first), the retries, and the deadline.
 *
 * Retries: 5xx and a lost connection, 4 attempts, 0.5 s doubling with up to 0.2 s of
 * jitter, the server's own wait first (Retry-After, retry_after, retry_after_seconds).
 * A 429 is no attempt: the request waits for the budget until its deadline, and at most
 * an hour whatever the server asks for. While the platform is away most requests fail at
 * once, without an attempt (breaker.h). A request marked `once` is repeated only when it
 * was certainly not taken (never sent, 429, 401 with the old key); it is sent on a fresh
 * connection too, since libcurl silently repeats a request on a reused connection that
 * died. (The platform's Python guide, "Retry helper".)
 *
 * Trust: bodies are cut off above max_body (-EFBIG), redirects are never followed, TLS is
 * always verified, plain http goes to loopback only. The key is never logged.
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/loop.h"
#include "base/text.h"
#include "http/key.h"

struct http;

/* Served in the order save, interactive, render, read-ahead, background (queue.h, budget.h). */
enum http_class {
    HTTP_INTERACTIVE, /* somebody waits for a read */
    HTTP_SAVE,        /* somebody's close() waits, for each request of a chain */
    HTTP_RENDER,      /* somebody waits for queries to run */
    HTTP_READAHEAD,   /* somebody may ask for it next */
    HTTP_BACKGROUND,  /* nobody waits: sweeps; a fifth of the budget at most */
};
enum { HTTP_CLASSES = 5 };
const char *http_class_name(enum http_class class); /* "interactive", ... */

struct http_config {
    const char *url;         /* scheme://host[:port][/prefix], without /api/platform/v1;
                              * or unix:/path/of/socket */
    struct http_key *key;    /* borrowed; outlives the engine */
    const char *api_version; /* X-Amdahl-API-Version; NULL: not sent */
    int64_t timeout_ms;      /* of one attempt; 0: 30 s */
    unsigned max_requests;   /* a minute; 0: what the platform says */
    size_t max_body;         /* bytes of an answer; 0: 64 MiB */
};

struct http_answer {
    int err;     /* 0: an HTTP answer is there, whatever its status. Else -ECONNREFUSED,
                  * -ETIMEDOUT, -EHOSTUNREACH, -ENETUNREACH, -ECONNRESET, -EFBIG, -EIO (TLS),
                  * -EBUSY (its turn did not come before the deadline: rate limited),
                  * -EINTR (nobody wants it any more),
                  * -ECANCELED (the engine stops) */
    long status; /* HTTP status; 0 when err is set */
    struct text *body;        /* never NULL when err is 0; borrowed */
    const char *content_type; /* "" when absent */
    unsigned attempts;
    bool sent; /* the last attempt may have reached the platform (a lost answer) */
    const char *reason; /* err in words, for people: "TLS: certificate has expired" */
};

/* Called once for each request, on the engine's thread, no lock held. */
typedef void http_done_fn(void *arg, const struct http_answer *answer);

struct http_request {
    const char *method; /* "GET", ... */
    const char *path;   /* below /api/platform/v1, with its query: "/pages?limit=200" */
    struct text *body;  /* JSON, or NULL; a reference is taken */
    enum http_class class;
    bool once;           /* never repeated once any of it may have been sent */
    bool report_lost;    /* a lost answer is reported (sent is true), not repeated, and a
                          * failure repeated only where it says "not now" (429, 503):
                          * for what the caller settles by reading back, as PATCH */
    int64_t deadline_ms; /* for all attempts and waits; 0: 75 s, background 15 minutes */
    int who;             /* the process that waits, for fair turns; 0: nobody's */
    http_done_fn *done;
    void *arg;
    /* Asked when its turn comes, on the engine's thread: does anybody still want it? If not
     * it is answered with -EINTR, and never sent. NULL: somebody does. */
    bool (*wanted)(void *arg);
};

/* Checks the URL, prepares libcurl on the loop. 0; -EINVAL (*ret_reason, malloc'ed, says
 * what is wrong with the URL); -errno. */
int http_create(struct loop *loop, const struct http_config *config,
                struct http **ret_http, char **ret_reason);
/* Copies what it needs from *request. Any thread; not after loop_stop(), which would
 * leave it unanswered. The answer never comes before http_send() returns, unless it is
 * called on another thread than the engine's. */
void http_send(struct http *h, const struct http_request *request);
/* Waits at most grace_ms for requests of class HTTP_SAVE, also for those that an answer
 * of one calls forth, and refuses all others with -ECANCELED; then answers all that is
 * left, and all that ever comes, with -ECANCELED. Not on the loop's thread; while the
 * loop runs, that is before loop_stop(). */
void http_stop(struct http *h, int64_t grace_ms);
/* After loop_stop(), before loop_destroy(). NULL is allowed. */
void http_destroy(struct http *h);

struct http_stats {
    uint64_t requests; /* attempts sent */
    uint64_t retries, errors, rate_limited;
    unsigned in_flight, queued;
    unsigned streams;                /* open ones (stream.h), in neither */
    uint64_t sent[HTTP_CLASSES];     /* attempts */
    int64_t waited_ms[HTTP_CLASSES]; /* for their turn, all of them together */
    unsigned flying[HTTP_CLASSES];
    unsigned waiting[HTTP_CLASSES]; /* for their turn, a retry, or the key */
    long limit, remaining;          /* a minute; -1: there is none that is known */
    long reserve;                   /* of limit, for saves alone */
    int64_t reset_ms;   /* until more comes back; -1: nothing is spent, or no limit */
    int64_t paused_ms;  /* until anything is sent: a 429's wait; 0: now */
    int64_t last_ok_ms; /* monotonic time of the last HTTP answer; 0: none yet */
    bool online;        /* the last attempt got an HTTP answer */
    int64_t offline_ms; /* since the first that got none; -1: online, or none was made */
    char last_error[160];
};
void http_get_stats(struct http *h, struct http_stats *ret);

/* A request that has no answer yet. */
struct http_pending {
    const char *method, *path;
    enum http_class class;
    const char *state; /* "queued", "sent", "retry" (sleeps before it), "key" (is read),
                        * "stream" (open, see stream.h) */
    int64_t age_ms;
    int who;
};
/* All of them, oldest first. fn is called with no lock held; what it is given lives as
 * long as the call. Any thread. */
typedef void http_pending_fn(void *arg, const struct http_pending *pending);
void http_each_request(struct http *h, http_pending_fn *fn, void *arg);
/* The host the URL names, for fsname; lives as long as h. */
const char *http_host(const struct http *h);

/* Percent-encodes a path segment or query value into out. */
void http_quote(struct buf *out, const char *s);

#endif
