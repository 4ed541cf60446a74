/* notify.h - telling the kernel what changed by itself, so that it may cache for long.
 *
 * The workspace says what changed, from any thread and under its lock (workspace_observer):
 * that is only noted here, once however often it is said. The kernel is told before the next
 * reply, so that who is told that a save was refused finds its errors at once; and again
 * from the engine's thread, behind the answers that were under way (grace.h), since an older
 * one that arrives behind the notice would be kept.
 *
 * It is told one thing alone: to ask for the attributes of an inode anew. That never waits
 * in the kernel. To drop bytes waits for a page that is being read, to drop a name for a
 * directory in which anything is under way; and a process that is killed while it waits for
 * an answer of its own never ends, nor does anybody who stands behind it. What follows from
 * attributes is enough: with another time or size the kernel drops the bytes and the listing
 * itself, and a directory that is gone, or is another, says ESTALE when it is asked, upon
 * which the name is looked up anew. */
#ifndef FS_NOTIFY_H
#define FS_NOTIFY_H

#include "fs/internal.h"

struct notify;

/* Begins to observe the workspace. Before the mount. */
void notify_create(struct fs *fs, struct notify **ret_notify);
/* After the unmount, with the loop stopped. NULL is allowed. */
void notify_destroy(struct notify *n);

/* The attributes of this node are to be asked for anew. */
void notify_attributes(struct node *n);
/* The same of all that was noted so far. */
void notify_before_reply(struct fs *fs);

#endif
