/* batch.h - saves and removals that are sent together (rule 10). For the files of
 * workspace/; its face for handles is in workspace.h.
 *
 * A batch belongs to a process and its descendants: the one that holds .amdahl/batch open,
 * or a git that holds the index.lock of a repository in the mount. What they save is
 * *staged*: checked here, kept on the disk as a draft, and not sent; a page's directory
 * that they remove is out of the tree, and not archived. Of nested batches the innermost
 * counts.
 *
 *   state     is ended by                               then
 *   --------  ----------------------------------------  ---------------------------------
 *   OPEN      "commit", or the rename of git's lock     SENDING
 *             its handle closed, git's lock removed,    DONE: what was staged stays as
 *             or its process gone                       drafts, removed pages come back
 *   SENDING   (each page once, all its files together)  DONE when the last is answered
 *   DONE      its handle closed                         forgotten
 *
 * A process is a member as long as its batch is open; what it saves later is an ordinary
 * save. Where a batch is kept alive by a handle, its verdicts are read from that. */
#ifndef WORKSPACE_BATCH_H
#define WORKSPACE_BATCH_H

#include "workspace/conflict.h"
#include "workspace/model.h"

enum batch_state { BATCH_OPEN, BATCH_SENDING, BATCH_DONE };

/* A page that the batch has something of. */
struct batch_page {
    struct batch *batch;
    struct page *page; /* a reference */
    bool removed;      /* its directory was removed: it is to be archived */
    char *was;         /* the directory that it had before the batch; NULL: it is new */
    pid_t tgid;        /* who removed it */
    uint64_t epoch;    /* the page's when the sending of it began */
    bool created;      /* it has no id then */
    bool half;         /* a file was just being written then: that is not sent */
    struct wait wait;  /* ours, for what is under way */
    struct batch_page *prev, *next;
};

/* A process that was seen to belong to it: one that has died is known by this alone. */
struct batch_member {
    pid_t tgid;
    int64_t began_ms;
    UT_hash_handle hh;
};

struct batch {
    struct workspace *ws;  /* constant */
    uint64_t number;       /* constant, never 0 */
    pid_t owner;           /* constant */
    int64_t began_ms;      /* constant; of the owner */
    struct item *lock_dir; /* of git's lock: a reference; NULL: a handle's */
    enum batch_state state;
    bool held;      /* a handle is open */
    bool forgotten; /* to be freed */
    struct batch_member *members;
    struct batch_page *pages;   /* to be sent */
    struct batch_page *sending; /* on their way */
    struct batch_page *sent;
    unsigned under_way;
    int err;                 /* the first that was not saved */
    struct buf words;        /* a line of JSON each page that was answered */
    struct wait *waits;      /* who wants to know the end */
    struct loop_timer timer; /* git: is it alive; how long its rename waits */
    struct batch *prev, *next;
};

/* The number of the open batch to which this process belongs, 0: none. Reads /proc when
 * any is open: without the lock. */
uint64_t batch_of(struct workspace *ws, pid_t tgid);

/* Lock held in these. */
bool batch_is_open(const struct workspace *ws, uint64_t number);
/* Of a git: what it puts back, the user has given up. */
bool batch_is_git(const struct workspace *ws, uint64_t number);
/* The file of the document holds a text that may be sent: it is, with the saver's batch. base:
 * what it began as (borrowed). 0 or, with w, -EINPROGRESS until it is on the disk. */
int batch_stage(struct doc *d, const struct saver *by, struct text *base, struct wait *w);
/* Its directory goes out of the tree; it is archived with the batch. */
void batch_remove(struct page *p, uint64_t number, pid_t tgid);
/* Is the page of that id out of the tree by a batch? */
bool batch_has_removed(const struct workspace *ws, const char *id);
/* The page of that id is made anew by somebody else: there is nothing left of it for a
 * batch to archive, or to bring back. */
void batch_let_removed_go(struct workspace *ws, const char *id);
/* Open ones, as members of status.json. */
void batch_put_status(struct buf *out, const struct workspace *ws);
/* At the end of the workspace, with the loop stopped. */
void batches_free(struct workspace *ws);

/* A name was made, moved away or removed in a directory of the overlay: is it a git's
 * lock? No lock. moved: as workspace_batch_commit(), but 0 whatever the verdicts are. */
void batch_name_made(struct item *dir, const char *name, pid_t tid);
int batch_name_moved(struct item *dir, const char *name, struct wait *w);
void batch_name_gone(struct item *dir, const char *name);

/* ---- for the files of batches; lock held ---------------------------------------- */

struct batch *batch_new(struct workspace *ws, pid_t owner, int64_t began_ms);
void batch_set_state(struct batch *b, enum batch_state state);
/* Frees it once it is DONE and has no handle. */
void batch_forget(struct batch *b);
/* OPEN to DONE: what it staged stays here, as if it had never been in a batch. */
void batch_give_up(struct batch *b);
unsigned batch_count_pages(const struct batch *b);
/* OPEN to SENDING (batch_send.c). False: nothing is to be sent; the caller ends it. */
bool batch_send(struct batch *b);
/* The last was answered: lock released. */
void batch_finish(struct batch *b);
/* At the end of a batch, a page removed under one name and made under another is one
 * rename: what was to be made is that page, with drafts (batch_rename.c). */
void batch_join_renames(struct batch *b);

#endif
