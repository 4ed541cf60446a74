/* delay.c - delay UPSTREAM-PORT MILLISECONDS: a far platform, as near as 127.0.0.1.
 *
 * Listens on a free port, which it prints, and hands each connection on to the upstream;
 * every byte arrives the given time after it was sent, in both directions. A connection's
 * first bytes arrive a round trip later than that, as if TCP's handshake had crossed the
 * distance too. There is no limit of bandwidth or of connections. One thread; a timer
 * wakes it to the microsecond. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { READ_SIZE = 256 << 10, RETRY_NS = 500000 };

struct chunk {
    struct chunk *next;
    int64_t due;
    size_t len, sent; /* len 0: the sender has closed */
    char data[];
};

struct link;
struct end {
    int fd;
    bool closed; /* nothing comes from here any more */
    bool shut;   /* nothing goes there any more */
    struct link *link;
    struct chunk *head, *tail; /* under way to here */
};
struct link {
    struct link *prev, *next;
    int64_t open_at; /* when the handshake would be over */
    struct end ends[2];
    bool dead;
};

static struct {
    int epoll, timer, listener;
    in_port_t upstream; /* network order */
    int64_t delay;      /* ns, one way */
    struct link *links;
    char buffer[READ_SIZE];
} delay;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "delay: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static struct sockaddr_in loopback(in_port_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = port,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void watch(int fd, void *what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
    if (epoll_ctl(delay.epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll_ctl");
}

/* ---- connections ------------------------------------------------------------- */

static void end_init(struct end *e, int fd, struct link *link)
{
    int on = 1;
    *e = (struct end){.fd = fd, .link = link};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    watch(fd, e);
}

static void link_new(int client)
{
    struct sockaddr_in to = loopback(delay.upstream);
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server < 0 || connect(server, (struct sockaddr *)&to, sizeof to) < 0) {
        close(server);
        close(client);
        return;
    }
    struct link *l = calloc(1, sizeof *l);
    if (!l)
        die("calloc");
    l->open_at = now_ns() + 2 * delay.delay;
    end_init(&l->ends[0], client, l);
    end_init(&l->ends[1], server, l);
    l->next = delay.links;
    if (l->next)
        l->next->prev = l;
    delay.links = l;
}

static void accept_all(void)
{
    int fd;
    while ((fd = accept4(delay.listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
        link_new(fd);
}

static void link_free(struct link *l)
{
    if (l->prev)
        l->prev->next = l->next;
    else
        delay.links = l->next;
    if (l->next)
        l->next->prev = l->prev;
    for (int i = 0; i < 2; i++) {
        while (l->ends[i].head) {
            struct chunk *c = l->ends[i].head;
            l->ends[i].head = c->next;
            free(c);
        }
        close(l->ends[i].fd);
    }
    free(l);
}

/* ---- bytes ------------------------------------------------------------------- */

static struct end *other_end(struct end *e)
{
    return e == &e->link->ends[0] ? &e->link->ends[1] : &e->link->ends[0];
}

static void send_later(struct end *to, size_t len)
{
    struct chunk *c = malloc(sizeof *c + len);
    int64_t now = now_ns();
    if (!c)
        die("malloc");
    int64_t from = now > to->link->open_at ? now : to->link->open_at;
    *c = (struct chunk){.due = from + delay.delay, .len = len};
    memcpy(c->data, delay.buffer, len);
    if (to->tail)
        to->tail->next = c;
    else
        to->head = c;
    to->tail = c;
}

static void end_read(struct end *e)
{
    ssize_t n = read(e->fd, delay.buffer, READ_SIZE);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        e->closed = true;
        epoll_ctl(delay.epoll, EPOLL_CTL_DEL, e->fd, NULL);
    }
    send_later(other_end(e), n > 0 ? (size_t)n : 0);
}

/* Whether the chunk is done with. */
static bool chunk_send(struct end *to, struct chunk *c, int64_t now)
{
    if (!c->len) {
        to->shut = true;
        shutdown(to->fd, SHUT_WR);
        return true;
    }
    ssize_t n = send(to->fd, c->data + c->sent, c->len - c->sent, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) {
        to->link->dead = true;
        return true;
    }
    c->sent += n > 0 ? (size_t)n : 0;
    c->due = now + RETRY_NS; /* if it is not: a full socket */
    return c->sent == c->len;
}

/* What is due goes; returns when the next is, or INT64_MAX. */
static int64_t end_send(struct end *to, int64_t now)
{
    while (to->head && to->head->due <= now) {
        struct chunk *c = to->head;
        if (!chunk_send(to, c, now))
            break;
        to->head = c->next;
        if (!to->head)
            to->tail = NULL;
        free(c);
    }
    return to->head ? to->head->due : INT64_MAX;
}

static void send_due(void)
{
    int64_t now = now_ns();
    int64_t next = INT64_MAX;
    struct link *after;
    for (struct link *l = delay.links; l; l = after) {
        after = l->next;
        for (int i = 0; i < 2; i++) {
            int64_t due = end_send(&l->ends[i], now);
            next = due < next ? due : next;
        }
        if (l->dead || (l->ends[0].shut && l->ends[1].shut))
            link_free(l);
    }
    struct itimerspec at = {0};
    if (next != INT64_MAX)
        at.it_value = (struct timespec){next / 1000000000, next % 1000000000};
    timerfd_settime(delay.timer, TFD_TIMER_ABSTIME, &at, NULL);
}

/* ---- start ------------------------------------------------------------------- */

static void listen_anywhere(void)
{
    struct sockaddr_in at = loopback(0);
    socklen_t len = sizeof at;
    delay.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (delay.listener < 0 ||
        bind(delay.listener, (struct sockaddr *)&at, sizeof at) < 0 ||
        listen(delay.listener, 1024) < 0 ||
        getsockname(delay.listener, (struct sockaddr *)&at, &len) < 0)
        die("listen");
    printf("%u\n", (unsigned)ntohs(at.sin_port));
    fflush(stdout);
    watch(delay.listener, &delay.listener);
}

static void handle(const struct epoll_event *event)
{
    uint64_t ticks;
    if (event->data.ptr == &delay.listener)
        accept_all();
    else if (event->data.ptr == &delay.timer)
        (void)!read(delay.timer, &ticks, sizeof ticks);
    else
        end_read(event->data.ptr);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: delay UPSTREAM-PORT MILLISECONDS\n", stderr);
        return 2;
    }
    delay.upstream = htons((uint16_t)atoi(argv[1]));
    delay.delay = (int64_t)(atof(argv[2]) * 1e6);
    delay.epoll = epoll_create1(EPOLL_CLOEXEC);
    delay.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (delay.epoll < 0 || delay.timer < 0)
        die("epoll, timerfd");
    watch(delay.timer, &delay.timer);
    listen_anywhere();
    for (;;) {
        struct epoll_event events[64];
        int n = epoll_wait(delay.epoll, events, 64, -1);
        for (int i = 0; i < n; i++)
            handle(&events[i]);
        send_due();
    }
}
