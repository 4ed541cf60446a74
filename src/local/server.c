#include "local/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "local/app.h"
#include "local/exchange.h"
#include "local/pool.h"
#include "local/router.h"
#include "local/server_stream.h"
#include "local/uuid.h"

enum {
    CONNECTIONS_MAX = 8192, /* fewer where the process may not have so many files */
    HANDLER_THREADS_MAX = 64,
    IDLE_SECONDS = 300,
    /* A body above REQUEST_BODY_MAX is read and thrown away up to here, so that a client
     * that sends first and reads then gets its 413; beyond, the connection ends. */
    DISCARD_MAX = 64 << 20,
};

struct server {
    struct app *app;
    struct server_options options;
    struct MHD_Daemon *daemon;
    struct pool *pool;
    struct server_streams streams;
    pthread_mutex_t log_lock;  /* of options.access_log: lines are whole */
    pthread_mutex_t stop_lock; /* guards stopping: nothing is given to the pool after */
    bool stopping;
};

/* One request, from its first line to the end of its answer. */
struct exchange {
    struct server *server;
    struct MHD_Connection *connection;
    struct request rq;
    struct reply reply; /* of a pool's thread until the connection is resumed */
    char *uri;          /* as it came, owned */
    const char *method; /* the library's */
    int64_t start_ms;
    size_t received;
    bool started;
    bool handled; /* reply is there to be sent */
};

/* ---- logs ------------------------------------------------------------------------- */

static void access_line(struct server *s, const struct exchange *ex, const char *method,
                        int status)
{
    char when[CLOCK_TEXT];
    cleanup_buf struct buf line = BUF_INIT;
    const char *query = strchr(ex->uri, '?');
    buf_puts(&line, "{\"method\":");
    json_quotes(&line, method);
    buf_puts(&line, ",\"path\":");
    json_quote(&line, ex->uri, query ? (size_t)(query - ex->uri) : strlen(ex->uri));
    buf_puts(&line, ",\"query\":");
    json_quotes(&line, query ? query + 1 : "");
    buf_printf(&line, ",\"status\":%d,\"ms\":%lld,\"bytes\":%zu,\"t\":\"%s\"}\n", status,
               (long long)(clock_ms() - ex->start_ms), ex->received,
               clock_format(clock_now(), when));
    pthread_mutex_lock(&s->log_lock);
    fwrite(line.data, 1, line.len, s->options.access_log);
    fflush(s->options.access_log);
    pthread_mutex_unlock(&s->log_lock);
}

static void log_exchange(struct server *s, const struct exchange *ex, const char *method,
                         int status)
{
    if (s->options.verbose)
        log_info("%s %.1000s %d %lld ms", method, ex->uri, status,
                 (long long)(clock_ms() - ex->start_ms));
    if (s->options.access_log)
        access_line(s, ex, method, status);
}

__attribute__((format(printf, 2, 0))) static void on_log(void *arg, const char *fmt,
                                                         va_list ap)
{
    cleanup_buf struct buf line = BUF_INIT;
    buf_vprintf(&line, fmt, ap);
    log_debug("http: %s", line.data ? line.data : "");
}

/* ---- the answer ------------------------------------------------------------------- */

/* The body's memory is handed on, not copied. */
static struct MHD_Response *make_response(struct server *s, struct exchange *ex)
{
    struct reply *rp = &ex->reply;
    if (rp->stream)
        return server_stream_response(&s->streams, ex->connection, steal_ptr(rp->stream));
    size_t len = rp->body.len;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, buf_steal(&rp->body), MHD_RESPMEM_MUST_FREE);
    if (response)
        MHD_add_response_header(response, "Content-Type", "application/json");
    return response;
}

static enum MHD_Result send_reply(struct server *s, struct exchange *ex)
{
    char request_id[UUID_TEXT];
    struct reply *rp = &ex->reply;
    struct MHD_Response *response = make_response(s, ex);
    if (!response)
        return MHD_NO;
    uuid_make(request_id);
    MHD_add_response_header(response, "X-Request-Id", request_id);
    for (size_t i = 0; i < rp->header_count; i++)
        MHD_add_response_header(response, rp->headers[i].name, rp->headers[i].value);
    log_exchange(s, ex, ex->method, rp->status);
    enum MHD_Result r =
        MHD_queue_response(ex->connection, (unsigned)rp->status, response);
    MHD_destroy_response(response);
    return r;
}

static enum MHD_Result on_argument(void *arg, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    request_add_arg(arg, name, value);
    return MHD_YES;
}

static const char *header(const struct exchange *ex, const char *name)
{
    return MHD_lookup_connection_value(ex->connection, MHD_HEADER_KIND, name);
}

static void read_head(struct exchange *ex, const char *method, const char *path)
{
    ex->method = method;
    ex->rq.method = method;
    ex->rq.path = path;
    ex->rq.authorization = header(ex, "Authorization");
    ex->rq.x_api_key = header(ex, "X-API-Key");
    ex->rq.last_event_id = header(ex, "Last-Event-ID");
    MHD_get_connection_values(ex->connection, MHD_GET_ARGUMENT_KIND, on_argument,
                              &ex->rq);
}

static enum MHD_Result answer_here(struct server *s, struct exchange *ex)
{
    ex->handled = true;
    router_handle(s->app, &ex->rq, &ex->reply);
    return send_reply(s, ex);
}

/* On a thread of the pool. */
static void handle(void *arg)
{
    struct exchange *ex = arg;
    router_handle(ex->server->app, &ex->rq, &ex->reply);
    ex->handled = true;
    MHD_resume_connection(ex->connection);
}

/* Handlers may wait for a disk, a gate, a slow query: they run on the pool's threads while
 * the connection is suspended, and on_request is called again behind it. */
static enum MHD_Result answer(struct server *s, struct exchange *ex)
{
    pthread_mutex_lock(&s->stop_lock);
    bool given = !s->stopping;
    if (given) {
        MHD_suspend_connection(ex->connection);
        given = pool_submit(s->pool, handle, ex) == 0;
        if (!given)
            MHD_resume_connection(ex->connection);
    }
    pthread_mutex_unlock(&s->stop_lock);
    return given ? MHD_YES : answer_here(s, ex);
}

/* ---- the request ------------------------------------------------------------------ */

/* Called with the first line of a request, as it came. */
static void *on_uri(void *arg, const char *uri, struct MHD_Connection *connection)
{
    struct exchange *ex = xcalloc(1, sizeof *ex);
    ex->server = arg;
    ex->connection = connection;
    ex->uri = xstrdup(uri);
    ex->start_ms = clock_ms();
    return ex;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **exchange,
                         enum MHD_RequestTerminationCode code)
{
    struct exchange *ex = *exchange;
    *exchange = NULL;
    if (!ex)
        return;
    request_finish(&ex->rq);
    reply_finish(&ex->reply);
    free(ex->uri);
    free(ex);
}

/* A client that asks before it sends is told at once; others are read first. */
static bool refused_before_body(const struct exchange *ex)
{
    const char *length = header(ex, "Content-Length");
    const char *expect = header(ex, "Expect");
    unsigned long long n = length ? strtoull(length, NULL, 10) : 0;
    return n > DISCARD_MAX || (n > REQUEST_BODY_MAX && expect);
}

static void receive(struct exchange *ex, const char *data, size_t len)
{
    ex->received += len;
    if (ex->received <= REQUEST_BODY_MAX) {
        buf_append(&ex->rq.body, data, len);
    } else {
        ex->rq.body_too_large = true;
        buf_finish(&ex->rq.body);
    }
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection,
                                  const char *path, const char *method,
                                  const char *version, const char *data, size_t *data_len,
                                  void **exchange)
{
    struct server *s = arg;
    struct exchange *ex = *exchange;
    if (ex->handled)
        return send_reply(s, ex);
    if (!ex->started) {
        ex->started = true;
        read_head(ex, method, path);
        ex->rq.body_too_large = refused_before_body(ex);
        return ex->rq.body_too_large ? answer_here(s, ex) : MHD_YES;
    }
    if (*data_len) {
        receive(ex, data, *data_len);
        *data_len = 0;
        return ex->received <= DISCARD_MAX ? MHD_YES : MHD_NO;
    }
    return answer(s, ex);
}

/* A descriptor a connection, and some for the store. */
static unsigned connections_max(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return 512;
    if (files.rlim_cur < files.rlim_max) {
        files.rlim_cur =
            files.rlim_max < CONNECTIONS_MAX * 2 ? files.rlim_max : CONNECTIONS_MAX * 2;
        setrlimit(RLIMIT_NOFILE, &files);
        getrlimit(RLIMIT_NOFILE, &files);
    }
    return files.rlim_cur / 2 < CONNECTIONS_MAX ? (unsigned)files.rlim_cur / 2
                                                : CONNECTIONS_MAX;
}

int server_start(struct app *app, const struct server_options *options,
                 struct server **ret_server)
{
    struct server *s = xcalloc(1, sizeof *s);
    s->app = app;
    s->options = *options;
    pthread_mutex_init(&s->log_lock, NULL);
    pthread_mutex_init(&s->stop_lock, NULL);
    server_streams_init(&s->streams);
    s->pool = pool_create(HANDLER_THREADS_MAX);
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
                     MHD_USE_ITC | MHD_USE_ERROR_LOG;
    s->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
        MHD_OPTION_LISTEN_SOCKET, options->listen_fd, MHD_OPTION_CONNECTION_LIMIT,
        connections_max(), MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
        MHD_OPTION_URI_LOG_CALLBACK, on_uri, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        s, MHD_OPTION_END);
    if (!s->daemon) {
        server_stop(s);
        return -EIO;
    }
    *ret_server = s;
    return 0;
}

/* The library does not end with connections that are suspended: first those that the pool
 * has, then the streams that are parked. */
void server_stop(struct server *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->stop_lock);
    s->stopping = true;
    pthread_mutex_unlock(&s->stop_lock);
    pool_destroy(s->pool);
    server_streams_stop(&s->streams);
    if (s->daemon)
        MHD_stop_daemon(s->daemon);
    server_streams_finish(&s->streams);
    pthread_mutex_destroy(&s->stop_lock);
    pthread_mutex_destroy(&s->log_lock);
    free(s);
}
