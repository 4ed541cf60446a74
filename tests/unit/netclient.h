/* netclient.h - a client of the code under test: loop, key, http, platform, and calls
 * that wait for their answer. */
#ifndef UNIT_NETCLIENT_H
#define UNIT_NETCLIENT_H

#include <pthread.h>

#include "http/http.h"
#include "platform/platform.h"

#define NET_KEY "ak_test_0123456789abcdef"

struct net {
    struct loop *loop;
    struct http_key *key;
    char key_file[64];
    struct http *http;
    struct platform *platform;
};

/* config->url is needed; its key is made here. */
void net_start(struct net *n, const struct http_config *config);
/* net_start() with nothing but a URL. */
void net_start_url(struct net *n, const char *url);
void net_write_key(struct net *n, const char *key);
void net_stop(struct net *n);

/* An answer, kept. */
struct net_answer {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool done;
    unsigned calls;
    int err;
    long status;
    bool sent;
    unsigned attempts;
    char *body;    /* or NULL */
    char *code;    /* platform only, as all below */
    char *message; /* http: the reason */
    size_t page_count;
    char *ids; /* of the list, each with a blank behind it */
    char *id, *name, *version, *token, *spec, *queries;
    bool has_page, has_verdict, ok, custom;
    size_t faults;
    char *fault; /* "stage|message|field|line|column" of the first */
    char *value;
};

void net_answer_init(struct net_answer *a);
void net_answer_finish(struct net_answer *a);
void net_wait(struct net_answer *a);
/* For http_request.done and platform_call.done; arg is the net_answer. */
void net_on_http(void *arg, const struct http_answer *answer);
void net_on_platform(void *arg, const struct platform_answer *answer);
struct platform_call net_call(struct net_answer *a);
/* Sends and waits. */
void net_get(struct net *n, const char *path, struct net_answer *a);
void net_request(struct net *n, struct http_request *request, struct net_answer *a);

#endif
