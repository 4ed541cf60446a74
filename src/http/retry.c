#include "http/retry.h"

#include <errno.h>

/* A 429 says that the request was not taken, whatever it was: no policy minds sending it
 * again. With a wait of the server's own there is no end to it but the deadline. */
static bool retry_status(enum retry_policy policy, const struct retry_outcome *o)
{
    if (o->status == 429)
        return o->server_wait_ms > 0 || o->tries < RETRY_ATTEMPTS;
    if (o->tries >= RETRY_ATTEMPTS || policy == RETRY_ONCE)
        return false;
    if (policy == RETRY_ASK)
        return o->status == 503;
    return o->status >= 500 && o->status != 501 && o->status != 505;
}

/* A platform that refused connections before this request was made is away: each caller
 * learns that at once. One that was there a moment ago may be restarting. */
static bool retry_error(enum retry_policy policy, const struct retry_outcome *o)
{
    if (o->tries >= RETRY_ATTEMPTS)
        return false;
    if (!o->sent)
        return o->was_online &&
               (o->err == -ECONNREFUSED || o->err == -ECONNRESET || o->err == -ETIMEDOUT);
    return policy == RETRY_SAFE && (o->err == -ECONNRESET || o->err == -ETIMEDOUT);
}

bool retry_wanted(enum retry_policy policy, const struct retry_outcome *o)
{
    return o->err ? retry_error(policy, o) : retry_status(policy, o);
}

int64_t retry_delay_ms(const struct retry_outcome *o, unsigned chance)
{
    unsigned doublings = o->tries > 1 ? o->tries - 1 : 0;
    int64_t jitter = chance % (RETRY_JITTER_MS + 1);
    if (o->server_wait_ms > 0)
        return o->server_wait_ms + jitter;
    return ((int64_t)RETRY_BASE_MS << (doublings < 6 ? doublings : 6)) + jitter;
}
