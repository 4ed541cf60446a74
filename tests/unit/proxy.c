#include "proxy.h"

#include <arpa/inet.h>
#undef NDEBUG /* also in a release build */
#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/buf.h"

#define PREFIX "/api/platform/v1"
enum { SEEN_MAX = 1000 };

struct proxy {
    int listener;
    unsigned port, upstream;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    char *seen[SEEN_MAX];
    size_t seen_count;
    char *lose;      /* the request whose answer is lost next; NULL: none */
    bool lose_early; /* before it is handed on */
};

/* ---- bytes ------------------------------------------------------------------------ */

static size_t content_length(const char *head)
{
    for (const char *line = head; line; line = strstr(line, "\r\n")) {
        line += strspn(line, "\r\n");
        if (!strncasecmp(line, "content-length:", 15))
            return strtoul(line + 15, NULL, 10);
        if (!*line)
            break;
    }
    return 0;
}

/* Headers and body. False: the client went away. */
static bool read_request(int fd, struct buf *in)
{
    char part[65536];
    size_t want = 0;
    while (!want || in->len < want) {
        ssize_t n = recv(fd, part, sizeof part, 0);
        if (n <= 0)
            return false;
        buf_append(in, part, (size_t)n);
        const char *end = strstr(in->data, "\r\n\r\n");
        if (end && !want)
            want = (size_t)(end + 4 - in->data) + content_length(in->data);
    }
    return true;
}

static void send_all(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        data += n;
        len -= (size_t)n;
    }
}

static struct sockaddr_in loopback(unsigned port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return at;
}

/* The server's whole answer: the connection is asked to end with it. */
static void hand_on(const struct proxy *p, const struct buf *in, struct buf *out)
{
    struct sockaddr_in at = loopback(p->upstream);
    cleanup_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const char *rest = strstr(in->data, "\r\n") + 2;
    char part[65536];
    ssize_t n;
    assert(connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    send_all(fd, in->data, (size_t)(rest - in->data));
    send_all(fd, "Connection: close\r\n", 19);
    send_all(fd, rest, in->len - (size_t)(rest - in->data));
    while ((n = recv(fd, part, sizeof part, 0)) > 0)
        buf_append(out, part, (size_t)n);
}

/* ---- requests --------------------------------------------------------------------- */

enum fate { FATE_PASS, FATE_ANSWER_LOST, FATE_LOST };

/* Notes "METHOD path " and says what is to become of it. */
static enum fate note(struct proxy *p, const char *head)
{
    size_t method = strcspn(head, " ");
    const char *path = head + method + 1;
    if (!strncmp(path, PREFIX, strlen(PREFIX)))
        path += strlen(PREFIX);
    char *line =
        xasprintf("%.*s %.*s ", (int)method, head, (int)strcspn(path, " "), path);
    enum fate fate = FATE_PASS;
    pthread_mutex_lock(&p->lock);
    assert(p->seen_count < SEEN_MAX);
    p->seen[p->seen_count++] = line;
    if (p->lose && !strncmp(line, p->lose, strlen(p->lose))) {
        fate = p->lose_early ? FATE_LOST : FATE_ANSWER_LOST;
        free(steal_ptr(p->lose));
    }
    pthread_mutex_unlock(&p->lock);
    return fate;
}

static void serve(struct proxy *p, int fd)
{
    cleanup_buf struct buf in = BUF_INIT;
    cleanup_buf struct buf out = BUF_INIT;
    if (!read_request(fd, &in))
        return;
    enum fate fate = note(p, in.data);
    if (fate != FATE_LOST)
        hand_on(p, &in, &out);
    if (fate == FATE_PASS)
        send_all(fd, out.data, out.len);
}

static void *proxy_run(void *arg)
{
    struct proxy *p = arg;
    for (;;) {
        cleanup_fd int fd = accept(p->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        serve(p, fd);
    }
}

/* ---- life ------------------------------------------------------------------------- */

struct proxy *proxy_start(unsigned upstream)
{
    struct proxy *p = xcalloc(1, sizeof *p);
    struct sockaddr_in at = loopback(0);
    socklen_t len = sizeof at;
    p->upstream = upstream;
    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pthread_mutex_init(&p->lock, NULL);
    assert(bind(p->listener, (struct sockaddr *)&at, sizeof at) == 0);
    assert(listen(p->listener, 64) == 0);
    assert(getsockname(p->listener, (struct sockaddr *)&at, &len) == 0);
    p->port = ntohs(at.sin_port);
    assert(pthread_create(&p->thread, NULL, proxy_run, p) == 0);
    return p;
}

void proxy_stop(struct proxy *p)
{
    shutdown(p->listener, SHUT_RDWR); /* wakes accept() */
    pthread_join(p->thread, NULL);
    close(p->listener);
    proxy_forget(p);
    free(p->lose);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

unsigned proxy_port(const struct proxy *p)
{
    return p->port;
}

size_t proxy_count(struct proxy *p, const char *what)
{
    size_t count = 0;
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->seen_count; i++)
        count += !strncmp(p->seen[i], what, strlen(what));
    pthread_mutex_unlock(&p->lock);
    return count;
}

void proxy_forget(struct proxy *p)
{
    pthread_mutex_lock(&p->lock);
    while (p->seen_count)
        free(p->seen[--p->seen_count]);
    pthread_mutex_unlock(&p->lock);
}

static void proxy_lose(struct proxy *p, const char *what, bool early)
{
    pthread_mutex_lock(&p->lock);
    free(p->lose);
    p->lose = xstrdup(what);
    p->lose_early = early;
    pthread_mutex_unlock(&p->lock);
}

void proxy_lose_answer(struct proxy *p, const char *what)
{
    proxy_lose(p, what, false);
}

void proxy_lose_request(struct proxy *p, const char *what)
{
    proxy_lose(p, what, true);
}
