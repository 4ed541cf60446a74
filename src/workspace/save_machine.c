/* save_machine.c - the life of a save as one table, and the checker of what must hold in
 * it (of the documents themselves: doc_state.c).
 *
 *   state      what is under way                        then
 *   ---------  ---------------------------------------  ------------------------------------
 *   NEW        (no request) made at a commit point      QUEUED; BODY when no other runs
 *   QUEUED     another save of this page runs           BODY when that one ends
 *   BODY       GET of the page where it is not here     PLAN; a failure ends the save
 *   PLAN       (no request) what has to be sent?        VALIDATE; nothing, or a new page
 *                                                       that lacks a file: END
 *   VALIDATE   POST /pages/validate (not of page.json)  JUDGE; a new page: LOOK, SEEK,
 *              and beside it GET of the page            CREATE, or refused: END
 *   JUDGE      (no request) both are answered           refused with the other file's draft:
 *                                                       VALIDATE again with the platform's
 *                                                       other file; refused, gone, or
 *                                                       changed elsewhere: END; there
 *                                                       already: END well; else PATCH
 *   DISK       the text is on its way to state.db       what was to come: PATCH, LOOK, SEEK,
 *                                                       CREATE or END; the disk refuses: END
 *   PATCH      PATCH /pages/:id, changed fields alone   ok: END; answer lost: SETTLE
 *   SETTLE     GET after a lost answer                  equal: END well; else with the error
 *   LOOK       GET of the id that a new page.json has,  there: ADOPT; not there: SEEK or
 *              or that SEEK found                       CREATE
 *   ADOPT      PATCH of that page, which this one is    ok: END; archived, and not to be had
 *              from now on                              back: SEEK or CREATE
 *   SEEK       the list: has a create that an earlier   a page like it: LOOK; else CREATE
 *              mount's end interrupted arrived?
 *   CREATE     POST /pages, once                        ok: END; answer lost: FIND
 *   FIND       the list, then GET, after a lost create  found and equal: END well; else error
 *   END        documents settled or refused, waiters answered, the next queued save begins
 *
 * In each of BODY to FIND a failure is END with its error. From BODY to JUDGE what would
 * send or end too early is parked first, in DISK. (tests/unit/test_machine.c compares this
 * table with the one in the code.)
 *
 * Beside all this the text goes to state.db, from the moment the save is made (keep.h).
 * What changes the platform is sent only once it is on the disk, and no save ends before:
 * the step that is parked is `then`.
 *
 * One save runs a page at a time; all steps run on the engine's thread, with the workspace
 * lock held and never across a request. The table below is what save_enter() allows: a
 * step that it does not name, or one after which something does not hold, is a bug, and
 * ends a build that has its assertions (no NDEBUG) with the name of what is broken. */
#include "workspace/save.h"

#include <stdio.h>
#include <stdlib.h>

#ifdef NDEBUG
enum { MACHINE_IS_CHECKED = 0 };
#else
enum { MACHINE_IS_CHECKED = 1 };
#endif

/* ---- what must hold of a save ------------------------------------------------ */

static bool save_is_queued(const struct save *s)
{
    const struct save *each;
    DL_FOREACH (s->page->saves, each)
        if (each == s)
            return true;
    return false;
}

static bool holds_unqueued(const struct save *s)
{
    return s->page->save != s && !save_is_queued(s);
}

static bool holds_queued(const struct save *s)
{
    return s->page->save && s->page->save != s && save_is_queued(s);
}

static bool holds_running(const struct save *s)
{
    return s->page->save == s && !save_is_queued(s);
}

static bool holds_body(const struct save *s)
{
    return s->page->body == BODY_READY;
}

static bool holds_known(const struct save *s)
{
    return s->page->id != NULL;
}

static bool holds_unknown(const struct save *s)
{
    return s->page->id == NULL;
}

/* A new page is based on nothing. */
static bool holds_base(const struct save *s)
{
    return s->base || !s->page->id;
}

static bool holds_asked(const struct save *s)
{
    return s->pending > 0;
}

static bool holds_answered(const struct save *s)
{
    return s->pending == 0;
}

static bool holds_texts(const struct save *s)
{
    return s->doc->which == PAGE_PAGE ? s->fields != NULL : s->spec && s->queries;
}

static bool holds_fields(const struct save *s)
{
    return s->fields != NULL;
}

static bool holds_look_id(const struct save *s)
{
    return s->look_id != NULL;
}

static bool holds_lost(const struct save *s)
{
    return s->page->lost && s->looked_for_lost;
}

static bool holds_written(const struct save *s)
{
    return !s->writing;
}

static bool holds_safe(const struct save *s)
{
    return !s->writing && !s->disk_err;
}

static bool holds_parked(const struct save *s)
{
    return s->writing && s->then;
}

static bool holds_document(const struct save *s)
{
    return s->doc->page == s->page && s->doc->which != PAGE_PARAMS &&
           !s->page->is_template;
}

static bool holds_text(const struct save *s)
{
    return s->text && s->text->len && s->item && s->seq <= s->item->seq;
}

static bool holds_unparked(const struct save *s)
{
    return s->state == SAVE_DISK || !s->then;
}

/* What is moved onto the file is kept in a place of its own until it is the file. */
static bool holds_rename(const struct save *s)
{
    return !s->rename ||
           (s->slot == STATE_MOVED && (s->state == SAVE_NEW || s->from.it == s->item));
}

static bool holds_other(const struct save *s)
{
    return !s->other_draft || (s->other && s->other != s->doc);
}

static bool holds_created(const struct save *s)
{
    return !s->created || (s->page->id && s->state >= SAVE_LOOK);
}

enum {
    UNQUEUED = 1 << 0,
    QUEUED = 1 << 1,
    RUNNING = 1 << 2,
    BODY = 1 << 3,
    KNOWN = 1 << 4,
    UNKNOWN = 1 << 5,
    BASE = 1 << 6,
    ASKED = 1 << 7,
    ANSWERED = 1 << 8,
    TEXTS = 1 << 9,
    FIELDS = 1 << 10,
    LOOK_ID = 1 << 11,
    LOST = 1 << 12,
    WRITTEN = 1 << 13,
    SAFE = 1 << 14,
    PARKED = 1 << 15,
    ALWAYS = 1 << 16,
    /* of requests that change a page that the platform has, or make one */
    SENDS = RUNNING | SAFE | TEXTS | ANSWERED,
    MAKES = SENDS | UNKNOWN | FIELDS,
};

static const struct {
    unsigned bit;
    const char *name;
    bool (*holds)(const struct save *s);
} save_invariants[] = {
    {ALWAYS, "it is of a document of its page", holds_document},
    {ALWAYS, "it has a text that its file had", holds_text},
    {ALWAYS, "only in DISK a step is parked", holds_unparked},
    {ALWAYS, "a rename knows where its file stands", holds_rename},
    {ALWAYS, "the draft that goes along is of the other file", holds_other},
    {ALWAYS, "a page that was made has an id", holds_created},
    {UNQUEUED, "it is in no queue yet", holds_unqueued},
    {QUEUED, "it is in its page's queue behind a running one", holds_queued},
    {RUNNING, "it is its page's running save", holds_running},
    {BODY, "the page's body is here", holds_body},
    {KNOWN, "the platform has the page", holds_known},
    {UNKNOWN, "the platform does not have the page", holds_unknown},
    {BASE, "its base is known", holds_base},
    {ASKED, "an answer is to come", holds_asked},
    {ANSWERED, "no answer is to come", holds_answered},
    {TEXTS, "what is to be sent is known", holds_texts},
    {FIELDS, "the members of page.json are known", holds_fields},
    {LOOK_ID, "there is an id to look for", holds_look_id},
    {LOST, "a create was interrupted, and is looked for once", holds_lost},
    {WRITTEN, "the text is not on its way to the disk", holds_written},
    {SAFE, "the text is on the disk", holds_safe},
    {PARKED, "the step after the disk is known", holds_parked},
};

/* ---- the table --------------------------------------------------------------- */

#define TO(state) (1u << SAVE_##state)

static const struct {
    const char *name;
    unsigned next;  /* bit of each state that may follow */
    unsigned holds; /* of save_invariants, beside ALWAYS */
} save_states[SAVE_STATES] = {
    [SAVE_NEW] = {"NEW", TO(QUEUED) | TO(BODY), UNQUEUED},
    [SAVE_QUEUED] = {"QUEUED", TO(BODY), QUEUED},
    [SAVE_BODY] = {"BODY", TO(PLAN) | TO(DISK) | TO(END), RUNNING | ANSWERED},
    [SAVE_PLAN] = {"PLAN", TO(VALIDATE) | TO(DISK) | TO(END), RUNNING | ANSWERED | BODY},
    [SAVE_VALIDATE] = {"VALIDATE",
                       TO(JUDGE) | TO(DISK) | TO(LOOK) | TO(SEEK) | TO(CREATE) | TO(END),
                       RUNNING | ASKED | TEXTS | BASE},
    [SAVE_JUDGE] = {"JUDGE", TO(VALIDATE) | TO(DISK) | TO(PATCH) | TO(END),
                    RUNNING | ANSWERED | TEXTS | BASE | KNOWN},
    [SAVE_DISK] = {"DISK", TO(PATCH) | TO(LOOK) | TO(SEEK) | TO(CREATE) | TO(END),
                   RUNNING | ANSWERED | PARKED},
    [SAVE_PATCH] = {"PATCH", TO(SETTLE) | TO(END), SENDS | BASE | KNOWN},
    [SAVE_SETTLE] = {"SETTLE", TO(END), SENDS | KNOWN},
    [SAVE_LOOK] = {"LOOK", TO(ADOPT) | TO(SEEK) | TO(CREATE) | TO(END), MAKES | LOOK_ID},
    [SAVE_ADOPT] = {"ADOPT", TO(SEEK) | TO(CREATE) | TO(END), MAKES | LOOK_ID},
    [SAVE_SEEK] = {"SEEK", TO(LOOK) | TO(CREATE) | TO(END), MAKES | LOST},
    [SAVE_CREATE] = {"CREATE", TO(FIND) | TO(END), MAKES},
    [SAVE_FIND] = {"FIND", TO(END), MAKES},
    [SAVE_END] = {"END", 0, RUNNING | ANSWERED | WRITTEN},
};

const char *save_state_name(enum save_state state)
{
    return save_states[state].name;
}

bool save_may_follow(enum save_state from, enum save_state to)
{
    return save_states[from].next & 1u << to;
}

const char *save_broken_invariant(const struct save *s)
{
    unsigned wanted = ALWAYS | save_states[s->state].holds;
    for (size_t i = 0; i < ARRAY_LEN(save_invariants); i++)
        if ((save_invariants[i].bit & wanted) && !save_invariants[i].holds(s))
            return save_invariants[i].name;
    return NULL;
}

_Noreturn static void save_break(const struct save *s, enum save_state from,
                                 const char *what)
{
    fprintf(stderr, "page %s: %s: a save went from %s to %s, where this is broken: %s\n",
            s->page->dir, page_file_name(s->doc->which), save_state_name(from),
            save_state_name(s->state), what);
    abort();
}

void save_enter(struct save *s, enum save_state to)
{
    enum save_state from = s->state;
    s->state = to;
    if (!MACHINE_IS_CHECKED)
        return;
    const char *broken = save_may_follow(from, to) ? save_broken_invariant(s)
                                                   : "the one may follow the other";
    if (broken)
        save_break(s, from, broken);
    page_check(s->page);
}

/* ---- what must hold of a page's saves ---------------------------------------- */

static const char *queue_broken_invariant(const struct page *p)
{
    const struct save *s;
    if (p->saves && !p->save)
        return "saves wait only behind a running one";
    if (p->save && p->save->state <= SAVE_QUEUED)
        return "the running save has begun";
    DL_FOREACH (p->saves, s)
        if (s->page != p || s->state != SAVE_QUEUED)
            return "all but the running save are QUEUED";
    return NULL;
}

static const char *saves_broken_invariant(const struct page *p)
{
    const struct save *s;
    const char *broken = queue_broken_invariant(p);
    if (!broken && p->save)
        broken = save_broken_invariant(p->save);
    for (s = p->saves; !broken && s; s = s->next)
        broken = save_broken_invariant(s);
    return broken;
}

const char *page_broken_invariant(const struct page *p, const struct doc **ret_doc)
{
    for (int i = 0; i < page_docs(p); i++) {
        const char *broken = doc_broken_invariant(&p->docs[i]);
        *ret_doc = &p->docs[i];
        if (broken)
            return broken;
    }
    *ret_doc = NULL;
    return saves_broken_invariant(p);
}

void page_check(const struct page *p)
{
    const struct doc *d;
    const char *broken = MACHINE_IS_CHECKED && p ? page_broken_invariant(p, &d) : NULL;
    if (!broken)
        return;
    fprintf(stderr, "page %s: %s (%s), its save in %s: this is broken: %s\n", p->dir,
            d ? page_file_name(d->which) : "its saves",
            d ? doc_state_name(doc_state(d)) : "-",
            p->save ? save_state_name(p->save->state) : "none", broken);
    abort();
}
