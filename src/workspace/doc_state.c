/* doc_state.c - the state of a document, derived from what it holds, and what must hold of
 * one at every moment in which the lock is free (page_check() asks at each commit point
 * and each step of a save).
 *
 *   state     what makes it that                        it goes on to
 *   --------  ----------------------------------------  -----------------------------------
 *   absent    its name is not there                     draft, by a new file of that name;
 *                                                       saved, when the name is restored
 *   saved     the file is clean: it shows `shown`,      draft, by a write; saving, by a
 *             which stands for `remote`                 rename onto it; absent
 *   draft     the file is dirty                         saving, at a commit point; saved,
 *                                                       where that finds nothing to send;
 *                                                       refused, where it is no JSON
 *   saving    a save of it runs or is queued            saved, refused, conflict; waiting,
 *                                                       on a new page; draft, when it was
 *                                                       written to meanwhile
 *   staged    a draft that a batch sends at its end     saving, then; draft, where that
 *                                                       gives it up
 *   waiting   a draft of a new page that lacks another  saving, with that other file
 *   refused   it has a problem: the file's, or that of  as draft, of which it is one (or
 *             the text beside it                        saved, after a rename)
 *   conflict  `theirs` is what the platform has         as refused
 *
 * What is not checked, since a document does not hold it: that the time of a file after a
 * good save is the one that was reported at its close. tests/mount looks at that. */
#include "workspace/save.h"

/* ---- the states of a document ------------------------------------------------ */

bool doc_is_draft(const struct doc *d)
{
    return d->file && d->file->dirty;
}

/* The document itself, or as the draft that goes along. */
static bool doc_is_in(const struct doc *d, const struct save *s)
{
    return s && (s->doc == d || (s->other == d && s->other_draft) ||
                 (d->which == PAGE_PAGE && s->meta_draft));
}

static bool doc_is_saving(const struct doc *d)
{
    const struct save *s;
    DL_FOREACH (d->page->saves, s)
        if (doc_is_in(d, s))
            return true;
    return doc_is_in(d, d->page->save);
}

/* In this order: an absent document may still have a refusal, and a draft mostly has. A
 * file that was bound, and never written to, is none yet. */
enum doc_state doc_standing(const struct doc *d)
{
    if (d->theirs)
        return DOC_CONFLICT;
    if (d->problem)
        return DOC_REFUSED;
    if (d->waiting)
        return DOC_WAITING;
    if (d->staged)
        return DOC_STAGED;
    if (doc_is_draft(d) && d->file->seq)
        return DOC_DRAFT;
    return d->present ? DOC_SAVED : DOC_ABSENT;
}

enum doc_state doc_state(const struct doc *d)
{
    return doc_is_saving(d) ? DOC_SAVING : doc_standing(d);
}

const char *doc_state_name(enum doc_state state)
{
    static const char *const names[DOC_STATES] = {
        [DOC_ABSENT] = "absent",     [DOC_SAVED] = "saved",     [DOC_DRAFT] = "draft",
        [DOC_STAGED] = "staged",     [DOC_WAITING] = "waiting", [DOC_REFUSED] = "refused",
        [DOC_CONFLICT] = "conflict", [DOC_SAVING] = "saving",
    };
    return names[state];
}

/* ---- what must hold of a document -------------------------------------------- */

static bool holds_binding(const struct doc *d)
{
    const struct item *it = d->file;
    return !it || (it->doc == d && it->type == ITEM_FILE && !it->backed && !it->orphan);
}

static bool holds_absent(const struct doc *d)
{
    return d->present || !d->file;
}

static bool holds_clean(const struct doc *d)
{
    return !d->file || d->file->dirty || !d->file->data.len;
}

static bool holds_tried(const struct doc *d)
{
    return !d->file || d->file->tried_seq <= d->file->seq;
}

/* (At END a page that was just made has its id before its texts.) */
static bool holds_shown(const struct doc *d)
{
    const struct page *p = d->page;
    bool known = p->id && p->body == BODY_READY && d->which != PAGE_PARAMS &&
                 !(p->save && p->save->state == SAVE_END);
    return !known || !d->present || doc_is_draft(d) || (d->shown && d->remote);
}

static bool holds_own(const struct doc *d)
{
    return !d->own || d->shown;
}

static bool holds_refused(const struct doc *d)
{
    return !d->refused || d->problem;
}

static bool holds_verdict(const struct doc *d)
{
    return !d->problem == !d->verdict;
}

/* A save that is to end so may wait for the disk. */
static bool holds_conflict(const struct doc *d)
{
    return !d->theirs || d->problem || doc_is_in(d, d->page->save);
}

static bool holds_waiting(const struct doc *d)
{
    return !d->waiting || doc_is_draft(d);
}

/* The text that was refused is what the file holds, and nobody tries it again. */
static bool holds_reason(const struct doc *d)
{
    bool told = doc_is_draft(d) && d->file->tried_seq == d->file->seq &&
                d->file->tried_err && !doc_is_saving(d);
    return !told || d->problem;
}

static bool holds_kept(const struct doc *d)
{
    return d->page->ws->state || (!d->kept[STATE_DRAFT] && !d->kept[STATE_MOVED]);
}

static bool holds_params(const struct doc *d)
{
    return d->which != PAGE_PARAMS ||
           (!d->remote && !d->theirs && !d->waiting && !d->staged);
}

static bool holds_template(const struct doc *d)
{
    return !d->page->is_template || doc_standing(d) <= DOC_SAVED;
}

static const struct {
    const char *name;
    bool (*holds)(const struct doc *d);
} doc_invariants[] = {
    {"its file is bound to it alone", holds_binding},
    {"an absent document has no file", holds_absent},
    {"a clean file has no bytes of its own", holds_clean},
    {"nothing was tried that was not written", holds_tried},
    {"a clean file has a text to show, and its value", holds_shown},
    {"a text of the user's own is shown", holds_own},
    {"what was refused has a reason", holds_refused},
    {"a reason has a verdict", holds_verdict},
    {"a conflict has a reason", holds_conflict},
    {"only a draft waits", holds_waiting},
    {"a refused draft has a reason", holds_reason},
    {"nothing is kept without a state.db", holds_kept},
    {"params are of this machine alone", holds_params},
    {"a template is never changed", holds_template},
};

const char *doc_broken_invariant(const struct doc *d)
{
    for (size_t i = 0; i < ARRAY_LEN(doc_invariants); i++)
        if (!doc_invariants[i].holds(d))
            return doc_invariants[i].name;
    return NULL;
}
