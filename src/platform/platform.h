/* platform.h - the Amdahl Platform API, typed. One file a resource.
 *
 * Every call returns at once; its answer comes on the engine's thread. All shapes that
 * contract.md lists are understood (envelopes, paging, errors, verdicts); what is unknown
 * there is accepted, never required. Documents stay text: a page's spec and queries are
 * spans of the bytes that came. Names, ids and words are untrusted, and handed on as
 * such.
 */
#ifndef PLATFORM_PLATFORM_H
#define PLATFORM_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "http/http.h"
#include "json/json.h"

struct platform;

int platform_create(struct http *http, struct platform **ret_platform);
void platform_destroy(struct platform *p);

/* A page as it came: a summary of the list, or the whole. Absent strings are NULL. */
struct platform_page {
    char *id;
    char *name;
    char *description;
    char *status;
    char *console_url;
    char *created_at;
    char *updated_at;
    char *version;     /* string or number, by its letters */
    char *token;       /* change token: whatever of the summary tells two versions apart
                        * (updated_at, version, revision, etag, ...); NULL: none given */
    struct text *text; /* what the spans point into; owned (a reference) */
    struct json_span object;  /* the page's own object */
    struct json_span spec;    /* start == end: absent */
    struct json_span queries; /* declared_queries; same */
    struct json_span tags;    /* same */
};

/* Reads one that was kept: the text of an object as it came. False: it is no page. Owned by
 * the caller until platform_page_finish(). */
bool platform_page_parse(struct text *text, struct platform_page *ret);
void platform_page_finish(struct platform_page *page);

/* The verifier's verdict (contract 8.5). */
struct platform_fault {
    char *stage;           /* "compile", "query", "bind"; "" when not said */
    char *message;         /* never NULL */
    char *field;           /* "spec.root.children[1].props.data", or NULL */
    unsigned line, column; /* 0: not said */
};
struct platform_verdict {
    bool ok;
    bool has_custom_nodes;
    struct platform_fault *faults;
    size_t fault_count;
    struct text *text;       /* owned (a reference) */
    struct json_span object; /* the verdict's own object in text */
};

/* The rows that a query gave. */
struct platform_rows {
    struct json_span rows; /* an array, of body */
    bool truncated;        /* there are more, says the platform */
};

/* What every call answers. Everything in it is borrowed for the length of the callback;
 * take a reference on the texts, copy the strings. */
struct platform_answer {
    int err;               /* 0, or a negative errno as DESIGN rule 4 maps it:
                            *   -EPROTO  refused by the verifier or as a bad argument (400, 422)
                            *   -EACCES  401, 403        -ENOENT  404, 410     -ESTALE  409, 412
                            *   -EFBIG   413, or an answer above the limit      -EBUSY   429, 423
                            *   -EIO     5xx, no JSON where JSON was due, cut short, nested too deep
                            *   and http_answer.err for what never came */
    long status;           /* 0: no answer came */
    const char *code;      /* "" when not said */
    const char *message;   /* for people; never NULL, "" only on success */
    bool sent;             /* with err: the platform may have acted (rule 7) */
    struct text *body;     /* NULL when none came */
    struct json_span root; /* of body, when it is JSON */
    const struct platform_page *pages; /* list calls without a part() */
    size_t page_count;
    const struct platform_page *page;       /* page calls; may be NULL on success when the
                                             * platform answers with less than a page */
    const struct platform_verdict *verdict; /* where one came: validate; refusals */
    const struct platform_rows *rows;       /* data_query */
    struct text *value; /* render, me, data_explore: the answer's own text, out of a lone
                         * {"data":...} */
};
typedef void platform_done_fn(void *arg, const struct platform_answer *answer);
/* Some pages of a list, each with an id; as platform_answer, borrowed. */
typedef void platform_part_fn(void *arg, const struct platform_page *pages, size_t count);

/* How a call is to be treated. */
struct platform_call {
    enum http_class class;
    int64_t deadline_ms; /* 0: the engine's default */
    platform_done_fn *done;
    void *arg;
    int who; /* as in http_request */
};

/* GET /me */
void platform_me(struct platform *p, const struct platform_call *call);

/* Which pages; absent: NULL. */
struct platform_query {
    const char *status;
    const char *updated_since; /* updated_at_gte: a time by its letters; a platform that
                                * does not know the filter gives all pages */
    /* Given call->arg and the pages as they come, in any order, before done() says whether
     * that was all; a page may come twice where the list changes meanwhile. NULL: done()
     * has them all. */
    platform_part_fn *part;
};
/* GET /pages: 200 at a time, the rest in parallel once a total is known, else by cursor or
 * offset, whichever the answers show; duplicates dropped by id; bounded in pages and rounds
 * (a cursor that repeats ends it with -EIO). */
void platform_pages_list(struct platform *p, const struct platform_query *query,
                         const struct platform_call *call);
/* GET /pages/:id */
void platform_page_get(struct platform *p, const char *id,
                       const struct platform_call *call);
/* The same, unless wanted(call->arg) says no when its turn comes: then -EINTR. */
void platform_page_get_wanted(struct platform *p, const char *id,
                              bool (*wanted)(void *arg),
                              const struct platform_call *call);
/* POST /pages/validate. spec and queries: JSON texts; queries may be NULL. A verdict that
 * says no is err 0 with verdict->ok false, in whatever status or envelope it came. */
void platform_pages_validate(struct platform *p, struct text *spec, struct text *queries,
                             const struct platform_call *call);

/* The fields of a create or a patch: JSON texts sent as they are; NULL is not sent.
 * `page_fields` is an object whose members are sent beside them (name, tags, ...); its
 * member "id" is left out. */
struct platform_fields {
    struct text *spec;
    struct text *queries;
    struct text *page_fields;
};
/* POST /pages; never repeated. A verifier's refusal is -EPROTO with the verdict. */
void platform_page_create(struct platform *p, const struct platform_fields *fields,
                          const struct platform_call *call);
/* PATCH /pages/:id */
void platform_page_patch(struct platform *p, const char *id,
                         const struct platform_fields *fields,
                         const struct platform_call *call);
/* POST /pages/:id/render. params: a JSON object, or NULL for {}. */
void platform_page_render(struct platform *p, const char *id, struct text *params,
                          const struct platform_call *call);
/* DELETE /pages/:id: archive */
void platform_page_archive(struct platform *p, const char *id,
                           const struct platform_call *call);
/* POST /pages/:id/hard-delete */
void platform_page_delete(struct platform *p, const char *id,
                          const struct platform_call *call);
/* GET /pages/templates: pages with id == slug; GET /pages/templates/:slug */
void platform_templates_list(struct platform *p, const struct platform_call *call);
void platform_template_get(struct platform *p, const char *slug,
                           const struct platform_call *call);

/* POST /data/query. sql: UTF-8. params: a JSON object, for amdahl-local: no document of
 * the platform knows such a member, so it is sent only where there is one. NULL: none. */
void platform_data_query(struct platform *p, const char *sql, struct text *params,
                         const struct platform_call *call);
/* POST /data/explore, for all there is. */
void platform_data_explore(struct platform *p, const struct platform_call *call);
/* Where in the SQL a refusal says that the fault is, from 1; 0: it does not. */
void platform_sql_place(const struct platform_answer *answer, unsigned *ret_line,
                        unsigned *ret_column);

#endif
