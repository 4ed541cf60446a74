/* Which addresses the key may be sent to. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "http/http.h"
#include "http/url.h"

#define API "/api/platform/v1"

static void good_ones(void **state)
{
    static const struct {
        const char *text, *base, *host;
        bool loopback;
    } cases[] = {
        {"https://app.amdahl.co", "https://app.amdahl.co" API, "app.amdahl.co", false},
        {"https://app.amdahl.co/", "https://app.amdahl.co" API, "app.amdahl.co", false},
        {"HTTPS://app.amdahl.co" API, "https://app.amdahl.co" API, "app.amdahl.co",
         false},
        {"https://app.amdahl.co" API "/", "https://app.amdahl.co" API, "app.amdahl.co",
         false},
        {"https://x.example:8443/some/prefix//", "https://x.example:8443/some/prefix" API,
         "x.example:8443", false},
        {"https://10.0.0.1", "https://10.0.0.1" API, "10.0.0.1", false},
        {"http://localhost:8080", "http://localhost:8080" API, "localhost:8080", true},
        {"http://127.0.0.1:1", "http://127.0.0.1:1" API, "127.0.0.1:1", true},
        {"http://127.8.9.1", "http://127.8.9.1" API, "127.8.9.1", true},
        {"http://[::1]:99", "http://[::1]:99" API, "[::1]:99", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct url u;
        char *reason = NULL;
        assert_int_equal(url_parse(cases[i].text, &u, &reason), 0);
        assert_string_equal(u.base, cases[i].base);
        assert_string_equal(u.host, cases[i].host);
        assert_int_equal(u.loopback, cases[i].loopback);
        assert_null(u.socket);
        url_finish(&u);
    }
}

static void sockets(void **state)
{
    struct url u;
    char *reason = NULL;
    assert_int_equal(url_parse("unix:/run/a b", &u, &reason), 0);
    assert_string_equal(u.socket, "/run/a b");
    assert_string_equal(u.base, "http://localhost" API);
    assert_true(u.loopback);
    url_finish(&u);
}

static void bad_ones(void **state)
{
    static const char *const cases[] = {
        "",
        "app.amdahl.co",
        "ftp://app.amdahl.co",
        "file:///etc/passwd",
        "http://app.amdahl.co",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://128.0.0.1",
        "http://0.0.0.0",
        "http://2130706433",
        "http://[::2]",
        "http://[::1",
        "http://[::1]x",
        "http://",
        "https://",
        "https:///path",
        "https://:80",
        "https://user:secret@app.amdahl.co",
        "http://localhost@evil.example",
        "http://localhost\\@evil.example",
        "https://app.amdahl.co:99999",
        "https://app.amdahl.co:",
        "https://app.amdahl.co:80x",
        "https://app.amdahl.co/?a=b",
        "https://app.amdahl.co#x",
        "https://app amdahl.co",
        "https://app.amdahl.co/\r\nHost: x",
        "unix:",
        "unix:relative",
        "unix:/"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct url u;
        char *reason = NULL;
        assert_int_equal(url_parse(cases[i], &u, &reason), -EINVAL);
        assert_non_null(reason);
        assert_null(strstr(reason, "secret"));
        free(reason);
    }
}

static void quoting(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"abc-_.~09", "abc-_.~09"},
        {"a/b?c#d e%", "a%2Fb%3Fc%23d%20e%25"},
        {"\xc3\xa9", "%C3%A9"},
        {"..", "%2E%2E"},
        {".", "%2E"},
        {"a..b", "a..b"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cleanup_buf struct buf out = BUF_INIT;
        http_quote(&out, cases[i].in);
        assert_string_equal(out.data, cases[i].out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones),
        cmocka_unit_test(sockets),
        cmocka_unit_test(bad_ones),
        cmocka_unit_test(quoting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
