/* workspace/doc_state.c: what state a document is in, and the checker of what must hold of
 * documents and of a page's saves, on structs that no workspace made. */
#include "cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "scene.h"

/* ---- documents in disorder -------------------------------------------------------- */

static void bound_elsewhere(struct scene *c)
{
    c->file.doc = c->queries;
}

static void absent_with_a_file(struct scene *c)
{
    c->spec->present = false;
}

static void clean_with_bytes(struct scene *c)
{
    c->file.dirty = false;
}

static void tried_before_written(struct scene *c)
{
    c->file.tried_seq = c->file.seq + 1;
}

static void nothing_shown(struct scene *c)
{
    text_replace(&c->queries->shown, NULL);
}

static void no_value(struct scene *c)
{
    text_replace(&c->queries->remote, NULL);
}

static void own_of_nothing(struct scene *c)
{
    c->spec->own = true;
    text_replace(&c->spec->shown, NULL);
}

static void refused_for_nothing(struct scene *c)
{
    c->spec->refused = some_text();
}

static void problem_alone(struct scene *c)
{
    c->spec->problem = some_text();
}

static void conflict_alone(struct scene *c)
{
    c->queries->theirs = some_text();
}

static void clean_waits(struct scene *c)
{
    c->queries->waiting = true;
}

static void refused_unheard(struct scene *c)
{
    c->file.tried_seq = c->file.seq;
    c->file.tried_err = -EPROTO;
}

static void kept_nowhere(struct scene *c)
{
    c->spec->kept[STATE_DRAFT] = some_text();
}

static void params_of_the_platform(struct scene *c)
{
    page_doc_of(&c->page, PAGE_PARAMS)->remote = some_text();
}

static void changed_template(struct scene *c)
{
    c->page.is_template = true;
}

static void queue_behind_nothing(struct scene *c)
{
    c->save.state = SAVE_QUEUED;
    DL_APPEND(c->page.saves, &c->save);
}

static void runs_before_it_begins(struct scene *c)
{
    c->page.save = &c->save;
}

static void two_run(struct scene *c)
{
    scene_enter(c, SAVE_QUEUED);
    c->save.state = SAVE_PATCH;
}

static const struct {
    void (*disturb)(struct scene *c);
    const char *broken;
} doc_disorders[] = {
    {bound_elsewhere, "its file is bound to it alone"},
    {absent_with_a_file, "an absent document has no file"},
    {clean_with_bytes, "a clean file has no bytes of its own"},
    {tried_before_written, "nothing was tried that was not written"},
    {nothing_shown, "a clean file has a text to show, and its value"},
    {no_value, "a clean file has a text to show, and its value"},
    {own_of_nothing, "a text of the user's own is shown"},
    {refused_for_nothing, "what was refused has a reason"},
    {problem_alone, "a reason has a verdict"},
    {conflict_alone, "a conflict has a reason"},
    {clean_waits, "only a draft waits"},
    {refused_unheard, "a refused draft has a reason"},
    {kept_nowhere, "nothing is kept without a state.db"},
    {params_of_the_platform, "params are of this machine alone"},
    {changed_template, "a template is never changed"},
    {queue_behind_nothing, "saves wait only behind a running one"},
    {runs_before_it_begins, "the running save has begun"},
    {two_run, "all but the running save are QUEUED"},
};

static void test_a_document_in_disorder_is_named(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(doc_disorders); i++) {
        const struct doc *d = NULL;
        struct scene *c = scene_new();
        assert_null(page_broken_invariant(&c->page, &d));
        doc_disorders[i].disturb(c);
        const char *broken = page_broken_invariant(&c->page, &d);
        if (!broken || strcmp(broken, doc_disorders[i].broken) != 0)
            fail_msg("disorder %zu: %s", i, broken ? broken : "is not seen");
        scene_free(c);
    }
}

/* ---- the states of a document ----------------------------------------------------- */

static void test_the_state_of_a_document(void **state)
{
    struct scene *c = scene_new();
    struct doc *d = c->spec;
    assert_int_equal(doc_state(c->queries), DOC_SAVED);
    assert_int_equal(doc_state(d), DOC_DRAFT);
    d->waiting = true;
    assert_int_equal(doc_state(d), DOC_WAITING);
    d->problem = some_text();
    assert_int_equal(doc_state(d), DOC_REFUSED);
    d->theirs = some_text();
    assert_int_equal(doc_state(d), DOC_CONFLICT);
    scene_enter(c, SAVE_PATCH);
    assert_int_equal(doc_state(d), DOC_SAVING);
    assert_int_equal(doc_standing(d), DOC_CONFLICT);
    assert_int_equal(doc_state(c->queries), DOC_SAVED);
    c->save.other_draft = some_text();
    assert_int_equal(doc_state(c->queries), DOC_SAVING);
    c->page.save = NULL;
    c->queries->present = false;
    assert_int_equal(doc_state(c->queries), DOC_ABSENT);
    for (int i = 0; i < DOC_STATES; i++)
        assert_non_null(doc_state_name((enum doc_state)i));
    scene_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_document_in_disorder_is_named),
        cmocka_unit_test(test_the_state_of_a_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
