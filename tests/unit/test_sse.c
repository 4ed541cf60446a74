/* Server-sent events: what the standard makes of a stream, however the network cuts it. */
#include "cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "http/sse.h"

/* Each event as "type|data|last id;", an LF in data as '/', a NUL as '0'. */
struct seen {
    struct sse *sse;
    struct buf out;
    unsigned events, stop_at; /* stop_at: this one is answered with -EPIPE; 0: none */
};

static int on_event(void *arg, const struct sse_event *event)
{
    struct seen *seen = arg;
    buf_printf(&seen->out, "%s|", event->type);
    for (size_t i = 0; i < event->len; i++) {
        char c = event->data[i];
        buf_putc(&seen->out, (char)(c == '\n' ? '/' : c ? c : '0'));
    }
    assert_int_equal(event->data[event->len], '\0');
    buf_printf(&seen->out, "|%s;", sse_last_id(seen->sse));
    return ++seen->events == seen->stop_at ? -EPIPE : 0;
}

/* An exact copy, so that ASan sees a read too far. */
static int feed(struct sse *s, const char *data, size_t len)
{
    cleanup_free char *exact = xmalloc(len ? len : 1);
    memcpy(exact, data, len);
    return sse_feed(s, exact, len);
}

/* Feeds the stream in three parts, cut before a and before b. */
static void expect_cut(const char *stream, size_t len, size_t a, size_t b,
                       const char *want)
{
    struct sse s;
    struct seen seen = {.sse = &s};
    sse_init(&s, 1000, on_event, &seen);
    assert_int_equal(feed(&s, stream, a), 0);
    assert_int_equal(feed(&s, stream + a, b - a), 0);
    assert_int_equal(feed(&s, stream + b, len - b), 0);
    assert_string_equal(seen.out.len ? seen.out.data : "", want);
    sse_finish(&s);
    buf_finish(&seen.out);
}

static void expect_bytewise(const char *stream, size_t len, const char *want)
{
    struct sse s;
    struct seen seen = {.sse = &s};
    sse_init(&s, 1000, on_event, &seen);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(feed(&s, stream + i, 1), 0);
    assert_string_equal(seen.out.len ? seen.out.data : "", want);
    sse_finish(&s);
    buf_finish(&seen.out);
}

static void expect(const char *stream, size_t len, const char *want)
{
    for (size_t a = 0; a <= len; a++)
        for (size_t b = a; b <= len; b++)
            expect_cut(stream, len, a, b, want);
    expect_bytewise(stream, len, want);
}

#define EXPECT(stream, want) expect(stream, sizeof(stream) - 1, want)

static void line_ends(void **state)
{
    EXPECT("data: a\n\ndata: b\n\n", "message|a|;message|b|;");
    EXPECT("data: a\r\n\r\ndata: b\r\n\r\n", "message|a|;message|b|;");
    EXPECT("data: a\r\rdata: b\r\r", "message|a|;message|b|;");
    EXPECT("data: a\n\r\ndata: b\r\n\n", "message|a|;message|b|;");
    EXPECT("data: a\r\n\rdata: b\n\r", "message|a|;message|b|;");
    EXPECT("\n\r\r\n\n", "");
}

static void fields(void **state)
{
    EXPECT("data:a\ndata:  b\ndata: c : d\n\n", "message|a/ b/c : d|;");
    EXPECT("data\n\n", "message||;");
    EXPECT("data\ndata\n\ndata:\n\n", "message|/|;message||;");
    EXPECT("data: a\ndata:\ndata: b\n\n", "message|a//b|;");
    EXPECT(": comment\ndata: a\n:\n::x\n\n", "message|a|;");
    EXPECT("Data: a\n data: b\ndata : c\ndatas: d\ndat: e\nx\n\n", "");
    EXPECT("event: tick\ndata: a\n\ndata: b\n\n", "tick|a|;message|b|;");
    EXPECT("event: tick\n\ndata: b\n\n", "message|b|;");
    EXPECT("event: one\nevent\ndata: a\n\n", "message|a|;");
    EXPECT("data: a\0b\n\n", "message|a0b|;");
}

static void ids(void **state)
{
    EXPECT("id: 1\ndata: a\n\ndata: b\n\n", "message|a|1;message|b|1;");
    EXPECT("id: 1\ndata: a\n\nid\ndata: b\n\n", "message|a|1;message|b|;");
    EXPECT("id: 1\n\ndata: b\n\n", "message|b|1;");
    EXPECT("id: 1\nid: 2\0x\ndata: a\n\n", "message|a|1;");
    EXPECT("data: a\nid:  2 \n\n", "message|a| 2 ;");
}

static void marks_and_characters(void **state)
{
    EXPECT("\xef\xbb\xbf"
           "data: a\n\n",
           "message|a|;");
    EXPECT("\xef\xbb\xbf\ndata: a\n\n", "message|a|;");
    EXPECT("\xef\xbb\xbf\xef\xbb\xbf"
           "data: a\n\ndata: b\n\n",
           "message|b|;");
    EXPECT("\n\xef\xbb\xbf"
           "data: a\n\n",
           "");
    EXPECT("\xef\xbb", "");
    EXPECT("data: \xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x9f\n\n",
           "message|\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x9f|;");
    EXPECT("data: \xff\xc3\n\n", "message|\xff\xc3|;");
    /* U+2028 and a vertical tab end no line. */
    EXPECT("data: a\xe2\x80\xa8\x0b"
           "b\n\n",
           "message|a\xe2\x80\xa8\x0b"
           "b|;");
}

static void what_no_blank_line_ended_is_dropped(void **state)
{
    EXPECT("data: a\n\ndata: b\n", "message|a|;");
    EXPECT("data: a\n\ndata: b", "message|a|;");
    EXPECT("data: a", "");
    EXPECT("<!doctype html>\n<title>Sign in</title>\n\n<p>data: a</p>\n", "");
}

static void waits(void **state)
{
    static const struct {
        const char *stream;
        int64_t want;
    } cases[] = {
        {"retry: 250\n", 250},
        {"retry:0\n", 0},
        {"retry: 250\nretry\n", 250},
        {"retry: 2.5\n", -1},
        {"retry: -1\n", -1},
        {"retry:  1\n", -1},
        {"retry: 99999999999999\n", -1},
        {"retry: 999999999\n", 999999999},
        {"retry: 25", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sse s;
        sse_init(&s, 1000, on_event, NULL);
        assert_int_equal(feed(&s, cases[i].stream, strlen(cases[i].stream)), 0);
        assert_int_equal(sse_retry_ms(&s), cases[i].want);
        sse_finish(&s);
    }
}

static void a_new_connection_forgets_what_was_begun_but_not_the_id(void **state)
{
    static const char first[] =
        "retry: 7\nid: 1\ndata: a\n\nid: 2\nevent: x\ndata: b\nda";
    static const char second[] = "\xef\xbb\xbf"
                                 "data: c\n\n";
    struct sse s;
    struct seen seen = {.sse = &s};
    sse_init(&s, 1000, on_event, &seen);
    assert_int_equal(feed(&s, first, sizeof first - 1), 0);
    assert_string_equal(sse_last_id(&s), "1");
    sse_restart(&s);
    assert_int_equal(feed(&s, second, sizeof second - 1), 0);
    assert_string_equal(seen.out.data, "message|a|1;message|c|1;");
    assert_int_equal(sse_retry_ms(&s), 7);
    sse_finish(&s);
    buf_finish(&seen.out);
}

static void an_error_of_the_reader_ends_it(void **state)
{
    static const char stream[] = "data: a\n\ndata: b\n\ndata: c\n\n";
    struct sse s;
    struct seen seen = {.sse = &s, .stop_at = 2};
    sse_init(&s, 1000, on_event, &seen);
    assert_int_equal(feed(&s, stream, sizeof stream - 1), -EPIPE);
    assert_int_equal(feed(&s, stream, sizeof stream - 1), -EPIPE);
    assert_string_equal(seen.out.data, "message|a|;message|b|;");
    sse_restart(&s);
    assert_int_equal(feed(&s, stream, sizeof stream - 1), 0);
    assert_int_equal(seen.events, 5);
    sse_finish(&s);
    buf_finish(&seen.out);
}

/* Feeds `times` copies of a piece; returns how it ended. No more than twice the limit is
 * ever held. */
static int feed_many(const char *piece, size_t times, size_t max)
{
    struct sse s;
    struct seen seen = {.sse = &s};
    int r = 0;
    sse_init(&s, max, on_event, &seen);
    for (size_t i = 0; i < times && r == 0; i++)
        r = feed(&s, piece, strlen(piece));
    assert_true(s.line.cap <= 2 * max + 64 && s.data.cap <= 2 * max + 64);
    sse_finish(&s);
    buf_finish(&seen.out);
    return r;
}

static void what_is_too_large_is_cut_off(void **state)
{
    enum { MAX = 1 << 16, HUGE = 100 << 20 };
    static char piece[4097];
    memset(piece, 'x', sizeof piece - 1);
    assert_int_equal(feed_many(piece, HUGE / sizeof piece, MAX), -EFBIG); /* one line */
    assert_int_equal(feed_many("data: 123456789\n", HUGE, MAX), -EFBIG);  /* one event */
    assert_int_equal(feed_many("data\n", HUGE, MAX), -EFBIG);
    assert_int_equal(feed_many("data: 1\n\n", MAX, MAX), 0); /* many small ones */
    assert_int_equal(feed_many(": still here\n", MAX, MAX), 0);
}

static void the_limit_is_exact(void **state)
{
    struct sse s;
    struct seen seen = {.sse = &s};
    sse_init(&s, 8, on_event, &seen);
    assert_int_equal(feed(&s, "data: 12\n\n", 10), 0);
    assert_int_equal(feed(&s, "data: 123\n\n", 11), -EFBIG);
    assert_string_equal(seen.out.data, "message|12|;");
    sse_finish(&s);
    buf_finish(&seen.out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_ends),
        cmocka_unit_test(fields),
        cmocka_unit_test(ids),
        cmocka_unit_test(marks_and_characters),
        cmocka_unit_test(what_no_blank_line_ended_is_dropped),
        cmocka_unit_test(waits),
        cmocka_unit_test(a_new_connection_forgets_what_was_begun_but_not_the_id),
        cmocka_unit_test(an_error_of_the_reader_ends_it),
        cmocka_unit_test(what_is_too_large_is_cut_off),
        cmocka_unit_test(the_limit_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
