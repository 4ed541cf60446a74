/* app.h - what the handlers share. */
#ifndef LOCAL_APP_H
#define LOCAL_APP_H

#include "local/keyring.h"
#include "local/ratelimit.h"

struct gates;
struct reply;
struct request;
struct store;

struct app {
    struct store *store;
    struct gates *gates;
    struct keyring keys;
    struct ratelimit limit;
    char *business_id; /* owned; the workspace's UUID, made at its first start */
};

typedef void handler_fn(struct app *app, struct request *rq, struct reply *rp);

/* api_me.c */
handler_fn api_me;
/* api_pages.c: reading */
handler_fn api_page_list;
handler_fn api_page_get;
handler_fn api_page_render;
/* api_pages_write.c: what passes the verifier, and what removes */
handler_fn api_page_validate;
handler_fn api_page_create;
handler_fn api_page_update;
handler_fn api_page_archive;
handler_fn api_page_hard_delete;
/* api_templates.c */
handler_fn api_template_list;
handler_fn api_template_get;
/* api_data.c */
handler_fn api_data_query;
/* api_data_search.c */
handler_fn api_data_explore;
handler_fn api_data_search;

#endif
