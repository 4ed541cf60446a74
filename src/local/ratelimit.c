#include "local/ratelimit.h"

#include <stdio.h>

bool ratelimit_parse(const char *text, struct ratelimit *ret)
{
    unsigned limit;
    unsigned seconds = 60;
    int used = 0;
    if (sscanf(text, "%u%n/%u%n", &limit, &used, &seconds, &used) < 1 || text[used] ||
        !limit || !seconds || text[0] == '-')
        return false;
    ret->limit = limit;
    ret->window_ms = (int64_t)seconds * 1000;
    return true;
}

struct ratelimit_state ratelimit_take(struct ratelimit *l, int64_t now_ms)
{
    pthread_mutex_lock(&l->lock);
    if (now_ms - l->window_start >= l->window_ms) {
        l->window_start = now_ms;
        l->used = 0;
    }
    int64_t left_ms = l->window_start + l->window_ms - now_ms;
    struct ratelimit_state state = {.allowed = l->used < l->limit, .limit = l->limit};
    if (state.allowed)
        l->used++;
    state.remaining = l->limit - l->used;
    state.reset_seconds = (unsigned)((left_ms + 999) / 1000);
    pthread_mutex_unlock(&l->lock);
    return state;
}
