#include "fs/fs.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

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

/* Answers what has come meanwhile, by this thread. */
static void fs_drain(struct fs *fs)
{
    struct pollfd fd = {.fd = fuse_session_fd(fs->session), .events = POLLIN};
    struct fuse_buf request = {.mem = NULL};
    while (poll(&fd, 1, 0) > 0 && (fd.revents & POLLIN)) {
        if (fuse_session_receive_buf(fs->session, &request) <= 0)
            break;
        fuse_session_process_buf(fs->session, &request);
    }
    free(request.mem);
}

static bool fs_has_readers(struct fs *fs)
{
    const struct handle *h;
    pthread_mutex_lock(&fs->nodes_lock);
    DL_FOREACH (fs->handles, h)
        if (h->reader)
            break;
    pthread_mutex_unlock(&fs->nodes_lock);
    return h != NULL;
}

/* Who follows a stream, which has ended by now, is to find that out: one who waited in his
 * open still has to read. Those who do not close it then are not waited for. */
static void fs_let_readers_end(struct fs *fs)
{
    enum { STEP_MS = 10, STEPS = 100 };
    static const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
    for (int i = 0; i < STEPS && fs_has_readers(fs); i++) {
        fs_drain(fs);
        nanosleep(&step, NULL);
    }
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
    fs_let_readers_end(fs);
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
