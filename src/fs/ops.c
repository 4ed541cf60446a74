#include "fs/ops.h"
#include "fs/watch.h"

static int ready_for(struct waiter *w, enum ready_for what)
{
    const struct node_ops *ops = w->node->key.ops;
    if (watch_is_helper(w->fs, w->tid))
        return 0; /* it is told what is known */
    return ops->ready ? ops->ready(w->node, what, &w->wait) : 0;
}

int ready_attr(struct waiter *w)
{
    return ready_for(w, READY_ATTR);
}

int ready_lookup(struct waiter *w)
{
    return ready_for(w, READY_LOOKUP);
}

int ready_list(struct waiter *w)
{
    return ready_for(w, READY_LIST);
}

int ready_open(struct waiter *w)
{
    return ready_for(w, READY_OPEN);
}

int ready_rename(struct waiter *w)
{
    return ready_for(w, READY_RENAME);
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
    struct fs *fs = userdata;
    fs->can_list = conn->capable & FUSE_CAP_NO_OPENDIR_SUPPORT;
    /* The page cache writes through: a save is judged at its own close (FIELD.md, row
     * 31). */
    conn->want &= ~(unsigned)FUSE_CAP_WRITEBACK_CACHE;
    conn->max_background = 64;
    /* Bytes of local files go from descriptor to descriptor. */
    conn->want |= conn->capable & (FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
}

const struct fuse_lowlevel_ops fs_ops = {
    .init = op_init,
    .lookup = op_lookup,
    .forget = op_forget,
    .forget_multi = op_forget_multi,
    .getattr = op_getattr,
    .setattr = op_setattr,
    .readlink = op_readlink,
    .mknod = op_mknod,
    .mkdir = op_mkdir,
    .unlink = op_unlink,
    .rmdir = op_rmdir,
    .symlink = op_symlink,
    .rename = op_rename,
    .link = op_link,
    .create = op_create,
    .open = op_open,
    .read = op_read,
    .write_buf = op_write_buf,
    .fallocate = op_fallocate,
    .lseek = op_lseek,
    .poll = op_poll,
    .flush = op_flush,
    .fsync = op_fsync,
    .release = op_release,
    .opendir = op_opendir,
    .readdir = op_readdir,
    .readdirplus = op_readdirplus,
    .fsyncdir = op_fsyncdir,
    .statfs = op_statfs,
    .getxattr = op_getxattr,
    .setxattr = op_setxattr,
    .listxattr = op_listxattr,
    .removexattr = op_removexattr,
};
