/* save.h - one save of one document, from a commit point to the platform's answer.
 * For save.c, save_send.c and create.c.
 *
 *   state      what is under way                        then
 *   ---------  ---------------------------------------  ------------------------------------
 *   QUEUED     another save of this page runs           BODY or PLAN when that one ends
 *   BODY       GET of the page: its values are needed   PLAN; a failure ends the save
 *   PLAN       (no request) what has to be sent?        VALIDATE, PATCH (page.json), or END
 *   VALIDATE   POST /pages/validate                     ok: PATCH, CREATE or LOOK
 *                                                       refused with the other file's draft:
 *                                                       VALIDATE again with the platform's
 *                                                       other file; refused: END
 *   PATCH      PATCH /pages/:id, changed fields alone   ok: END; answer lost: SETTLE
 *   LOOK       GET of the id that a new page.json has   there: PATCH; not there: CREATE
 *   CREATE     POST /pages, once                        ok: END; answer lost: FIND
 *   SETTLE     GET after a lost answer                  equal: END well; else with the error
 *   FIND       the list, then GET, after a lost create  found and equal: END well; else error
 *   END        documents settled or refused, waiters answered, the next queued save begins
 *
 * One save runs a page at a time; all steps run on the engine's thread, with the workspace
 * lock held and never across a request. */
#ifndef WORKSPACE_SAVE_H
#define WORKSPACE_SAVE_H

#include "workspace/model.h"

struct save {
    struct page *page; /* a reference */
    struct doc *doc;   /* inside page */
    struct item *item; /* a reference */
    uint64_t seq;      /* the change of item that is saved */
    struct text *text; /* its bytes */
    bool rename;       /* item is scratch; it becomes the doc's only on success */
    struct wait *waits;
    struct wait body; /* our own wait for BODY */
    struct save *prev, *next;

    struct doc *other;        /* spec for queries and the reverse; NULL for page.json */
    struct text *other_draft; /* its draft, where that goes along; NULL: the platform's */
    uint64_t other_seq;       /* the change of its file that the draft is */
    struct text *spec, *queries; /* what was validated */
    struct text *fields;         /* page.json's changed members */
    struct text *verdict;        /* of a good validation */
    char *look_id;               /* LOOK: the id in a new page's page.json */
    bool restores;               /* the page of look_id is archived */

    struct buf lines, faults; /* of the first refusal: `errors` and verdict.json */
};

/* ---- save.c ------------------------------------------------------------------ */

/* The last step. err 0: what was sent is the platform's now (`from`: its answer, may be
 * NULL). Takes the lock's hold over: called with it held, returns with it released. */
void save_end(struct save *s, int err, const struct platform_page *from);
/* Ends a save that needs no request, or only waits for more files: err 0, nothing sent.
 */
void save_end_waiting(struct save *s);
/* The same for a save of what the platform has already. */
void save_end_unchanged(struct save *s);
/* Does a (or b) hold what the other does, but for blanks? NULL is no text. */
bool save_same_tokens(const struct text *a, const struct text *b);
/* Notes a refusal or failure without a verdict for `errors`. */
void save_note(struct save *s, const char *stage, const char *message);

/* ---- save_send.c: the steps for a page that the platform has ----------------- */

void save_plan(struct save *s);     /* lock held on entry, released on return */
void save_patch(struct save *s);    /* same */
void save_validate(struct save *s); /* same */
void save_note_verdict(struct save *s, const struct platform_verdict *verdict);

/* The other file's draft, when it is whole (a commit was tried for it); sets other_draft.
 */
void save_pick_other(struct save *s);

/* ---- create.c: the steps for one that it does not have ----------------------- */

void create_plan(struct save *s); /* same */
void create_validated(struct save *s);

#endif
