/* notify.h - telling the kernel what changed by itself, so that it may cache for long.
 *
 * The workspace says what changed, from any thread and under its lock (workspace_observer):
 * that is only noted here, once however often it is said. Threads of their own, which hold
 * no lock, wait for the answers under way (grace.h) and then tell the kernel: one thread of
 * inodes (their attributes and bytes), one of names. The second may be kept waiting by a
 * rename or rmdir in the same directory, whose lock the kernel holds until that is answered;
 * the first waits for nobody but a read that is being answered. */
#ifndef FS_NOTIFY_H
#define FS_NOTIFY_H

#include "fs/internal.h"

struct notify;

/* Begins to observe the workspace. Before the mount. */
void notify_create(struct fs *fs, struct notify **ret_notify);
/* Starts the threads: once the session is there, and the process has forked. */
int notify_start(struct notify *n);
/* What was noted is told, and the threads end; drain() is called, again and again, as long
 * as one is in the kernel: it may wait there for a request that nobody has answered. */
void notify_stop(struct notify *n, void (*drain)(struct fs *fs));
/* Idempotent with stop; NULL is allowed. */
void notify_destroy(struct notify *n);

/* The attributes of this node are to be asked for anew. At once, on the thread that
 * answers: this alone never waits in the kernel. */
void notify_attributes(struct node *n);
/* The same of all that was noted so far: who is told that a save was refused finds its
 * errors at once. */
void notify_before_reply(struct fs *fs);

#endif
