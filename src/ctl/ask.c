/* ask.c - an engine for the length of a command. */
#include "ctl/ask.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "http/http.h"

struct ask {
    struct http_key *key;
    struct loop *loop;
    struct http *http;
    struct platform *platform;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t answered;
};

static int start_engine(struct ask *a, const struct ctl *ctl, char **ret_reason)
{
    const struct http_config config = {.url = ctl->url, .key = a->key};
    int err = loop_create(&a->loop);
    if (!err)
        err = http_create(a->loop, &config, &a->http, ret_reason);
    if (!err)
        err = platform_create(a->http, &a->platform);
    if (!err)
        err = loop_start(a->loop);
    a->started = !err;
    return err;
}

int ask_open(const struct ctl *ctl, struct ask **ret_ask)
{
    cleanup_free char *reason = NULL;
    if (!ctl->url || !*ctl->url) {
        ctl_error("which platform? give --url or set AMDAHL_URL");
        return CTL_USAGE;
    }
    struct ask *a = xcalloc(1, sizeof *a);
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->answered, NULL);
    int err = http_key_open(ctl->key_file, NULL, &a->key, &reason);
    if (!err)
        err = start_engine(a, ctl, &reason);
    if (err) {
        ctl_error("%s", reason ? reason : strerror(-err));
        ask_close(a);
        return CTL_CONNECTION;
    }
    *ret_ask = a;
    return CTL_OK;
}

void ask_close(struct ask *a)
{
    if (!a)
        return;
    if (a->started) {
        http_stop(a->http, 0);
        loop_stop(a->loop);
    }
    if (a->platform)
        platform_destroy(a->platform);
    if (a->http)
        http_destroy(a->http);
    loop_destroy(a->loop);
    if (a->key)
        http_key_close(a->key);
    pthread_cond_destroy(&a->answered);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

/* A question on its way. */
struct question {
    struct ask *ask;
    platform_done_fn *read;
    void *arg;
    bool done; /* under ask->lock */
};

static void on_answer(void *arg, const struct platform_answer *answer)
{
    struct question *q = arg;
    struct ask *a = q->ask;
    q->read(q->arg, answer);
    pthread_mutex_lock(&a->lock);
    q->done = true;
    pthread_cond_signal(&a->answered);
    pthread_mutex_unlock(&a->lock);
}

void ask_verdict(struct ask *a, struct text *spec, struct text *queries,
                 platform_done_fn *read, void *arg)
{
    struct question q = {.ask = a, .read = read, .arg = arg};
    const struct platform_call call = {
        .class = HTTP_INTERACTIVE, .done = on_answer, .arg = &q};
    platform_pages_validate(a->platform, spec, queries, &call);
    pthread_mutex_lock(&a->lock);
    while (!q.done)
        pthread_cond_wait(&a->answered, &a->lock);
    pthread_mutex_unlock(&a->lock);
}
