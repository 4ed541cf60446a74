/* workspace/batch.h: who belongs to a batch, and what becomes of what it staged, on a real
 * amdahl-local, without a kernel. */
#include "cmocka_all.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "proxy.h"
#include "workspace/batch.h"
#include "world.h"

static int save_by(struct page *p, enum page_file which, const char *text, pid_t tgid)
{
    world_write(p, which, text);
    struct item *it = page_doc(p, which);
    const struct committer by = {.tgid = tgid, .opener = true};
    int err = WAIT_FOR(item_commit(it, SAVE_FLUSH, &by, the_wait));
    item_unref(it);
    return err;
}

static void assert_state(struct page *p, const char *want)
{
    cleanup_free char *state = page_attribute(p, "state");
    assert_string_equal(state, want);
}

static uint64_t begin(struct world *w, pid_t owner)
{
    uint64_t number = 0;
    assert_int_equal(workspace_batch_begin(w->ws, owner, &number), 0);
    assert_true(number > 0);
    return number;
}

/* A process below this one, for as long as the test says. */
static pid_t child_begin(int *ret_end)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        char byte;
        close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
    }
    assert_true(child > 0);
    close(ends[0]);
    *ret_end = ends[1];
    return child;
}

static void child_end(pid_t child, int end)
{
    close(end);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void test_members(void **state)
{
    struct world *w = *state;
    int end;
    pid_t child = child_begin(&end);
    assert_int_equal(batch_of(w->ws, getpid()), 0);
    uint64_t outer = begin(w, getpid());
    assert_int_equal(batch_of(w->ws, getpid()), outer);
    assert_int_equal(batch_of(w->ws, child), outer);
    assert_int_equal(batch_of(w->ws, getppid()), 0);
    assert_int_equal(batch_of(w->ws, 0), 0);
    uint64_t inner = begin(w, child);
    assert_int_equal(batch_of(w->ws, child), inner);
    assert_int_equal(batch_of(w->ws, getpid()), outer);
    child_end(child, end);
    assert_int_equal(batch_of(w->ws, child), inner); /* it was seen to be one */
    workspace_batch_end(w->ws, inner);
    assert_int_equal(batch_of(w->ws, child), outer); /* where it was seen before */
    workspace_batch_end(w->ws, outer);
    assert_int_equal(batch_of(w->ws, getpid()), 0);
}

static void test_both_files_at_once(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    uint64_t batch = begin(w, getpid());
    proxy_forget(w->proxy);
    assert_int_equal(save_by(p, PAGE_SPEC, TABLE_OF("fresh"), getpid()), 0);
    assert_int_equal(save_by(p, PAGE_QUERIES, QUERY("fresh"), getpid()), 0);
    assert_state(p, "staged");
    assert_int_equal(proxy_count(w->proxy, ""), 0);
    assert_int_equal(WAIT_FOR(workspace_batch_commit(w->ws, batch, the_wait)), 0);
    assert_int_equal(proxy_count(w->proxy, "PATCH"), 1);
    assert_int_equal(proxy_count(w->proxy, ""), 3);
    assert_state(p, "saved");
    assert_stored(w, p, "spec", "fresh");
    assert_stored(w, p, "declared_queries", "fresh");
    cleanup_text struct text *words = workspace_batch_words(w->ws, batch);
    assert_string_equal(words->data,
                        "{\"page\":\"weekly-sentiment\",\"result\":\"saved\",\"ok\":true,"
                        "\"message\":null,\"errors\":[]}\n");
    assert_int_equal(workspace_batch_commit(w->ws, batch, NULL), -EALREADY);
    workspace_batch_end(w->ws, batch);
    page_unref(p);
}

static void test_an_end_without_a_commit(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    uint64_t batch = begin(w, getpid());
    proxy_forget(w->proxy);
    assert_int_equal(save_by(p, PAGE_SPEC, HEADING("staged"), getpid()), 0);
    workspace_batch_end(w->ws, batch);
    assert_state(p, "draft");
    assert_int_equal(proxy_count(w->proxy, ""), 0);
    assert_contains(p, PAGE_SPEC, "staged");
    page_unref(p);
}

static void test_a_save_of_somebody_else(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    int end;
    pid_t child = child_begin(&end);
    uint64_t batch = begin(w, child);
    assert_int_equal(save_by(p, PAGE_QUERIES, "[]", child), 0);
    assert_int_equal(save_by(p, PAGE_SPEC, HEADING("beside"), getpid()), 0);
    assert_stored(w, p, "spec", "beside");
    cleanup_free char *id = page_attribute(p, "id");
    cleanup_free char *stored = world_stored(w, id, "declared_queries");
    assert_string_not_equal(stored, "[]");
    assert_state(p, "staged");
    workspace_batch_end(w->ws, batch);
    child_end(child, end);
    page_unref(p);
}

static void empty(struct page *p)
{
    static const char *const names[] = {"spec.json", "queries.json", "page.json"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_int_equal(place_unlink(page_local(p), names[i], getpid()), 0);
}

static void test_a_removed_page(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    cleanup_free char *id = page_attribute(p, "id");
    uint64_t batch = begin(w, getpid());
    empty(p);
    proxy_forget(w->proxy);
    assert_int_equal(
        WAIT_FOR(workspace_page_archive(w->ws, "weekly-sentiment", getpid(), the_wait)),
        0);
    assert_null(workspace_find_page(w->ws, "weekly-sentiment"));
    assert_null(workspace_find_id(w->ws, id));
    assert_int_equal(WAIT_FOR(workspace_refresh(w->ws, the_wait)), 0);
    assert_null(workspace_find_id(w->ws, id));
    assert_int_equal(proxy_count(w->proxy, "DELETE"), 0);
    workspace_batch_end(w->ws, batch);
    struct page *back = workspace_find_page(w->ws, "weekly-sentiment");
    assert_ptr_equal(back, p);
    assert_true(page_has(p, PAGE_SPEC, true));
    page_unref(back);
    page_unref(p);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_members),
        TEST(test_both_files_at_once),
        TEST(test_an_end_without_a_commit),
        TEST(test_a_save_of_somebody_else),
        TEST(test_a_removed_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
