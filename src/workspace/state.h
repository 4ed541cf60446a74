/* state.h - what outlives the process: one SQLite file in the state directory.
 *
 * Drafts, the names that pages were given here, the users' own texts with their times,
 * and what saves replaced. Written by a thread of its own, since a disk's sync may take
 * as long as it likes: changes are handed in from any thread, also under the workspace's
 * lock, are carried out in that order, each as one transaction that is on the disk when
 * it is done (WAL, synchronous=FULL), and are answered on the loop's thread.
 *
 * Rows hang on a page's key: its id, or for a page that was made here a random word that
 * it keeps when the platform gives it an id. Files are named as in the tree. */
#ifndef WORKSPACE_STATE_H
#define WORKSPACE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/loop.h"
#include "base/text.h"

struct state;
struct state_change;

/* A page's place in pages/. */
struct state_page {
    const char *key;
    const char *id;   /* NULL: only on this machine */
    const char *dir;  /* its directory's name */
    const char *name; /* the platform's name when it was given; NULL: none */
    bool own_dir;     /* the directory was named here */
};

/* A text that the platform does not have. A file has two places for one: its own draft,
 * and a text that was moved onto it and waits for its verdict, or was refused it. */
enum state_slot { STATE_DRAFT, STATE_MOVED };
enum { STATE_SLOTS = 2 };
enum state_stage { STATE_SAVING, STATE_WAITING, STATE_REFUSED };
struct state_draft {
    const char *key;
    const char *file;
    enum state_slot slot;
    enum state_stage stage;
    struct text *text;
    struct text *base;    /* what the file held at the platform then; NULL: not known */
    struct text *problem; /* lines for `errors`; NULL: none */
    struct text *verdict; /* for verdict.json; NULL: none */
    struct timespec mtime;
};

/* A document's text as it is shown while the platform's value is what it was. */
struct state_text {
    const char *key;
    const char *file;
    struct text *shown;  /* the user's own; NULL: as it is presented by itself */
    struct text *remote; /* a digest of the value it stands for; NULL: of none */
    struct timespec when;
};

/* Opens or makes DIR/state.db (0600). The loop is where answers come. 0; -EIO: damaged;
 * -EPROTONOSUPPORT: of a newer program; -errno. *ret_reason (malloc'ed) says it for
 * people; the file is left as it was. */
int state_open(const char *dir, struct loop *loop, struct state **ret_state,
               char **ret_reason);
/* Carries out what was handed in, and posts its answers; all that comes later is answered
 * with -ECANCELED. Before loop_stop(); not on the loop's thread. Idempotent. */
void state_stop(struct state *s);
/* After state_stop(). NULL is allowed. */
void state_close(struct state *s);

/* What was there at the start; before the first change. Borrowed for the call. In the
 * order pages, drafts (the oldest first), params (texts of params.json, which no platform has). 0 or -EIO,
 * with the reason in the log. */
struct state_visitor {
    void (*page)(void *arg, const struct state_page *page);
    void (*draft)(void *arg, const struct state_draft *draft);
    void (*params)(void *arg, const struct state_text *text);
};
int state_load(struct state *s, const struct state_visitor *visitor, void *arg);

/* ---- changes ----------------------------------------------------------------- */

/* A change is made of steps, which copy their strings and take references of texts.
 * NULL for the change (no state is kept) is allowed in all of these. */
struct state_change *state_change_new(void);
void state_put_page(struct state_change *c, const struct state_page *page);
/* Its drafts and texts too; what its saves replaced stays. */
void state_drop_page(struct state_change *c, const char *key);
void state_put_draft(struct state_change *c, const struct state_draft *draft);
/* The same draft, its text as it is (and its base, where that is NULL), in another stage.
 */
void state_mark_draft(struct state_change *c, const struct state_draft *draft);
void state_drop_draft(struct state_change *c, const char *key, const char *file,
                      enum state_slot slot);
void state_put_text(struct state_change *c, const struct state_text *text);
/* What a save replaced; kept for 30 days. */
void state_put_replaced(struct state_change *c, const struct state_text *text);

/* done (may be NULL: failures go to the log alone) is called once, on the loop's thread:
 * 0, -ENOSPC, -EIO, -errno. All of the change is on the disk, or nothing. Takes c over. */
typedef void state_done_fn(void *arg, int err);
void state_commit(struct state *s, struct state_change *c, state_done_fn *done,
                  void *arg);

/* ---- questions --------------------------------------------------------------- */

/* done is called once, on the loop's thread, after every change that was handed in
 * before; rows are borrowed for the call. A failure answers with none, and is logged. */
typedef void state_rows_fn(void *arg, const struct state_text *rows, size_t count);
/* The texts of a page. */
void state_read_texts(struct state *s, const char *key, state_rows_fn *done, void *arg);
/* What the newest save of the page, or of that file of it (NULL: any), replaced: a row a
 * file. */
void state_read_replaced(struct state *s, const char *key, const char *file,
                         state_rows_fn *done, void *arg);

#endif
