/* workspace/: pages that come, go and move, files that are renamed into place, and
 * answers that never came, on a real amdahl-local, without a kernel. */
#include "cmocka_all.h"

#include <errno.h>
#include <linux/fs.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "world.h"

/* A scratch file beside the documents of p. */
static void scratch(struct page *p, const char *name, const char *text)
{
    struct item *it;
    assert_int_equal(place_create(page_local(p), name, 0644, 0, &it), 0);
    assert_int_equal(item_write(it, text, strlen(text), 0), 0);
    item_close(it);
    item_unref(it);
}

static bool has_scratch(struct page *p, const char *name)
{
    struct item *it = world_scratch(p, name);
    item_unref(it);
    return it != NULL;
}

static int move(struct page *p, const char *from, const char *to)
{
    struct item *dir = page_local(p);
    return WAIT_FOR(place_rename(dir, from, dir, to, 0, 0, the_wait));
}

static int unlink_doc(struct page *p, enum page_file which)
{
    return place_unlink(page_local(p), page_file_name(which), 1);
}

static bool is_page(struct world *w, const char *dir)
{
    struct page *p = workspace_find_page(w->ws, dir);
    page_unref(p);
    return p != NULL;
}

/* ---- renames ---------------------------------------------------------------------- */

static void test_rename_is_a_save(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    proxy_forget(w->proxy);
    scratch(p, "spec.tmp", HEADING("renamed"));
    assert_int_equal(proxy_count(w->proxy, ""), 0);
    assert_int_equal(move(p, "spec.tmp", "spec.json"), 0);
    assert_int_equal(proxy_count(w->proxy, "PATCH"), 1);
    assert_int_equal(proxy_count(w->proxy, ""), 3);
    assert_text(p, PAGE_SPEC, HEADING("renamed"));
    assert_false(has_scratch(p, "spec.tmp"));
    assert_stored(w, p, "spec", "renamed");
    page_unref(p);
}

static void test_refused_rename(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    cleanup_free char *before = world_text(p, PAGE_SPEC);
    static const char *const texts[] = {TABLE_OF("nothing"), "{nope", ""};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        cleanup_buf struct buf kept = BUF_INIT;
        proxy_forget(w->proxy);
        scratch(p, "spec.tmp", texts[i]);
        assert_int_equal(move(p, "spec.tmp", "spec.json"), -EPROTO);
        assert_int_equal(proxy_count(w->proxy, "PATCH"), 0);
        assert_int_equal(proxy_count(w->proxy, ""), i == 0 ? 2 : 0);
        assert_text(p, PAGE_SPEC, before);
        assert_contains(p, PAGE_ERRORS, "spec.json:1:");
        struct item *rejected = world_scratch(p, "spec.json.rejected");
        assert_int_equal(item_read(rejected, 4096, 0, &kept), 0);
        assert_string_equal(kept.len ? kept.data : "", texts[i]);
        item_unref(rejected);
        assert_true(has_scratch(p, "spec.tmp"));
        assert_int_equal(place_unlink(page_local(p), "spec.tmp", 1), 0);
    }
    assert_int_equal(world_save(p, PAGE_SPEC, HEADING("good")), 0);
    assert_false(has_scratch(p, "spec.json.rejected"));
    assert_text(p, PAGE_ERRORS, "");
    page_unref(p);
}

static void test_rename_flags_and_directories(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    struct page *q = world_page(w, "pipeline-health");
    struct item *dir = page_local(p);
    proxy_forget(w->proxy);
    scratch(p, "x", HEADING("x"));
    assert_int_equal(place_rename(dir, "x", dir, "spec.json", RENAME_NOREPLACE, 0, NULL),
                     -EEXIST);
    assert_int_equal(place_rename(dir, "x", dir, "y", RENAME_EXCHANGE, 0, NULL), -ENOENT);
    assert_int_equal(place_rename(dir, "x", dir, "spec.json", RENAME_EXCHANGE, 0, NULL),
                     -EINVAL);
    assert_int_equal(place_rename(dir, "x", page_local(q), "spec.json", 0, 0, NULL),
                     -EXDEV);
    assert_int_equal(place_rename(dir, "x", dir, "errors", 0, 0, NULL), -EACCES);
    assert_int_equal(place_rename(dir, "gone", dir, "y", 0, 0, NULL), -ENOENT);
    assert_int_equal(proxy_count(w->proxy, ""), 0);
    page_unref(p);
    page_unref(q);
}

/* vim with backupcopy=no: the old file becomes the backup, a new one is written. */
static void test_the_dance_of_editors(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    cleanup_free char *before = world_text(p, PAGE_SPEC);
    proxy_forget(w->proxy);
    assert_int_equal(move(p, "spec.json", "spec.json~"), 0);
    assert_false(page_has(p, PAGE_SPEC, false));
    assert_int_equal(world_save(p, PAGE_SPEC, before), 0);
    assert_int_equal(proxy_count(w->proxy, ""), 0);
    assert_int_equal(world_save(p, PAGE_SPEC, HEADING("danced")), 0);
    assert_int_equal(proxy_count(w->proxy, "PATCH"), 1);
    struct item *backup = world_scratch(p, "spec.json~");
    cleanup_buf struct buf kept = BUF_INIT;
    item_read(backup, 1 << 20, 0, &kept);
    assert_string_equal(kept.data, before);
    item_unref(backup);
    page_unref(p);
}

static void test_unlink_sends_nothing(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    cleanup_free char *before = world_text(p, PAGE_SPEC);
    proxy_forget(w->proxy);
    assert_int_equal(unlink_doc(p, PAGE_SPEC), 0);
    assert_int_equal(unlink_doc(p, PAGE_SPEC), -ENOENT);
    assert_false(page_has(p, PAGE_SPEC, true));
    struct text *words = NULL;
    assert_int_equal(workspace_command(w->ws, "restore weekly-sentiment", &words, NULL),
                     0);
    text_unref(words);
    assert_text(p, PAGE_SPEC, before);
    assert_int_equal(proxy_count(w->proxy, ""), 0);
    page_unref(p);
}

/* ---- new pages -------------------------------------------------------------------- */

static void test_a_new_page_is_one_post(void **state)
{
    struct world *w = *state;
    struct page *p;
    assert_int_equal(workspace_page_make(w->ws, "fresh", &p), 0);
    assert_int_equal(workspace_page_make(w->ws, "fresh", &p), -EEXIST);
    assert_int_equal(proxy_count(w->proxy, ""), 0);
    assert_int_equal(world_save(p, PAGE_SPEC, TABLE_OF("q")), 0);
    assert_int_equal(proxy_count(w->proxy, ""), 0); /* it waits for its queries */
    assert_text(p, PAGE_ERRORS, "");
    cleanup_free char *waiting = page_attribute(p, "state");
    assert_string_equal(waiting, "waiting");
    assert_int_equal(world_save(p, PAGE_QUERIES, QUERY("q")), 0);
    assert_int_equal(proxy_count(w->proxy, "POST /pages/validate"), 1);
    assert_int_equal(proxy_count(w->proxy, "POST /pages "), 1);
    assert_int_equal(proxy_count(w->proxy, ""), 2);
    assert_text(p, PAGE_SPEC, TABLE_OF("q"));
    assert_stored(w, p, "name", "fresh");
    cleanup_free char *saved = page_attribute(p, "state");
    assert_string_equal(saved, "saved");
    proxy_forget(w->proxy);
    assert_int_equal(world_save(p, PAGE_SPEC, HEADING("next")), 0);
    assert_int_equal(proxy_count(w->proxy, "PATCH"), 1);
    assert_int_equal(WAIT_FOR(workspace_refresh(w->ws, the_wait)), 0);
    assert_true(is_page(w, "fresh"));
    page_unref(p);
}

static void test_a_file_that_is_removed_waits_no_more(void **state)
{
    struct world *w = *state;
    struct page *p;
    assert_int_equal(workspace_page_make(w->ws, "fresh", &p), 0);
    assert_int_equal(world_save(p, PAGE_SPEC, TABLE_OF("q")), 0);
    assert_int_equal(unlink_doc(p, PAGE_SPEC), 0);
    cleanup_free char *state_now = page_attribute(p, "state");
    assert_string_equal(state_now, "new");
    cleanup_text struct text *status = workspace_status(w->ws);
    assert_non_null(strstr(status->data, "\"drafts\": []"));
    page_unref(p);
}

static void test_a_new_page_of_one_file(void **state)
{
    struct world *w = *state;
    struct page *p;
    assert_int_equal(workspace_page_make(w->ws, "single", &p), 0);
    assert_int_equal(
        world_save(p, PAGE_PAGE, "{\"name\": \"Single one\", \"tags\": [\"t\"]}"), 0);
    assert_int_equal(proxy_count(w->proxy, ""), 0);
    assert_int_equal(world_save(p, PAGE_SPEC, HEADING("alone")), 0);
    assert_int_equal(proxy_count(w->proxy, "POST /pages "), 1);
    assert_stored(w, p, "name", "Single one");
    assert_stored(w, p, "tags", "[\"t\"]");
    assert_true(is_page(w, "single"));
    page_unref(p);
}

static void test_a_new_page_that_is_refused(void **state)
{
    struct world *w = *state;
    struct page *p;
    assert_int_equal(workspace_page_make(w->ws, "bad", &p), 0);
    assert_int_equal(world_save(p, PAGE_QUERIES, QUERY("q")), 0);
    assert_int_equal(world_save(p, PAGE_SPEC, TABLE_OF("r")), -EPROTO);
    assert_contains(p, PAGE_ERRORS, "spec.json:1:");
    assert_int_equal(proxy_count(w->proxy, "POST /pages "), 0);
    assert_int_equal(proxy_count(w->proxy, "POST /pages/validate"), 1);
    assert_int_equal(world_save(p, PAGE_SPEC, TABLE_OF("q")), 0);
    assert_text(p, PAGE_ERRORS, "");
    assert_stored(w, p, "declared_queries", "\"q\"");
    page_unref(p);
}

/* A copy of another page's page.json is another page; its id does not go along. */
static void test_a_copy_is_a_page_of_its_own(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    struct page *q;
    cleanup_free char *about = world_text(p, PAGE_PAGE);
    cleanup_free char *id = page_attribute(p, "id");
    assert_int_equal(workspace_page_make(w->ws, "copy", &q), 0);
    assert_int_equal(world_save(q, PAGE_PAGE, about), 0);
    assert_int_equal(world_save(q, PAGE_SPEC, HEADING("copied")), 0);
    cleanup_free char *own = page_attribute(q, "id");
    assert_string_not_equal(own, id);
    assert_contains(q, PAGE_PAGE, own);
    page_unref(p);
    page_unref(q);
}

/* ---- archiving -------------------------------------------------------------------- */

static int archive(struct world *w, const char *dir, pid_t tgid)
{
    static const enum page_file docs[] = {PAGE_SPEC, PAGE_QUERIES, PAGE_PAGE};
    struct page *p = workspace_find_page(w->ws, dir);
    for (size_t i = 0; i < ARRAY_LEN(docs); i++)
        place_unlink(page_local(p), page_file_name(docs[i]), tgid);
    page_unref(p);
    return WAIT_FOR(workspace_page_archive(w->ws, dir, tgid, the_wait));
}

static void test_archive_and_brake(void **state)
{
    struct world *w = *state;
    assert_int_equal(
        WAIT_FOR(workspace_page_archive(w->ws, "weekly-sentiment", 7, the_wait)),
        -ENOTEMPTY);
    assert_int_equal(archive(w, "weekly-sentiment", 7), 0);
    assert_int_equal(proxy_count(w->proxy, "DELETE /pages/"), 1);
    assert_int_equal(proxy_count(w->proxy, ""), 1);
    assert_false(is_page(w, "weekly-sentiment"));
    assert_int_equal(archive(w, "pipeline-health", 7), 0);
    assert_int_equal(archive(w, "account-activity", 7), -EPERM);
    assert_int_equal(proxy_count(w->proxy, "DELETE /pages/"), 2);
    struct page *p = workspace_find_page(w->ws, "account-activity");
    assert_true(page_has(p, PAGE_SPEC, true));
    page_unref(p);
    workspace_allow_archive(w->ws, 1);
    assert_int_equal(archive(w, "account-activity", 7), 0);
    assert_int_equal(WAIT_FOR(workspace_refresh(w->ws, the_wait)), 0);
    assert_false(is_page(w, "account-activity"));
}

static void test_the_brake_is_a_process_s(void **state)
{
    struct world *w = *state;
    assert_int_equal(archive(w, "weekly-sentiment", 7), 0);
    assert_int_equal(archive(w, "pipeline-health", 7), 0);
    assert_int_equal(archive(w, "account-activity", 8), 0);
}

static void test_a_page_renamed(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    proxy_forget(w->proxy);
    assert_int_equal(WAIT_FOR(workspace_page_rename(w->ws, "weekly-sentiment",
                                                    "pipeline-health", the_wait)),
                     -EEXIST);
    assert_int_equal(
        WAIT_FOR(workspace_page_rename(w->ws, "weekly-sentiment", "Mood", the_wait)), 0);
    assert_int_equal(proxy_count(w->proxy, "PATCH"), 1);
    assert_int_equal(proxy_count(w->proxy, ""), 1);
    assert_true(is_page(w, "Mood"));
    assert_false(is_page(w, "weekly-sentiment"));
    assert_stored(w, p, "name", "\"Mood\"");
    assert_int_equal(WAIT_FOR(page_ready(p, the_wait)), 0);
    assert_contains(p, PAGE_PAGE, "\"name\": \"Mood\"");
    assert_int_equal(WAIT_FOR(workspace_refresh(w->ws, the_wait)), 0);
    assert_true(is_page(w, "Mood"));
    page_unref(p);
}

/* ---- answers that never came ------------------------------------------------------ */

static void test_a_lost_patch_answer_is_settled(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    proxy_forget(w->proxy);
    proxy_lose_answer(w->proxy, "PATCH");
    assert_int_equal(world_save(p, PAGE_SPEC, HEADING("arrived")), 0);
    assert_int_equal(proxy_count(w->proxy, "PATCH"), 1);
    assert_int_equal(proxy_count(w->proxy, "GET /pages/"), 2);
    assert_text(p, PAGE_ERRORS, "");
    assert_stored(w, p, "spec", "arrived");
    page_unref(p);
}

static void test_a_lost_patch_is_an_error(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    proxy_forget(w->proxy);
    proxy_lose_request(w->proxy, "PATCH");
    assert_int_equal(world_save(p, PAGE_SPEC, HEADING("lost")), -EIO);
    assert_int_equal(proxy_count(w->proxy, "PATCH"), 1);
    assert_contains(p, PAGE_ERRORS, "[network]");
    assert_text(p, PAGE_SPEC, HEADING("lost"));
    assert_int_equal(world_save(p, PAGE_SPEC, HEADING("lost")), 0);
    assert_stored(w, p, "spec", "lost");
    page_unref(p);
}

static void test_a_lost_create_answer_makes_no_second_page(void **state)
{
    struct world *w = *state;
    struct page *p;
    assert_int_equal(workspace_page_make(w->ws, "once", &p), 0);
    world_write(p, PAGE_SPEC, HEADING("once"));
    proxy_lose_answer(w->proxy, "POST /pages ");
    assert_int_equal(world_commit(p, PAGE_SPEC, SAVE_FLUSH, true), 0);
    assert_int_equal(proxy_count(w->proxy, "POST /pages "), 1);
    assert_stored(w, p, "spec", "once");
    assert_int_equal(WAIT_FOR(workspace_refresh(w->ws, the_wait)), 0);
    assert_true(is_page(w, "once"));
    page_unref(p);
}

static void test_a_lost_archive_answer_is_settled(void **state)
{
    struct world *w = *state;
    proxy_lose_answer(w->proxy, "DELETE");
    assert_int_equal(archive(w, "weekly-sentiment", 7), 0);
    assert_int_equal(proxy_count(w->proxy, "DELETE"), 1);
    assert_false(is_page(w, "weekly-sentiment"));
    assert_int_equal(WAIT_FOR(workspace_refresh(w->ws, the_wait)), 0);
    assert_false(is_page(w, "weekly-sentiment"));
}

/* The names come back, and what did not happen counts neither against the process nor
 * against what was allowed. */
static void test_a_lost_archive_is_an_error(void **state)
{
    struct world *w = *state;
    workspace_allow_archive(w->ws, 1);
    proxy_lose_request(w->proxy, "DELETE");
    assert_int_equal(archive(w, "weekly-sentiment", 7), -EIO);
    struct page *p = workspace_find_page(w->ws, "weekly-sentiment");
    assert_true(page_has(p, PAGE_SPEC, true));
    page_unref(p);
    assert_int_equal(archive(w, "weekly-sentiment", 7), 0);
    assert_int_equal(archive(w, "pipeline-health", 7), 0);
    assert_int_equal(archive(w, "account-activity", 7), 0);
}

static int rename_page(struct world *w, const char *from, const char *to)
{
    return WAIT_FOR(workspace_page_rename(w->ws, from, to, the_wait));
}

static void test_a_lost_rename_answer_is_settled(void **state)
{
    struct world *w = *state;
    proxy_lose_answer(w->proxy, "PATCH");
    assert_int_equal(rename_page(w, "weekly-sentiment", "Mood"), 0);
    assert_int_equal(proxy_count(w->proxy, "PATCH"), 1);
    assert_true(is_page(w, "Mood"));
    proxy_lose_request(w->proxy, "PATCH");
    assert_int_equal(rename_page(w, "Mood", "Weather"), -EIO);
    assert_true(is_page(w, "Mood"));
    assert_false(is_page(w, "Weather"));
    assert_int_equal(rename_page(w, "Mood", "Weather"), 0);
}

/* ---- what is said ----------------------------------------------------------------- */

static void test_status_and_commands(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    cleanup_free char *before = world_text(p, PAGE_SPEC);
    struct text *words = NULL;
    cleanup_text struct text *calm = workspace_status(w->ws);
    assert_non_null(strstr(calm->data, "\"drafts\": []"));
    assert_int_equal(world_save(p, PAGE_SPEC, "{"), -EPROTO);
    cleanup_text struct text *status = workspace_status(w->ws);
    assert_non_null(strstr(status->data, "\"page\": \"weekly-sentiment\""));
    assert_non_null(strstr(status->data, "\"state\": \"refused\""));
    assert_int_equal(workspace_command(w->ws, "fly", &words, NULL), -EINVAL);
    text_replace(&words, NULL);
    assert_int_equal(workspace_command(w->ws, "discard nobody", &words, NULL), -ENOENT);
    text_replace(&words, NULL);
    assert_int_equal(
        workspace_command(w->ws, "discard weekly-sentiment/spec.json", &words, NULL), 0);
    text_replace(&words, NULL);
    assert_text(p, PAGE_SPEC, before);
    assert_text(p, PAGE_ERRORS, "");
    page_unref(p);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rename_is_a_save),
        TEST(test_refused_rename),
        TEST(test_rename_flags_and_directories),
        TEST(test_the_dance_of_editors),
        TEST(test_unlink_sends_nothing),
        TEST(test_a_new_page_is_one_post),
        TEST(test_a_file_that_is_removed_waits_no_more),
        TEST(test_a_new_page_of_one_file),
        TEST(test_a_new_page_that_is_refused),
        TEST(test_a_copy_is_a_page_of_its_own),
        TEST(test_archive_and_brake),
        TEST(test_the_brake_is_a_process_s),
        TEST(test_a_page_renamed),
        TEST(test_a_lost_patch_answer_is_settled),
        TEST(test_a_lost_patch_is_an_error),
        TEST(test_a_lost_create_answer_makes_no_second_page),
        TEST(test_a_lost_archive_answer_is_settled),
        TEST(test_a_lost_archive_is_an_error),
        TEST(test_a_lost_rename_answer_is_settled),
        TEST(test_status_and_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
