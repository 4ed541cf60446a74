/* push.h - saves that are asked for by name, for the commands of .amdahl/ctl
 * and for batches. No lock but where it is said. */
#ifndef WORKSPACE_PUSH_H
#define WORKSPACE_PUSH_H

#include "workspace/save.h"

/* Sends the drafts of the page, or of that file of it (NULL: all), as new saves: the
 * verdict is w's answer, the first one where there are several. -EINPROGRESS; -ENODATA:
 * there is no draft; -EACCES. */
int page_push(struct page *p, const char *file, struct wait *w);
/* Sends what the batch of that number staged of the page, all its files together: one
 * that is refused keeps the others back. Lock held. -EINPROGRESS. */
int page_push_staged(struct page *p, uint64_t batch, struct wait *w);
/* Saves what the newest save of the page (or of that file of it) replaced, all its files
 * together; undone again, that is what was there before. -EINPROGRESS, and then -ENODATA
 * when nothing is known, -EBUSY when a draft came between, or the save's answer; -EEXIST:
 * there is a draft, which would be lost; -ENOENT: no such file; -EACCES. */
int page_undo(struct page *p, const char *file, struct wait *w);

#endif
