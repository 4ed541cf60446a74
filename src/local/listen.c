#include "local/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/alloc.h"
#include "base/log.h"

enum { LISTEN_BACKLOG = 1024 };

/* "ADDR:PORT" -> its two halves; brackets around an IPv6 address fall away. */
static int split_address(const char *address, char **ret_host, char **ret_port)
{
    const char *colon = strrchr(address, ':');
    if (!colon || colon == address || !colon[1])
        return -EINVAL;
    size_t len = (size_t)(colon - address);
    if (address[0] == '[' && colon[-1] == ']') {
        address++;
        len -= 2;
    }
    *ret_host = xstrndup(address, len);
    *ret_port = xstrdup(colon + 1);
    return 0;
}

static bool is_loopback(const struct sockaddr *sa)
{
    const struct sockaddr_in *v4 = (const void *)sa;
    const struct sockaddr_in6 *v6 = (const void *)sa;
    if (sa->sa_family == AF_INET)
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    return sa->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static int bind_and_listen(int fd, const struct sockaddr *sa, socklen_t len)
{
    if (bind(fd, sa, len) < 0 || listen(fd, LISTEN_BACKLOG) < 0)
        return -errno;
    return 0;
}

static int open_tcp(const struct addrinfo *ai, int *ret_fd)
{
    cleanup_fd int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    if (fd < 0)
        return -errno;
    /* A server that is started again need not wait for the old one's connections. */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    int r = bind_and_listen(fd, ai->ai_addr, ai->ai_addrlen);
    if (r < 0)
        return r;
    if (!is_loopback(ai->ai_addr))
        log_warning("listening beyond this machine, without encryption");
    *ret_fd = fd;
    fd = -1;
    return 0;
}

static char *bound_url(int fd)
{
    struct sockaddr_storage ss;
    socklen_t len = sizeof ss;
    char host[NI_MAXHOST];
    char port[NI_MAXSERV];
    if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0 ||
        getnameinfo((struct sockaddr *)&ss, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return xstrdup("http://?");
    return ss.ss_family == AF_INET6 ? xasprintf("http://[%s]:%s", host, port)
                                    : xasprintf("http://%s:%s", host, port);
}

int listen_tcp(const char *address, int *ret_fd, char **ret_url)
{
    cleanup_free char *host = NULL;
    cleanup_free char *port = NULL;
    int r = split_address(address, &host, &port);
    if (r < 0) {
        log_error("'%s' is no ADDR:PORT", address);
        return r;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *ai = NULL;
    int gai = getaddrinfo(host, port, &hints, &ai);
    if (gai != 0) {
        log_error("%s: %s", address, gai_strerror(gai));
        return -EADDRNOTAVAIL;
    }
    r = open_tcp(ai, ret_fd);
    freeaddrinfo(ai);
    if (r < 0)
        log_error("%s: %s", address, strerror(-r));
    else
        *ret_url = bound_url(*ret_fd);
    return r;
}

/* Does somebody answer there? */
static bool unix_alive(const struct sockaddr_un *sun)
{
    cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && connect(fd, (const struct sockaddr *)sun, sizeof *sun) == 0;
}

static int open_unix(const struct sockaddr_un *sun, int *ret_fd)
{
    struct stat st;
    if (unix_alive(sun))
        return -EADDRINUSE;
    if (lstat(sun->sun_path, &st) == 0 && S_ISSOCK(st.st_mode))
        unlink(sun->sun_path);
    cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    mode_t before = umask(0177); /* no other thread runs yet */
    int r = bind_and_listen(fd, (const struct sockaddr *)sun, sizeof *sun);
    umask(before);
    if (r < 0)
        return r;
    *ret_fd = fd;
    fd = -1;
    return 0;
}

int listen_unix(const char *path, int *ret_fd, char **ret_url)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    int r = -ENAMETOOLONG;
    if (strlen(path) < sizeof sun.sun_path) {
        memcpy(sun.sun_path, path, strlen(path));
        r = open_unix(&sun, ret_fd);
    }
    if (r < 0)
        log_error("%s: %s", path, strerror(-r));
    else
        *ret_url = xasprintf("unix:%s", path);
    return r;
}
