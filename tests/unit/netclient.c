#include "netclient.h"

#undef NDEBUG
#undef NDEBUG /* also in a release build */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

void net_write_key(struct net *n, const char *key)
{
    FILE *f = fopen(n->key_file, "w");
    assert(f && fputs(key, f) >= 0 && fputc('\n', f) == '\n');
    assert(!fclose(f) && !chmod(n->key_file, 0600));
}

void net_start(struct net *n, const struct http_config *config)
{
    struct http_config c = *config;
    char *reason = NULL;
    *n = (struct net){.key_file = "/tmp/amdahl-test-key-XXXXXX"};
    int fd = mkstemp(n->key_file);
    assert(fd >= 0 && !close(fd));
    net_write_key(n, NET_KEY);
    assert(!http_key_open(n->key_file, NULL, &n->key, &reason));
    assert(!loop_create(&n->loop));
    c.key = n->key;
    assert(!http_create(n->loop, &c, &n->http, &reason));
    assert(!platform_create(n->http, &n->platform));
    assert(!loop_start(n->loop));
}

void net_start_url(struct net *n, const char *url)
{
    struct http_config config = {.url = url};
    net_start(n, &config);
}

void net_stop(struct net *n)
{
    http_stop(n->http, 0);
    loop_stop(n->loop);
    platform_destroy(n->platform);
    http_destroy(n->http);
    loop_destroy(n->loop);
    http_key_close(n->key);
    unlink(n->key_file);
}

void net_answer_init(struct net_answer *a)
{
    *a = (struct net_answer){0};
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->cond, NULL);
}

void net_answer_finish(struct net_answer *a)
{
    char *strings[] = {a->body,    a->code,  a->message, a->ids,     a->id,    a->name,
                       a->version, a->token, a->spec,    a->queries, a->fault, a->value};
    for (size_t i = 0; i < ARRAY_LEN(strings); i++)
        free(strings[i]);
    pthread_mutex_destroy(&a->lock);
    pthread_cond_destroy(&a->cond);
    net_answer_init(a);
}

void net_wait(struct net_answer *a)
{
    pthread_mutex_lock(&a->lock);
    while (!a->done)
        pthread_cond_wait(&a->cond, &a->lock);
    pthread_mutex_unlock(&a->lock);
}

static void net_signal(struct net_answer *a)
{
    a->done = true;
    a->calls++;
    pthread_cond_broadcast(&a->cond);
    pthread_mutex_unlock(&a->lock);
}

void net_on_http(void *arg, const struct http_answer *answer)
{
    struct net_answer *a = arg;
    pthread_mutex_lock(&a->lock);
    a->err = answer->err;
    a->status = answer->status;
    a->sent = answer->sent;
    a->attempts = answer->attempts;
    a->body = answer->body ? xstrdup(answer->body->data) : NULL;
    a->message = xstrdup(answer->reason);
    net_signal(a);
}

static char *net_span(const struct text *text, struct json_span span)
{
    return span.end > span.start
               ? xstrndup(text->data + span.start, span.end - span.start)
               : NULL;
}

static void net_keep_page(struct net_answer *a, const struct platform_page *page)
{
    a->has_page = page != NULL;
    if (!page)
        return;
    a->id = xstrdup(page->id);
    a->name = xstrdup(page->name);
    a->version = xstrdup(page->version);
    a->token = xstrdup(page->token);
    a->spec = net_span(page->text, page->spec);
    a->queries = net_span(page->text, page->queries);
}

static void net_keep_verdict(struct net_answer *a, const struct platform_verdict *v)
{
    a->has_verdict = v != NULL;
    if (!v)
        return;
    a->ok = v->ok;
    a->custom = v->has_custom_nodes;
    a->faults = v->fault_count;
    if (v->fault_count)
        a->fault = xasprintf("%s|%s|%s|%u|%u", v->faults[0].stage, v->faults[0].message,
                             v->faults[0].field ? v->faults[0].field : "-",
                             v->faults[0].line, v->faults[0].column);
}

void net_on_platform(void *arg, const struct platform_answer *answer)
{
    struct net_answer *a = arg;
    struct buf ids = BUF_INIT;
    pthread_mutex_lock(&a->lock);
    a->err = answer->err;
    a->status = answer->status;
    a->sent = answer->sent;
    a->body = answer->body ? xstrdup(answer->body->data) : NULL;
    a->code = xstrdup(answer->code);
    a->message = xstrdup(answer->message);
    a->page_count = answer->page_count;
    for (size_t i = 0; i < answer->page_count; i++)
        buf_printf(&ids, "%s ", answer->pages[i].id);
    a->ids = buf_steal(&ids);
    net_keep_page(a, answer->page);
    net_keep_verdict(a, answer->verdict);
    a->value = answer->value ? xstrdup(answer->value->data) : NULL;
    net_signal(a);
}

struct platform_call net_call(struct net_answer *a)
{
    return (struct platform_call){
        .class = HTTP_INTERACTIVE, .done = net_on_platform, .arg = a};
}

void net_request(struct net *n, struct http_request *request, struct net_answer *a)
{
    request->done = net_on_http;
    request->arg = a;
    http_send(n->http, request);
    net_wait(a);
}

void net_get(struct net *n, const char *path, struct net_answer *a)
{
    struct http_request request = {.method = "GET", .path = path};
    net_request(n, &request, a);
}
