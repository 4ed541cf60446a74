#include "fs/fs.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "fs/internal.h"
#include "fs/notify.h"
#include "fs/reply.h"
#include "fs/watch.h"

/* None of them ever waits for the platform; what they wait for is this machine's disk. */
enum { FS_WORKERS = 8 };

void fs_create(const struct fs_config *config, struct fs **ret_fs)
{
    struct fs *fs = xcalloc(1, sizeof *fs);
    fs->ws = config->workspace;
    fs->loop = config->loop;
    fs->watch = config->watch;
    fs->started = clock_now();
    fs->uid = getuid();
    fs->gid = getgid();
    pthread_mutex_init(&fs->nodes_lock, NULL);
    fs->root = node_get(fs, &root_ops, NULL, 0);
    notify_create(fs, &fs->notify);
    *ret_fs = fs;
}

int fs_mount(struct fs *fs, const char *mountpoint, struct fuse_args *args)
{
    fs->session = fuse_session_new(args, &fs_ops, sizeof fs_ops, fs);
    if (!fs->session)
        return -EINVAL;
    if (fuse_set_signal_handlers(fs->session) != 0)
        return -EIO;
    if (fuse_session_mount(fs->session, mountpoint) != 0)
        return -EIO;
    fs->mounted = true;
    return 0;
}

int fs_loop(struct fs *fs)
{
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    fuse_loop_cfg_set_clone_fd(config, 0); /* broken in libfuse 3.14 */
    fuse_loop_cfg_set_max_threads(config, FS_WORKERS);
    fuse_loop_cfg_set_idle_threads(config, FS_WORKERS);
    int rc = fuse_session_loop_mt(fs->session, config);
    fuse_loop_cfg_destroy(config);
    return rc < 0 ? rc : 0; /* a signal's number is a good end too */
}

void fs_unmount(struct fs *fs)
{
    if (!fs->mounted)
        return;
    fs->mounted = false;
    fuse_remove_signal_handlers(fs->session);
    fuse_session_unmount(fs->session);
}

/* At an unmount the kernel forgets nothing by message: what it held is dropped here. */
static void fs_drop_nodes(struct fs *fs)
{
    struct node *n;
    struct node *tmp;
    handle_drop_all(fs);
    HASH_ITER (hh, fs->nodes, n, tmp) {
        if (n != fs->root && n->nlookup)
            node_kernel_unref(n, n->nlookup);
    }
    node_unref(fs->root);
}

void fs_destroy(struct fs *fs)
{
    if (!fs)
        return;
    fs_unmount(fs);
    notify_destroy(fs->notify);
    watch_stop(fs->watch);
    fs_drop_nodes(fs);
    if (fs->session)
        fuse_session_destroy(fs->session);
    pthread_mutex_destroy(&fs->nodes_lock);
    free(fs);
}
