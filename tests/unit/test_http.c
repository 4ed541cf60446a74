/* The engine against real servers: keys, retries, limits, and what must happen once. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "netclient.h"
#include "webserver.h"

#define OK                                                                               \
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

struct fixture {
    struct web *web;
    struct net net;
    struct net_answer answer;
};

static void start(struct fixture *f, web_fn *fn, void *arg)
{
    f->web = web_start(fn, arg);
    net_start_url(&f->net, web_url(f->web));
    net_answer_init(&f->answer);
}

static void stop(struct fixture *f)
{
    net_stop(&f->net);
    web_stop(f->web);
    net_answer_finish(&f->answer);
}

/* ---- keys -------------------------------------------------------------------------- */

static void wants_bearer(void *arg, const struct web_request *rq, struct web_reply *reply)
{
    const char *key = arg;
    bool good =
        !strncmp(rq->authorization, "Bearer ", 7) && !strcmp(rq->authorization + 7, key);
    reply->status = good ? 200 : 401;
    buf_puts(&reply->body, good ? "{}" : "{\"error\":\"unauthenticated\"}");
}

static void wants_api_key(void *arg, const struct web_request *rq,
                          struct web_reply *reply)
{
    reply->status = strcmp(rq->api_key, arg) || *rq->authorization ? 401 : 200;
    buf_puts(&reply->body, "{}");
}

static void bearer_comes_first(void **state)
{
    struct fixture f;
    char key[] = NET_KEY;
    start(&f, wants_bearer, key);
    net_get(&f.net, "/me", &f.answer);
    assert_int_equal(f.answer.err, 0);
    assert_int_equal(f.answer.status, 200);
    assert_string_equal(f.answer.body, "{}");
    assert_int_equal(web_requests(f.web), 1);
    stop(&f);
}

static void what_worked_is_kept(void **state)
{
    struct fixture f;
    char key[] = NET_KEY;
    start(&f, wants_api_key, key);
    net_get(&f.net, "/me", &f.answer);
    assert_int_equal(f.answer.status, 200);
    assert_int_equal(web_requests(f.web), 2);
    net_answer_finish(&f.answer);
    net_get(&f.net, "/me", &f.answer);
    assert_int_equal(f.answer.status, 200);
    assert_int_equal(web_requests(f.web), 3);
    stop(&f);
}

static void a_rotated_key_is_taken_up(void **state)
{
    struct fixture f;
    char key[] = "ak_rotated";
    start(&f, wants_bearer, key);
    net_write_key(&f.net, key);
    net_get(&f.net, "/me", &f.answer);
    assert_int_equal(f.answer.status, 200);
    assert_int_equal(web_requests(f.web), 2);
    stop(&f);
}

static void a_refused_key_is_told_and_not_shown(void **state)
{
    struct fixture f;
    char key[] = "ak_another";
    cleanup_buf struct buf log = BUF_INIT;
    log_setup("test", LOG_LEVEL_DEBUG, LOG_SINK_NONE);
    start(&f, wants_bearer, key);
    net_get(&f.net, "/me", &f.answer);
    assert_int_equal(f.answer.err, 0);
    assert_int_equal(f.answer.status, 401);
    assert_int_equal(web_requests(f.web), 2); /* once each way */
    net_answer_finish(&f.answer);
    net_get(&f.net, "/me", &f.answer);
    assert_int_equal(f.answer.status, 401);
    assert_int_equal(web_requests(f.web), 3); /* the other way is known to fail */
    log_snapshot(&log);
    assert_non_null(strstr(log.data, "GET /me"));
    assert_null(strstr(log.data, NET_KEY));
    log_setup("test", LOG_LEVEL_INFO, LOG_SINK_NONE);
    stop(&f);
}

static void a_create_with_a_rotated_key_comes_once(void **state)
{
    struct fixture f;
    char key[] = "ak_rotated";
    struct http_request post = {.method = "POST", .path = "/pages", .once = true};
    start(&f, wants_bearer, key);
    net_write_key(&f.net, key);
    net_request(&f.net, &post, &f.answer);
    assert_int_equal(f.answer.status, 200);
    assert_int_equal(web_requests(f.web), 2); /* the first was refused, not acted upon */
    stop(&f);
}

/* ---- limits ------------------------------------------------------------------------ */

struct limited {
    const char *body;
    const char *header;
};

static void limits_first(void *arg, const struct web_request *rq, struct web_reply *reply)
{
    const struct limited *l = arg;
    if (rq->number > 1) {
        buf_puts(&reply->body, "{}");
        return;
    }
    reply->status = 429;
    buf_puts(&reply->body, l->body);
    if (l->header) {
        reply->headers[0][0] = "Retry-After";
        reply->headers[0][1] = l->header;
    }
}

static void waits_are_kept_wherever_they_stand(void **state)
{
    static const struct limited cases[] = {
        {"{\"retry_after\":0.3}", NULL},
        {"{\"error\":{\"code\":\"rate_limited\",\"details\":{\"retry_after_seconds\":0.3}"
         "}}",
         NULL},
        {"{\"details\":{\"retry_after_seconds\":0.3}}", NULL},
        {"slow down", "1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f;
        struct limited l = cases[i];
        struct http_request post = {.method = "POST", .path = "/pages", .once = true};
        int64_t begin = clock_ms();
        start(&f, limits_first, &l);
        net_request(&f.net, &post, &f.answer);
        assert_int_equal(f.answer.status, 200);
        assert_int_equal(f.answer.attempts, 2);
        assert_true(clock_ms() - begin >= 300);
        stop(&f);
    }
}

static void a_wait_beyond_the_deadline_is_told_at_once(void **state)
{
    struct fixture f;
    struct limited l = {"{\"retry_after\":3000}", NULL};
    struct http_stats stats;
    struct http_request late = {.method = "GET", .path = "/me", .deadline_ms = 200};
    start(&f, limits_first, &l);
    net_get(&f.net, "/me", &f.answer);
    assert_int_equal(f.answer.status, 429);
    net_answer_finish(&f.answer);
    net_request(&f.net, &late, &f.answer); /* the pause holds for everybody */
    assert_int_equal(f.answer.err, -EBUSY);
    assert_false(f.answer.sent);
    assert_int_equal(web_requests(f.web), 1);
    http_get_stats(f.net.http, &stats);
    assert_int_equal(stats.rate_limited, 1);
    assert_int_equal(stats.requests, 1);
    assert_int_equal(stats.queued, 0);
    stop(&f);
}

static void says_ok(void *arg, const struct web_request *rq, struct web_reply *reply)
{
    buf_puts(&reply->body, "{}");
}

static void users_own_limit(void **state)
{
    struct web *web = web_start(says_ok, NULL);
    struct http_config config = {.url = web_url(web), .max_requests = 3};
    struct net net;
    unsigned good = 0;
    net_start(&net, &config);
    for (unsigned i = 0; i < 6; i++) {
        struct net_answer a;
        struct http_request rq = {.method = "GET", .path = "/me", .deadline_ms = 300};
        rq.class = i < 3 ? HTTP_INTERACTIVE : HTTP_SAVE;
        net_answer_init(&a);
        net_request(&net, &rq, &a);
        good += a.err == 0;
        assert_true(a.err == 0 || a.err == -EBUSY);
        net_answer_finish(&a);
    }
    assert_int_equal(good, 3); /* two reads, and a save */
    assert_int_equal(web_requests(web), 3);
    net_stop(&net);
    web_stop(web);
}

static void says_the_budget(void *arg, const struct web_request *rq,
                            struct web_reply *reply)
{
    static const char *const names[] = {"X-RateLimit-Limit", "X-RateLimit-Remaining",
                                        "X-RateLimit-Reset"};
    static const char *const values[] = {"100", "42", "30"};
    for (unsigned i = 0; i < 3; i++) {
        reply->headers[i][0] = names[i];
        reply->headers[i][1] = values[i];
    }
}

static void the_budget_shows_in_the_stats(void **state)
{
    struct fixture f;
    struct http_stats stats;
    start(&f, says_the_budget, NULL);
    http_get_stats(f.net.http, &stats);
    assert_int_equal(stats.limit, -1);
    assert_int_equal(stats.remaining, -1);
    assert_int_equal(stats.reset_ms, -1);
    assert_false(stats.online);
    net_get(&f.net, "/me", &f.answer);
    http_get_stats(f.net.http, &stats);
    assert_int_equal(stats.limit, 100);
    assert_int_equal(stats.remaining, 42);
    assert_in_range(stats.reset_ms, 20000, 30000);
    assert_true(stats.online);
    assert_int_equal(stats.requests, 1);
    stop(&f);
}

/* ---- failures ---------------------------------------------------------------------- */

static void fails_always(void *arg, const struct web_request *rq, struct web_reply *reply)
{
    reply->status = 500;
}

static void four_attempts(void **state)
{
    struct fixture f;
    start(&f, fails_always, NULL);
    net_get(&f.net, "/me", &f.answer);
    assert_int_equal(f.answer.status, 500);
    assert_int_equal(f.answer.attempts, 4);
    assert_int_equal(web_requests(f.web), 4);
    net_answer_finish(&f.answer);
    struct http_request post = {.method = "POST", .path = "/pages", .once = true};
    net_request(&f.net, &post, &f.answer);
    assert_int_equal(f.answer.status, 500);
    assert_int_equal(web_requests(f.web), 5);
    stop(&f);
}

static void redirects(void *arg, const struct web_request *rq, struct web_reply *reply)
{
    reply->status = 302;
    reply->headers[0][0] = "Location";
    reply->headers[0][1] = arg;
}

static void redirects_are_not_followed(void **state)
{
    struct fixture f;
    struct web *elsewhere = web_start(says_ok, NULL);
    char *url = xstrdup(web_url(elsewhere));
    start(&f, redirects, url);
    net_get(&f.net, "/me", &f.answer);
    assert_int_equal(f.answer.status, 302);
    assert_int_equal(web_requests(f.web), 1);
    assert_int_equal(web_requests(elsewhere), 0);
    stop(&f);
    web_stop(elsewhere);
    free(url);
}

static void says_much(void *arg, const struct web_request *rq, struct web_reply *reply)
{
    buf_resize(&reply->body, 3 << 20);
}

static void large_answers_are_cut_off(void **state)
{
    struct web *web = web_start(says_much, NULL);
    struct http_config config = {.url = web_url(web), .max_body = 1 << 20};
    struct net net;
    struct net_answer a;
    net_answer_init(&a);
    net_start(&net, &config);
    net_get(&net, "/me", &a);
    assert_int_equal(a.err, -EFBIG);
    assert_int_equal(a.attempts, 1);
    net_stop(&net);
    web_stop(web);
    net_answer_finish(&a);
}

/* Runs one request against a raw server. */
static void with_raw(raw_fn *fn, void *arg, struct http_request *rq, struct net_answer *a)
{
    struct raw *raw = raw_start(fn, arg);
    struct net net;
    net_answer_init(a);
    net_start_url(&net, raw_url(raw));
    net_request(&net, rq, a);
    net_stop(&net);
    raw_stop(raw);
}

static void raw_endless_header(void *arg, int fd, unsigned number)
{
    char line[1100];
    memset(line, 'x', sizeof line);
    memcpy(line, "X-Filler: ", 10);
    memcpy(line + sizeof line - 3, "\r\n", 3);
    raw_read_request(fd);
    raw_say(fd, "HTTP/1.1 200 OK\r\n");
    for (unsigned i = 0; i < 2000; i++)
        raw_say(fd, line);
}

static void raw_garbage(void *arg, int fd, unsigned number)
{
    raw_read_request(fd);
    raw_say(fd, "\x16\x03 this is no HTTP\n\n");
}

static void raw_half(void *arg, int fd, unsigned number)
{
    raw_read_request(fd);
    raw_say(fd, number > 1 ? OK : "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
}

static void raw_silent(void *arg, int fd, unsigned number)
{
    raw_hang(fd);
}

static void raw_drips(void *arg, int fd, unsigned number)
{
    raw_read_request(fd);
    raw_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    for (unsigned i = 0; i < 100; i++) {
        raw_say(fd, "x");
        usleep(20000);
    }
}

static void headers_end(void **state)
{
    struct http_request rq = {.method = "GET", .path = "/me"};
    struct net_answer a;
    with_raw(raw_endless_header, NULL, &rq, &a);
    assert_int_equal(a.err, -EFBIG);
    net_answer_finish(&a);
}

static void garbage_is_an_error(void **state)
{
    struct http_request rq = {.method = "GET", .path = "/me"};
    struct net_answer a;
    with_raw(raw_garbage, NULL, &rq, &a);
    assert_int_equal(a.err, -EIO);
    assert_true(a.sent);
    net_answer_finish(&a);
}

static void a_half_answer_is_asked_for_again(void **state)
{
    struct http_request rq = {.method = "GET", .path = "/me"};
    struct net_answer a;
    with_raw(raw_half, NULL, &rq, &a);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.attempts, 2);
    net_answer_finish(&a);
    rq.report_lost = true;
    with_raw(raw_half, NULL, &rq, &a);
    assert_int_equal(a.err, -ECONNRESET);
    assert_int_equal(a.attempts, 1);
    assert_true(a.sent);
    net_answer_finish(&a);
}

static void deadlines_hold(void **state)
{
    struct http_request rq = {.method = "GET", .path = "/me", .deadline_ms = 400};
    struct net_answer a;
    int64_t begin = clock_ms();
    with_raw(raw_silent, NULL, &rq, &a);
    assert_int_equal(a.err, -ETIMEDOUT);
    net_answer_finish(&a);
    with_raw(raw_drips, NULL, &rq, &a);
    assert_int_equal(a.err, -ETIMEDOUT);
    assert_true(a.sent);
    assert_true(clock_ms() - begin < 10000);
    net_answer_finish(&a);
}

static void nobody_there(void **state)
{
    struct raw *raw = raw_start(raw_silent, NULL);
    char *url = xstrdup(raw_url(raw));
    struct net net;
    struct net_answer a;
    raw_stop(raw);
    net_answer_init(&a);
    net_start_url(&net, url);
    net_get(&net, "/me", &a);
    assert_int_equal(a.err, -ECONNREFUSED);
    assert_false(a.sent);
    assert_int_equal(a.attempts, 1);
    assert_true(strlen(a.message) > 0);
    net_stop(&net);
    net_answer_finish(&a);
    free(url);
}

static void tls_is_never_left_out(void **state)
{
    struct raw *raw = raw_start(raw_garbage, NULL);
    cleanup_free char *url = xasprintf("https%s", raw_url(raw) + strlen("http"));
    struct net net;
    struct net_answer a;
    net_answer_init(&a);
    net_start_url(&net, url);
    struct http_request rq = {.method = "GET", .path = "/me", .deadline_ms = 3000};
    net_request(&net, &rq, &a);
    assert_true(a.err == -EIO || a.err == -ETIMEDOUT);
    assert_false(a.sent);
    net_stop(&net);
    raw_stop(raw);
    net_answer_finish(&a);
}

/* A TLS server whose certificate nobody signed; skipped where there is no openssl. */
static const char tls_server[] =
    "d=$(mktemp -d) && trap 'rm -rf $d' EXIT && cd $d && "
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 "
    "-subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout k -out c "
    "2>/dev/null && openssl s_server -www -accept 127.0.0.1:0 -key k -cert c -naccept 1 "
    "2>/dev/null";

static void strangers_certificates_are_refused(void **state)
{
    char line[256] = "";
    unsigned port = 0;
    FILE *server = popen(tls_server, "r");
    assert_non_null(server);
    while (!port && fgets(line, sizeof line, server))
        if (sscanf(line, "ACCEPT 127.0.0.1:%u", &port) != 1)
            port = 0;
    if (!port) {
        pclose(server);
        print_message("no openssl to make a certificate with\n");
        skip();
    }
    cleanup_free char *url = xasprintf("https://127.0.0.1:%u", port);
    struct net net;
    struct net_answer a;
    net_answer_init(&a);
    net_start_url(&net, url);
    net_get(&net, "/me", &a);
    assert_int_equal(a.err, -EIO);
    assert_false(a.sent); /* not the key, above all */
    assert_int_equal(strncmp(a.message, "TLS: ", 5), 0);
    assert_non_null(strstr(a.message, "certificate"));
    net_stop(&net);
    pclose(server);
    net_answer_finish(&a);
}

static void raw_ok(void *arg, int fd, unsigned number)
{
    while (raw_read_request(fd))
        raw_say(fd, OK);
}

static void unix_sockets(void **state)
{
    cleanup_free char *path = xasprintf("/tmp/amdahl-test-%d.sock", (int)getpid());
    struct raw *raw = raw_start_unix(path, raw_ok, NULL);
    struct net net;
    struct net_answer a;
    net_answer_init(&a);
    net_start_url(&net, raw_url(raw));
    net_get(&net, "/me", &a);
    assert_int_equal(a.status, 200);
    assert_string_equal(http_host(net.http), path);
    net_stop(&net);
    raw_stop(raw);
    net_answer_finish(&a);
}

/* ---- once -------------------------------------------------------------------------- */

/* Answers the first request of all, and then acts on each and drops the connection. */
struct dropper {
    atomic_uint requests;
};

static void raw_acts_and_drops(void *arg, int fd, unsigned number)
{
    struct dropper *d = arg;
    while (raw_read_request(fd)) {
        if (atomic_fetch_add(&d->requests, 1) > 0)
            return;
        raw_say(fd, OK);
    }
}

/* How many requests arrive when the second one's warm connection is dropped. */
static unsigned arrivals(struct http_request *second, struct net_answer *a)
{
    struct dropper d = {0};
    struct raw *raw = raw_start(raw_acts_and_drops, &d);
    struct net net;
    net_answer_init(a);
    net_start_url(&net, raw_url(raw));
    net_get(&net, "/me", a);
    assert_int_equal(a->status, 200);
    net_answer_finish(a);
    net_request(&net, second, a);
    net_stop(&net);
    raw_stop(raw);
    return atomic_load(&d.requests) - 1;
}

static void a_create_that_is_acted_on_and_dropped_comes_once(void **state)
{
    struct text *body = text_from_string("{\"name\":\"x\"}");
    struct http_request post = {
        .method = "POST", .path = "/pages", .body = body, .once = true};
    struct http_request bare = {.method = "DELETE", .path = "/pages/1", .once = true};
    struct http_request patch = {
        .method = "PATCH", .path = "/pages/1", .body = body, .report_lost = true};
    struct http_request *const cases[] = {&post, &bare, &patch};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct net_answer a;
        assert_int_equal(arrivals(cases[i], &a), 1);
        assert_int_equal(a.err, -ECONNRESET);
        assert_true(a.sent);
        assert_int_equal(a.attempts, 1);
        net_answer_finish(&a);
    }
    text_unref(body);
}

/* The test above can fail: what may be repeated is, by libcurl itself and by us. */
static void a_read_that_is_dropped_comes_again(void **state)
{
    struct http_request get = {.method = "GET", .path = "/pages", .deadline_ms = 3000};
    struct net_answer a;
    assert_true(arrivals(&get, &a) > 2);
    assert_int_equal(a.err, -ECONNRESET);
    net_answer_finish(&a);
}

/* ---- many, and the end ------------------------------------------------------------- */

struct crowd {
    atomic_bool release;
    atomic_uint now, most;
};

static void hangs(void *arg, const struct web_request *rq, struct web_reply *reply)
{
    struct crowd *c = arg;
    unsigned now = atomic_fetch_add(&c->now, 1) + 1;
    unsigned most = atomic_load(&c->most);
    while (now > most && !atomic_compare_exchange_weak(&c->most, &most, now))
        ;
    while (!strcmp(rq->path, "/hang") && !atomic_load(&c->release))
        usleep(5000);
    atomic_fetch_sub(&c->now, 1);
    buf_puts(&reply->body, "{}");
}

static void saves_pass_hung_reads(void **state)
{
    enum { N = 100 };
    static struct net_answer hung[N];
    struct fixture f;
    struct crowd crowd = {0};
    struct http_request save = {.method = "PATCH", .path = "/ok", .class = HTTP_SAVE};
    struct http_request read = {.method = "GET", .path = "/hang", .done = net_on_http};
    start(&f, hangs, &crowd);
    for (unsigned i = 0; i < N; i++) {
        net_answer_init(&hung[i]);
        read.arg = &hung[i];
        http_send(f.net.http, &read);
    }
    net_request(&f.net, &save, &f.answer);
    assert_int_equal(f.answer.status, 200);
    atomic_store(&crowd.release, true);
    for (unsigned i = 0; i < N; i++) {
        net_wait(&hung[i]);
        assert_int_equal(hung[i].status, 200);
        assert_int_equal(hung[i].calls, 1);
        net_answer_finish(&hung[i]);
    }
    assert_true(crowd.most <= 64);
    stop(&f);
}

static void stopping_answers_everything(void **state)
{
    enum { N = 100 };
    static struct net_answer hung[N];
    struct fixture f;
    struct crowd crowd = {0};
    struct http_request read = {.method = "GET", .path = "/hang", .done = net_on_http};
    start(&f, hangs, &crowd);
    for (unsigned i = 0; i < N; i++) {
        net_answer_init(&hung[i]);
        read.arg = &hung[i];
        read.class = (enum http_class)(i % HTTP_CLASSES);
        http_send(f.net.http, &read);
    }
    usleep(100000);
    http_stop(f.net.http, 100);
    for (unsigned i = 0; i < N; i++) {
        assert_true(hung[i].done);
        assert_int_equal(hung[i].err, -ECANCELED);
        net_answer_finish(&hung[i]);
    }
    net_get(&f.net, "/ok", &f.answer);
    assert_int_equal(f.answer.err, -ECANCELED);
    atomic_store(&crowd.release, true);
    stop(&f);
}

static void says_ok_late(void *arg, const struct web_request *rq, struct web_reply *reply)
{
    usleep(300000);
    buf_puts(&reply->body, "{}");
}

/* The first answer calls forth a second save, as a validation does a PATCH. */
struct chain {
    struct net *net;
    struct net_answer *last;
};

static void chain_next(void *arg, const struct http_answer *answer)
{
    struct chain *chain = arg;
    struct http_request next = {.method = "PATCH",
                                .path = "/pages/1",
                                .class = HTTP_SAVE,
                                .done = net_on_http,
                                .arg = chain->last};
    assert_int_equal(answer->status, 200);
    http_send(chain->net->http, &next);
}

static void saves_are_let_finish(void **state)
{
    struct fixture f;
    struct chain chain = {&f.net, &f.answer};
    struct http_request first = {.method = "POST",
                                 .path = "/pages/validate",
                                 .class = HTTP_SAVE,
                                 .done = chain_next,
                                 .arg = &chain};
    start(&f, says_ok_late, NULL);
    http_send(f.net.http, &first);
    http_stop(f.net.http, 10000);
    assert_true(f.answer.done);
    assert_int_equal(f.answer.status, 200);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bearer_comes_first),
        cmocka_unit_test(what_worked_is_kept),
        cmocka_unit_test(a_rotated_key_is_taken_up),
        cmocka_unit_test(a_refused_key_is_told_and_not_shown),
        cmocka_unit_test(a_create_with_a_rotated_key_comes_once),
        cmocka_unit_test(waits_are_kept_wherever_they_stand),
        cmocka_unit_test(a_wait_beyond_the_deadline_is_told_at_once),
        cmocka_unit_test(users_own_limit),
        cmocka_unit_test(the_budget_shows_in_the_stats),
        cmocka_unit_test(four_attempts),
        cmocka_unit_test(redirects_are_not_followed),
        cmocka_unit_test(large_answers_are_cut_off),
        cmocka_unit_test(headers_end),
        cmocka_unit_test(garbage_is_an_error),
        cmocka_unit_test(a_half_answer_is_asked_for_again),
        cmocka_unit_test(deadlines_hold),
        cmocka_unit_test(nobody_there),
        cmocka_unit_test(tls_is_never_left_out),
        cmocka_unit_test(strangers_certificates_are_refused),
        cmocka_unit_test(unix_sockets),
        cmocka_unit_test(a_create_that_is_acted_on_and_dropped_comes_once),
        cmocka_unit_test(a_read_that_is_dropped_comes_again),
        cmocka_unit_test(saves_pass_hung_reads),
        cmocka_unit_test(stopping_answers_everything),
        cmocka_unit_test(saves_are_let_finish),
    };
    log_setup("test", LOG_LEVEL_INFO, LOG_SINK_NONE);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
