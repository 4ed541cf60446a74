#include "webserver.h"

#undef NDEBUG
#include <arpa/inet.h>
#undef NDEBUG /* also in a release build */
#include <assert.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"

#define WEB_PREFIX "/api/platform/v1"

/* ---- an HTTP server ---------------------------------------------------------------- */

struct web {
    struct MHD_Daemon *daemon;
    char *url;
    web_fn *fn;
    void *arg;
    atomic_uint requests;
};

struct web_state {
    struct buf body;
    struct buf query;
};

static enum MHD_Result web_add_query(void *arg, enum MHD_ValueKind kind, const char *key,
                                     const char *value)
{
    struct buf *query = arg;
    buf_printf(query, "%s%s=%s", query->len ? "&" : "", key, value ? value : "");
    return MHD_YES;
}

static const char *web_header(struct MHD_Connection *c, const char *name)
{
    const char *value = MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
    return value ? value : "";
}

static enum MHD_Result web_answer(struct MHD_Connection *c, struct web_reply *reply)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        reply->body.len, reply->body.len ? reply->body.data : NULL,
        MHD_RESPMEM_MUST_COPY);
    for (size_t i = 0; i < ARRAY_LEN(reply->headers) && reply->headers[i][0]; i++)
        MHD_add_response_header(response, reply->headers[i][0], reply->headers[i][1]);
    enum MHD_Result result = MHD_queue_response(c, (unsigned)reply->status, response);
    MHD_destroy_response(response);
    buf_finish(&reply->body);
    return result;
}

static enum MHD_Result web_handle(void *arg, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version,
                                  const char *data, size_t *len, void **slot)
{
    struct web *w = arg;
    struct web_state *state = *slot;
    struct web_reply reply = {.status = 200, .body = BUF_INIT};
    if (!state) {
        *slot = xcalloc(1, sizeof *state);
        return MHD_YES;
    }
    if (*len) {
        buf_append(&state->body, data, *len);
        *len = 0;
        return MHD_YES;
    }
    buf_puts(&state->query, "");
    MHD_get_connection_values(c, MHD_GET_ARGUMENT_KIND, web_add_query, &state->query);
    struct web_request rq = {
        .method = method,
        .path =
            strncmp(url, WEB_PREFIX, strlen(WEB_PREFIX)) ? "!" : url + strlen(WEB_PREFIX),
        .query = state->query.data,
        .body = state->body.data ? state->body.data : "",
        .body_len = state->body.len,
        .authorization = web_header(c, "Authorization"),
        .api_key = web_header(c, "X-API-Key"),
        .version = web_header(c, "X-Amdahl-API-Version"),
        .number = atomic_fetch_add(&w->requests, 1) + 1,
    };
    w->fn(w->arg, &rq, &reply);
    return web_answer(c, &reply);
}

static void web_completed(void *arg, struct MHD_Connection *c, void **slot,
                          enum MHD_RequestTerminationCode code)
{
    struct web_state *state = *slot;
    if (!state)
        return;
    buf_finish(&state->body);
    buf_finish(&state->query);
    free(state);
}

struct web *web_start(web_fn *fn, void *arg)
{
    struct web *w = xcalloc(1, sizeof *w);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    w->fn = fn;
    w->arg = arg;
    w->daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL, 0,
        NULL, NULL, web_handle, w, MHD_OPTION_SOCK_ADDR, &address,
        MHD_OPTION_NOTIFY_COMPLETED, web_completed, NULL, MHD_OPTION_END);
    assert(w->daemon);
    w->url = xasprintf("http://127.0.0.1:%u",
                       MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    return w;
}

const char *web_url(const struct web *w)
{
    return w->url;
}

unsigned web_requests(struct web *w)
{
    return atomic_load(&w->requests);
}

void web_stop(struct web *w)
{
    MHD_stop_daemon(w->daemon);
    free(w->url);
    free(w);
}

/* ---- a bare socket ----------------------------------------------------------------- */

enum { RAW_MAX = 96 };

struct raw {
    int fd;
    char *url;
    raw_fn *fn;
    void *arg;
    pthread_t thread;
    atomic_uint connections;
    atomic_uint accepted; /* may be one more: its thread is just made */
    struct raw_talk {
        struct raw *raw;
        int fd;
        unsigned number;
        pthread_t thread;
    } talks[RAW_MAX];
};

static void *raw_talk(void *arg)
{
    struct raw_talk *talk = arg;
    talk->raw->fn(talk->raw->arg, talk->fd, talk->number);
    shutdown(talk->fd, SHUT_RDWR); /* closed by raw_stop(), which may shut it down too */
    return NULL;
}

static void *raw_accept(void *arg)
{
    struct raw *r = arg;
    for (unsigned i = 0; i < RAW_MAX; i++) {
        int fd = accept(r->fd, NULL, NULL);
        if (fd < 0)
            break;
        atomic_store(&r->accepted, i + 1);
        r->talks[i] = (struct raw_talk){.raw = r, .fd = fd, .number = i + 1};
        assert(!pthread_create(&r->talks[i].thread, NULL, raw_talk, &r->talks[i]));
        atomic_store(&r->connections, i + 1);
    }
    return NULL;
}

static struct raw *raw_listen(int domain, struct sockaddr *address, socklen_t len,
                              raw_fn *fn, void *arg)
{
    struct raw *r = xcalloc(1, sizeof *r);
    r->fn = fn;
    r->arg = arg;
    r->fd = socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert(r->fd >= 0 && !bind(r->fd, address, len) && !listen(r->fd, 64));
    assert(!getsockname(r->fd, address, &len));
    assert(!pthread_create(&r->thread, NULL, raw_accept, r));
    return r;
}

struct raw *raw_start(raw_fn *fn, void *arg)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct raw *r =
        raw_listen(AF_INET, (struct sockaddr *)&address, sizeof address, fn, arg);
    r->url = xasprintf("http://127.0.0.1:%u", ntohs(address.sin_port));
    return r;
}

struct raw *raw_start_unix(const char *path, raw_fn *fn, void *arg)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    struct raw *r =
        raw_listen(AF_UNIX, (struct sockaddr *)&address, sizeof address, fn, arg);
    r->url = xasprintf("unix:%s", path);
    return r;
}

const char *raw_url(const struct raw *r)
{
    return r->url;
}

unsigned raw_connections(struct raw *r)
{
    return atomic_load(&r->accepted);
}

void raw_stop(struct raw *r)
{
    shutdown(r->fd, SHUT_RDWR);
    pthread_join(r->thread, NULL);
    for (unsigned i = 0; i < r->connections; i++) {
        shutdown(r->talks[i].fd, SHUT_RDWR);
        pthread_join(r->talks[i].thread, NULL);
        close(r->talks[i].fd);
    }
    close(r->fd);
    if (!strncmp(r->url, "unix:", 5))
        unlink(r->url + 5);
    free(r->url);
    free(r);
}

static size_t raw_content_length(const char *head)
{
    const char *line = strcasestr(head, "\r\ncontent-length:");
    return line ? strtoul(line + 17, NULL, 10) : 0;
}

bool raw_read_request(int fd)
{
    cleanup_buf struct buf in = BUF_INIT;
    char chunk[4096];
    for (;;) {
        const char *end = in.data ? strstr(in.data, "\r\n\r\n") : NULL;
        if (end && in.len >= (size_t)(end + 4 - in.data) + raw_content_length(in.data))
            return true;
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n <= 0)
            return false;
        buf_append(&in, chunk, (size_t)n);
    }
}

void raw_say(int fd, const char *s)
{
    size_t len = strlen(s);
    while (len) {
        ssize_t n = send(fd, s, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        s += n;
        len -= (size_t)n;
    }
}

void raw_hang(int fd)
{
    char c;
    while (read(fd, &c, 1) > 0)
        ;
}
