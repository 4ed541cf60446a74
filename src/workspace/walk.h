/* walk.h - read-ahead: whoever reads page after page in some order will read the next ones.
 * For the files of workspace/ alone; lock held in all of it.
 *
 * Programs walk a directory in one of three orders: by name (a shell's glob, git), as it is
 * listed (find, grep -r), or by inode number (cp, rm). Reads of which each is near behind
 * the one before in one of them are a walk; from the third on the bodies of the pages that come
 * next are asked for, more with each step that goes on. They go out
 * in a class of their own (HTTP_READAHEAD), behind whatever somebody waits for and within
 * the budget. `-o read_ahead` says how many at most; 0: none. */
#ifndef WORKSPACE_WALK_H
#define WORKSPACE_WALK_H

#include "workspace/model.h"

/* Somebody reads p, whose body is not here, or was brought by a walk. */
void walk_step(struct page *p);
/* The body that a walk asked for has come (err 0) or not. */
void walk_arrived(struct page *p, int err);
/* The table of pages changes: the orders are made anew when they are needed. */
void walk_forget_orders(struct workspace *ws);

#endif
