/* The templates and the demo data: each template verifies, and every one of its queries
 * answers rows; the data holds the words that demo_schema.h promises. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmocka_all.h"

#include "base/alloc.h"
#include "json/json.h"
#include "local/demo.h"
#include "local/demo_schema.h"
#include "local/render.h"
#include "local/sqlgate.h"
#include "local/store.h"
#include "local/templates.h"
#include "local/verifier.h"

struct fixture {
    char dir[40];
    char *path;
    struct store *store;
    struct sqlgate *gate;
};

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    strcpy(f->dir, "/tmp/templates-test-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->path = xasprintf("%s/workspace.db", f->dir);
    assert_int_equal(store_sqlite_open(f->path, &f->store), 0);
    assert_int_equal(demo_data(f->store, "tenant-1", time(NULL)), 0);
    assert_int_equal(sqlgate_open(f->path, &f->gate), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    struct fixture *f = *state;
    sqlgate_close(f->gate);
    store_close(f->store);
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        cleanup_free char *name = xasprintf("%s%s", f->path, suffixes[i]);
        unlink(name);
    }
    rmdir(f->dir);
    free(f->path);
    free(f);
    return 0;
}

static struct json_span member(const char *text, struct json_span obj, const char *key)
{
    struct json_span value;
    if (!json_member(text, obj, key, &value))
        fail_msg("%s is missing", key);
    return value;
}

static void check_verifies(struct fixture *f, const struct page_template *t,
                           struct json_span all)
{
    cleanup_verdict struct verdict v;
    cleanup_buf struct buf out = BUF_INIT;
    const struct verify_input in = {t->text, member(t->text, all, "spec"), t->text,
                                    member(t->text, all, "declared_queries")};
    verify_page(f->gate, &in, &v);
    verdict_print(&v, &out);
    if (!verdict_ok(&v) || v.has_custom_nodes)
        fail_msg("%s: %s", t->slug, out.data);
}

static void check_renders(struct fixture *f, const struct page_template *t,
                          struct json_span all)
{
    static const struct json_span none = {0};
    cleanup_buf struct buf out = BUF_INIT;
    struct json_span results, first;
    struct json_iter it, cell;
    render_queries(f->gate, t->text, member(t->text, all, "declared_queries"), NULL, none,
                   &out);
    assert_int_equal(json_check(out.data, out.len, &JSON_LIMITS_USER, &results, NULL), 0);
    json_iter_init(&it, out.data, member(out.data, results, "results"));
    while (json_iter_next(&it)) {
        struct json_span rows = member(out.data, it.value, "rows");
        if (!json_element(out.data, rows, 0, &first))
            fail_msg("%s: no rows: %.*s", t->slug, (int)(it.value.end - it.key.start),
                     out.data + it.key.start);
        json_iter_init(&cell, out.data, first);
        while (json_iter_next(&cell)) {
            if (cell.value.type == JSON_NULL)
                fail_msg("%s: null in the first row: %.*s", t->slug,
                         (int)(first.end - first.start), out.data + first.start);
        }
    }
}

static void test_templates(void **state)
{
    for (size_t i = 0; i < page_template_count; i++) {
        const struct page_template *t = &page_templates[i];
        struct json_span all;
        assert_int_equal(strlen(t->text), t->len);
        assert_int_equal(json_check(t->text, t->len, &JSON_LIMITS_USER, &all, NULL), 0);
        assert_true(json_string_is(t->text, member(t->text, all, "slug"), t->slug));
        assert_true(json_string_is(t->text, member(t->text, all, "name"), t->name));
        assert_true(json_string_is(t->text, member(t->text, all, "intent"), t->intent));
        check_verifies(*state, t, all);
        check_renders(*state, t, all);
    }
}

static void test_slugs(void **state)
{
    static const char *const slugs[] = {
        "pipeline-health", "voice-of-customer", "competitive-battlecard",
        "win-rate-gauge",  "pipeline-funnel",   "deal-size-distribution"};
    assert_int_equal(page_template_count, ARRAY_LEN(slugs));
    for (size_t i = 0; i < ARRAY_LEN(slugs); i++) {
        assert_string_equal(page_templates[i].slug, slugs[i]);
        assert_ptr_equal(page_template_find(slugs[i]), &page_templates[i]);
    }
    assert_null(page_template_find("nope"));
    assert_null(page_template_find(""));
}

/* ---- the words of demo_schema.h --------------------------------------------------- */

static void check_words(struct sqlgate *gate, const char *column,
                        const char *const *words, size_t count)
{
    cleanup_free char *sql =
        xasprintf("SELECT DISTINCT %s AS word FROM interactions WHERE %s IS NOT NULL",
                  column, column);
    struct sqlgate_result res;
    struct sqlgate_error e;
    const struct sqlgate_query q = {.sql = sql};
    assert_int_equal(sqlgate_run(gate, &q, &res, &e), 0);
    for (size_t i = 0; i < count; i++) {
        cleanup_free char *row = xasprintf("{\"word\":\"%s\"}", words[i]);
        if (!strstr(res.rows.data, row))
            fail_msg("%s: no row has %s", column, words[i]);
    }
    if (res.row_count != count)
        fail_msg("%s has other words, too: %s", column, res.rows.data);
    sqlgate_result_finish(&res);
}

static void test_words(void **state)
{
    static const char *const types[] = {DEMO_TYPES};
    static const char *const channels[] = {DEMO_CHANNELS};
    static const char *const speakers[] = {DEMO_SPEAKERS};
    static const char *const stages[] = {DEMO_STAGES};
    static const char *const sentiments[] = {DEMO_SENTIMENTS};
    static const char *const topics[] = {DEMO_TOPICS};
    static const char *const competitors[] = {DEMO_COMPETITORS};
    struct sqlgate *gate = ((struct fixture *)*state)->gate;
    check_words(gate, "interaction_type", types, ARRAY_LEN(types));
    check_words(gate, "channel", channels, ARRAY_LEN(channels));
    check_words(gate, "speaker_type", speakers, ARRAY_LEN(speakers));
    check_words(gate, "stage", stages, ARRAY_LEN(stages));
    check_words(gate, "deal_stage", stages, ARRAY_LEN(stages));
    check_words(gate, "sentiment", sentiments, ARRAY_LEN(sentiments));
    check_words(gate, "topic", topics, ARRAY_LEN(topics));
    check_words(gate, "competitor", competitors, ARRAY_LEN(competitors));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_templates),
        CASE(test_words),
        cmocka_unit_test(test_slugs),
    };
    return cmocka_run_group_tests_name("templates", tests, NULL, NULL);
}
