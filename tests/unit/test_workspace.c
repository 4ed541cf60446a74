/* workspace/: what is shown and what is saved, on a real amdahl-local, without a kernel.
 */
#include "cmocka_all.h"

#include <errno.h>
#include <semaphore.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "world.h"

static const char unknown_type[] =
    "{\n  \"version\": 1,\n  \"root\": {\"type\": \"Heding\"}\n}\n";

/* ---- reading ---------------------------------------------------------------------- */

static void note_name(void *arg, const char *name, struct page *p)
{
    struct buf *names = arg;
    buf_printf(names, "%s ", name);
}

static void test_list(void **state)
{
    struct world *w = *state;
    cleanup_buf struct buf names = BUF_INIT;
    workspace_each_page(w->ws, note_name, &names);
    assert_non_null(strstr(names.data, "weekly-sentiment "));
    assert_non_null(strstr(names.data, "pipeline-health "));
    assert_int_equal(names.len,
                     strlen("weekly-sentiment pipeline-health account-activity "));
    assert_int_equal(WAIT_FOR(workspace_pages_ready(w->ws, the_wait)), 0);
    assert_int_equal(proxy_count(w->proxy, ""), 0);
    assert_int_equal(WAIT_FOR(workspace_refresh(w->ws, the_wait)), 0);
    assert_int_equal(proxy_count(w->proxy, "GET /pages?"), 1);
    assert_null(workspace_find_page(w->ws, "nobody"));
}

static void test_a_body_is_one_get(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    assert_int_equal(proxy_count(w->proxy, ""), 1);
    assert_int_equal(proxy_count(w->proxy, "GET /pages/"), 1);
    assert_contains(p, PAGE_SPEC, "{\n  \"version\": 1,\n  \"root\": {\n");
    assert_contains(p, PAGE_QUERIES, "\"name\": \"by_week\"");
    assert_contains(p, PAGE_PAGE, "\"name\": \"Weekly sentiment\"");
    assert_contains(p, PAGE_INFO, "\"console_url\"");
    assert_text(p, PAGE_ERRORS, "");
    assert_int_equal(WAIT_FOR(page_ready(p, the_wait)), 0);
    assert_int_equal(WAIT_FOR(workspace_refresh(w->ws, the_wait)), 0);
    assert_int_equal(WAIT_FOR(page_ready(p, the_wait)), 0);
    assert_int_equal(proxy_count(w->proxy, "GET /pages/"), 1);
    page_unref(p);
}

static void test_sizes_are_true(void **state)
{
    struct world *w = *state;
    static const enum page_file files[] = {PAGE_SPEC, PAGE_QUERIES, PAGE_PAGE,
                                           PAGE_PARAMS};
    struct page *p = world_page(w, "pipeline-health");
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        cleanup_free char *text = world_text(p, files[i]);
        struct item *it = page_doc(p, files[i]);
        struct stat st;
        item_stat(it, &st);
        assert_int_equal(st.st_size, strlen(text));
        assert_true(S_ISREG(st.st_mode));
        item_unref(it);
    }
    page_unref(p);
}

/* ---- saving ----------------------------------------------------------------------- */

static void test_a_good_save(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    proxy_forget(w->proxy);
    assert_int_equal(world_save(p, PAGE_SPEC, HEADING("One, 1.0")), 0);
    assert_int_equal(proxy_count(w->proxy, "POST /pages/validate"), 1);
    assert_int_equal(proxy_count(w->proxy, "GET /pages/"), 1);
    assert_int_equal(proxy_count(w->proxy, "PATCH /pages/"), 1);
    assert_int_equal(proxy_count(w->proxy, ""), 3);
    assert_text(p, PAGE_SPEC, HEADING("One, 1.0"));
    assert_text(p, PAGE_ERRORS, "");
    assert_int_equal(world_commit(p, PAGE_SPEC, SAVE_FSYNC, true), 0);
    assert_int_equal(proxy_count(w->proxy, ""), 3);
    assert_stored(w, p, "spec", "One, 1.0");
    assert_stored(w, p, "declared_queries", "by_week");
    page_unref(p);
}

static void test_the_same_tokens_cost_nothing(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    cleanup_free char *text = world_text(p, PAGE_SPEC);
    cleanup_free char *spaced = xasprintf("\n\t%s\n\n", text);
    proxy_forget(w->proxy);
    assert_int_equal(world_save(p, PAGE_SPEC, text), 0);
    assert_int_equal(world_save(p, PAGE_SPEC, spaced), 0);
    assert_int_equal(proxy_count(w->proxy, ""), 0);
    assert_text(p, PAGE_SPEC, spaced);
    page_unref(p);
}

static void test_a_refusal_is_sticky(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    assert_int_equal(world_save(p, PAGE_SPEC, unknown_type), -EPROTO);
    assert_contains(p, PAGE_ERRORS, "spec.json:3:");
    assert_contains(p, PAGE_ERRORS, "error: [compile] ");
    assert_contains(p, PAGE_VERDICT, "\"ok\": false");
    assert_text(p, PAGE_SPEC, unknown_type);
    proxy_forget(w->proxy);
    assert_int_equal(world_commit(p, PAGE_SPEC, SAVE_FSYNC, true), -EPROTO);
    assert_int_equal(world_commit(p, PAGE_SPEC, SAVE_FLUSH, true), -EPROTO);
    assert_int_equal(world_commit(p, PAGE_SPEC, SAVE_RELEASE, true), -EPROTO);
    assert_int_equal(proxy_count(w->proxy, ""), 0);
    assert_int_equal(world_save(p, PAGE_SPEC, unknown_type), -EPROTO);
    assert_int_equal(proxy_count(w->proxy, "POST /pages/validate"), 1);
    assert_int_equal(proxy_count(w->proxy, "PATCH"), 0);
    assert_int_equal(world_save(p, PAGE_SPEC, HEADING("good")), 0);
    assert_text(p, PAGE_ERRORS, "");
    page_unref(p);
}

static void test_no_json_is_refused_here(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    proxy_forget(w->proxy);
    assert_int_equal(world_save(p, PAGE_SPEC, "{\"version\": 1,\n \"root\": nope}"),
                     -EPROTO);
    assert_contains(p, PAGE_ERRORS, "spec.json:2:10: error: [json] ");
    assert_int_equal(world_save(p, PAGE_SPEC, "{\"a\": 1, \"a\": 2}"), -EPROTO);
    assert_int_equal(world_save(p, PAGE_QUERIES, "{}"), -EPROTO);
    assert_contains(p, PAGE_ERRORS, "queries.json:1:1: ");
    assert_int_equal(proxy_count(w->proxy, ""), 0);
    page_unref(p);
}

/* Another process's close of half a document says nothing yet; the opener's does. */
static void test_half_a_document(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    proxy_forget(w->proxy);
    world_write(p, PAGE_SPEC, "{\"version\": 1, ");
    assert_int_equal(world_commit(p, PAGE_SPEC, SAVE_FLUSH, false), 0);
    assert_text(p, PAGE_ERRORS, "");
    assert_int_equal(world_commit(p, PAGE_SPEC, SAVE_FLUSH, true), -EPROTO);
    assert_contains(p, PAGE_ERRORS, "spec.json:1:");
    assert_int_equal(proxy_count(w->proxy, ""), 0);
    page_unref(p);
}

/* `cmd > spec.json`: the shell closes a duplicate first; at the end it is an error. */
static void test_an_empty_file(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    struct item *it = page_doc(p, PAGE_SPEC);
    proxy_forget(w->proxy);
    assert_int_equal(item_truncate(it, 0), 0);
    assert_int_equal(world_commit(p, PAGE_SPEC, SAVE_FLUSH, true), 0);
    assert_text(p, PAGE_ERRORS, "");
    assert_int_equal(world_commit(p, PAGE_SPEC, SAVE_RELEASE, true), -EPROTO);
    assert_contains(p, PAGE_ERRORS, "spec.json:1:1: error: ");
    assert_int_equal(proxy_count(w->proxy, ""), 0);
    item_unref(it);
    page_unref(p);
}

/* An old refused draft beside a good one blocks nothing and is not sent unasked. */
static void test_a_refused_draft_stays_at_home(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    assert_int_equal(world_save(p, PAGE_QUERIES, QUERY("other")), -EPROTO);
    proxy_forget(w->proxy);
    cleanup_free char *spec = world_text(p, PAGE_SPEC);
    char *title = strstr(spec, "Weekly");
    memcpy(title, "Wookly", 6);
    assert_int_equal(world_save(p, PAGE_SPEC, spec), 0);
    assert_int_equal(proxy_count(w->proxy, "POST /pages/validate"), 2);
    assert_int_equal(proxy_count(w->proxy, "PATCH"), 1);
    assert_stored(w, p, "spec", "Wookly");
    assert_stored(w, p, "declared_queries", "by_week");
    assert_text(p, PAGE_QUERIES, QUERY("other"));
    assert_contains(p, PAGE_ERRORS, "by_week");
    page_unref(p);
}

/* Two files that are good only together: the first is refused, the second takes it along.
 */
static void test_a_draft_goes_along(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    assert_int_equal(world_save(p, PAGE_SPEC, TABLE_OF("fresh")), -EPROTO);
    proxy_forget(w->proxy);
    assert_int_equal(world_save(p, PAGE_QUERIES, QUERY("fresh")), 0);
    assert_int_equal(proxy_count(w->proxy, "POST /pages/validate"), 1);
    assert_int_equal(proxy_count(w->proxy, "PATCH"), 1);
    assert_text(p, PAGE_ERRORS, "");
    assert_text(p, PAGE_SPEC, TABLE_OF("fresh"));
    assert_stored(w, p, "spec", "fresh");
    assert_stored(w, p, "declared_queries", "fresh");
    proxy_forget(w->proxy);
    assert_int_equal(world_commit(p, PAGE_SPEC, SAVE_FSYNC, true), 0);
    assert_int_equal(proxy_count(w->proxy, ""), 0);
    page_unref(p);
}

/* Vim and emacs put the old bytes back after a failed save. */
static void test_the_old_bytes_come_back(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    cleanup_free char *before = world_text(p, PAGE_SPEC);
    assert_int_equal(world_save(p, PAGE_SPEC, unknown_type), -EPROTO);
    proxy_forget(w->proxy);
    assert_int_equal(world_save(p, PAGE_SPEC, before), 0);
    assert_int_equal(proxy_count(w->proxy, ""), 0);
    assert_text(p, PAGE_SPEC, before);
    assert_contains(p, PAGE_ERRORS, "[compile]");
    struct item *rejected = world_scratch(p, "spec.json.rejected");
    assert_non_null(rejected);
    item_unref(rejected);
    assert_int_equal(world_save(p, PAGE_SPEC, HEADING("new")), 0);
    assert_text(p, PAGE_ERRORS, "");
    page_unref(p);
}

static void test_a_text_written_during_its_save(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    struct item *it = page_doc(p, PAGE_SPEC);
    struct pending *first = pending_new();
    world_write(p, PAGE_SPEC, HEADING("first"));
    int err = item_commit(it, SAVE_FLUSH, &(struct committer){.opener = true},
                          pending_wait(first));
    world_write(p, PAGE_SPEC, HEADING("second"));
    assert_int_equal(pending_end(first, err), 0);
    assert_text(p, PAGE_SPEC, HEADING("second"));
    assert_int_equal(world_commit(p, PAGE_SPEC, SAVE_FLUSH, true), 0);
    assert_stored(w, p, "spec", "second");
    item_unref(it);
    page_unref(p);
}

static void engine_wait(void *arg)
{
    while (sem_wait(arg) != 0)
        continue;
}

/* A half-written text is refused here while the save before it is under way: what comes
 * of that one takes nothing back, neither when it ends well nor when it is refused. */
static void refuse_during_a_save_of(struct world *w, const char *text, int want)
{
    sem_t go;
    const struct committer opener = {.opener = true};
    struct page *p = world_page(w, "weekly-sentiment");
    struct item *it = page_doc(p, PAGE_SPEC);
    struct pending *first = pending_new();
    sem_init(&go, 0, 0);
    loop_post(w->loop, engine_wait, &go);
    world_write(p, PAGE_SPEC, text);
    int err = item_commit(it, SAVE_FLUSH, &opener, pending_wait(first));
    world_write(p, PAGE_SPEC, "{\"version\": 1,\n!");
    struct pending *second = pending_new();
    int refused = item_commit(it, SAVE_FLUSH, &opener, pending_wait(second));
    sem_post(&go);
    assert_int_equal(pending_end(first, err), want);
    assert_int_equal(pending_end(second, refused), -EPROTO);
    assert_contains(p, PAGE_ERRORS, "spec.json:2:1: error: [json]");
    cleanup_free char *now = page_attribute(p, "state");
    assert_string_equal(now, "refused");
    assert_int_equal(world_commit(p, PAGE_SPEC, SAVE_FLUSH, true), -EPROTO);
    sem_destroy(&go);
    item_unref(it);
    page_unref(p);
}

static void test_a_refusal_during_a_good_save_stands(void **state)
{
    struct world *w = *state;
    refuse_during_a_save_of(w, HEADING("first"), 0);
    struct page *p = world_page(w, "weekly-sentiment");
    assert_stored(w, p, "spec", "first");
    page_unref(p);
}

static void test_a_refusal_during_a_bad_save_stands(void **state)
{
    refuse_during_a_save_of(*state, unknown_type, -EPROTO);
}

static void test_page_json(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    cleanup_free char *text = world_text(p, PAGE_PAGE);
    proxy_forget(w->proxy);
    memcpy(strstr(text, "\"sentiment\""), "\"SENTIMENT\"", 11);
    assert_int_equal(world_save(p, PAGE_PAGE, text), 0);
    assert_int_equal(proxy_count(w->proxy, "PATCH"), 1);
    assert_int_equal(proxy_count(w->proxy, ""), 2);
    assert_stored(w, p, "tags", "SENTIMENT");
    cleanup_free char *renumbered = world_text(p, PAGE_PAGE);
    char *id = strstr(renumbered, "\"id\": \"") + 7;
    *id = *id == '0' ? '1' : '0';
    proxy_forget(w->proxy);
    assert_int_equal(world_save(p, PAGE_PAGE, renumbered), -EPROTO);
    assert_int_equal(proxy_count(w->proxy, ""), 0);
    page_unref(p);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_list),
        TEST(test_a_body_is_one_get),
        TEST(test_sizes_are_true),
        TEST(test_a_good_save),
        TEST(test_the_same_tokens_cost_nothing),
        TEST(test_a_refusal_is_sticky),
        TEST(test_no_json_is_refused_here),
        TEST(test_half_a_document),
        TEST(test_an_empty_file),
        TEST(test_a_refused_draft_stays_at_home),
        TEST(test_a_draft_goes_along),
        TEST(test_the_old_bytes_come_back),
        TEST(test_a_text_written_during_its_save),
        TEST(test_a_refusal_during_a_good_save_stands),
        TEST(test_a_refusal_during_a_bad_save_stands),
        TEST(test_page_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
