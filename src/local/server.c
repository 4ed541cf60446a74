#include "local/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "local/app.h"
#include "local/exchange.h"
#include "local/router.h"
#include "local/uuid.h"

enum {
    CONNECTIONS_MAX = 512,
    IDLE_SECONDS = 300,
    /* A body above REQUEST_BODY_MAX is read and thrown away up to here, so that a client
     * that sends first and reads then gets its 413; beyond, the connection ends. */
    DISCARD_MAX = 64 << 20,
};

struct server {
    struct app *app;
    struct server_options options;
    struct MHD_Daemon *daemon;
    pthread_mutex_t log_lock; /* of options.access_log: lines are whole */
};

/* One request, from its first line to the end of its answer. */
struct exchange {
    struct request rq;
    char *uri; /* as it came, owned */
    int64_t start_ms;
    size_t received;
    bool started;
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
static enum MHD_Result send_reply(struct server *s, struct exchange *ex,
                                  struct MHD_Connection *connection, const char *method,
                                  struct reply *rp)
{
    char request_id[UUID_TEXT];
    size_t len = rp->body.len;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, buf_steal(&rp->body), MHD_RESPMEM_MUST_FREE);
    if (!response)
        return MHD_NO;
    uuid_make(request_id);
    MHD_add_response_header(response, "Content-Type", "application/json");
    MHD_add_response_header(response, "X-Request-Id", request_id);
    for (size_t i = 0; i < rp->header_count; i++)
        MHD_add_response_header(response, rp->headers[i].name, rp->headers[i].value);
    log_exchange(s, ex, method, rp->status);
    enum MHD_Result r = MHD_queue_response(connection, (unsigned)rp->status, response);
    MHD_destroy_response(response);
    return r;
}

static enum MHD_Result on_argument(void *arg, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    request_add_arg(arg, name, value);
    return MHD_YES;
}

static enum MHD_Result answer(struct server *s, struct exchange *ex,
                              struct MHD_Connection *connection, const char *method,
                              const char *path)
{
    struct reply reply = {.status = 500};
    ex->rq.method = method;
    ex->rq.path = path;
    ex->rq.authorization =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
    ex->rq.x_api_key =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "X-API-Key");
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, on_argument, &ex->rq);
    router_handle(s->app, &ex->rq, &reply);
    enum MHD_Result r = send_reply(s, ex, connection, method, &reply);
    reply_finish(&reply);
    return r;
}

/* ---- the request ------------------------------------------------------------------ */

/* Called with the first line of a request, as it came. */
static void *on_uri(void *arg, const char *uri, struct MHD_Connection *connection)
{
    struct exchange *ex = xcalloc(1, sizeof *ex);
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
    free(ex->uri);
    free(ex);
}

/* A client that asks before it sends is told at once; others are read first. */
static bool refused_before_body(struct MHD_Connection *connection)
{
    const char *length =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
    const char *expect =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Expect");
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
    if (!ex->started) {
        ex->started = true;
        ex->rq.body_too_large = refused_before_body(connection);
        return ex->rq.body_too_large ? answer(s, ex, connection, method, path) : MHD_YES;
    }
    if (*data_len) {
        receive(ex, data, *data_len);
        *data_len = 0;
        return ex->received <= DISCARD_MAX ? MHD_YES : MHD_NO;
    }
    return answer(s, ex, connection, method, path);
}

int server_start(struct app *app, const struct server_options *options,
                 struct server **ret_server)
{
    struct server *s = xcalloc(1, sizeof *s);
    s->app = app;
    s->options = *options;
    pthread_mutex_init(&s->log_lock, NULL);
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
                     MHD_USE_ITC | MHD_USE_POLL | MHD_USE_ERROR_LOG;
    s->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
        MHD_OPTION_LISTEN_SOCKET, options->listen_fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
        MHD_OPTION_URI_LOG_CALLBACK, on_uri, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        s, MHD_OPTION_END);
    if (!s->daemon) {
        server_stop(s);
        return -EIO;
    }
    *ret_server = s;
    return 0;
}

void server_stop(struct server *s)
{
    if (!s)
        return;
    if (s->daemon)
        MHD_stop_daemon(s->daemon);
    pthread_mutex_destroy(&s->log_lock);
    free(s);
}
