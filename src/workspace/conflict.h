/* conflict.h - which version of a document a save is based on, and what happens when the
 * platform has another one by then (rule 6). Lock held in all of these.
 *
 * The base is what the saving process was last given when it opened the document for
 * reading, or what it last saved itself, else what the newest such open here was given;
 * never what a sweep or a background read brought. The platform has no precondition header, so a save compares a
 * fresh read with its base. A document keeps its readers over a rename away or an unlink:
 * the file that is made in its place has the same base. */
#ifndef WORKSPACE_CONFLICT_H
#define WORKSPACE_CONFLICT_H

#include "workspace/model.h"

/* Who saves. SAVER_DRAFT: nobody now, the draft is sent as it is, on its own base. */
enum { SAVER_DRAFT = -1 };
struct saver {
    pid_t tgid;       /* 0: unknown */
    int64_t began_ms; /* proc_began_ms() of it: a number may have been given anew */
    uint64_t batch;   /* batch_of() it */
};
/* Reads /proc: without the lock. */
struct saver saver_of(struct workspace *ws, pid_t tgid);

/* tgid opened the document for reading, or wrote what the platform has already: it knows
 * what the file holds. */
void conflict_give(struct doc *d, pid_t tgid);
/* tgid opened a local file of the page for reading: is it the other side of a conflict?
 */
void conflict_give_local(struct page *p, struct item *it, pid_t tgid);

/* What a save by this process is based on; borrowed; NULL: nothing was known. */
struct text *conflict_base(struct doc *d, const struct saver *by);
/* Is it a merge tool at work: begun after the conflict, and has read the other side? What
 * it writes is a draft until <name>.remote.json is removed. */
bool conflict_is_merging(struct doc *d, const struct saver *by);

/* May `now` replace the platform's value, which began as base? page.json: by members;
 * fields are those that now changes. */
bool conflict_is_clear(const struct doc *d, const struct text *base,
                       const struct text *now, const struct text *fields);
/* The platform has another value than base: it is put beside the document. */
void conflict_begin(struct doc *d, struct text *base);
/* Its draft of an earlier mount was in a conflict: the files beside it tell with what. */
void conflict_recall(struct doc *d);
/* Saved: by this process (0: by the one that staged it), whose base it is from now on
 * (taken over). */
void conflict_saved(struct doc *d, pid_t tgid, struct text *base);
/* No conflict any more: the files beside the document go. */
void conflict_clear(struct doc *d);
void conflict_finish(struct doc *d);

/* The base of page.json after a save: the saver's own members, and of those that were
 * sent what the platform made of them. now and echo: page.json; a reference. */
struct text *conflict_page_base(struct text *now, struct text *fields, struct text *echo);

/* ---- without texts (shed.h) ---------------------------------------------------- */

/* All bases are the platform's value as it is. */
bool conflict_may_shed(const struct doc *d);
/* They are forgotten, and whose they were is not; they are `base` again. */
void conflict_shed(struct doc *d);
void conflict_unshed(struct doc *d, struct text *base);
/* Readers that have ended go. */
void conflict_trim(struct doc *d);

#endif
