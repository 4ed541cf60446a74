/* api_data_search.c - /data/explore and /data/search. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "local/api_data.h"
#include "local/app.h"
#include "local/exchange.h"
#include "local/explore.h"
#include "local/gates.h"
#include "local/jsonout.h"
#include "local/search.h"

static bool word_among(const char *text, struct json_span value, const char *const *words,
                       size_t count, size_t *ret)
{
    for (size_t i = 0; i < count; i++) {
        if (json_string_is(text, value, words[i])) {
            *ret = i;
            return true;
        }
    }
    return false;
}

/* ---- explore ---------------------------------------------------------------------- */

enum { EXPLORE_ALL, EXPLORE_SCHEMA, EXPLORE_CLUSTERS, EXPLORE_KNOWLEDGE };
static const char *const scopes[] = {"all", "schema", "clusters", "knowledge"};

struct explore_ask {
    size_t scope;
    bool with_samples;
};

static bool explore_parse(const struct request *rq, struct json_span root,
                          struct explore_ask *ret, struct reply *rp)
{
    const char *text = rq->body.data;
    struct json_span value;
    if (json_member(text, root, "scope", &value) &&
        !word_among(text, value, scopes, ARRAY_LEN(scopes), &ret->scope)) {
        reply_invalid(rp, "scope", "scope must be all, schema, clusters or knowledge");
        return false;
    }
    if (!json_member(text, root, "include_samples", &value))
        return true;
    ret->with_samples = value.type == JSON_TRUE;
    if (value.type == JSON_TRUE || value.type == JSON_FALSE)
        return true;
    reply_invalid(rp, "include_samples", "include_samples must be true or false");
    return false;
}

static int explore_clusters(struct sqlgate *gate, bool with_samples, struct buf *rows,
                            struct sqlgate_error *e)
{
    (void)with_samples;
    return search_clusters(gate, NULL, 0, rows, e);
}

static const struct {
    const char *key;
    size_t scope;
    int (*run)(struct sqlgate *, bool with_samples, struct buf *rows,
               struct sqlgate_error *);
} explored[] = {
    {"clusters", EXPLORE_CLUSTERS, explore_clusters},
    {"knowledge", EXPLORE_KNOWLEDGE, search_knowledge},
};

static int explore(struct sqlgate *gate, const struct explore_ask *ask, struct buf *out,
                   struct sqlgate_error *e)
{
    json_out_key(out, "scope");
    json_out_string(out, scopes[ask->scope]);
    if (ask->scope == EXPLORE_ALL || ask->scope == EXPLORE_SCHEMA) {
        cleanup_explore struct explore found;
        explore_run(gate, EXPLORE_TIME_MS, &found);
        json_out_key(out, "tables");
        explore_print(&found, ask->with_samples, out);
    }
    for (size_t i = 0; i < ARRAY_LEN(explored); i++) {
        cleanup_buf struct buf rows = BUF_INIT;
        if (ask->scope != EXPLORE_ALL && ask->scope != explored[i].scope)
            continue;
        int r = explored[i].run(gate, ask->with_samples, &rows, e);
        if (r < 0)
            return r;
        json_out_key(out, explored[i].key);
        buf_append(out, rows.data, rows.len);
    }
    return 0;
}

void api_data_explore(struct app *app, struct request *rq, struct reply *rp)
{
    static const char *const known[] = {"scope", "include_samples"};
    struct explore_ask ask = {EXPLORE_ALL, true};
    struct sqlgate_error error = {0};
    struct json_span root;
    if (!request_object(rq, true, &root, rp) ||
        !request_only(rq, root, known, ARRAY_LEN(known), rp) ||
        !explore_parse(rq, root, &ask, rp))
        return;
    buf_putc(&rp->body, '{');
    struct sqlgate *gate = gates_borrow(app->gates);
    int r = explore(gate, &ask, &rp->body, &error);
    gates_return(app->gates, gate);
    buf_putc(&rp->body, '}');
    rp->status = 200;
    if (r < 0)
        api_data_failed(rp, r, NULL, &error);
}

/* ---- search ----------------------------------------------------------------------- */

/* One index of words answers them all; the answer says so. */
static const char *const modes[] = {"hybrid", "semantic", "keyword"};

static bool search_parse_query(const struct request *rq, struct json_span root,
                               struct buf *ret_query, struct reply *rp)
{
    struct json_span value;
    if (json_member(rq->body.data, root, "query", &value) && value.type == JSON_STRING)
        json_string_decode(rq->body.data, value, ret_query);
    for (size_t i = 0; i < ret_query->len; i++) {
        if (ret_query->data[i] && !strchr(" \t\r\n", ret_query->data[i]))
            return true;
    }
    reply_invalid(rp, "query", "query must be a string: what to search for");
    return false;
}

static bool search_parse_mode(const struct request *rq, struct json_span root,
                              struct reply *rp)
{
    struct json_span value;
    size_t mode;
    if (!json_member(rq->body.data, root, "mode", &value) ||
        word_among(rq->body.data, value, modes, ARRAY_LEN(modes), &mode))
        return true;
    reply_invalid(rp, "mode", "mode must be hybrid, semantic or keyword");
    return false;
}

static size_t count_elements(const struct buf *rows)
{
    struct json_span root = {0, rows->len, JSON_ARRAY};
    struct json_iter it;
    size_t count = 0;
    json_iter_init(&it, rows->data, root);
    while (json_iter_next(&it))
        count++;
    return count;
}

void api_data_search(struct app *app, struct request *rq, struct reply *rp)
{
    static const char *const known[] = {"query", "mode", "limit"};
    cleanup_buf struct buf query = BUF_INIT, rows = BUF_INIT;
    struct sqlgate_error error = {0};
    struct json_span root;
    size_t limit = SEARCH_DOCUMENTS;
    if (!request_object(rq, false, &root, rp) ||
        !request_only(rq, root, known, ARRAY_LEN(known), rp) ||
        !search_parse_query(rq, root, &query, rp) || !search_parse_mode(rq, root, rp) ||
        !api_data_limit(rq, root, SEARCH_DOCUMENTS_MAX, &limit, rp))
        return;
    struct sqlgate *gate = gates_borrow(app->gates);
    int r = search_documents(gate, query.data, query.len, limit, &rows, &error);
    gates_return(app->gates, gate);
    if (r < 0) {
        api_data_failed(rp, r, "query", &error);
        return;
    }
    rp->status = 200;
    buf_puts(&rp->body, "{\"query\":");
    json_quote(&rp->body, query.data, query.len);
    buf_printf(&rp->body,
               ",\"mode\":\"keyword\",\"count\":%zu,\"results\":", count_elements(&rows));
    buf_append(&rp->body, rows.data, rows.len);
    buf_putc(&rp->body, '}');
}
