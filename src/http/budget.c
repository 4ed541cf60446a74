#include "http/budget.h"

enum {
    BUDGET_MAX = 100000,          /* a higher limit is none */
    BUDGET_BLIND_WAIT_MS = 5000,  /* a 429, and no word until when: the fallback of the
                                   * platform's own Python guide; doubled while it lasts */
    BUDGET_WAIT_MAX_MS = 3600000, /* no server puts a mount to sleep for longer */
    BUDGET_BLIND_STEP_MS = 2000,  /* between two that find out what may be sent */
    BUDGET_GROW_MS = 300000, /* without a 429; then a learned limit is tried higher */
    BUDGET_TELLING = 10,     /* so many in the window tell something of the limit, however
                          * young we are (who was here before us may have used it up) */
    BUDGET_DUE_PART = 10,    /* who waits gets a tenth at least */
};

/* Percent of the budget: what a class leaves to those before it, beside the reserve for
 * saves; and the most it may have in a minute. */
static const struct {
    long keep, most;
} budget_parts[HTTP_CLASSES] = {
    [HTTP_SAVE] = {0, 100},      [HTTP_INTERACTIVE] = {0, 100}, [HTTP_RENDER] = {5, 40},
    [HTTP_READAHEAD] = {25, 60}, [HTTP_BACKGROUND] = {40, 20},
};

void budget_init(struct budget *b, unsigned max_requests, int64_t now)
{
    *b = (struct budget){.remaining = -1, .born = now, .paced_at = INT64_MIN / 2};
    if (max_requests <= BUDGET_MAX)
        b->max = max_requests;
    for (unsigned i = 0; i < HTTP_CLASSES; i++)
        b->started[i] = INT64_MIN / 2;
}

static long budget_lesser(long a, long b)
{
    if (a == 0 || b == 0)
        return a + b;
    return a < b ? a : b;
}

/* 0: there is none. */
static long budget_limit(const struct budget *b)
{
    return budget_lesser(b->max, budget_lesser(b->said, b->learned));
}

/* A save takes three requests. */
static long budget_reserve(long limit)
{
    long three = limit / 3 < 3 ? limit / 3 : 3;
    return limit / 10 > three ? limit / 10 : three;
}

/* Nobody waits for these. */
static bool budget_is_unasked(enum http_class class)
{
    return class == HTTP_READAHEAD || class == HTTP_BACKGROUND;
}

static long budget_keep(long limit, enum http_class class)
{
    if (class == HTTP_SAVE)
        return 0;
    long keep = budget_reserve(limit) + limit * budget_parts[class].keep / 100;
    return keep == 0 && budget_is_unasked(class) ? 1 : keep;
}

static bool budget_is_said(const struct budget *b, int64_t now)
{
    return b->remaining >= 0 && now < b->reset_at;
}

/* ---- when -------------------------------------------------------------------------- */

/* What is left of one limit for one class. */
struct room {
    int64_t left;  /* requests */
    int64_t next;  /* when there is one again; or, with some left, when more come back */
    int64_t since; /* when the last one was taken */
    bool spread;   /* a burst is over: what is left is spread until `next` */
};

static int64_t room_when(const struct room *room, int64_t now)
{
    if (room->left <= 0)
        return room->next;
    if (!room->spread)
        return now;
    int64_t when = room->since + (room->next - room->since) / (room->left + 1);
    return when > now ? when : now;
}

static int64_t budget_when_limit(const struct budget *b, enum http_class class,
                                 int64_t now)
{
    long limit = budget_limit(b);
    long most = limit - budget_keep(limit, class);
    long used = (long)ledger_count(&b->ledger, LEDGER_ALL);
    bool others = budget_is_said(b, now) && b->remaining * 2 < limit;
    int64_t below = used < most ? used : most;
    struct room room = {most - used,
                        ledger_when_below(&b->ledger, LEDGER_ALL, below, now),
                        b->paced_at, class != HTTP_SAVE && (used * 2 >= limit || others)};
    return room_when(&room, now);
}

static int64_t budget_later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* After a 429, or when the platform's window has ended and the limit was never told: what
 * may be sent the answer to one request shows. */
static bool budget_is_blind(const struct budget *b, int64_t now)
{
    return b->refusals > 0 ||
           (b->remaining >= 0 && now >= b->reset_at && !b->said_outright);
}

/* What the platform says is left, until its window ends. */
static int64_t budget_when_said(const struct budget *b, enum http_class class,
                                int64_t now)
{
    if (!budget_is_said(b, now))
        return budget_is_blind(b, now) ? budget_later(now, b->blind_at) : now;
    long limit = budget_limit(b);
    struct room room = {b->remaining - budget_keep(limit, class), b->reset_at,
                        b->paced_at, class != HTTP_SAVE && b->remaining * 2 < limit};
    return room_when(&room, now);
}

/* The most a class may have. Where the limit is too small for a share, a person gets one
 * request a minute, and what nobody asked for one in so many minutes. */
static int64_t budget_when_share(const struct budget *b, enum http_class class,
                                 int64_t now)
{
    long percent = budget_parts[class].most;
    long share = budget_limit(b) * percent;
    if (percent == 100)
        return now;
    if (share < 100 && budget_is_unasked(class)) {
        int64_t when = b->started[class] + (int64_t)LEDGER_WINDOW_MS * 100 / share;
        return when > now ? when : now;
    }
    long most = share < 100 ? 1 : share / 100;
    long used = (long)ledger_count(&b->ledger, class);
    int64_t below = used < most ? used : most;
    struct room room = {most - used, ledger_when_below(&b->ledger, class, below, now),
                        b->started[class], used * 2 >= most};
    return room_when(&room, now);
}

bool budget_saves_prevail(struct budget *b, int64_t now)
{
    ledger_roll(&b->ledger, now);
    return (long)ledger_count(&b->ledger, HTTP_SAVE) * 2 > budget_limit(b);
}

/* Who is due is served like a reader; and when saves have it all, like one of them. */
static enum http_class budget_rank(struct budget *b, enum http_class class, bool due,
                                   int64_t now)
{
    if (!due || class == HTTP_SAVE)
        return class;
    return budget_saves_prevail(b, now) ? HTTP_SAVE : HTTP_INTERACTIVE;
}

int64_t budget_when(struct budget *b, enum http_class class, bool due, int64_t now)
{
    enum http_class as = budget_rank(b, class, due, now);
    int64_t when = budget_later(now, b->paused_until);
    ledger_roll(&b->ledger, now);
    when = budget_later(when, budget_when_said(b, as, now));
    if (budget_limit(b) == 0)
        return when;
    when = budget_later(when, budget_when_limit(b, as, now));
    return budget_later(when, budget_when_share(b, class, now));
}

int64_t budget_due_at(const struct budget *b, enum http_class class, int64_t since)
{
    long limit = budget_limit(b);
    if (limit == 0)
        return INT64_MAX;
    return budget_later(since, b->started[class]) +
           (int64_t)LEDGER_WINDOW_MS * BUDGET_DUE_PART / limit;
}

/* ---- what comes and goes ----------------------------------------------------------- */

uint64_t budget_start(struct budget *b, enum http_class class, int64_t now)
{
    ledger_roll(&b->ledger, now);
    ledger_start(&b->ledger, class);
    b->started[class] = now;
    if (class != HTTP_SAVE)
        b->paced_at = now;
    if (b->remaining > 0 && budget_is_said(b, now))
        b->remaining--;
    if (budget_is_blind(b, now))
        b->blind_at = now + BUDGET_BLIND_STEP_MS;
    return b->ended;
}

/* A limit that was learned from a 429 among many at once was learned too low when more
 * of them turn out to have been taken. */
static void budget_relearn(struct budget *b, int64_t now)
{
    if (b->learned == 0)
        return;
    long taken = (long)b->ledger.sum[LEDGER_ALL];
    if (taken > b->learned)
        b->learned = taken;
    if (now - b->judged_at < BUDGET_GROW_MS)
        return;
    b->learned += b->learned / 4 + 1;
    b->judged_at = now;
}

void budget_end(struct budget *b, enum http_class class, bool taken, int64_t now)
{
    ledger_roll(&b->ledger, now);
    ledger_end(&b->ledger, class, taken);
    b->ended++;
    if (!taken)
        return;
    b->refusals = 0;
    budget_relearn(b, now);
}

static int64_t budget_clamp(int64_t wait_ms)
{
    if (wait_ms < 0)
        return 0;
    return wait_ms > BUDGET_WAIT_MAX_MS ? BUDGET_WAIT_MAX_MS : wait_ms;
}

/* Where only what remains is told, the limit is that and what we had; too much, when
 * some of that was in an earlier window, but then what remains is told before it is
 * reached. Of a window that others have used up nothing is to be learned. */
static void budget_learn_limit(struct budget *b, const struct budget_news *news)
{
    long taken = (long)ledger_certain(&b->ledger);
    if (news->limit > 0) {
        b->said = news->limit <= BUDGET_MAX ? news->limit : 0;
        b->said_outright = true;
    } else if (!b->said_outright && news->remaining > taken &&
               news->remaining + taken > b->said) {
        b->said = news->remaining < BUDGET_MAX ? news->remaining + taken : 0;
    }
    if (b->said)
        b->learned = 0;
}

/* Others that were on their way with it may have been counted after it, or before; others
 * than ours may have come too. What we thought is kept where it is not proven wrong; an
 * answer that comes alone is exact. */
static long budget_remaining(const struct budget *b, const struct budget_news *news,
                             uint64_t mark, int64_t now)
{
    long others = (long)b->ledger.flying[LEDGER_ALL] + (long)(b->ended - mark - 1);
    long least = news->remaining > others ? news->remaining - others : 0;
    if (!budget_is_said(b, now) || b->remaining < least)
        return least;
    return b->remaining < news->remaining ? b->remaining : news->remaining;
}

void budget_learn(struct budget *b, const struct budget_news *news, uint64_t mark,
                  int64_t now)
{
    budget_learn_limit(b, news);
    if (news->remaining < 0)
        return;
    b->remaining = budget_remaining(b, news, mark, now);
    if (news->reset_ms >= 0)
        b->reset_at = now + budget_clamp(news->reset_ms);
    else
        b->reset_at =
            now + (b->remaining ? (int64_t)LEDGER_WINDOW_MS : BUDGET_BLIND_WAIT_MS);
}

static int64_t budget_blind_wait(const struct budget *b)
{
    int64_t wait = BUDGET_BLIND_WAIT_MS;
    for (unsigned i = 1; i < b->refusals && wait < LEDGER_WINDOW_MS; i++)
        wait *= 2;
    return wait < LEDGER_WINDOW_MS ? wait : LEDGER_WINDOW_MS;
}

int64_t budget_refused(struct budget *b, int64_t wait_ms, int64_t now)
{
    long taken = (long)b->ledger.sum[LEDGER_ALL];
    int64_t wait = budget_clamp(wait_ms);
    if (now >= b->paused_until) /* all that were on their way are one refusal */
        b->refusals++;
    if (wait == 0)
        wait = budget_blind_wait(b);
    b->paused_until = budget_later(b->paused_until, now + wait);
    if (!b->said && (now - b->born >= LEDGER_WINDOW_MS || taken >= BUDGET_TELLING)) {
        b->learned = taken > 0 ? taken : 1;
        b->judged_at = now;
    }
    return wait;
}

void budget_view(struct budget *b, int64_t now, struct budget_view *ret)
{
    long limit = budget_limit(b);
    *ret =
        (struct budget_view){.limit = -1, .remaining = -1, .reserve = -1, .reset_at = -1};
    ret->paused_until = b->paused_until > now ? b->paused_until : 0;
    if (limit == 0)
        return;
    ledger_roll(&b->ledger, now);
    long used = (long)ledger_count(&b->ledger, LEDGER_ALL);
    ret->limit = limit;
    ret->reserve = budget_reserve(limit);
    ret->remaining = limit > used ? limit - used : 0;
    ret->reset_at = used ? ledger_when_below(&b->ledger, LEDGER_ALL, used, now) : -1;
    if (budget_is_said(b, now)) {
        if (b->remaining < ret->remaining)
            ret->remaining = b->remaining;
        ret->reset_at = b->reset_at;
    }
}
