/* watch.h - inotify of what changes elsewhere (-o watch).
 *
 * The kernel raises events for calls alone: what FUSE is told to forget raises none. So a
 * process of its own makes calls through the mount that change nothing: it cuts a file to
 * the size it has and closes it, makes a directory that is there, removes one that is gone.
 * Its calls are answered from what is known, without the platform, and change no state
 * (watch_is_helper() in the handlers). It holds nothing of the mount or of this process, and
 * ends with it. What it is told while it is behind is lost: an event says "look", no more. */
#ifndef FS_WATCH_H
#define FS_WATCH_H

#include "fs/internal.h"

struct watch;

/* Forks the helper for a mount at this absolute path: before any thread, and before
 * anything secret is in memory. 0 or -errno. */
int watch_start(const char *mountpoint, struct watch **ret_watch);
/* Ends it. NULL is allowed. */
void watch_stop(struct watch *w);

enum watch_event { WATCH_CHANGED, WATCH_CAME, WATCH_GONE };
/* path: below the mount. NULL for w is allowed in these. Any thread. */
void watch_tell(struct watch *w, enum watch_event event, const char *path);
/* Is it the helper that asks? */
bool watch_is_helper(const struct fs *fs, pid_t tid);

/* ---- its calls in pages/ --------------------------------------------------------- */

/* A page that has come, for which it is to make the directory; one that has gone (a
 * reference is taken), for which it is to remove it. */
void watch_expect(struct watch *w, const char *name, struct page *gone);
/* Its lookup: an entry of what has gone, else that there is none. */
void watch_lookup(fuse_req_t req, const char *name);
void watch_mkdir(fuse_req_t req, const char *name);
void watch_rmdir(fuse_req_t req, const char *name);

#endif
