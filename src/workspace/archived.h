/* archived.h - what archived/ shows: pages that the platform lists no more, with the files
 * that this machine keeps for them. For the files of workspace/ alone; the lock is held in
 * all of it. workspace.h has the face.
 *
 * An entry is a name, the platform's id where it is known, and a place: the directory of
 * the overlay in which the files stood beside the page's documents. Nothing of it is
 * written down: which directories are such places follows from the first sweep of a mount
 * (those of no page it named, and that are not empty), the names from state.db, whose rows
 * of such pages stay (`known` in keep.h). Entries hang on the directory's name, page_key(),
 * which is the same for a page that comes back. */
#ifndef WORKSPACE_ARCHIVED_H
#define WORKSPACE_ARCHIVED_H

#include "workspace/model.h"

/* A page that the sweep did not have has been taken out of the table (page_detach(),
 * pages_remove()). If files stand beside it, they are an entry from now on. */
void archived_take(struct workspace *ws, struct page *p);
/* A page is in the table (again): if it has an entry, that goes, and its files are beside
 * the page's documents: by the very same directory, unless the page has one already. */
void archived_give_back(struct workspace *ws, struct page *p);
/* A whole sweep was applied: the first one finds what earlier mounts left. An entry that
 * becomes empty stays until somebody removes it, or the next mount: an `rm -r` is not to
 * find it gone between its last file and the directory. */
void archived_swept(struct workspace *ws);
void archived_free_all(struct workspace *ws);

#endif
