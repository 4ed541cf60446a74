/* shed.h - the texts of pages that nobody uses leave the memory. For the files of workspace/
 * alone; everything here wants the lock held.
 *
 * Bodies are in cache.db, so of all pages that were read only those used last keep their
 * texts (some MiB of them); the others know what is cheap: sizes, times, a checksum of each
 * value. Such a body is BODY_SHED: a stat is answered from that, and whoever needs the bytes
 * has them read again (page_ready()), with no request while the cache has them.
 *
 * A page keeps its texts while a file of it is open, while anything here hangs on them
 * (drafts, saves, refusals, conflicts, own texts), and without a cache. Who was given which
 * value at an open (conflict.h) stays known: shed are only values that are the platform's
 * newest, and what is read again is compared by its checksum. A value that cannot be had
 * again is then one that nobody has now: a save that began from it is a conflict.
 *
 * An open for reading needs no texts: the kernel mostly has the bytes of what it opens, and
 * where it asks for some, that read waits for them. A walk over a warm tree of any size costs
 * so much and no look into the cache.
 *
 * Texts go on the engine's thread alone, and not those of the page that came last. Between
 * page_ready() and the use of the bytes on another thread they may go: item_here() tells, once
 * the file is open. */
#ifndef WORKSPACE_SHED_H
#define WORKSPACE_SHED_H

#include "workspace/model.h"

/* The page's texts have come, or are used: it is the last to lose them. Takes a reference
 * for as long as it has them. */
void shed_note_loaded(struct page *p);
void shed_note_used(struct page *p);
/* Engine's thread: the texts of others go, as far as there are too many. */
void shed_others(struct page *p);
/* It is not to be shed any more. */
void shed_forget(struct page *p);
/* Any of its documents has lost its texts. */
bool page_is_shed(const struct page *p);

/* Its info.json, of a page that nobody has read: the list in cache.db has it. */
void page_shed_info(struct page *p);
/* Is this its info.json already? */
bool page_has_info(const struct page *p, const struct text *info);

/* Documents that were just made are those that there were before, if there were any. */
void docs_unhusk(struct page *p);

/* A document that was shed gets a value again: takes both texts over and keeps its time when
 * it is the same one. False: another, and nothing is taken over. */
bool doc_take_shed(struct doc *d, struct text *remote, struct text *fresh);

#endif
