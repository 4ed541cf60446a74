/* workspace/save_machine.c: the table of a save's states, and the checker of what must
 * hold of saves, on structs that no workspace made. */
#ifdef NDEBUG
enum { BUILT_TO_CHECK = 0 };
#else
enum { BUILT_TO_CHECK = 1 };
#endif
#include "cmocka_all.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"

/* ---- the table -------------------------------------------------------------------- */

/* The states that can be reached from one, itself among them, by ways that avoid some. */
static unsigned reach(enum save_state from, unsigned avoided)
{
    unsigned seen = 1u << from;
    unsigned before = 0;
    while (seen != before) {
        before = seen;
        for (int i = 0; i < SAVE_STATES; i++)
            for (int j = 0; j < SAVE_STATES; j++)
                if ((before & 1u << i) && !(avoided & 1u << j) &&
                    save_may_follow((enum save_state)i, (enum save_state)j))
                    seen |= 1u << j;
    }
    return seen;
}

static void test_every_state_is_reached_and_ends(void **state)
{
    assert_int_equal(reach(SAVE_NEW, 0), (1u << SAVE_STATES) - 1);
    for (int i = 0; i < SAVE_STATES; i++) {
        assert_non_null(save_state_name((enum save_state)i));
        assert_true(reach((enum save_state)i, 0) & 1u << SAVE_END);
        assert_false(save_may_follow((enum save_state)i, SAVE_NEW));
        assert_false(save_may_follow((enum save_state)i, (enum save_state)i));
        assert_false(save_may_follow(SAVE_END, (enum save_state)i));
    }
}

/* Only a good page is asked for again; what may have arrived is never sent twice. */
static void test_what_is_sent_is_judged_before_and_sent_once(void **state)
{
    const unsigned sends = 1u << SAVE_PATCH | 1u << SAVE_ADOPT | 1u << SAVE_CREATE;
    const unsigned judged = 1u << SAVE_VALIDATE | 1u << SAVE_DISK;
    const unsigned ends = 1u << SAVE_END;
    assert_int_equal(reach(SAVE_NEW, judged) & sends, 0);
    assert_int_equal(reach(SAVE_NEW, 1u << SAVE_PLAN | 1u << SAVE_DISK) & sends, 0);
    assert_int_equal(reach(SAVE_PATCH, 0), 1u << SAVE_PATCH | 1u << SAVE_SETTLE | ends);
    assert_int_equal(reach(SAVE_CREATE, 0), 1u << SAVE_CREATE | 1u << SAVE_FIND | ends);
}

/* ---- the table in the comment ----------------------------------------------------- */

static int state_named(const char *word, size_t len)
{
    for (int i = 0; i < SAVE_STATES; i++) {
        const char *name = save_state_name((enum save_state)i);
        if (strlen(name) == len && !strncmp(name, word, len))
            return i;
    }
    return -1;
}

/* The states that are named in a text. */
static unsigned states_in(const char *text)
{
    unsigned states = 0;
    while (*text && *text != '\n') {
        size_t len = 0;
        while (isalpha((unsigned char)text[len]))
            len++;
        int at = state_named(text, len);
        if (len && at >= 0)
            states |= 1u << at;
        text += len ? len : 1;
    }
    return states;
}

/* Reads the rows: what stands in the third column for each state. How many there are. */
static unsigned read_comment(unsigned told[SAVE_STATES])
{
    char line[256];
    size_t column = 0;
    unsigned rows = 0;
    int at = -1;
    FILE *f = fopen(MACHINE_SOURCE, "re");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) && (!column || strlen(line) > 3)) {
        if (!strncmp(line, " *   -----", 10))
            column = (size_t)(strrchr(line, ' ') - line) + 1;
        else if (column && line[5] != ' ')
            rows += (at = state_named(line + 5, strcspn(line + 5, " "))) >= 0;
        if (column && at >= 0 && strlen(line) > column)
            told[at] |= states_in(line + column);
    }
    assert_int_equal(fclose(f), 0);
    return rows;
}

static void test_the_comment_tells_the_same(void **state)
{
    unsigned told[SAVE_STATES] = {0};
    assert_int_equal(read_comment(told), SAVE_STATES);
    for (int i = 0; i < SAVE_STATES; i++) {
        unsigned next = 0;
        for (int j = 0; j < SAVE_STATES; j++)
            if (save_may_follow((enum save_state)i, (enum save_state)j))
                next |= 1u << j;
        if (i >= SAVE_BODY && i <= SAVE_FIND)
            told[i] |= 1u << SAVE_END;
        if (i >= SAVE_BODY && i <= SAVE_JUDGE)
            told[i] |= 1u << SAVE_DISK;
        if (told[i] != next)
            fail_msg("%s: the comment tells %x, the table %x",
                     save_state_name((enum save_state)i), told[i], next);
    }
}

/* ---- a save in good order --------------------------------------------------------- */

static void test_a_save_in_good_order(void **state)
{
    for (int i = 0; i < SAVE_STATES; i++) {
        const struct doc *d = NULL;
        struct scene *c = scene_new();
        scene_enter(c, (enum save_state)i);
        const char *broken = save_broken_invariant(&c->save);
        if (!broken)
            broken = page_broken_invariant(&c->page, &d);
        if (broken)
            fail_msg("%s: %s", save_state_name((enum save_state)i), broken);
        scene_free(c);
    }
}

/* ---- saves in disorder ------------------------------------------------------------ */

static void not_running(struct scene *c)
{
    c->page.save = NULL;
}

static void not_queued(struct scene *c)
{
    c->page.saves = NULL;
}

static void queued_twice(struct scene *c)
{
    DL_APPEND(c->page.saves, &c->save);
}

static void no_body(struct scene *c)
{
    c->page.body = BODY_NONE;
}

static void no_id(struct scene *c)
{
    free(steal_ptr(c->page.id));
}

static void an_id(struct scene *c)
{
    c->page.id = xstrdup("pg-1");
}

static void no_base(struct scene *c)
{
    text_replace(&c->save.base, NULL);
}

static void an_answer(struct scene *c)
{
    c->save.pending = !c->save.pending;
}

static void no_spec(struct scene *c)
{
    text_replace(&c->save.spec, NULL);
}

static void no_fields(struct scene *c)
{
    text_replace(&c->save.fields, NULL);
}

static void no_look_id(struct scene *c)
{
    free(steal_ptr(c->save.look_id));
}

static void not_lost(struct scene *c)
{
    text_replace(&c->page.lost, NULL);
}

static void on_its_way(struct scene *c)
{
    c->save.writing = !c->save.writing;
}

static void disk_is_full(struct scene *c)
{
    c->save.disk_err = -ENOSPC;
}

static void parked(struct scene *c)
{
    c->save.then = c->save.then ? NULL : some_step;
}

static void of_params(struct scene *c)
{
    c->save.doc = page_doc_of(&c->page, PAGE_PARAMS);
}

static void ahead_of_its_file(struct scene *c)
{
    c->save.seq++;
}

static void from_nowhere(struct scene *c)
{
    c->save.rename = true;
    c->save.slot = STATE_MOVED;
}

static void its_own_other(struct scene *c)
{
    c->save.other = c->spec;
    c->save.other_draft = some_text();
}

static void made_already(struct scene *c)
{
    c->save.created = true;
}

static const struct {
    enum save_state state;
    void (*disturb)(struct scene *c);
    const char *broken;
} disorders[] = {
    {SAVE_NEW, queued_twice, "it is in no queue yet"},
    {SAVE_QUEUED, not_queued, "it is in its page's queue behind a running one"},
    {SAVE_QUEUED, not_running, "it is in its page's queue behind a running one"},
    {SAVE_BODY, not_running, "it is its page's running save"},
    {SAVE_PATCH, queued_twice, "it is its page's running save"},
    {SAVE_PLAN, no_body, "the page's body is here"},
    {SAVE_VALIDATE, no_base, "its base is known"},
    {SAVE_VALIDATE, an_answer, "an answer is to come"},
    {SAVE_VALIDATE, no_spec, "what is to be sent is known"},
    {SAVE_JUDGE, an_answer, "no answer is to come"},
    {SAVE_JUDGE, no_id, "the platform has the page"},
    {SAVE_DISK, on_its_way, "the step after the disk is known"},
    {SAVE_DISK, parked, "the step after the disk is known"},
    {SAVE_PATCH, parked, "only in DISK a step is parked"},
    {SAVE_PATCH, on_its_way, "the text is on the disk"},
    {SAVE_PATCH, disk_is_full, "the text is on the disk"},
    {SAVE_PATCH, no_spec, "what is to be sent is known"},
    {SAVE_PATCH, no_id, "the platform has the page"},
    {SAVE_PATCH, of_params, "it is of a document of its page"},
    {SAVE_PATCH, ahead_of_its_file, "it has a text that its file had"},
    {SAVE_PATCH, from_nowhere, "a rename knows where its file stands"},
    {SAVE_PATCH, its_own_other, "the draft that goes along is of the other file"},
    {SAVE_SETTLE, no_id, "the platform has the page"},
    {SAVE_LOOK, no_look_id, "there is an id to look for"},
    {SAVE_LOOK, made_already, "a page that was made has an id"},
    {SAVE_ADOPT, on_its_way, "the text is on the disk"},
    {SAVE_ADOPT, no_look_id, "there is an id to look for"},
    {SAVE_SEEK, not_lost, "a create was interrupted, and is looked for once"},
    {SAVE_CREATE, disk_is_full, "the text is on the disk"},
    {SAVE_CREATE, an_id, "the platform does not have the page"},
    {SAVE_CREATE, no_fields, "the members of page.json are known"},
    {SAVE_FIND, an_id, "the platform does not have the page"},
    {SAVE_END, on_its_way, "the text is not on its way to the disk"},
};

static void test_a_save_in_disorder_is_named(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(disorders); i++) {
        struct scene *c = scene_new();
        scene_enter(c, disorders[i].state);
        disorders[i].disturb(c);
        const char *broken = save_broken_invariant(&c->save);
        if (!broken || strcmp(broken, disorders[i].broken) != 0)
            fail_msg("disorder %zu in %s: %s", i, save_state_name(disorders[i].state),
                     broken ? broken : "is not seen");
        scene_free(c);
    }
}

/* ---- the end of a process in disorder --------------------------------------------- */

/* A step in a process of its own: how that ended, and what it said. */
static int step_in_child(struct scene *c, enum save_state to, char *said, size_t size)
{
    int out[2];
    int status;
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (!pid) {
        dup2(out[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        save_enter(&c->save, to);
        _exit(0);
    }
    close(out[1]);
    FILE *f = fdopen(out[0], "r");
    assert_non_null(f);
    said[fread(said, 1, size - 1, f)] = '\0';
    fclose(f);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void test_a_bad_step_ends_the_process(void **state)
{
    char said[1024];
    if (!BUILT_TO_CHECK)
        skip();
    struct scene *c = scene_new();
    scene_enter(c, SAVE_JUDGE);
    assert_int_equal(step_in_child(c, SAVE_PATCH, said, sizeof said), 0);
    assert_string_equal(said, "");
    int status = step_in_child(c, SAVE_SETTLE, said, sizeof said);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(said, "page weekly: spec.json: a save went from JUDGE to "
                                 "SETTLE, where this is broken: the one may follow"));
    c->save.disk_err = -EIO;
    status = step_in_child(c, SAVE_PATCH, said, sizeof said);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(said, "JUDGE to PATCH, where this is broken: the text is on"));
    c->save.disk_err = 0;
    c->file.tried_seq = c->file.seq + 1;
    status = step_in_child(c, SAVE_PATCH, said, sizeof said);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(said, "spec.json (saving), its save in PATCH"));
    scene_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_state_is_reached_and_ends),
        cmocka_unit_test(test_what_is_sent_is_judged_before_and_sent_once),
        cmocka_unit_test(test_the_comment_tells_the_same),
        cmocka_unit_test(test_a_save_in_good_order),
        cmocka_unit_test(test_a_save_in_disorder_is_named),
        cmocka_unit_test(test_a_bad_step_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
