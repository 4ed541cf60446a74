#include "http/url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "base/alloc.h"

#define URL_API "/api/platform/v1"
enum { URL_MAX = 2000 };

static int url_refuse(char **ret_reason, const char *why)
{
    *ret_reason = xasprintf("the platform's URL %s", why);
    return -EINVAL;
}

static int url_parse_unix(const char *path, struct url *ret, char **ret_reason)
{
    if (*path != '/')
        return url_refuse(ret_reason,
                          "names no socket: unix:/path/of/socket is the form");
    if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
        return url_refuse(ret_reason, "names a socket whose path is too long");
    ret->base = xstrdup("http://localhost" URL_API);
    ret->host = xstrdup(path);
    ret->socket = xstrdup(path);
    ret->loopback = true;
    return 0;
}

/* "[::1]:80" -> "::1", "localhost:80" -> "localhost"; NULL when it is no host[:port]. */
static char *url_host_alone(const char *authority)
{
    const char *end;
    const char *start = authority;
    if (*start == '[') {
        end = strchr(++start, ']');
        if (!end || (end[1] && end[1] != ':'))
            return NULL;
        authority = end + 1;
    } else {
        end = start + strcspn(start, ":");
        authority = end;
    }
    if (*authority == ':') {
        size_t digits = strspn(++authority, "0123456789");
        if (!digits || digits > 5 || authority[digits] || atoi(authority) > 65535)
            return NULL;
    }
    return end == start ? NULL : xstrndup(start, (size_t)(end - start));
}

/* By its letters: a name that merely resolves to 127.0.0.1 can resolve elsewhere
 * tomorrow, and the key would go there in the clear. */
static bool url_is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (!strcasecmp(host, "localhost"))
        return true;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static bool url_is_clean(const char *s)
{
    for (; *s; s++)
        if (!isgraph((unsigned char)*s))
            return false;
    return true;
}

/* Length of the path without trailing slashes and without URL_API. */
static size_t url_path_len(const char *path)
{
    size_t len = strlen(path);
    size_t api = strlen(URL_API);
    while (len && path[len - 1] == '/')
        len--;
    if (len >= api && !strncmp(path + len - api, URL_API, api))
        len -= api;
    while (len && path[len - 1] == '/')
        len--;
    return len;
}

int url_parse(const char *text, struct url *ret, char **ret_reason)
{
    bool secure = !strncasecmp(text, "https://", 8);
    if (!strncmp(text, "unix:", 5))
        return url_parse_unix(text + 5, ret, ret_reason);
    if (!secure && strncasecmp(text, "http://", 7))
        return url_refuse(ret_reason, "must begin with https://");
    if (strlen(text) > URL_MAX || !url_is_clean(text))
        return url_refuse(ret_reason, "is too long or has blanks or odd bytes in it");
    const char *authority = text + (secure ? 8 : 7);
    size_t authority_len = strcspn(authority, "/?#");
    const char *path = authority + authority_len;
    cleanup_free char *where = xstrndup(authority, authority_len);
    if (strpbrk(where, "@\\"))
        return url_refuse(ret_reason,
                          "must not hold a user name or password: the key comes "
                          "from a file or from AMDAHL_API_KEY");
    if (strpbrk(path, "?#"))
        return url_refuse(ret_reason, "must end before any ? or #");
    cleanup_free char *host = url_host_alone(where);
    if (!host)
        return url_refuse(ret_reason, "names no host, or a port that cannot be");
    bool loopback = url_is_loopback(host);
    if (!secure && !loopback)
        return url_refuse(ret_reason, "must be https: plain http would show the key to "
                                      "the network (only loopback may use it)");
    ret->base = xasprintf("%s://%s%.*s" URL_API, secure ? "https" : "http", where,
                          (int)url_path_len(path), path);
    ret->host = xstrdup(where);
    ret->socket = NULL;
    ret->loopback = loopback;
    return 0;
}

void url_finish(struct url *u)
{
    free(u->base);
    free(u->host);
    free(u->socket);
    *u = (struct url){0};
}
