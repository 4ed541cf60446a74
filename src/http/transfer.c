#include "http/transfer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/clock.h"

enum { CONNECT_TIMEOUT_MS = 10000 };

/* ---- the body, both ways ---------------------------------------------------------- */

static size_t transfer_read(char *out, size_t size, size_t count, void *arg)
{
    struct transfer *t = arg;
    size_t n = t->body->len - t->body_sent;
    if (n > size * count)
        n = size * count;
    memcpy(out, t->body->data + t->body_sent, n);
    t->body_sent += n;
    return n;
}

/* libcurl rewinds the body when it silently repeats a request on a reused connection
 * that died. What must not be repeated cannot be rewound. */
static int transfer_seek(void *arg, curl_off_t offset, int origin)
{
    struct transfer *t = arg;
    if (!t->repeatable || origin != SEEK_SET || offset < 0 ||
        (size_t)offset > t->body->len)
        return CURL_SEEKFUNC_FAIL;
    t->body_sent = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static size_t transfer_pass_on(struct transfer *t, const char *data, size_t n)
{
    int r = t->sink->data(t->owner, data, n);
    if (r == 0)
        return n;
    if (r > 0)
        return CURL_WRITEFUNC_PAUSE;
    t->sink_err = r;
    return 0;
}

static size_t transfer_write(char *data, size_t size, size_t count, void *arg)
{
    struct transfer *t = arg;
    size_t n = size * count;
    if (t->streaming)
        return transfer_pass_on(t, data, n);
    if (n > t->max_body - t->answer.len) {
        t->too_big = true;
        return 0; /* anything but n ends the transfer */
    }
    buf_append(&t->answer, data, n);
    return n;
}

static bool transfer_is_event_stream(const char *type)
{
    static const char want[] = "text/event-stream";
    size_t n = sizeof want - 1;
    return type && strncasecmp(type, want, n) == 0 && strchr("; \t", type[n]);
}

/* The header is over, unless that was the one of an interim answer. False: go no further. */
static bool transfer_open(struct transfer *t)
{
    long status = 0;
    char *type = NULL;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        return true;
    curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
    t->streaming = transfer_is_event_stream(type);
    t->no_stream = !t->streaming;
    if (t->streaming)
        t->sink->opened(t->owner);
    return t->streaming;
}

static size_t transfer_header(char *line, size_t size, size_t count, void *arg)
{
    struct transfer *t = arg;
    size_t n = size * count;
    t->head.bytes += n;
    if (t->head.bytes > HEAD_MAX) {
        t->too_big = true;
        return 0;
    }
    head_line(&t->head, line, n);
    bool last = n > 0 && (line[0] == '\r' || line[0] == '\n');
    if (last && t->sink && !t->streaming && !transfer_open(t))
        return 0;
    return n;
}

/* ---- setting up ------------------------------------------------------------------- */

static void transfer_add_header(struct transfer *t, const char *name, const char *value)
{
    char *line = xasprintf("%s: %s", name, value);
    struct curl_slist *list = curl_slist_append(t->headers, line);
    explicit_bzero(line, strlen(line));
    free(line);
    if (!list)
        abort(); /* out of memory */
    t->headers = list;
}

static void transfer_set_headers(struct transfer *t, const struct transfer_order *o)
{
    cleanup_free char *bearer = NULL;
    if (o->auth == AUTH_BEARER) {
        bearer = xasprintf("Bearer %s", o->key);
        transfer_add_header(t, "Authorization", bearer);
        explicit_bzero(bearer, strlen(bearer));
    } else {
        transfer_add_header(t, "X-API-Key", o->key);
    }
    transfer_add_header(t, "Accept", o->sink ? "text/event-stream" : "application/json");
    if (o->last_id)
        transfer_add_header(t, "Last-Event-ID", o->last_id);
    if (o->api_version)
        transfer_add_header(t, "X-Amdahl-API-Version", o->api_version);
    if (o->body)
        transfer_add_header(t, "Content-Type", "application/json");
    transfer_add_header(t, "Expect",
                        ""); /* no round trip to ask whether a body may come */
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
}

static void transfer_set_address(struct transfer *t, const struct transfer_order *o)
{
    cleanup_free char *url = xasprintf("%s%s", o->url->base, o->path);
    curl_easy_setopt(t->easy, CURLOPT_URL, url);
    curl_easy_setopt(t->easy, CURLOPT_PATH_AS_IS, 1L); /* an id may be "%2E%2E" */
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
    if (o->url->socket)
        curl_easy_setopt(t->easy, CURLOPT_UNIX_SOCKET_PATH, o->url->socket);
    if (o->url->loopback)
        curl_easy_setopt(t->easy, CURLOPT_PROXY, "");
}

static void transfer_set_body(struct transfer *t, const struct transfer_order *o)
{
    if (o->body) {
        curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)o->body->len);
        curl_easy_setopt(t->easy, CURLOPT_READFUNCTION, transfer_read);
        curl_easy_setopt(t->easy, CURLOPT_READDATA, t);
        curl_easy_setopt(t->easy, CURLOPT_SEEKFUNCTION, transfer_seek);
        curl_easy_setopt(t->easy, CURLOPT_SEEKDATA, t);
    }
    curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, o->method);
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, transfer_write);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, transfer_header);
    curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
    if (!o->sink) /* what compresses a stream holds it back */
        curl_easy_setopt(t->easy, CURLOPT_ACCEPT_ENCODING,
                         ""); /* all that libcurl knows */
}

static void transfer_set_connection(struct transfer *t, const struct transfer_order *o)
{
    long connect_ms =
        o->timeout_ms < CONNECT_TIMEOUT_MS ? (long)o->timeout_ms : CONNECT_TIMEOUT_MS;
    curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L); /* threads: no SIGALRM for DNS */
    curl_easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, 0L); /* the key goes nowhere else */
    curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(t->easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, o->sink ? 0L : (long)o->timeout_ms);
    if (o->fresh)
        curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
    /* Without it, giving up on a hung getaddrinfo() waits for it, on the engine's thread.
     */
    curl_easy_setopt(t->easy, CURLOPT_QUICK_EXIT, 1L);
#endif
}

/* Over TLS, rather a stream of a connection that is being made than a connection of its
 * own. In the clear HTTP/2 is not even hoped for: libcurl would hold all requests back
 * until the first is answered, to see whether they may share its connection. */
static void transfer_set_version(struct transfer *t, const struct transfer_order *o)
{
    bool secure = !strncmp(o->url->base, "https:", 6);
    curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION,
                     (long)(secure ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(t->easy, CURLOPT_PIPEWAIT, secure && !o->fresh ? 1L : 0L);
}

struct transfer *transfer_new(const struct transfer_order *order, void *owner)
{
    struct transfer *t = xcalloc(1, sizeof *t);
    t->easy = curl_easy_init();
    if (!t->easy)
        abort(); /* out of memory */
    t->owner = owner;
    t->body = text_ref(order->body);
    t->repeatable = order->repeatable;
    t->max_body = order->max_body;
    t->sink = order->sink;
    head_init(&t->head);
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->error);
    curl_easy_setopt(t->easy, CURLOPT_USERAGENT, "amdahlfs/" AMDAHLFS_VERSION);
    transfer_set_address(t, order);
    transfer_set_headers(t, order);
    transfer_set_body(t, order);
    transfer_set_connection(t, order);
    transfer_set_version(t, order);
    return t;
}

void transfer_free(struct transfer *t)
{
    if (!t)
        return;
    curl_easy_cleanup(t->easy);
    for (struct curl_slist *h = t->headers; h; h = h->next)
        explicit_bzero(h->data, strlen(h->data)); /* the key is in one of them */
    curl_slist_free_all(t->headers);
    text_unref(t->body);
    buf_finish(&t->answer);
    free(t);
}

/* ---- how it ended ----------------------------------------------------------------- */

/* What is not here is -EIO. */
static const struct {
    CURLcode code;
    int err;
} transfer_errors[] = {
    {CURLE_COULDNT_RESOLVE_HOST, -EHOSTUNREACH},
    {CURLE_COULDNT_RESOLVE_PROXY, -EHOSTUNREACH},
    {CURLE_COULDNT_CONNECT, -ECONNREFUSED},
    {CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT},
    {CURLE_GOT_NOTHING, -ECONNRESET},
    {CURLE_SEND_ERROR, -ECONNRESET},
    {CURLE_RECV_ERROR, -ECONNRESET},
    {CURLE_PARTIAL_FILE, -ECONNRESET},
    {CURLE_SEND_FAIL_REWIND, -ECONNRESET},
    {CURLE_HTTP2, -ECONNRESET},
    {CURLE_HTTP2_STREAM, -ECONNRESET},
};

static const CURLcode transfer_tls_errors[] = {
    CURLE_SSL_CONNECT_ERROR,     CURLE_PEER_FAILED_VERIFICATION,
    CURLE_SSL_CERTPROBLEM,       CURLE_SSL_CIPHER,
    CURLE_SSL_CACERT_BADFILE,    CURLE_SSL_ISSUER_ERROR,
    CURLE_SSL_INVALIDCERTSTATUS,
};

static int transfer_connect_errno(struct transfer *t)
{
    long os = 0;
    curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &os);
    switch (os) {
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ETIMEDOUT:
        return -(int)os;
    default:
        return -ECONNREFUSED; /* also a socket file that is not there */
    }
}

static int transfer_errno(struct transfer *t, CURLcode code)
{
    if (t->too_big)
        return -EFBIG;
    if (t->no_stream)
        return -EPROTO;
    if (t->sink_err)
        return t->sink_err;
    if (code == CURLE_COULDNT_CONNECT)
        return transfer_connect_errno(t);
    for (size_t i = 0; i < ARRAY_LEN(transfer_errors); i++)
        if (transfer_errors[i].code == code)
            return transfer_errors[i].err;
    return -EIO;
}

static bool transfer_is_tls(CURLcode code)
{
    for (size_t i = 0; i < ARRAY_LEN(transfer_tls_errors); i++)
        if (transfer_tls_errors[i] == code)
            return true;
    return false;
}

/* In the error buffer, where libcurl's own words stand already when it had any. */
static const char *transfer_reason(struct transfer *t, CURLcode code)
{
    char words[CURL_ERROR_SIZE];
    snprintf(words, sizeof words, "%s",
             t->error[0] ? t->error : curl_easy_strerror(code));
    if (t->too_big)
        snprintf(t->error, sizeof t->error,
                 "the platform's answer is larger than %zu bytes", t->max_body);
    else if (t->no_stream)
        snprintf(t->error, sizeof t->error,
                 "the platform's answer is no stream of events");
    else if (t->sink_err)
        snprintf(t->error, sizeof t->error, "the stream cannot be used: %s",
                 strerrordesc_np(-t->sink_err));
    else
        snprintf(t->error, sizeof t->error, "%s%.240s",
                 transfer_is_tls(code) ? "TLS: " : "", words);
    return t->error;
}

bool transfer_was_sent(struct transfer *t)
{
    long bytes = 0;
    curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &bytes);
    return bytes > 0;
}

void transfer_result(struct transfer *t, CURLcode code, struct transfer_result *ret)
{
    char *type = NULL;
    struct timespec now = clock_now();
    head_end(&t->head, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    *ret = (struct transfer_result){.sent = transfer_was_sent(t), .reason = ""};
    if (code == CURLE_OK)
        curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &ret->status);
    if (code == CURLE_OK && ret->status < 200)
        code = CURLE_WEIRD_SERVER_REPLY;
    if (code == CURLE_OK && ret->status == 200 && t->sink && !t->streaming)
        code = CURLE_RECV_ERROR; /* it was cut off in its header */
    if (code != CURLE_OK) {
        ret->status = 0;
        ret->err = transfer_errno(t, code);
        ret->reason = transfer_reason(t, code);
    }
    curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
    ret->content_type = type ? type : "";
}
