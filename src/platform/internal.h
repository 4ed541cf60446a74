/* internal.h - how the files of platform/ share the work: a resource's file makes the
 * request, reply.c reads what every answer has in common, the resource's `read` the rest.
 *
 * The readers below take texts that json_check() has accepted. */
#ifndef PLATFORM_INTERNAL_H
#define PLATFORM_INTERNAL_H

#include "platform/platform.h"

struct platform {
    struct http *http;
    bool total_lies;     /* list.c: a second listing found no more than the first */
    bool offset_ignored; /* list.c: asked to begin later, it began at the start again */
};

/* ---- envelope.c ------------------------------------------------------------------- */

/* The value without {"data": ...} around it, where "data" is the only member and itself
 * an object or an array (up to two such layers). */
struct json_span envelope_unwrap(const char *text, struct json_span value);

/* What a list says of itself. */
struct envelope_list {
    struct json_span items; /* an array */
    char *next_cursor;      /* or NULL */
    int has_more;           /* -1: not said */
    long total;             /* -1: not said */
    bool offset_said;       /* the offset convention is spoken */
};
/* False when no array of items can be found. */
bool envelope_read_list(const char *text, struct json_span root,
                        struct envelope_list *ret);
void envelope_list_finish(struct envelope_list *list);

/* ---- page.c ----------------------------------------------------------------------- */

/* id_key: the member that identifies ("id", or "slug" for templates). False when value
 * is no object; members that are absent stay NULL. */
bool page_read(struct text *text, struct json_span value, const char *id_key,
               struct platform_page *ret);
void page_finish(struct platform_page *page);

/* ---- verdict.c -------------------------------------------------------------------- */

/* Finds a verdict wherever the contract puts one. false: there is none. */
bool verdict_find(struct text *text, struct json_span root, struct platform_verdict *ret);
void verdict_finish(struct platform_verdict *v);

/* ---- error.c ---------------------------------------------------------------------- */

struct platform_error {
    char *code;    /* never NULL once read, "" when not said */
    char *message; /* same */
};
/* The four shapes, bare or under a lone data. False: it is none of them. */
bool error_read(const char *text, struct json_span root, struct platform_error *ret);
void error_finish(struct platform_error *e);
/* {"success": false, ...}, which may come in a 2xx. */
bool error_is_failure(const char *text, struct json_span root);
int error_from_status(long status);
/* For a failure in a 2xx: only its code says what it is. */
int error_from_code(const char *code);
/* A line for people, malloc'ed. e and v may be NULL. */
char *error_words(long status, const struct platform_error *e,
                  const struct platform_verdict *v);

/* ---- reply.c ---------------------------------------------------------------------- */

/* One answer, being read; owns all that `answer` borrows. */
struct reply {
    const struct http_answer *http;
    struct platform_answer answer;
    struct platform_error error;
    struct platform_verdict verdict;
    struct platform_page page;
    struct platform_rows rows;
    char *words;
};

struct exchange;
/* Takes the resource's part out of a good answer: 2xx, JSON or empty. May call
 * reply_fail(). */
typedef void reply_read_fn(struct reply *r, const struct exchange *x);

/* A request and what becomes of its answer. Zero-initialised fields are off. */
struct exchange {
    struct platform *platform;
    const char *method;
    char *path;        /* taken over by exchange_send() */
    struct text *body; /* same; or NULL */
    bool once, report_lost;
    bool empty_allowed;        /* an answer without a body is a good one */
    bool verified;             /* the answer may hold a verdict */
    bool verdict_is_answer;    /* a verdict that says no is no failure */
    const char *id_key;        /* of page_read(); NULL: "id" */
    reply_read_fn *read;       /* or NULL */
    bool (*wanted)(void *arg); /* as in http_request, of call.arg; or NULL */
    struct platform_call call;
};
void exchange_send(const struct exchange *x);

/* Makes it a failure; words: malloc'ed, taken over. */
void reply_fail(struct reply *r, int err, char *words);
/* Readers for most resources. */
void reply_read_page(struct reply *r, const struct exchange *x);
void reply_read_value(struct reply *r, const struct exchange *x);

/* "/pages/<id, quoted><suffix>", malloc'ed. */
char *path_with_id(const char *before, const char *id, const char *suffix);

/* ---- list.c ----------------------------------------------------------------------- */

/* All pages of a list. */
struct list_source {
    const char *path;       /* "/pages"; copied, as is the next */
    const char *filter;     /* "&status=...", or "" */
    const char *id_key;     /* constant */
    platform_part_fn *part; /* NULL: call->done() has them all */
};
void list_fetch(struct platform *p, const struct list_source *source,
                const struct platform_call *call);

#endif
