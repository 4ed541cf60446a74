/* Who goes next, against real servers: the platform gone and back, turns, the table of
 * what is on its way. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "netclient.h"
#include "webserver.h"

#define OK                                                                               \
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

/* ---- gone, and back ---------------------------------------------------------------- */

static void raw_ok(void *arg, int fd, unsigned number)
{
    while (raw_read_request(fd))
        raw_say(fd, OK);
}

/* The platform at a Unix socket, which may be away. */
struct away {
    char *path;
    struct raw *raw;
    struct net net;
};

static void away_start(struct away *w)
{
    cleanup_free char *url = NULL;
    w->path = xasprintf("/tmp/amdahl-test-queue-%d.sock", (int)getpid());
    url = xasprintf("unix:%s", w->path);
    w->raw = NULL;
    net_start_url(&w->net, url);
}

static void away_come(struct away *w)
{
    w->raw = raw_start_unix(w->path, raw_ok, NULL);
}

static void away_go(struct away *w)
{
    raw_stop(w->raw);
    w->raw = NULL;
}

static void away_stop(struct away *w)
{
    net_stop(&w->net);
    if (w->raw)
        away_go(w);
    free(w->path);
}

static int get(struct away *w, enum http_class class)
{
    struct http_request rq = {.method = "GET", .path = "/me", .class = class};
    struct net_answer a;
    net_answer_init(&a);
    net_request(&w->net, &rq, &a);
    int err = a.err;
    net_answer_finish(&a);
    return err;
}

static uint64_t attempts(struct away *w)
{
    struct http_stats stats;
    http_get_stats(w->net.http, &stats);
    return stats.requests;
}

static void gone_is_told_at_once_to_all(void **state)
{
    enum { N = 200 };
    static struct net_answer many[N];
    struct away w;
    struct http_stats stats;
    struct http_request rq = {.method = "GET", .path = "/me", .done = net_on_http};
    away_start(&w);
    assert_int_equal(get(&w, HTTP_INTERACTIVE), -ECONNREFUSED);
    int64_t begin = clock_ms();
    for (unsigned i = 0; i < N; i++) {
        net_answer_init(&many[i]);
        rq.arg = &many[i];
        http_send(w.net.http, &rq);
    }
    for (unsigned i = 0; i < N; i++) {
        net_wait(&many[i]);
        assert_int_equal(many[i].err, -ECONNREFUSED);
        assert_true(strlen(many[i].message) > 0);
        assert_false(many[i].sent);
        net_answer_finish(&many[i]);
    }
    /* one a second of somebody's, and the probes */
    assert_true(attempts(&w) <= 2 + 2 * (uint64_t)(clock_ms() - begin) / 1000);
    http_get_stats(w.net.http, &stats);
    assert_false(stats.online);
    assert_true(stats.offline_ms >= 0);
    assert_true(strlen(stats.last_error) > 0);
    away_stop(&w);
}

static void it_comes_back_by_itself(void **state)
{
    struct away w;
    struct http_stats stats;
    away_start(&w);
    assert_int_equal(get(&w, HTTP_INTERACTIVE), -ECONNREFUSED);
    away_come(&w);
    do { /* nobody asks for anything */
        usleep(20000);
        http_get_stats(w.net.http, &stats);
    } while (!stats.online);
    assert_int_equal(stats.offline_ms, -1);
    assert_int_equal(get(&w, HTTP_INTERACTIVE), 0);
    assert_int_equal(get(&w, HTTP_SAVE), 0);
    away_stop(&w);
}

/* The two requests of a save come together: one tries, the other waits for what it finds. */
static void a_save_finds_out_that_it_is_back(void **state)
{
    struct away w;
    struct net_answer a;
    struct net_answer b;
    struct http_request rq = {
        .method = "GET", .path = "/me", .class = HTTP_SAVE, .done = net_on_http};
    away_start(&w);
    away_come(&w);
    assert_int_equal(get(&w, HTTP_SAVE), 0);
    away_go(&w);
    assert_int_equal(get(&w, HTTP_SAVE), -ECONNREFUSED); /* after its retries */
    away_come(&w);
    usleep(1010000);
    net_answer_init(&a);
    net_answer_init(&b);
    rq.arg = &a;
    http_send(w.net.http, &rq);
    rq.arg = &b;
    http_send(w.net.http, &rq);
    net_wait(&a);
    net_wait(&b);
    assert_int_equal(a.err, 0);
    assert_int_equal(b.err, 0);
    net_answer_finish(&a);
    net_answer_finish(&b);
    away_stop(&w);
}

/* ---- turns, and the table ----------------------------------------------------------- */

enum { PATHS = 200 };

struct order {
    atomic_bool hold;
    atomic_uint served;
    char paths[PATHS][16];
};

static void keeps_order(void *arg, const struct web_request *rq, struct web_reply *reply)
{
    struct order *o = arg;
    while (!strcmp(rq->path, "/hold") && atomic_load(&o->hold))
        usleep(2000);
    unsigned i = atomic_fetch_add(&o->served, 1);
    if (i < PATHS)
        snprintf(o->paths[i], sizeof o->paths[i], "%s", rq->path);
    buf_puts(&reply->body, "{}");
}

static unsigned order_of(const struct order *o, const char *path)
{
    for (unsigned i = 0; i < PATHS; i++)
        if (!strcmp(o->paths[i], path))
            return i;
    return PATHS;
}

static void send_one(struct net *net, struct net_answer *a, const char *path,
                     enum http_class class, int who)
{
    struct http_request rq = {.method = "GET",
                              .path = path,
                              .class = class,
                              .who = who,
                              .done = net_on_http,
                              .arg = a};
    net_answer_init(a);
    http_send(net->http, &rq);
}

struct seen {
    unsigned count, sent, queued;
    int who_last;
    bool ages;
};

static void see(void *arg, const struct http_pending *p)
{
    struct seen *s = arg;
    s->count++;
    s->sent += !strcmp(p->state, "sent");
    s->queued += !strcmp(p->state, "queued");
    s->ages = s->ages || p->age_ms >= 50;
    s->who_last = p->who;
    assert_string_equal(p->method, "GET");
    assert_string_equal(http_class_name(p->class), "render");
}

/* Eight of sixteen slots are all that one process can hold with renders; another one's
 * goes through, and behind full slots it has its turn before the rest of the crowd. */
static void one_process_cannot_fill_the_renders(void **state)
{
    enum { CROWD = 60 };
    static struct net_answer crowd[CROWD];
    static struct order o;
    struct net_answer other;
    struct net net;
    struct seen seen = {0};
    struct web *web = web_start(keeps_order, &o);
    atomic_store(&o.hold, true);
    net_start_url(&net, web_url(web));
    for (unsigned i = 0; i < CROWD; i++)
        send_one(&net, &crowd[i], i < 8 ? "/hold" : "/crowd", HTTP_RENDER, 1000);
    usleep(100000);
    http_each_request(net.http, see, &seen);
    assert_int_equal(seen.count, CROWD);
    assert_int_equal(seen.sent, 8);
    assert_int_equal(seen.queued, CROWD - 8);
    assert_int_equal(seen.who_last, 1000);
    assert_true(seen.ages);
    send_one(&net, &other, "/other", HTTP_RENDER, 2000);
    net_wait(&other);
    assert_int_equal(other.status, 200);
    assert_int_equal(order_of(&o, "/other"), 0);
    atomic_store(&o.hold, false);
    for (unsigned i = 0; i < CROWD; i++) {
        net_wait(&crowd[i]);
        assert_int_equal(crowd[i].status, 200);
        net_answer_finish(&crowd[i]);
    }
    net_answer_finish(&other);
    net_stop(&net);
    web_stop(web);
}

/* 56 slots for reads; with all of them held, 100 of one process wait, then one of another
 * comes. */
static void everybody_has_turns(void **state)
{
    enum { HELD = 56, CROWD = 100 };
    static struct net_answer held[HELD];
    static struct net_answer crowd[CROWD];
    static struct order o;
    struct net_answer other;
    struct net net;
    struct http_stats stats;
    struct web *web = web_start(keeps_order, &o);
    atomic_store(&o.hold, true);
    net_start_url(&net, web_url(web));
    for (unsigned i = 0; i < HELD; i++)
        send_one(&net, &held[i], "/hold", HTTP_INTERACTIVE, 1);
    for (unsigned i = 0; i < CROWD; i++)
        send_one(&net, &crowd[i], "/crowd", HTTP_INTERACTIVE, 1000);
    send_one(&net, &other, "/other", HTTP_INTERACTIVE, 2000);
    do {
        usleep(5000);
        http_get_stats(net.http, &stats);
    } while (stats.flying[HTTP_INTERACTIVE] < HELD ||
             stats.waiting[HTTP_INTERACTIVE] < CROWD + 1);
    atomic_store(&o.hold, false);
    net_wait(&other);
    for (unsigned i = 0; i < CROWD; i++)
        net_wait(&crowd[i]);
    /* not behind the hundred: with those of the first turn, and what overtook it then */
    assert_true(order_of(&o, "/other") < HELD + CROWD / 2);
    for (unsigned i = 0; i < HELD; i++) {
        net_wait(&held[i]);
        net_answer_finish(&held[i]);
    }
    for (unsigned i = 0; i < CROWD; i++)
        net_answer_finish(&crowd[i]);
    net_answer_finish(&other);
    http_get_stats(net.http, &stats);
    assert_int_equal(stats.sent[HTTP_INTERACTIVE], HELD + CROWD + 1);
    assert_true(stats.waited_ms[HTTP_INTERACTIVE] > 0);
    net_stop(&net);
    web_stop(web);
}

/* ---- wanted, or not ------------------------------------------------------------------ */

struct wish {
    struct net_answer answer; /* first: the argument of both */
    bool wanted;
};

static bool wish_is_wanted(void *arg)
{
    return ((struct wish *)arg)->wanted;
}

static void what_nobody_wants_is_not_sent(void **state)
{
    struct away w;
    struct wish wish[2] = {{.wanted = false}, {.wanted = true}};
    struct http_request rq = {
        .method = "GET", .path = "/me", .done = net_on_http, .wanted = wish_is_wanted};
    away_start(&w);
    away_come(&w);
    for (unsigned i = 0; i < 2; i++) {
        net_answer_init(&wish[i].answer);
        rq.arg = &wish[i];
        http_send(w.net.http, &rq);
    }
    for (unsigned i = 0; i < 2; i++) {
        net_wait(&wish[i].answer);
        assert_int_equal(wish[i].answer.err, i ? 0 : -EINTR);
        assert_int_equal(wish[i].answer.attempts, i);
        net_answer_finish(&wish[i].answer);
    }
    assert_int_equal(attempts(&w), 1);
    away_stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gone_is_told_at_once_to_all),
        cmocka_unit_test(it_comes_back_by_itself),
        cmocka_unit_test(a_save_finds_out_that_it_is_back),
        cmocka_unit_test(one_process_cannot_fill_the_renders),
        cmocka_unit_test(everybody_has_turns),
        cmocka_unit_test(what_nobody_wants_is_not_sent),
    };
    log_setup("test", LOG_LEVEL_INFO, LOG_SINK_NONE);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
