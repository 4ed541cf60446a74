/* fs.h - the mount: from a workspace to a FUSE session.
 *
 *   struct fs *fs;
 *   fs_create(&config, &fs);
 *   fs_mount(fs, "/mnt/amdahl", "host", &fuse_args)     -> 0 or -errno, reasons are
 * logged fs_loop(fs)                               until unmounted or a signal came
 *   fs_destroy(fs)                                      unmounts when still mounted
 *
 * Requests are answered by a few worker threads that never wait: what needs the platform
 * is parked (waiter.h) and answered by the engine's thread. */
#ifndef FS_FS_H
#define FS_FS_H

#include "base/loop.h"
#include "workspace/workspace.h"

struct fs;
struct fuse_args;

struct fs_config {
    struct workspace *workspace;
    struct loop *loop;
    struct watch *watch; /* watch.h; taken over; NULL: none */
};

void fs_create(const struct fs_config *config, struct fs **ret_fs);
/* args: FUSE's own options ("-o..."), argv[0] first. Signals TERM, INT and HUP end the
 * loop from here on. 0 or -errno. */
int fs_mount(struct fs *fs, const char *mountpoint, struct fuse_args *args);
/* 0 at the unmount or a signal; -errno. */
int fs_loop(struct fs *fs);
/* Unmounts: no request comes any more. Waiters that are parked may still complete. */
void fs_unmount(struct fs *fs);
/* After fs_unmount() and when every waiter has completed (http_stop). */
void fs_destroy(struct fs *fs);

#endif
