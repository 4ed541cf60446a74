/* keep.h - what of the pages is kept in state.db, and how it comes back. For the files of
 * workspace/ alone; everything here wants the lock held unless it says otherwise.
 *
 * Without a state directory nothing is kept: changes are NULL, and what would wait for
 * the disk is done at once. */
#ifndef WORKSPACE_KEEP_H
#define WORKSPACE_KEEP_H

#include "workspace/model.h"

/* A page of the platform that state.db knows and no sweep has named yet. */
struct known {
    char *key, *id, *dir, *name;
    bool own_dir;
    struct text *params; /* NULL: none */
    struct timespec params_mtime;
    struct page *page;         /* while loading: it has drafts, so it was made; weak */
    UT_hash_handle hh, hh_key; /* by id; while loading by key */
};

/* Opens state.db and puts what it holds into the workspace: pages that are only on this
 * machine, drafts (as texts that were tried, so that they are not sent by themselves).
 * No lock; before the loop starts. 0 or -errno with *ret_reason, as state_open(). */
int keep_open(struct workspace *ws, char **ret_reason);
void keep_close(struct workspace *ws);
/* What is known of a page that a sweep names for the first time: NULL, or the caller's
 * until known_free(). */
bool known_has(const struct workspace *ws, const char *id);
const char *known_name(const struct workspace *ws, const char *id); /* NULL: none */
struct known *known_take(struct workspace *ws, const char *id);
void known_free(struct known *known);
/* A page of the platform leaves the table; before page_detach(). */
void known_put(struct workspace *ws, struct page *p);
/* Its params, if any, are those of p now. */
void known_give_params(struct known *known, struct page *p);

/* A change of several steps; NULL where nothing is kept. keep_end() hands it in, and
 * nobody waits for it. */
struct state_change *keep_begin(const struct workspace *ws);
void keep_end(struct workspace *ws, struct state_change *c);

/* The page's directory and id, when they changed since they were last kept. */
void keep_place(struct state_change *c, struct page *p);
void keep_forget(struct page *p);
/* How its documents are shown: own texts, and times. */
void keep_texts(struct state_change *c, struct page *p);
/* keep_place() or keep_texts() as a change of its own. */
void keep_place_now(struct page *p);
void keep_texts_now(struct page *p);
/* What the file holds for a reader when it is clean goes into the history. */
void keep_replaced(struct state_change *c, const struct doc *d, struct timespec at);

/* A draft, with the document's problem where it is refused. False: nothing is kept, and
 * done is not called. done may be NULL. */
bool keep_draft(struct doc *d, enum state_slot slot, enum state_stage stage,
                struct text *text, struct timespec mtime, state_done_fn *done, void *arg);
/* The draft that is kept there is in another stage now. As keep_draft(). */
bool keep_mark(struct doc *d, enum state_slot slot, enum state_stage stage,
               state_done_fn *done, void *arg);
/* It is no draft any more. */
void keep_drop(struct state_change *c, struct doc *d, enum state_slot slot);
void keep_drop_now(struct doc *d);
/* Nor is what its file holds; what is beside the file stays. */
void keep_drop_file(struct doc *d);
/* An editor put the old bytes back: the refused draft is the one beside the file now. */
void keep_set_aside(struct doc *d, struct timespec mtime);

/* A local file is removed or moved: when it was what doc_keep_rejected() put beside a
 * document, it does not come back. */
void keep_scratch_gone(struct item *dir, const char *name);

/* Rows of state_read_texts(): how the page was shown by the last mount. */
void keep_take_past(struct page *p, const struct state_text *rows, size_t count);
void keep_forget_past(struct doc *d);
/* The value `remote` is what past stood for: takes shown and time over from it. True:
 * it did, and *ret_shown (a reference) may be NULL for "as it is presented". Drops past
 * either way. */
bool keep_recall(struct doc *d, const struct text *remote, struct text **ret_shown,
                 struct timespec *ret_mtime);
/* The body is here: a draft that was tried, and that the platform has, is none. */
void keep_settle_arrived(struct page *p);
/* Is one of its drafts of a save that an earlier mount's end interrupted? */
bool keep_is_interrupted(const struct page *p);

#endif
