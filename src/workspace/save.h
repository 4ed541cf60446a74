/* save.h - one save of one document, from a commit point to the platform's answer.
 * For commit.c, save.c, save_judge.c, save_send.c and create.c.
 *
 * Its states, and which may follow which: save_machine.c. All steps run on the engine's
 * thread, with the workspace lock held and never across a request. */
#ifndef WORKSPACE_SAVE_H
#define WORKSPACE_SAVE_H

#include "workspace/conflict.h"

/* In the order of save_machine.c's table: NEW and QUEUED have not begun, and LOOK to FIND
 * are of a page that the platform does not have. */
enum save_state {
    SAVE_NEW,
    SAVE_QUEUED,
    SAVE_BODY,
    SAVE_PLAN,
    SAVE_VALIDATE,
    SAVE_JUDGE,
    SAVE_DISK,
    SAVE_PATCH,
    SAVE_SETTLE,
    SAVE_LOOK,
    SAVE_ADOPT,
    SAVE_SEEK,
    SAVE_CREATE,
    SAVE_FIND,
    SAVE_END,
    SAVE_STATES,
};

struct save {
    enum save_state state; /* changed by save_enter() alone */
    struct page *page;     /* a reference */
    struct doc *doc;       /* inside page */
    struct item *item;     /* a reference */
    uint64_t seq;          /* the change of item that is saved */
    struct text *text;     /* its bytes */
    bool rename;           /* item is scratch; it becomes the doc's only on success */
    struct newcomer from;  /* rename: where it stands */
    enum state_slot slot;  /* where state.db has the text */
    struct timespec mtime; /* of the text */
    bool writing;          /* state.db is being written */
    int disk_err;          /* what came of it */
    void (*then)(
        struct save *s); /* parked meanwhile: lock held on entry, not on return */
    int end_err;         /* for a parked end */
    struct saver by;
    uint64_t batch;    /* with which it is sent: what that staged goes along; 0: none */
    struct text *base; /* from PLAN on: the platform's value that the text began as */
    struct wait *waits;
    struct wait body; /* our own wait for BODY */
    struct save *prev, *next;

    struct doc *other;        /* spec for queries and the reverse; NULL for page.json */
    struct text *other_draft; /* its draft, where that goes along; NULL: the platform's */
    uint64_t other_seq;       /* the change of its file that the draft is */
    bool whole;               /* of a batch: both or none */
    struct text *meta_draft;  /* page.json of the same batch, where it goes along */
    uint64_t meta_seq;
    bool meta_merged;            /* somebody else changed other members of it */
    struct text *spec, *queries; /* what was validated */
    struct text *fields;  /* page.json's changed members, its own or meta_draft's */
    struct text *verdict; /* of a good validation */
    unsigned pending;     /* VALIDATE: answers to come */
    int refusal;          /* VALIDATE: 0, or what it comes to */
    bool refused;         /* by the verifier */
    int look_err;         /* VALIDATE: of the GET */
    uint64_t look_epoch;  /* the page's when that was sent */
    bool looked;          /* it was sent */
    bool merged;          /* page.json: somebody else changed other members */
    bool was_there;       /* the platform had it already: nothing is sent */
    char *look_id;        /* LOOK: the id in a new page's page.json */
    bool restores;        /* the page of look_id is archived */
    bool looked_for_lost; /* page->lost was looked for */
    bool bare;            /* a new page that is made without queries: its file has none
                           * yet, or one that is no text to send */
    bool created;         /* the page was not the platform's before */

    struct buf lines, faults; /* of the first refusal: `errors` and verdict.json */
};

/* ---- save_machine.c: lock held in all ---------------------------------------- */

/* The step that begins now. What its state promises (requests asked for, texts known) is
 * there already; a build without NDEBUG ends where it is not, or where the table does not
 * know this step. */
void save_enter(struct save *s, enum save_state to);
const char *save_state_name(enum save_state state);
bool save_may_follow(enum save_state from, enum save_state to);
/* The name of something that must hold of it in its state and does not; NULL: all does. */
const char *save_broken_invariant(const struct save *s);

/* ---- save.c ------------------------------------------------------------------ */

/* A save of it, with its bytes `text`, as the document. It begins when it is enqueued,
 * or when those before it have ended. Lock held in these. */
struct save *save_new(struct doc *d, struct item *it, struct text *text,
                      const struct saver *by);
void save_enqueue(struct save *s);
/* The save of just these bytes, running or queued; NULL: none. */
struct save *save_find(struct page *p, const struct item *it);
/* What it holds needs no save: it is clean, and shows text. */
void doc_unchanged(struct doc *d, struct item *it, struct text *text);
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

/* ---- save_keep.c: all with the lock held ------------------------------------- */

/* Begins to write the text into state.db. */
void save_keep(struct save *s);
/* True while it is being written: `then` comes later, and the lock is released. */
bool save_park(struct save *s, void (*then)(struct save *s));
/* Is the text on the disk? False: not yet, and `then` comes later, or never, and the save
 * has ended; the lock is released. */
bool save_is_safe(struct save *s, void (*then)(struct save *s));
/* Does a newer text of this document stand in that place of state.db? */
bool save_is_overtaken(const struct save *s, enum state_slot slot);
/* What was sent is no draft any more. */
void save_drop_drafts(struct save *s, struct state_change *c);
/* The values that are about to be replaced go into the history; a new page has none. */
void save_keep_replaced(struct save *s, struct state_change *c);
/* It waits for other files: the file's own draft, wherever it came from. */
void save_keep_waiting(struct save *s);
/* It ends with err, and whoever waits is told once that is on the disk: then it also has
 * its reason after a crash. */
void save_mark_refused(struct save *s, int err);
/* A text that was refused here is told so once it is on the disk: err at once where
 * nobody waits or nothing is kept, else -EINPROGRESS. */
int save_keep_refusal(struct doc *d, enum state_slot slot, struct text *text,
                      struct timespec mtime, int err, struct wait *w);

/* ---- save_judge.c: the steps up to what is sent ------------------------------ */

void save_plan(struct save *s);     /* lock held on entry, released on return */
void save_judge(struct save *s);    /* same; both answers are here */
void save_validate(struct save *s); /* same */

/* ---- save_send.c: the steps that send ---------------------------------------- */

void save_patch(struct save *s); /* same */
/* A request of this save, with its deadline. */
struct platform_call save_call(struct save *s, platform_done_fn *done);
/* A failure of a request: the verdict where one came, else the platform's words. */
void save_note_answer(struct save *s, const struct platform_answer *answer);
void save_note_verdict(struct save *s, const struct platform_verdict *verdict);

/* The other file's draft, when it is whole (a commit was tried for it); sets other_draft.
 */
void save_pick_other(struct save *s);

/* ---- create.c: the steps for one that it does not have ----------------------- */

void create_plan(struct save *s); /* same */
void create_validated(struct save *s);

#endif
