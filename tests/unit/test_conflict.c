/* workspace/conflict.c: who is based on what, on a real amdahl-local, without a kernel. */
#include "cmocka_all.h"

#include <errno.h>
#include <semaphore.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "world.h"

/* Numbers that no process has: above the kernel's largest. */
enum { NOBODY = (1 << 22) + 1 };

static void patched(void *arg, const struct platform_answer *answer)
{
    assert_int_equal(answer->err, 0);
    sem_post(arg);
}

/* Somebody else's edit, which the list then tells of. */
static void elsewhere(struct world *w, struct page *p, const char *spec)
{
    sem_t done;
    const struct platform_call call = {HTTP_INTERACTIVE, 0, patched, &done, 0};
    cleanup_free char *id = page_attribute(p, "id");
    cleanup_text struct text *text = text_from_string(spec);
    const struct platform_fields fields = {.spec = text};
    sem_init(&done, 0, 0);
    platform_page_patch(w->platform, id, &fields, &call);
    while (sem_wait(&done) != 0)
        continue;
    sem_destroy(&done);
    assert_int_equal(WAIT_FOR(workspace_refresh(w->ws, the_wait)), 0);
    assert_int_equal(WAIT_FOR(page_ready(p, the_wait)), 0);
}

static void open_by(struct page *p, pid_t tgid)
{
    struct item *it = page_doc(p, PAGE_SPEC);
    item_opened(it, tgid);
    item_unref(it);
}

static int save_by(struct page *p, const char *text, pid_t tgid)
{
    world_write(p, PAGE_SPEC, text);
    struct item *it = page_doc(p, PAGE_SPEC);
    const struct committer by = {.tgid = tgid, .opener = true};
    int err = WAIT_FOR(item_commit(it, SAVE_FLUSH, &by, the_wait));
    item_unref(it);
    return err;
}

static bool is_beside(struct page *p, const char *name)
{
    struct item *it = world_scratch(p, name);
    item_unref(it);
    return it != NULL;
}

static void test_what_came_unread_moves_no_base(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    elsewhere(w, p, HEADING("theirs"));
    assert_contains(p, PAGE_SPEC, "theirs");
    assert_int_equal(save_by(p, HEADING("mine"), 0), -ESTALE);
    assert_true(is_beside(p, "spec.base.json") && is_beside(p, "spec.remote.json"));
    assert_stored(w, p, "spec", "theirs");
    page_unref(p);
}

static void test_whoever_reads_moves_it_for_those_who_do_not(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    open_by(p, getppid());
    elsewhere(w, p, HEADING("theirs"));
    open_by(p, getpid());
    assert_int_equal(save_by(p, HEADING("older"), getppid()), -ESTALE);
    assert_int_equal(save_by(p, HEADING("mine"), NOBODY), 0);
    assert_false(is_beside(p, "spec.base.json") || is_beside(p, "spec.remote.json"));
    assert_stored(w, p, "spec", "mine");
    page_unref(p);
}

/* Many others read the file and ended: they push no living reader out. */
static void test_the_dead_are_forgotten_first(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    open_by(p, getpid());
    elsewhere(w, p, HEADING("theirs"));
    for (pid_t i = 0; i < 200; i++)
        open_by(p, NOBODY + i);
    assert_int_equal(save_by(p, HEADING("mine"), getpid()), -ESTALE);
    page_unref(p);
}

/* The file is still dirty from the first when the second is queued. */
static void test_a_save_behind_ones_own_is_no_conflict(void **state)
{
    struct world *w = *state;
    struct page *p = world_page(w, "weekly-sentiment");
    open_by(p, getpid());
    struct item *it = page_doc(p, PAGE_SPEC);
    struct pending *first = pending_new();
    struct pending *second = pending_new();
    world_write(p, PAGE_SPEC, HEADING("one"));
    const struct committer by = {.tgid = getpid(), .opener = true};
    int one = item_commit(it, SAVE_FLUSH, &by, pending_wait(first));
    world_write(p, PAGE_SPEC, HEADING("two"));
    int two = item_commit(it, SAVE_FLUSH, &by, pending_wait(second));
    assert_int_equal(pending_end(first, one), 0);
    assert_int_equal(pending_end(second, two), 0);
    assert_stored(w, p, "spec", "two");
    item_unref(it);
    page_unref(p);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_came_unread_moves_no_base),
        TEST(test_whoever_reads_moves_it_for_those_who_do_not),
        TEST(test_the_dead_are_forgotten_first),
        TEST(test_a_save_behind_ones_own_is_no_conflict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
