#include "http/budget.h"

#include "base/alloc.h"

enum {
    BUDGET_WINDOW_MS = 60000,
    BUDGET_MAX = 100000,          /* a higher limit is none */
    BUDGET_BLIND_WAIT_MS = 5000,  /* nothing left and no word until when: the fallback
                                   * of the platform's own Python guide */
    BUDGET_WAIT_MAX_MS = 3600000, /* no server puts a mount to sleep for longer */
};

/* Percent of the budget that a class leaves to others. People and their programs leave a
 * little to saves; what runs by itself leaves most of it to them. */
static const unsigned budget_reserve_percent[HTTP_CLASSES] = {
    [HTTP_INTERACTIVE] = 5,
    [HTTP_SAVE] = 0,
    [HTTP_READAHEAD] = 25,
    [HTTP_BACKGROUND] = 50,
};

void budget_init(struct budget *b, unsigned max_requests)
{
    *b = (struct budget){.limit = -1, .remaining = -1};
    if (max_requests == 0 || max_requests > BUDGET_MAX)
        return;
    b->max = max_requests;
    b->spent = xcalloc(max_requests, sizeof *b->spent);
    for (unsigned i = 0; i < b->max; i++)
        b->spent[i] = INT64_MIN / 2;
}

void budget_finish(struct budget *b)
{
    free(b->spent);
    b->spent = NULL;
}

static unsigned budget_reserve(long limit, enum http_class class)
{
    return limit > 0 ? (unsigned)(limit * budget_reserve_percent[class] / 100) : 0;
}

/* With `reserve` slots left to others, the slot to wait for is the one that many after
 * the oldest. */
static int64_t budget_when_max(const struct budget *b, enum http_class class)
{
    unsigned reserve = budget_reserve(b->max, class);
    return b->spent[(b->next + reserve) % b->max] + BUDGET_WINDOW_MS;
}

static int64_t budget_when_said(const struct budget *b, enum http_class class,
                                int64_t now)
{
    if (b->remaining < 0 || now >= b->reset_at)
        return now;
    return b->remaining > (long)budget_reserve(b->limit, class) ? now : b->reset_at;
}

int64_t budget_when(const struct budget *b, enum http_class class, int64_t now)
{
    int64_t when = budget_when_said(b, class, now);
    if (b->max && budget_when_max(b, class) > when)
        when = budget_when_max(b, class);
    return b->paused_until > when ? b->paused_until : when;
}

void budget_take(struct budget *b, int64_t now)
{
    if (b->max) {
        b->spent[b->next] = now;
        b->next = (b->next + 1) % b->max;
    }
    if (b->reset_at && now >= b->reset_at) { /* a new window, of which nothing is known */
        b->remaining = b->limit;
        b->reset_at = now + BUDGET_WINDOW_MS;
    }
    if (b->remaining > 0)
        b->remaining--;
}

static int64_t budget_clamp(int64_t wait_ms)
{
    if (wait_ms < 0)
        return 0;
    return wait_ms > BUDGET_WAIT_MAX_MS ? BUDGET_WAIT_MAX_MS : wait_ms;
}

void budget_learn(struct budget *b, const struct budget_news *news, unsigned in_flight,
                  int64_t now)
{
    if (news->limit >= 0)
        b->limit = news->limit;
    if (news->remaining < 0)
        return;
    /* Some in flight are counted already; the guess errs towards fewer, and the answer
     * that comes when none is in flight sets it right. */
    b->remaining =
        news->remaining > (long)in_flight ? news->remaining - (long)in_flight : 0;
    if (news->reset_ms >= 0)
        b->reset_at = now + budget_clamp(news->reset_ms);
    else
        b->reset_at = now + (b->remaining ? BUDGET_WINDOW_MS : BUDGET_BLIND_WAIT_MS);
}

void budget_pause(struct budget *b, int64_t wait_ms, int64_t now)
{
    int64_t until = now + budget_clamp(wait_ms);
    if (until > b->paused_until)
        b->paused_until = until;
}
