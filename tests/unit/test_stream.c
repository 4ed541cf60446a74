/* Requests whose answers do not end: given as they come, closed from either side. */
#include "cmocka_all.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "http/stream.h"
#include "netclient.h"
#include "webserver.h"

#define HEAD                                                                             \
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"              \
    "Connection: close\r\n\r\n"

/* A reader, which keeps what came. */
struct reader {
    struct net_answer end;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    struct buf got;
    unsigned opened, refuse; /* refuse: so many more pieces are not taken */
    unsigned refused;
    int fail; /* what every piece is answered with; 0: it is taken */
    struct http_stream *stream;
};

static void on_opened(void *arg)
{
    struct reader *r = arg;
    pthread_mutex_lock(&r->lock);
    r->opened++;
    pthread_cond_broadcast(&r->cond);
    pthread_mutex_unlock(&r->lock);
}

static int on_data(void *arg, const char *data, size_t len)
{
    struct reader *r = arg;
    int answer = r->fail;
    pthread_mutex_lock(&r->lock);
    if (r->refuse) {
        r->refuse--;
        r->refused++;
        answer = 1;
    } else if (!answer) {
        buf_append(&r->got, data, len);
    }
    pthread_cond_broadcast(&r->cond);
    pthread_mutex_unlock(&r->lock);
    return answer;
}

static void reader_open_with(struct reader *r, struct net *net, const char *last_id)
{
    net_answer_init(&r->end);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->cond, NULL);
    struct http_stream_request request = {
        .path = "/agents/as_1/stream",
        .last_id = last_id,
        .class = HTTP_INTERACTIVE,
        .opened = on_opened,
        .data = on_data,
        .done = net_on_http,
        .arg = r,
    };
    r->stream = http_stream_open(net->http, &request);
}

static void reader_open(struct reader *r, struct net *net)
{
    reader_open_with(r, net, NULL);
}

static void reader_wait_open(struct reader *r)
{
    pthread_mutex_lock(&r->lock);
    while (!r->opened)
        pthread_cond_wait(&r->cond, &r->lock);
    pthread_mutex_unlock(&r->lock);
}

static void reader_wait_for(struct reader *r, const char *text)
{
    pthread_mutex_lock(&r->lock);
    while (!r->got.len || !strstr(r->got.data, text))
        pthread_cond_wait(&r->cond, &r->lock);
    pthread_mutex_unlock(&r->lock);
}

static void reader_wait_refused(struct reader *r)
{
    pthread_mutex_lock(&r->lock);
    while (!r->refused)
        pthread_cond_wait(&r->cond, &r->lock);
    pthread_mutex_unlock(&r->lock);
}

/* After its end. */
static void reader_finish(struct reader *r)
{
    assert_int_equal(r->end.calls, 1);
    net_answer_finish(&r->end);
    buf_finish(&r->got);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->cond);
}

/* One stream from a server of the test's own. */
struct scene {
    struct raw *raw;
    struct net net;
    struct reader reader;
    int gate[2]; /* the server waits at its reading end */
    char request[4096];
};

static void scene_start(struct scene *s, raw_fn *fn, int64_t timeout_ms)
{
    *s = (struct scene){0};
    assert_int_equal(pipe(s->gate), 0);
    s->raw = raw_start(fn, s);
    struct http_config config = {.url = raw_url(s->raw), .timeout_ms = timeout_ms};
    net_start(&s->net, &config);
}

static void scene_pass_gate(struct scene *s)
{
    assert_int_equal(write(s->gate[1], "x", 1), 1);
}

static void scene_wait_at_gate(struct scene *s)
{
    char c;
    assert_int_equal(read(s->gate[0], &c, 1), 1);
}

static void scene_stop(struct scene *s)
{
    net_stop(&s->net);
    raw_stop(s->raw);
    reader_finish(&s->reader);
    close(s->gate[0]);
    close(s->gate[1]);
}

/* ---- the way it should be ------------------------------------------------------------ */

static void serve_two_parts(void *arg, int fd, unsigned number)
{
    struct scene *s = arg;
    size_t len = 0;
    while (!strstr(s->request, "\r\n\r\n")) {
        ssize_t n = read(fd, s->request + len, sizeof s->request - 1 - len);
        if (n <= 0)
            return;
        len += (size_t)n;
    }
    raw_say(fd, HEAD "data: one\n\n");
    scene_wait_at_gate(s);
    raw_say(fd, "data: two\n\n");
}

/* done() may be told before it is counted out. */
static void wait_until_nothing_is_open(struct net *net, struct http_stats *ret)
{
    http_get_stats(net->http, ret);
    while (ret->streams + ret->in_flight + ret->queued) {
        usleep(1000);
        http_get_stats(net->http, ret);
    }
}

static void what_came_is_given_at_once(void **state)
{
    struct scene s;
    struct http_stats stats;
    scene_start(&s, serve_two_parts, 0);
    reader_open_with(&s.reader, &s.net, "41");
    reader_wait_for(&s.reader, "data: one\n\n");
    assert_int_equal(s.reader.opened, 1);
    assert_false(s.reader.end.done);
    assert_non_null(strstr(s.request, "\r\nAccept: text/event-stream\r\n"));
    assert_non_null(strstr(s.request, "\r\nLast-Event-ID: 41\r\n"));
    assert_null(strstr(s.request, "Accept-Encoding"));
    scene_pass_gate(&s);
    net_wait(&s.reader.end);
    assert_int_equal(s.reader.end.err, 0);
    assert_int_equal(s.reader.end.status, 200);
    assert_string_equal(s.reader.got.data, "data: one\n\ndata: two\n\n");
    assert_int_equal(raw_connections(s.raw), 1);
    wait_until_nothing_is_open(&s.net, &stats);
    assert_int_equal(stats.requests, 1);
    http_stream_close(s.reader.stream);
    scene_stop(&s);
}

static void an_id_that_no_header_can_hold_is_not_sent(void **state)
{
    struct scene s;
    scene_start(&s, serve_two_parts, 0);
    reader_open_with(&s.reader, &s.net, "1\r\nX-Evil: yes");
    reader_wait_for(&s.reader, "one");
    assert_null(strstr(s.request, "Last-Event-ID"));
    assert_null(strstr(s.request, "X-Evil"));
    scene_pass_gate(&s);
    net_wait(&s.reader.end);
    http_stream_close(s.reader.stream);
    scene_stop(&s);
}

static void who_does_not_take_it_gets_it_again(void **state)
{
    struct scene s;
    scene_start(&s, serve_two_parts, 0);
    s.reader.refuse = 1;
    reader_open(&s.reader, &s.net);
    scene_pass_gate(&s);
    reader_wait_refused(&s.reader);
    assert_int_equal(s.reader.got.len, 0);
    http_stream_resume(s.reader.stream);
    net_wait(&s.reader.end);
    assert_string_equal(s.reader.got.data, "data: one\n\ndata: two\n\n");
    http_stream_close(s.reader.stream);
    scene_stop(&s);
}

/* ---- its end ------------------------------------------------------------------------- */

static void serve_and_hang(void *arg, int fd, unsigned number)
{
    raw_read_request(fd);
    raw_say(fd, HEAD "data: one\n\n");
    raw_hang(fd);
    scene_pass_gate(arg);
}

static void a_close_ends_it_and_the_connection(void **state)
{
    struct scene s;
    struct http_stats stats;
    scene_start(&s, serve_and_hang, 0);
    reader_open(&s.reader, &s.net);
    reader_wait_for(&s.reader, "one");
    http_stream_close(s.reader.stream);
    net_wait(&s.reader.end);
    assert_int_equal(s.reader.end.err, -EINTR);
    scene_wait_at_gate(&s); /* the server has seen it */
    http_get_stats(s.net.http, &stats);
    assert_int_equal(stats.streams + stats.in_flight + stats.queued, 0);
    assert_int_equal(stats.errors, 0);
    scene_stop(&s);
}

static void the_stop_of_the_engine_ends_it(void **state)
{
    struct scene s;
    scene_start(&s, serve_and_hang, 0);
    reader_open(&s.reader, &s.net);
    reader_wait_for(&s.reader, "one");
    http_stop(s.net.http, 0);
    net_wait(&s.reader.end);
    assert_int_equal(s.reader.end.err, -ECANCELED);
    http_stream_close(s.reader.stream);
    scene_stop(&s);
}

static void an_error_of_the_reader_ends_it(void **state)
{
    struct scene s;
    scene_start(&s, serve_and_hang, 0);
    s.reader.fail = -EFBIG;
    reader_open(&s.reader, &s.net);
    net_wait(&s.reader.end);
    assert_int_equal(s.reader.end.err, -EFBIG);
    http_stream_close(s.reader.stream);
    scene_stop(&s);
}

static void it_outlives_the_time_of_an_attempt(void **state)
{
    struct scene s;
    scene_start(&s, serve_two_parts, 3000);
    reader_open(&s.reader, &s.net);
    reader_wait_for(&s.reader, "one");
    usleep(4000 * 1000); /* more than its time */
    assert_false(s.reader.end.done);
    scene_pass_gate(&s);
    net_wait(&s.reader.end);
    assert_int_equal(s.reader.end.err, 0);
    http_stream_close(s.reader.stream);
    scene_stop(&s);
}

/* ---- answers that are no stream ------------------------------------------------------ */

static void serve_page(void *arg, int fd, unsigned number)
{
    raw_read_request(fd);
    raw_say(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<title>Sign in");
    raw_hang(fd);
}

static void serve_404(void *arg, int fd, unsigned number)
{
    raw_read_request(fd);
    raw_say(fd, "HTTP/1.1 404 Not Found\r\nContent-Type: text/event-stream\r\n"
                "Content-Length: 21\r\n\r\n{\"error\":\"not_found\"}");
}

static void serve_silence(void *arg, int fd, unsigned number)
{
    raw_hang(fd);
}

static void serve_half_a_head(void *arg, int fd, unsigned number)
{
    raw_read_request(fd);
    raw_say(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n");
}

static void no_stream(void **state)
{
    static const struct {
        raw_fn *fn;
        int64_t timeout_ms;
        int err;
        long status;
    } cases[] = {
        {serve_page, 0, -EPROTO, 0},
        {serve_404, 0, 0, 404},
        {serve_silence, 300, -ETIMEDOUT, 0},
        {serve_half_a_head, 0, -ECONNRESET, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene s;
        scene_start(&s, cases[i].fn, cases[i].timeout_ms);
        reader_open(&s.reader, &s.net);
        net_wait(&s.reader.end);
        assert_int_equal(s.reader.end.err, cases[i].err);
        assert_int_equal(s.reader.end.status, cases[i].status);
        assert_int_equal(s.reader.opened + s.reader.got.len, 0);
        while (!raw_connections(s.raw)) /* it had no time to be accepted */
            usleep(1000);
        assert_int_equal(raw_connections(s.raw), 1);
        http_stream_close(s.reader.stream);
        scene_stop(&s);
    }
}

/* ---- many ---------------------------------------------------------------------------- */

static void serve_streams_and_one_more(void *arg, int fd, unsigned number)
{
    raw_read_request(fd);
    if (number > *(unsigned *)arg) {
        raw_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
        return;
    }
    raw_say(fd, HEAD);
    raw_hang(fd);
}

static void open_streams_hold_nobody_up(void **state)
{
    enum { COUNT = 70 }; /* more than there are slots */
    unsigned count = COUNT;
    static struct reader readers[COUNT];
    struct net net;
    struct http_stats stats;
    struct net_answer answer;
    struct raw *raw = raw_start(serve_streams_and_one_more, &count);
    net_start_url(&net, raw_url(raw));
    for (size_t i = 0; i < COUNT; i++)
        reader_open(&readers[i], &net);
    for (size_t i = 0; i < COUNT; i++)
        reader_wait_open(&readers[i]);
    net_answer_init(&answer);
    net_get(&net, "/me", &answer);
    assert_int_equal(answer.status, 200);
    http_get_stats(net.http, &stats);
    assert_int_equal(stats.streams, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        http_stream_close(readers[i].stream);
    for (size_t i = 0; i < COUNT; i++)
        net_wait(&readers[i].end);
    net_stop(&net);
    raw_stop(raw);
    net_answer_finish(&answer);
    for (size_t i = 0; i < COUNT; i++)
        reader_finish(&readers[i]);
}

static void a_close_before_it_is_open(void **state)
{
    struct scene s;
    scene_start(&s, serve_silence, 0);
    reader_open(&s.reader, &s.net);
    http_stream_close(s.reader.stream);
    net_wait(&s.reader.end);
    assert_int_equal(s.reader.end.err, -EINTR);
    assert_int_equal(s.reader.opened, 0);
    scene_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_came_is_given_at_once),
        cmocka_unit_test(an_id_that_no_header_can_hold_is_not_sent),
        cmocka_unit_test(who_does_not_take_it_gets_it_again),
        cmocka_unit_test(a_close_ends_it_and_the_connection),
        cmocka_unit_test(the_stop_of_the_engine_ends_it),
        cmocka_unit_test(an_error_of_the_reader_ends_it),
        cmocka_unit_test(it_outlives_the_time_of_an_attempt),
        cmocka_unit_test(no_stream),
        cmocka_unit_test(open_streams_hold_nobody_up),
        cmocka_unit_test(a_close_before_it_is_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
