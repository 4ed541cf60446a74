/* notify.h - telling the kernel what changed by itself, so that it may cache for long.
 *
 * The workspace says what changed, from any thread and under its lock (workspace_observer):
 * that is only counted and noted here. The kernel is told before the next reply, so that
 * who is told that a save was refused finds its errors at once; where no reply is due, by
 * the engine's thread. An answer that was worked out before a change and arrives behind the
 * notice would be kept: whoever answers looks again behind his reply (answer_begin(),
 * answer_end()).
 *
 * It is told one thing alone: to ask for the attributes of an inode anew. That never waits
 * in the kernel. To drop bytes waits for a page that is being read, to drop a name for a
 * directory in which anything is under way; and a process that is killed while it waits for
 * an answer of its own never ends, nor does anybody who stands behind it. What follows from
 * attributes is enough: with another time or size the kernel drops the bytes and the listing
 * itself, and a directory that is gone, or is another, says ESTALE when it is asked, upon
 * which the name is looked up anew.
 *
 * It is not told of what it may not keep anyway, as the size of a page that is not here yet:
 * attributes that are on their way to it when a notice comes are thrown away, and a read that
 * had asked for them goes by the size it knew before, which was none. */
#ifndef FS_NOTIFY_H
#define FS_NOTIFY_H

#include "fs/internal.h"

struct notify;

/* Begins to observe the workspace. Before the mount. */
void notify_create(struct fs *fs, struct notify **ret_notify);
/* After the unmount, with the loop stopped. NULL is allowed. */
void notify_destroy(struct notify *n);

/* All that was noted so far. */
void notify_before_reply(struct fs *fs);

/* Around an answer that has attributes of the node: before the first look at it (seconds:
 * how long the kernel may keep them), and behind the reply. */
unsigned long long answer_begin(struct node *n, double seconds);
void answer_end(struct node *n, unsigned long long begun);

#endif
