/* Rows and refusals of /data/query, in every shape that the contract has for them. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "netclient.h"
#include "webserver.h"

struct fixture {
    int status;
    const char *body; /* what is answered */
    char seen[1000];
    char path[100];
    struct web *web;
    struct net net;
    struct net_answer a; /* wakes the test */
    bool has_rows, truncated;
    char rows[200];
    unsigned line, column;
};

static void says(void *arg, const struct web_request *rq, struct web_reply *reply)
{
    struct fixture *f = arg;
    snprintf(f->seen, sizeof f->seen, "%s", rq->body);
    snprintf(f->path, sizeof f->path, "%s", rq->path);
    reply->status = f->status;
    buf_puts(&reply->body, f->body);
}

static void cut(char *out, size_t size, const struct text *text, struct json_span span)
{
    snprintf(out, size, "%.*s", (int)(span.end - span.start), text->data + span.start);
}

static void answered(void *arg, const struct platform_answer *answer)
{
    struct fixture *f = arg;
    f->has_rows = answer->rows != NULL;
    if (answer->rows) {
        cut(f->rows, sizeof f->rows, answer->body, answer->rows->rows);
        f->truncated = answer->rows->truncated;
    }
    platform_sql_place(answer, &f->line, &f->column);
    net_on_platform(&f->a, answer);
}

static void query(struct fixture *f, int status, const char *body)
{
    struct platform_call call = {HTTP_RENDER, 0, answered, f, 0};
    net_answer_finish(&f->a);
    net_answer_init(&f->a);
    f->status = status;
    f->body = body;
    platform_data_query(f->net.platform, "SELECT \"a\"\n", NULL, &call);
    net_wait(&f->a);
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    f->web = web_start(says, f);
    net_start_url(&f->net, web_url(f->web));
    net_answer_init(&f->a);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    net_answer_finish(&f->a);
    net_stop(&f->net);
    web_stop(f->web);
    free(f);
    return 0;
}

static void test_shapes_of_rows(void **state)
{
    static const struct {
        const char *body, *rows;
        bool truncated;
    } good[] = {
        {"{\"columns\":[\"a\"],\"rows\":[{\"a\":1.0}],\"row_count\":1,\"duration_ms\":2}",
         "[{\"a\":1.0}]", false},
        {"{\"rowCount\":1,\"truncated\":true,\"rows\":[{\"a\":1}]}", "[{\"a\":1}]", true},
        {"{\"data\": {\"rows\": [] } }", "[]", false},
        {"[{\"a\":1}]", "[{\"a\":1}]", false},
        {"{\"data\":[1]}", "[1]", false},
        {"{\"rows\":[],\"truncated\":\"true\"}", "[]", false},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        query(f, 200, good[i].body);
        assert_int_equal(f->a.err, 0);
        assert_true(f->has_rows);
        assert_string_equal(f->rows, good[i].rows);
        assert_int_equal(f->truncated, good[i].truncated);
    }
    assert_string_equal(f->seen, "{\"sql\":\"SELECT \\\"a\\\"\\n\"}");
    assert_non_null(strstr(f->path, "/data/query"));
}

static void test_no_rows(void **state)
{
    static const char *const bad[] = {
        "{}", "{\"rows\":{}}", "{\"rows\":null}", "7", "\"rows\"", "null", "", "<html>"};
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        query(f, 200, bad[i]);
        assert_int_equal(f->a.err, -EIO);
        assert_false(f->has_rows);
        assert_true(*f->a.message);
    }
}

static void test_where_a_refusal_points(void **state)
{
    static const struct {
        const char *body;
        unsigned line, column;
    } refusals[] = {
        {"{\"error\":{\"code\":\"invalid_argument\",\"message\":\"no\",\"details\":"
         "{\"field\":\"sql\",\"line\":3,\"column\":8}}}",
         3, 8},
        {"{\"error\":\"no\",\"details\":{\"line\":2}}", 2, 0},
        {"{\"data\":{\"error\":{\"message\":\"no\",\"line\":4,\"column\":1}}}", 4, 1},
        {"{\"error\":{\"message\":\"no\",\"details\":{\"line\":\"3\",\"column\":1}}}", 0,
         0},
        {"{\"error\":{\"message\":\"no\",\"details\":{\"line\":-3}}}", 0, 0},
        {"{\"error\":{\"message\":\"no\",\"details\":{\"line\":1.5}}}", 0, 0},
        {"{\"error\":{\"message\":\"no\",\"details\":{\"line\":99999999999}}}", 0, 0},
        {"{\"error\":{\"message\":\"no\",\"details\":[]}}", 0, 0},
        {"{\"error\":\"no\"}", 0, 0},
        {"no JSON", 0, 0},
        {"", 0, 0},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        query(f, 400, refusals[i].body);
        assert_int_equal(f->a.err, -EPROTO);
        assert_int_equal(f->line, refusals[i].line);
        assert_int_equal(f->column, refusals[i].column);
    }
    query(f, 200,
          "{\"success\":false,\"error\":{\"code\":\"invalid_argument\",\"message\":"
          "\"no\"}}");
    assert_int_equal(f->a.err, -EPROTO);
    query(f, 403, "{\"error\":{\"code\":\"missing_scope\",\"message\":\"no\"}}");
    assert_int_equal(f->a.err, -EACCES);
}

static void test_params_are_sent_where_there_are_some(void **state)
{
    struct fixture *f = *state;
    struct platform_call call = {HTTP_RENDER, 0, answered, f, 0};
    cleanup_text struct text *params = text_from_string("{\"a\":1.0}");
    f->status = 200;
    f->body = "[]";
    platform_data_query(f->net.platform, "SELECT @a", params, &call);
    net_wait(&f->a);
    assert_string_equal(f->seen, "{\"sql\":\"SELECT @a\",\"params\":{\"a\":1.0}}");
}

static void test_explore(void **state)
{
    struct fixture *f = *state;
    struct platform_call call = {HTTP_RENDER, 0, answered, f, 0};
    f->status = 200;
    f->body = "{\"data\":{\"tables\": [1.0]}}";
    platform_data_explore(f->net.platform, &call);
    net_wait(&f->a);
    assert_int_equal(f->a.err, 0);
    assert_string_equal(f->a.value, "{\"tables\": [1.0]}");
    assert_string_equal(f->seen, "{}");
    assert_non_null(strstr(f->path, "/data/explore"));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_shapes_of_rows),
        CASE(test_no_rows),
        CASE(test_where_a_refusal_points),
        CASE(test_params_are_sent_where_there_are_some),
        CASE(test_explore),
    };
    return cmocka_run_group_tests_name("platform data", tests, NULL, NULL);
}
