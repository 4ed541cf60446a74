#include "local/router.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "local/app.h"
#include "local/exchange.h"

struct route {
    const char *method;
    const char *pattern; /* segments; one that begins with ':' matches any */
    enum scope scope;
    handler_fn *handler;
};

/* The first pattern that matches decides: fixed names stand before ":id". */
static const struct route routes[] = {
    {"GET", "/me", SCOPE_NONE, api_me},
    {"GET", "/pages", SCOPE_PAGES_READ, api_page_list},
    {"POST", "/pages", SCOPE_PAGES_WRITE, api_page_create},
    {"POST", "/pages/validate", SCOPE_PAGES_READ, api_page_validate},
    {"GET", "/pages/templates", SCOPE_PAGES_READ, api_template_list},
    {"GET", "/pages/templates/:slug", SCOPE_PAGES_READ, api_template_get},
    {"GET", "/pages/:id", SCOPE_PAGES_READ, api_page_get},
    {"PATCH", "/pages/:id", SCOPE_PAGES_WRITE, api_page_update},
    {"DELETE", "/pages/:id", SCOPE_PAGES_WRITE, api_page_archive},
    {"POST", "/pages/:id/render", SCOPE_PAGES_READ, api_page_render},
    {"POST", "/pages/:id/hard-delete", SCOPE_PAGES_DELETE, api_page_hard_delete},
    {"POST", "/data/query", SCOPE_DATA_READ, api_data_query},
    {"POST", "/data/explore", SCOPE_DATA_READ, api_data_explore},
    {"POST", "/data/search", SCOPE_DATA_READ, api_data_search},
};

/* Segment by segment; *param gets what stood for the ":id". */
static bool pattern_matches(const char *pattern, const char *path,
                            char param[REQUEST_PARAM_MAX])
{
    while (*pattern == '/' && *path == '/') {
        size_t want = strcspn(++pattern, "/");
        size_t have = strcspn(++path, "/");
        if (*pattern == ':') {
            if (have == 0 || have >= REQUEST_PARAM_MAX)
                return false;
            memcpy(param, path, have);
            param[have] = '\0';
        } else if (want != have || memcmp(pattern, path, want) != 0) {
            return false;
        }
        pattern += want;
        path += have;
    }
    return !*pattern && !*path;
}

static const struct route *route_of_path(struct request *rq)
{
    size_t prefix = strlen(API_PREFIX);
    if (strncmp(rq->path, API_PREFIX, prefix) != 0)
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(routes); i++)
        if (pattern_matches(routes[i].pattern, rq->path + prefix, rq->param))
            return &routes[i];
    return NULL;
}

static const struct route *route_of_method(const struct route *first, const char *method,
                                           struct buf *ret_allow)
{
    if (!strcmp(method, "HEAD")) /* the HTTP library leaves the body out */
        method = "GET";
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        if (strcmp(routes[i].pattern, first->pattern) != 0)
            continue;
        if (!strcmp(routes[i].method, method))
            return &routes[i];
        buf_printf(ret_allow, "%s%s", ret_allow->len ? ", " : "", routes[i].method);
    }
    return NULL;
}

static const struct route *find_route(struct request *rq, struct reply *rp)
{
    const struct route *first = route_of_path(rq);
    if (!first) {
        reply_not_found(rp, "there is nothing at this path");
        return NULL;
    }
    cleanup_buf struct buf allow = BUF_INIT;
    const struct route *route = route_of_method(first, rq->method, &allow);
    if (!route) {
        reply_header(rp, "Allow", "%s", allow.data);
        reply_error(rp, 405, "method_not_allowed", NULL, "%s is not for this path: %s",
                    rq->method, allow.data);
    }
    return route;
}

/* Authorization wins over X-API-Key, even where it holds nothing of use. */
static const char *request_secret(const struct request *rq)
{
    const char *value = rq->authorization;
    if (!value)
        return rq->x_api_key;
    if (strncasecmp(value, "Bearer ", 7) != 0)
        return NULL;
    value += 7;
    return value + strspn(value, " ");
}

static bool authenticate(struct app *app, struct request *rq, struct reply *rp)
{
    const char *secret = request_secret(rq);
    rq->key = secret ? keyring_find(&app->keys, secret) : NULL;
    if (rq->key)
        return true;
    reply_header(rp, "WWW-Authenticate", "Bearer");
    reply_error(rp, 401, "unauthenticated", NULL,
                secret ? "the API key is not valid"
                       : "an API key is needed: Authorization: Bearer, or X-API-Key");
    return false;
}

/* The wait stands where each of the platform's clients looks for it. */
static void reply_rate_limited(struct reply *rp, unsigned seconds)
{
    rp->status = 429;
    reply_header(rp, "Retry-After", "%u", seconds);
    buf_printf(
        &rp->body,
        "{\"error\":{\"code\":\"rate_limited\",\"message\":\"too many requests, try "
        "again in %u s\",\"details\":{\"retry_after_seconds\":%u}},"
        "\"retry_after\":%u}",
        seconds, seconds, seconds);
}

static bool within_limit(struct app *app, struct reply *rp)
{
    if (app->limit.limit == 0)
        return true;
    struct ratelimit_state state = ratelimit_take(&app->limit, clock_ms());
    reply_header(rp, "X-RateLimit-Limit", "%u", state.limit);
    reply_header(rp, "X-RateLimit-Remaining", "%u", state.remaining);
    reply_header(rp, "X-RateLimit-Reset", "%u", state.reset_seconds);
    if (!state.allowed)
        reply_rate_limited(rp, state.reset_seconds);
    return state.allowed;
}

void router_handle(struct app *app, struct request *rq, struct reply *rp)
{
    if (!within_limit(app, rp))
        return;
    const struct route *route = find_route(rq, rp);
    if (!route || !authenticate(app, rq, rp))
        return;
    if (!key_has(rq->key, route->scope)) {
        reply_missing_scope(rp, scope_name(route->scope), "this call");
    } else if (rq->body_too_large) {
        reply_error(rp, 413, "payload_too_large", NULL, "a body may have %d bytes",
                    REQUEST_BODY_MAX);
    } else {
        route->handler(app, rq, rp);
    }
}
