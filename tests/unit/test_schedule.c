/* Minutes of crawls, sweeps, renders and saves against servers of every kind, in
 * simulated time: no server is ever asked for more than it allows, and nobody starves.
 *
 * The order in which classes are asked is that of http/queue.c. */
#include "cmocka_all.h"

#include <string.h>

#include "http/budget.h"
#include "random_source.h"

enum { STEP_MS = 20, MINUTE = 60000, PENDING_MAX = 64, SAVE_REQUESTS = 3 };

/* How a server counts, and what it says of that. */
enum server_kind {
    SERVER_FIRST,   /* a window begins with the first request after the last one */
    SERVER_GRID,    /* windows begin on the minute of its own clock */
    SERVER_SLIDING, /* the last 60 s */
    SERVER_KINDS
};
enum server_words { WORDS_ALL, WORDS_REMAINING, WORDS_NONE };

struct server {
    enum server_kind kind;
    enum server_words words;
    unsigned limit;
    int64_t phase;  /* GRID */
    int64_t window; /* begin of the current one */
    unsigned used;
    int64_t taken[1000]; /* SLIDING: ring of the last `limit` */
    unsigned next;
};

static bool server_take_sliding(struct server *s, int64_t now, struct budget_news *news)
{
    bool good = s->taken[s->next] <= now - MINUTE;
    unsigned used = 0;
    int64_t oldest = now;
    if (good) {
        s->taken[s->next] = now;
        s->next = (s->next + 1) % s->limit;
    }
    for (unsigned i = 0; i < s->limit; i++) {
        if (s->taken[i] <= now - MINUTE)
            continue;
        used++;
        oldest = s->taken[i] < oldest ? s->taken[i] : oldest;
    }
    *news = (struct budget_news){s->limit, s->limit - used, oldest + MINUTE - now};
    return good;
}

static bool server_take_window(struct server *s, int64_t now, struct budget_news *news)
{
    if (now >= s->window + MINUTE) {
        s->window =
            s->kind == SERVER_FIRST ? now : now - (now - s->phase + MINUTE) % MINUTE;
        s->used = 0;
    }
    bool good = s->used < s->limit;
    s->used += good;
    *news = (struct budget_news){s->limit, s->limit - s->used, s->window + MINUTE - now};
    return good;
}

static bool server_take(struct server *s, int64_t now, struct budget_news *news)
{
    bool good = s->kind == SERVER_SLIDING ? server_take_sliding(s, now, news)
                                          : server_take_window(s, now, news);
    news->reset_ms = (news->reset_ms + 999) / 1000 * 1000;
    if (s->words == WORDS_REMAINING)
        news->limit = -1;
    if (s->words == WORDS_NONE)
        *news = BUDGET_NO_NEWS;
    return good;
}

struct pending {
    enum http_class class;
    int64_t counted_at, ends_at;
    bool counted, good;
    uint64_t mark;
    struct budget_news news;
};

struct sim {
    struct budget budget;
    struct server server;
    int64_t now;
    unsigned want[HTTP_CLASSES]; /* requests that each class keeps on their way */
    unsigned flying[HTTP_CLASSES];
    int64_t since[HTTP_CLASSES];
    unsigned latency_ms;
    struct pending pending[PENDING_MAX];
    unsigned pending_count;

    int64_t save_every, save_next; /* 0: no saves */
    unsigned save_left;            /* of the chain; the first two together */
    int64_t save_since;

    unsigned started[HTTP_CLASSES], refused, refused_late;
    int64_t save_wait;                      /* the longest of any of its requests */
    unsigned save_passed, save_passed_most; /* others that went before one */
};

static void sim_start(struct sim *m, enum http_class class)
{
    struct pending *p = &m->pending[m->pending_count++];
    unsigned way = 1 + (unsigned)random_below(m->latency_ms);
    *p = (struct pending){.class = class,
                          .counted_at = m->now + (int64_t)random_below(way),
                          .ends_at = m->now + way};
    p->mark = budget_start(&m->budget, class, m->now);
    m->flying[class]++;
    m->started[class]++;
    m->since[class] = m->now;
    if (class == HTTP_SAVE) {
        int64_t waited = m->now - m->save_since;
        m->save_wait = waited > m->save_wait ? waited : m->save_wait;
        m->save_passed = 0;
        m->save_left--;
    } else if (m->save_left && m->flying[HTTP_SAVE] == 0) {
        m->save_passed++;
        if (m->save_passed > m->save_passed_most)
            m->save_passed_most = m->save_passed;
    }
}

static void sim_end(struct sim *m, struct pending *p)
{
    m->flying[p->class]--;
    budget_end(&m->budget, p->class, p->good, m->now);
    budget_learn(&m->budget, &p->news, p->mark, m->now);
    if (!p->good) {
        m->refused++;
        m->refused_late += m->now > m->budget.born + 3 * MINUTE;
        budget_refused(&m->budget, 0, m->now);
    }
    if (p->class == HTTP_SAVE)
        m->save_since = m->now; /* of the PATCH */
}

static void sim_answers(struct sim *m)
{
    for (unsigned i = 0; i < m->pending_count; i++) {
        struct pending *p = &m->pending[i];
        if (!p->counted && p->counted_at <= m->now) {
            p->counted = true;
            p->good = server_take(&m->server, m->now, &p->news);
        }
        if (p->ends_at > m->now)
            continue;
        struct pending ended = *p;
        *p = m->pending[--m->pending_count];
        i--;
        sim_end(m, &ended);
    }
}

static bool sim_waits(const struct sim *m, enum http_class class)
{
    if (m->pending_count == PENDING_MAX)
        return false;
    if (class == HTTP_SAVE) /* validate and GET together, then PATCH */
        return m->save_left > 1 || (m->save_left == 1 && m->flying[HTTP_SAVE] == 0);
    return m->flying[class] < m->want[class];
}

static bool sim_one(struct sim *m, enum http_class class, bool due)
{
    if (!sim_waits(m, class) || budget_when(&m->budget, class, due, m->now) > m->now)
        return false;
    sim_start(m, class);
    return true;
}

static const enum http_class order[HTTP_CLASSES] = {
    HTTP_SAVE, HTTP_INTERACTIVE, HTTP_RENDER, HTTP_READAHEAD, HTTP_BACKGROUND};

static void sim_due(struct sim *m)
{
    for (unsigned i = 1; i < HTTP_CLASSES; i++)
        if (budget_due_at(&m->budget, order[i], m->since[order[i]]) <= m->now)
            sim_one(m, order[i], true);
}

static void sim_pump(struct sim *m)
{
    bool due_first = budget_saves_prevail(&m->budget, m->now);
    if (due_first)
        sim_due(m);
    for (unsigned i = 0; i < HTTP_CLASSES; i++) {
        if (i == 1 && !due_first)
            sim_due(m);
        while (sim_one(m, order[i], false))
            ;
    }
}

static void sim_run(struct sim *m, int64_t minutes)
{
    for (int64_t end = m->now + minutes * MINUTE; m->now < end; m->now += STEP_MS) {
        sim_answers(m);
        if (m->save_every && m->now >= m->save_next && m->save_left == 0) {
            m->save_left = SAVE_REQUESTS;
            m->save_since = m->now;
            m->save_next = m->now + m->save_every;
        }
        sim_pump(m);
    }
}

static void sim_init(struct sim *m, unsigned limit, enum server_kind kind,
                     enum server_words words, unsigned max)
{
    *m = (struct sim){.latency_ms = 1 + (unsigned)random_below(800)};
    m->now = 1000000;
    m->server = (struct server){.kind = kind, .words = words, .limit = limit};
    m->server.phase = (int64_t)random_below(MINUTE);
    m->server.window = -MINUTE;
    for (unsigned i = 0; i < limit; i++)
        m->server.taken[i] = -MINUTE;
    budget_init(&m->budget, max, m->now);
    /* A mount's first request is alone, and shows what the platform says. */
    sim_start(m, HTTP_INTERACTIVE);
    sim_run(m, 0);
    while (m->pending_count) {
        m->now += STEP_MS;
        sim_answers(m);
    }
}

static const unsigned limits[] = {1, 2, 3, 5, 9, 10, 30, 100, 500};

static void no_server_refuses_anything(void **state)
{
    static struct sim m;
    random_seed();
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        for (enum server_kind kind = 0; kind < SERVER_KINDS; kind++)
            for (enum server_words words = 0; words <= WORDS_NONE; words++) {
                sim_init(&m, limits[i], kind, words, words == WORDS_NONE ? limits[i] : 0);
                m.want[HTTP_INTERACTIVE] = (unsigned)random_below(50);
                m.want[HTTP_RENDER] = (unsigned)random_below(8);
                m.want[HTTP_READAHEAD] = (unsigned)random_below(20);
                m.want[HTTP_BACKGROUND] = (unsigned)random_below(8);
                m.save_every = 1000 + (int64_t)random_below(30000);
                sim_run(&m, 2 + (int64_t)random_below(4));
                if (m.refused)
                    print_message("limit %u, server %d, words %d: %u refused\n",
                                  limits[i], kind, words, m.refused);
                assert_int_equal(m.refused, 0);
            }
}

/* A crawl, everything else beside it, and now and then a save. */
static void sim_crawl(struct sim *m, unsigned limit, enum server_kind kind,
                      int64_t save_every)
{
    sim_init(m, limit, kind, WORDS_ALL, 0);
    m->want[HTTP_INTERACTIVE] = 1 + (unsigned)random_below(40);
    m->want[HTTP_RENDER] = 4;
    m->want[HTTP_BACKGROUND] = 8;
    m->save_every = save_every;
    m->save_next = m->now + (int64_t)random_below(MINUTE);
}

static void a_save_beside_a_crawl_goes_at_once(void **state)
{
    static struct sim m;
    random_seed();
    for (enum server_kind kind = 0; kind < SERVER_KINDS; kind++)
        for (unsigned limit = 30; limit <= 100; limit += 70) {
            sim_crawl(&m, limit, kind, MINUTE + 2000);
            sim_run(&m, 6);
            assert_true(m.started[HTTP_SAVE] >= 5 * SAVE_REQUESTS);
            assert_int_equal(m.refused, 0);
            assert_true(m.save_wait <= STEP_MS);
        }
}

/* With more of them than the reserve holds they wait for the budget, not for reads. */
static void saves_wait_behind_nobody(void **state)
{
    static struct sim m;
    random_seed();
    for (enum server_kind kind = 0; kind < SERVER_KINDS; kind++) {
        sim_crawl(&m, 100, kind, 4000);
        m.save_next = m.now;
        sim_run(&m, 6);
        assert_int_equal(m.refused, 0);
        assert_true(m.started[HTTP_SAVE] >= 6 * 40);
        assert_true(m.save_passed_most <= HTTP_CLASSES);
        assert_true(m.save_wait < MINUTE);
    }
}

static void nobody_starves(void **state)
{
    static struct sim m;
    random_seed();
    for (enum server_kind kind = 0; kind < SERVER_KINDS; kind++) {
        enum { MINUTES = 6, LIMIT = 100 };
        sim_crawl(&m, LIMIT, kind, 0);
        sim_run(&m, MINUTES);
        unsigned all = 0;
        for (unsigned i = 0; i < HTTP_CLASSES; i++)
            all += m.started[i];
        assert_true(all >= MINUTES * 80); /* nothing is wasted */
        assert_in_range(m.started[HTTP_BACKGROUND], MINUTES * 7, (MINUTES + 1) * 20);
        assert_in_range(m.started[HTTP_RENDER], MINUTES * 7, (MINUTES + 1) * 40);
        assert_true(m.started[HTTP_INTERACTIVE] >= MINUTES * 40);
    }
    /* not even when saves could fill everything */
    sim_crawl(&m, 100, SERVER_FIRST, 1);
    m.save_next = m.now;
    sim_run(&m, 6);
    assert_int_equal(m.refused, 0);
    assert_true(m.started[HTTP_SAVE] >= 6 * 50);
    assert_true(m.started[HTTP_INTERACTIVE] >= 6 * 7);
}

/* It refuses with nothing but 429: some are spent to learn, and then hardly any. */
static void a_silent_server_is_learned(void **state)
{
    static struct sim m;
    random_seed();
    for (enum server_kind kind = 0; kind < SERVER_KINDS; kind++)
        for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
            sim_init(&m, limits[i], kind, WORDS_NONE, 0);
            m.want[HTTP_INTERACTIVE] = 8;
            sim_run(&m, 8);
            assert_true(m.refused <= 64); /* in the first minute or two */
            assert_true(m.refused_late <= 16);
            assert_true(m.started[HTTP_INTERACTIVE] - m.refused >= 4 * limits[i]);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_server_refuses_anything),
        cmocka_unit_test(a_save_beside_a_crawl_goes_at_once),
        cmocka_unit_test(saves_wait_behind_nobody),
        cmocka_unit_test(nobody_starves),
        cmocka_unit_test(a_silent_server_is_learned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
