/* The API's answers in every shape of the contract, and in shapes that nobody promised.
 */
#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "netclient.h"
#include "webserver.h"

struct canned {
    int status;
    const char *body;
    char seen_method[16];
    char seen_path[200];
    char seen_query[200];
    char seen_body[1000];
};

static void says_canned(void *arg, const struct web_request *rq, struct web_reply *reply)
{
    struct canned *c = arg;
    snprintf(c->seen_method, sizeof c->seen_method, "%s", rq->method);
    snprintf(c->seen_path, sizeof c->seen_path, "%s", rq->path);
    snprintf(c->seen_query, sizeof c->seen_query, "%s", rq->query);
    snprintf(c->seen_body, sizeof c->seen_body, "%s", rq->body);
    reply->status = c->status;
    buf_puts(&reply->body, c->body);
}

struct fixture {
    struct canned canned;
    struct web *web;
    struct net net;
    struct net_answer a;
    size_t parts, pages, largest; /* of a list that is taken as it comes */
};

static void start(struct fixture *f, web_fn *fn, void *arg)
{
    f->canned = (struct canned){.status = 200, .body = "{}"};
    f->web = web_start(fn ? fn : says_canned, fn ? arg : &f->canned);
    net_start_url(&f->net, web_url(f->web));
    net_answer_init(&f->a);
}

static void stop(struct fixture *f)
{
    net_answer_finish(&f->a);
    net_stop(&f->net);
    web_stop(f->web);
}

static void say(struct fixture *f, int status, const char *body)
{
    net_answer_finish(&f->a);
    f->canned.status = status;
    f->canned.body = body;
}

static void get_page(struct fixture *f)
{
    struct platform_call call = net_call(&f->a);
    platform_page_get(f->net.platform, "p1", &call);
    net_wait(&f->a);
}

static void list(struct fixture *f)
{
    struct platform_call call = net_call(&f->a);
    const struct platform_query all = {0};
    net_answer_finish(&f->a);
    platform_pages_list(f->net.platform, &all, &call);
    net_wait(&f->a);
}

static void validate(struct fixture *f)
{
    struct platform_call call = net_call(&f->a);
    struct text *spec = text_from_string("{\"version\": 1.0}");
    platform_pages_validate(f->net.platform, spec, NULL, &call);
    net_wait(&f->a);
    text_unref(spec);
}

static void create(struct fixture *f)
{
    struct platform_call call = net_call(&f->a);
    struct platform_fields fields = {
        .spec = text_from_string("{ \"version\": 1.0 }\n"),
        .queries = text_from_string("[]"),
        .page_fields = text_from_string("{\"id\":\"x\", \"na\\u006de\" : \"\\u00e9\","
                                        " \"tags\":[ 1e400 ]}"),
    };
    platform_page_create(f->net.platform, &fields, &call);
    net_wait(&f->a);
    text_unref(fields.spec);
    text_unref(fields.queries);
    text_unref(fields.page_fields);
}

/* ---- lists ------------------------------------------------------------------------- */

static void every_envelope(void **state)
{
    static const char *const bodies[] = {
        "{\"items\":[{\"id\":\"a\"},{\"id\":7}]}",
        "{\"pages\":[{\"id\":\"a\"},{\"id\":7}]}",
        "{\"data\":[{\"id\":\"a\"},{\"id\":7}]}",
        "{\"data\":{\"items\":[{\"id\":\"a\"},{\"id\":7}]}}",
        "{\"data\":{\"pages\":[{\"id\":\"a\"},{\"id\":7}],\"total\":2}}",
        "{\"data\":{\"data\":[{\"id\":\"a\"},{\"id\":7}]}}",
        "{\"success\":true,\"data\":{\"items\":[{\"id\":\"a\"},{\"id\":7}]}}",
        "{\"success\":true,\"data\":[{\"id\":\"a\"},{\"id\":7}],\"next_cursor\":null}",
        "[{\"id\":\"a\"},{\"id\":7}]",
        "{\"workspace_pages\":[{\"id\":\"a\"},{\"id\":7}],\"has_more\":false}",
        "{\"items\":[{\"id\":\"a\"},{\"id\":7},{\"id\":\"a\"},{},3,null,{\"id\":null}]}",
        "{\"warnings\":[],\"items\":[{\"id\":\"a\"},{\"id\":7}],\"next_cursor\":\"\"}",
    };
    struct fixture f;
    start(&f, NULL, NULL);
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        say(&f, 200, bodies[i]);
        list(&f);
        assert_int_equal(f.a.err, 0);
        assert_string_equal(f.a.ids, "a 7 ");
    }
    assert_int_equal(web_requests(f.web), ARRAY_LEN(bodies));
    stop(&f);
}

static void what_is_no_list(void **state)
{
    static const char *const bodies[] = {
        "{}", "7", "null", "\"items\"", "{\"items\":{}}", "{\"a\":[],\"b\":[]}", "", "{",
    };
    struct fixture f;
    start(&f, NULL, NULL);
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        say(&f, 200, bodies[i]);
        list(&f);
        assert_int_equal(f.a.err, -EIO);
        assert_true(strlen(f.a.message) > 0);
    }
    say(&f, 200, "[]");
    list(&f);
    assert_int_equal(f.a.err, 0);
    assert_int_equal(f.a.page_count, 0);
    stop(&f);
}

/* A server of `total` pages, of one of the conventions. */
struct shelf {
    unsigned total;
    unsigned cap; /* of a page, whatever is asked for */
    bool offset, cursor, has_more, says_total;
    bool loops;      /* the cursor never moves */
    unsigned claims; /* a total that is not true */
    bool removes;    /* once: page 0 vanishes after the first answer */
};

static unsigned query_number(const char *query, const char *name, unsigned otherwise)
{
    const char *at = strstr(query, name);
    return at ? (unsigned)strtoul(at + strlen(name), NULL, 10) : otherwise;
}

static void says_shelf(void *arg, const struct web_request *rq, struct web_reply *reply)
{
    struct shelf *s = arg;
    unsigned first = s->removes && rq->number > 1 && rq->number < 4;
    unsigned limit = query_number(rq->query, "limit=", 50);
    unsigned start = 0;
    if (s->offset)
        start = query_number(rq->query, "offset=", 0);
    if (s->cursor && strstr(rq->query, "cursor=") && !s->loops)
        start = query_number(rq->query, "cursor=c/", 0);
    limit = limit > s->cap ? s->cap : limit;
    start += first;
    unsigned end = start + limit < s->total ? start + limit : s->total;
    buf_puts(&reply->body, "{\"items\":[");
    for (unsigned i = start; i < end; i++)
        buf_printf(&reply->body, "%s{\"id\":\"p%u\"}", i > start ? "," : "", i);
    buf_puts(&reply->body, "]");
    if (s->cursor && end < s->total)
        buf_printf(&reply->body, ",\"next_cursor\":\"c/%u\"", end);
    if (s->has_more)
        buf_printf(&reply->body, ",\"has_more\":%s", end < s->total ? "true" : "false");
    if (s->says_total)
        buf_printf(&reply->body, ",\"offset\":%u,\"total\":%u", start - first,
                   s->claims ? s->claims : s->total - first);
    buf_puts(&reply->body, "}");
}

static void assert_shelf(struct shelf s, unsigned requests)
{
    struct fixture f;
    start(&f, says_shelf, &s);
    list(&f);
    assert_int_equal(f.a.err, 0);
    assert_int_equal(f.a.page_count, s.total);
    assert_int_equal(web_requests(f.web), requests);
    stop(&f);
}

static void take_part(void *arg, const struct platform_page *pages, size_t count)
{
    struct fixture *f = container_of(arg, struct fixture, a);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pages[i].id[0], 'p');
    f->parts++;
    f->pages += count;
    f->largest = count > f->largest ? count : f->largest;
}

static void list_by_parts(struct fixture *f)
{
    const struct platform_query query = {.updated_since = "2026-01-01T00:00:00+01:00",
                                         .part = take_part};
    struct platform_call call = net_call(&f->a);
    f->parts = f->pages = f->largest = 0;
    net_answer_finish(&f->a);
    platform_pages_list(f->net.platform, &query, &call);
    net_wait(&f->a);
}

static void a_list_is_taken_as_it_comes(void **state)
{
    struct shelf shelves[] = {
        {.total = 450, .cap = 200, .offset = true, .says_total = true},
        {.total = 450, .cap = 200, .cursor = true},
        {.total = 450, .cap = 200, .offset = true, .has_more = true},
    };
    for (size_t i = 0; i < ARRAY_LEN(shelves); i++) {
        struct fixture f;
        start(&f, says_shelf, &shelves[i]);
        list_by_parts(&f);
        assert_int_equal(f.a.err, 0);
        assert_int_equal(f.a.page_count, 0);
        assert_int_equal(f.parts, 3);
        assert_int_equal(f.pages, 450);
        assert_int_equal(f.largest, 200);
        stop(&f);
    }
}

/* What was there at the first reading may come again at the second. */
static void a_list_that_changes_comes_twice(void **state)
{
    struct shelf s = {
        .total = 450, .cap = 200, .offset = true, .says_total = true, .removes = true};
    struct fixture f;
    start(&f, says_shelf, &s);
    list_by_parts(&f);
    assert_int_equal(f.a.err, 0);
    assert_true(f.pages > 450);
    stop(&f);
}

static void a_list_asks_for_what_is_wanted(void **state)
{
    struct fixture f;
    start(&f, NULL, NULL);
    say(&f, 200, "{\"items\":[{\"id\":\"p1\"},{\"id\":\"\"},{\"id\":\"p1\"}]}");
    list_by_parts(&f);
    assert_int_equal(f.pages, 1);
    assert_string_equal(
        f.canned.seen_query,
        "limit=200&updated_at_gte=2026-01-01T00:00:00+01:00"); /* decoded */
    stop(&f);
}

static void every_way_of_paging(void **state)
{
    assert_shelf((struct shelf){.total = 7, .cap = 200}, 1);
    assert_shelf((struct shelf){.total = 450,
                                .cap = 200,
                                .offset = true,
                                .says_total = true,
                                .has_more = true},
                 3);
    assert_shelf((struct shelf){.total = 450,
                                .cap = 200,
                                .offset = true,
                                .says_total = true,
                                .has_more = true,
                                .cursor = true},
                 3);
    assert_shelf(
        (struct shelf){.total = 3000, .cap = 50, .offset = true, .says_total = true}, 60);
    assert_shelf((struct shelf){.total = 450, .cap = 200, .cursor = true}, 3);
    assert_shelf(
        (struct shelf){.total = 450, .cap = 200, .offset = true, .has_more = true}, 3);
    /* nothing is said: lists that look cut off are asked for more */
    assert_shelf((struct shelf){.total = 450, .cap = 200, .offset = true}, 3);
    assert_shelf((struct shelf){.total = 120, .cap = 50, .offset = true}, 3);
    /* all at once, whatever is asked for: asked once more, once */
    assert_shelf((struct shelf){.total = 200, .cap = 200}, 2);
    /* offsets are ignored, cursors are not */
    assert_shelf(
        (struct shelf){.total = 450, .cap = 200, .says_total = true, .cursor = true}, 5);
}

static void a_page_that_vanishes_hides_no_other(void **state)
{
    assert_shelf((struct shelf){.total = 450,
                                .cap = 200,
                                .offset = true,
                                .says_total = true,
                                .removes = true},
                 6);
}

static void a_total_that_lies_is_believed_once(void **state)
{
    struct shelf s = {
        .total = 250, .cap = 200, .offset = true, .says_total = true, .claims = 300};
    struct fixture f;
    start(&f, says_shelf, &s);
    list(&f);
    assert_int_equal(f.a.page_count, 250);
    assert_int_equal(web_requests(f.web), 4);
    list(&f);
    assert_int_equal(f.a.page_count, 250);
    assert_int_equal(web_requests(f.web), 6);
    stop(&f);
}

static void a_cursor_that_stays_ends_the_list(void **state)
{
    struct shelf s = {.total = 450, .cap = 200, .cursor = true, .loops = true};
    struct fixture f;
    start(&f, says_shelf, &s);
    list(&f);
    assert_int_equal(f.a.err, -EIO);
    assert_int_equal(web_requests(f.web), 2);
    stop(&f);
}

static void templates_go_by_their_slugs(void **state)
{
    struct fixture f;
    struct platform_call call;
    start(&f, NULL, NULL);
    say(&f, 200, "{\"templates\":[{\"slug\":\"gauge\",\"id\":1,\"name\":\"G\"}]}");
    call = net_call(&f.a);
    platform_templates_list(f.net.platform, &call);
    net_wait(&f.a);
    assert_string_equal(f.a.ids, "gauge ");
    say(&f, 200, "{\"data\":{\"template\":{\"slug\":\"gauge\",\"spec\":{ }}}}");
    call = net_call(&f.a);
    platform_template_get(f.net.platform, "a/b", &call);
    net_wait(&f.a);
    assert_string_equal(f.a.id, "gauge");
    assert_string_equal(f.a.spec, "{ }");
    assert_string_equal(f.canned.seen_path, "/pages/templates/a/b"); /* decoded by MHD */
    stop(&f);
}

/* ---- pages ------------------------------------------------------------------------- */

static void a_page_in_every_wrap(void **state)
{
#define PAGE                                                                             \
    "{\"id\":\"p1\",\"name\":\"n\\u00e9\",\"version\":1.50,\"updated_at\":\"u\","        \
    "\"spec\":{ \"a\" : 12345678901234567890 },\"declared_queries\":null}"
    static const char *const bodies[] = {
        PAGE,
        "{\"data\":" PAGE "}",
        "{\"page\":" PAGE "}",
        "{\"data\":{\"page\":" PAGE "}}",
        "{\"success\":true,\"data\":" PAGE "}",
    };
    struct fixture f;
    start(&f, NULL, NULL);
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        say(&f, 200, bodies[i]);
        get_page(&f);
        assert_int_equal(f.a.err, 0);
        assert_string_equal(f.a.id, "p1");
        assert_string_equal(f.a.name, "n\xc3\xa9");
        assert_string_equal(f.a.version, "1.50");
        assert_string_equal(f.a.token, "updated_at=\"u\";version=1.50;");
        assert_string_equal(f.a.spec, "{ \"a\" : 12345678901234567890 }");
        assert_null(f.a.queries);
    }
    stop(&f);
}

static void what_is_no_page(void **state)
{
    static const char *const bodies[] = {"{}",
                                         "[]",
                                         "null",
                                         "",
                                         "<html>Welcome</html>",
                                         "{\"id\":\"p1\"",
                                         "{\"id\":\"p1\"}x",
                                         "{\"id\":\"\\ud800\"}",
                                         "{\"id\":\"a\\u0000b\"}"};
    struct fixture f;
    start(&f, NULL, NULL);
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        say(&f, 200, bodies[i]);
        get_page(&f);
        assert_int_equal(f.a.err, -EIO);
        assert_true(strlen(f.a.message) > 0);
        assert_false(f.a.has_page);
    }
    stop(&f);
}

static void deep_answers_are_refused(void **state)
{
    struct fixture f;
    struct buf deep = BUF_INIT;
    buf_puts(&deep, "{\"id\":\"p1\",\"spec\":");
    for (unsigned i = 0; i < 10000; i++)
        buf_putc(&deep, '[');
    for (unsigned i = 0; i < 10000; i++)
        buf_putc(&deep, ']');
    buf_putc(&deep, '}');
    start(&f, NULL, NULL);
    say(&f, 200, deep.data);
    get_page(&f);
    assert_int_equal(f.a.err, -EIO);
    stop(&f);
    buf_finish(&deep);
}

static void ids_cannot_leave_their_place(void **state)
{
    struct fixture f;
    start(&f, NULL, NULL);
    struct platform_call call = net_call(&f.a);
    platform_page_get(f.net.platform, "../me?x=1#y", &call);
    net_wait(&f.a);
    assert_string_equal(f.canned.seen_path, "/pages/../me?x=1#y");
    stop(&f);
}

/* ---- writes ------------------------------------------------------------------------ */

static void texts_are_sent_as_they_are(void **state)
{
    struct fixture f;
    start(&f, NULL, NULL);
    say(&f, 201, "{\"id\":\"new\"}");
    create(&f);
    assert_int_equal(f.a.err, 0);
    assert_string_equal(f.a.id, "new");
    assert_string_equal(f.canned.seen_method, "POST");
    assert_string_equal(f.canned.seen_body,
                        "{\"na\\u006de\":\"\\u00e9\",\"tags\":[ 1e400 ],"
                        "\"spec\":{ \"version\": 1.0 }\n,\"declared_queries\":[]}");
    stop(&f);
}

static void a_patch_sends_its_field_alone(void **state)
{
    struct fixture f;
    struct platform_fields fields = {.queries = text_from_string("[ ]")};
    start(&f, NULL, NULL);
    say(&f, 200, "{\"ok\":true,\"id\":\"p1\"}");
    struct platform_call call = net_call(&f.a);
    platform_page_patch(f.net.platform, "p1", &fields, &call);
    net_wait(&f.a);
    assert_int_equal(f.a.err, 0);
    assert_string_equal(f.canned.seen_method, "PATCH");
    assert_string_equal(f.canned.seen_body, "{\"declared_queries\":[ ]}");
    assert_null(f.a.spec);
    text_unref(fields.queries);
    stop(&f);
}

static void removals(void **state)
{
    struct fixture f;
    start(&f, NULL, NULL);
    say(&f, 204, "");
    struct platform_call call = net_call(&f.a);
    platform_page_archive(f.net.platform, "p1", &call);
    net_wait(&f.a);
    assert_int_equal(f.a.err, 0);
    assert_string_equal(f.canned.seen_method, "DELETE");
    assert_string_equal(f.canned.seen_path, "/pages/p1");
    say(&f, 200, "");
    call = net_call(&f.a);
    platform_page_delete(f.net.platform, "p1", &call);
    net_wait(&f.a);
    assert_int_equal(f.a.err, 0);
    assert_string_equal(f.canned.seen_path, "/pages/p1/hard-delete");
    say(&f, 404, "{\"error\":\"gone\"}");
    call = net_call(&f.a);
    platform_page_archive(f.net.platform, "p1", &call);
    net_wait(&f.a);
    assert_int_equal(f.a.err, -ENOENT);
    assert_false(f.a.sent);
    stop(&f);
}

static void render_answers_its_text(void **state)
{
    struct fixture f;
    struct text *params = text_from_string("{\"since\": 1.0}");
    start(&f, NULL, NULL);
    say(&f, 200, "{\"data\": {\"results\":{\"q\":{\"rows\":[{\"n\":1.0}]}}} }");
    struct platform_call call = net_call(&f.a);
    platform_page_render(f.net.platform, "p1", params, &call);
    net_wait(&f.a);
    assert_string_equal(f.a.value, "{\"results\":{\"q\":{\"rows\":[{\"n\":1.0}]}}}");
    assert_string_equal(f.canned.seen_body, "{\"params\":{\"since\": 1.0}}");
    text_unref(params);
    stop(&f);
}

static void a_create_whose_answer_is_garbled_may_have_worked(void **state)
{
    struct fixture f;
    start(&f, NULL, NULL);
    say(&f, 201, "{\"id\":\"ne");
    create(&f);
    assert_int_equal(f.a.err, -EIO);
    assert_true(f.a.sent);
    say(&f, 502, "<html>");
    create(&f);
    assert_int_equal(f.a.err, -EIO);
    assert_true(f.a.sent);
    assert_int_equal(web_requests(f.web), 2);
    stop(&f);
}

/* ---- errors ------------------------------------------------------------------------ */

static void every_error(void **state)
{
    static const struct {
        int status;
        const char *body;
        int err;
        const char *code, *words;
    } cases[] = {
        {400, "{\"error\":{\"code\":\"invalid_argument\",\"message\":\"no name\"}}",
         -EPROTO, "invalid_argument", "no name (invalid_argument, HTTP 400)"},
        {403, "{\"error\":\"missing_scope\",\"message\":\"needs pages:write\"}", -EACCES,
         "missing_scope", "needs pages:write (missing_scope, HTTP 403)"},
        {404, "{\"error\":\"No such page.\",\"code\":\"not_found\"}", -ENOENT,
         "not_found", "No such page. (not_found, HTTP 404)"},
        {404, "{\"code\":\"not_found\",\"message\":\"no\"}", -ENOENT, "not_found",
         "no (not_found, HTTP 404)"},
        {404, "{\"error\":\"Not found\"}", -ENOENT, "", "Not found (HTTP 404)"},
        {404, "{\"error\":\"not_found\"}", -ENOENT, "not_found", "not_found, HTTP 404"},
        {409, "{\"data\":{\"error\":{\"code\":\"conflict\",\"message\":\"m\"}}}", -ESTALE,
         "conflict", "m (conflict"},
        {200,
         "{\"data\":{\"success\":false,\"error\":{\"code\":\"scope_denied\","
         "\"message\":\"m\"}}}",
         -EACCES, "scope_denied", "m (scope_denied"},
        {200, "{\"success\":false,\"error\":{\"code\":\"not_found\",\"message\":\"m\"}}",
         -ENOENT, "not_found", "m (not_found"},
        {200, "{\"success\":false}", -EPROTO, "", "HTTP 200"},
        {413, "", -EFBIG, "", "HTTP 413"},
        {412, "{}", -ESTALE, "", "HTTP 412"},
        {410, "[]", -ENOENT, "", "HTTP 410"},
        {422, "null", -EPROTO, "", "HTTP 422"},
        {423, "{\"error\":7}", -EBUSY, "", "HTTP 423"},
        {403, "<html>\x01 no </html>", -EACCES, "", "HTTP 403"},
        {302, "", -EIO, "", "redirect"},
        {501, "{\"error\":{\"code\":null,\"message\":[]}}", -EIO, "", "HTTP 501"},
        {400, "{\"error\":{\"code\":12,\"message\":\"a\\nb\\u0007c\"}}", -EPROTO, "12",
         "a b c (12, HTTP 400)"},
    };
    struct fixture f;
    start(&f, NULL, NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        say(&f, cases[i].status, cases[i].body);
        get_page(&f);
        if (f.a.err != cases[i].err || strcmp(f.a.code, cases[i].code) ||
            !strstr(f.a.message, cases[i].words))
            fail_msg("case %zu: err %d, code %s, message %s", i, f.a.err, f.a.code,
                     f.a.message);
        assert_int_equal(f.a.status, cases[i].status);
    }
    stop(&f);
}

/* ---- verdicts ---------------------------------------------------------------------- */

#define NO                                                                               \
    "{\"ok\":false,\"stages\":{\"compile\":true,\"query\":true,\"bind\":false},"         \
    "\"errors\":[{\"stage\":\"bind\",\"message\":\"unbound\",\"field\":\"spec.root\","   \
    "\"line\":3,\"column\":9}],\"has_custom_nodes\":true}"
#define YES                                                                              \
    "{\"ok\":true,\"stages\":{\"compile\":true},\"errors\":[],\"has_custom_nodes\":"     \
    "false}"

static const struct {
    int status;
    const char *body;
} refusals[] = {
    {200, NO},
    {200, "{\"data\":" NO "}"},
    {200, "{\"verdict\":" NO "}"},
    {422, NO},
    {400, "{\"data\":" NO "}"},
    {422,
     "{\"error\":{\"code\":\"invalid_argument\",\"message\":\"m\",\"details\":" NO "}}"},
    {422, "{\"error\":{\"code\":\"x\",\"details\":{\"verdict\":" NO "}}}"},
    {422, "{\"error\":\"refused\",\"verdict\":" NO "}"},
    {409, "{\"error\":\"refused\",\"details\":" NO "}"},
    {200, "{\"data\":{\"success\":false,\"error\":{\"code\":\"x\",\"details\":" NO "}}}"},
};

static void a_verdict_wherever_it_stands(void **state)
{
    struct fixture f;
    start(&f, NULL, NULL);
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        say(&f, refusals[i].status, refusals[i].body);
        validate(&f);
        assert_int_equal(f.a.err, 0);
        assert_true(f.a.has_verdict);
        assert_false(f.a.ok);
        assert_true(f.a.custom);
        assert_string_equal(f.a.fault, "bind|unbound|spec.root|3|9");
        say(&f, refusals[i].status, refusals[i].body);
        create(&f);
        assert_int_equal(f.a.err, -EPROTO);
        assert_true(f.a.has_verdict);
        assert_non_null(strstr(f.a.message, "[bind] unbound"));
        assert_false(f.a.sent);
    }
    stop(&f);
}

static void verdicts_with_parts_missing(void **state)
{
    static const struct {
        const char *body;
        bool ok;
        unsigned faults;
        const char *fault;
    } cases[] = {
        {YES, true, 0, NULL},
        {"{\"data\":" YES "}", true, 0, NULL},
        {"{\"ok\":true}", true, 0, NULL},
        {"{\"data\":{\"ok\":true}}", true, 0, NULL},
        {"{\"ok\":false}", false, 0, NULL},
        {"{\"stages\":{\"compile\":true}}", true, 0, NULL},
        {"{\"stages\":{\"compile\":false}}", false, 0, NULL},
        {"{\"errors\":[]}", true, 0, NULL},
        {"{\"errors\":[\"bad\",{\"message\":\"worse\"}]}", false, 2, "|bad|-|0|0"},
        {"{\"ok\":false,\"errors\":[{\"stage\":7,\"line\":-1,\"column\":1e9}]}", false, 1,
         "|refused without a word|-|0|0"},
        {"{\"ok\":false,\"errors\":{\"a\":1}}", false, 0, NULL},
        {"{\"ok\":false,\"errors\":[null,[]]}", false, 2,
         "|refused without a word|-|0|0"},
    };
    struct fixture f;
    start(&f, NULL, NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        say(&f, 200, cases[i].body);
        validate(&f);
        if (f.a.err || !f.a.has_verdict || f.a.ok != cases[i].ok ||
            f.a.faults != cases[i].faults)
            fail_msg("case %zu: err %d, ok %d, %zu faults", i, f.a.err, f.a.ok,
                     f.a.faults);
        if (cases[i].fault)
            assert_string_equal(f.a.fault, cases[i].fault);
    }
    stop(&f);
}

static void validations_without_a_verdict(void **state)
{
    struct fixture f;
    start(&f, NULL, NULL);
    validate(&f);
    assert_int_equal(f.a.err, -EIO);
    say(&f, 400, "{\"error\":{\"code\":\"invalid_argument\",\"message\":\"spec\"}}");
    validate(&f);
    assert_int_equal(f.a.err, -EPROTO);
    assert_false(f.a.has_verdict);
    say(&f, 403, "{\"error\":\"missing_scope\",\"details\":{\"scope\":\"pages:read\"}}");
    validate(&f);
    assert_int_equal(f.a.err, -EACCES);
    assert_string_equal(f.canned.seen_body, "{\"spec\":{\"version\": 1.0}}");
    stop(&f);
}

static void a_page_with_its_verdict_was_stored(void **state)
{
    struct fixture f;
    start(&f, NULL, NULL);
    say(&f, 201, "{\"id\":\"p9\",\"verdict\":" YES "}");
    create(&f);
    assert_int_equal(f.a.err, 0);
    assert_string_equal(f.a.id, "p9");
    assert_true(f.a.has_verdict);
    assert_true(f.a.ok);
    say(&f, 201, "{\"id\":\"p9\",\"verdict\":" NO "}");
    create(&f);
    assert_int_equal(f.a.err, 0);
    say(&f, 200, "{\"id\":\"p9\",\"ok\":false,\"errors\":[]}");
    create(&f);
    assert_int_equal(f.a.err, -EPROTO);
    stop(&f);
}

/* An "errors" in what is no verdict is just data. */
static void other_answers_may_have_errors(void **state)
{
    struct fixture f;
    start(&f, NULL, NULL);
    say(&f, 200, "{\"results\":{},\"errors\":[\"q\"]}");
    struct platform_call call = net_call(&f.a);
    platform_page_render(f.net.platform, "p1", NULL, &call);
    net_wait(&f.a);
    assert_int_equal(f.a.err, 0);
    assert_string_equal(f.a.value, "{\"results\":{},\"errors\":[\"q\"]}");
    say(&f, 200, "{\"items\":[],\"errors\":[\"q\"]}");
    list(&f);
    assert_int_equal(f.a.err, 0);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_envelope),
        cmocka_unit_test(what_is_no_list),
        cmocka_unit_test(every_way_of_paging),
        cmocka_unit_test(a_page_that_vanishes_hides_no_other),
        cmocka_unit_test(a_list_is_taken_as_it_comes),
        cmocka_unit_test(a_list_that_changes_comes_twice),
        cmocka_unit_test(a_list_asks_for_what_is_wanted),
        cmocka_unit_test(a_total_that_lies_is_believed_once),
        cmocka_unit_test(a_cursor_that_stays_ends_the_list),
        cmocka_unit_test(templates_go_by_their_slugs),
        cmocka_unit_test(a_page_in_every_wrap),
        cmocka_unit_test(what_is_no_page),
        cmocka_unit_test(deep_answers_are_refused),
        cmocka_unit_test(ids_cannot_leave_their_place),
        cmocka_unit_test(texts_are_sent_as_they_are),
        cmocka_unit_test(a_patch_sends_its_field_alone),
        cmocka_unit_test(removals),
        cmocka_unit_test(render_answers_its_text),
        cmocka_unit_test(a_create_whose_answer_is_garbled_may_have_worked),
        cmocka_unit_test(every_error),
        cmocka_unit_test(a_verdict_wherever_it_stands),
        cmocka_unit_test(verdicts_with_parts_missing),
        cmocka_unit_test(validations_without_a_verdict),
        cmocka_unit_test(a_page_with_its_verdict_was_stored),
        cmocka_unit_test(other_answers_may_have_errors),
    };
    log_setup("test", LOG_LEVEL_INFO, LOG_SINK_NONE);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
