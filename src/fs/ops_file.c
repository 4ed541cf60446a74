/* ops_file.c - files: attributes, bytes, and the points at which they are saved. */
#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "fs/ops.h"
#include "workspace/proc.h"

/* ---- attributes -------------------------------------------------------------- */

static void finish_getattr(struct waiter *w, int err)
{
    if (err)
        reply_err(w->req, err);
    else
        reply_attr(w->req, w->node);
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)fi;
    waiter_begin(waiter_new(req, req_node(req, ino), false, finish_getattr), ready_attr);
}

static int node_truncate(struct node *n, struct handle *h, off_t size)
{
    const struct node_ops *ops = n->key.ops;
    int err = ops->truncate ? ops->truncate(n, h, size) : -EPERM;
    if (!err && h)
        atomic_store(&h->wrote, true);
    return err;
}

static struct timespec setattr_mtime(const struct stat *attr, int to_set)
{
    return to_set & FUSE_SET_ATTR_MTIME_NOW ? clock_now() : attr->st_mtim;
}

/* Owner changes to what it is are what `install` and vim do; others cannot be had. */
static bool setattr_owner_is_ours(const struct fs *fs, const struct stat *attr,
                                  int to_set)
{
    return (!(to_set & FUSE_SET_ATTR_UID) || attr->st_uid == fs->uid) &&
           (!(to_set & FUSE_SET_ATTR_GID) || attr->st_gid == fs->gid);
}

/* All but the size. */
static int node_setattr(struct node *n, const struct stat *attr, int to_set)
{
    const struct node_ops *ops = n->key.ops;
    if (!setattr_owner_is_ours(n->fs, attr, to_set))
        return -EPERM;
    if ((to_set & FUSE_SET_ATTR_MODE) && ops->set_mode)
        ops->set_mode(n, attr->st_mode);
    if ((to_set & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW)) && ops->set_mtime)
        ops->set_mtime(n, setattr_mtime(attr, to_set));
    return 0;
}

static int begin_truncate(struct waiter *w)
{
    return node_truncate(w->node, w->handle, w->off);
}

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
                struct fuse_file_info *fi)
{
    struct node *n = req_node(req, ino);
    int err = node_setattr(n, attr, to_set);
    if (err) {
        reply_err(req, err);
        return;
    }
    struct waiter *w = waiter_new(req, n, false, finish_getattr);
    if (to_set & FUSE_SET_ATTR_SIZE) {
        w->handle = handle_ref(fi_handle(fi));
        w->off = attr->st_size;
        w->then = begin_truncate;
        waiter_begin(w, ready_open); /* the bytes before the cut must be known */
    } else {
        waiter_begin(w, ready_attr);
    }
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
    struct node *n = req_node(req, ino);
    cleanup_free char *target = n->key.ops->readlink ? n->key.ops->readlink(n) : NULL;
    if (target)
        reply_readlink(req, target);
    else
        reply_err(req, -EINVAL);
}

void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
    struct statvfs st = {.f_bsize = 4096, .f_frsize = 4096, .f_namemax = 255};
    (void)ino;
    /* Room for anything: editors and git ask before they write. */
    st.f_blocks = st.f_bfree = st.f_bavail = 1u << 28;
    st.f_files = st.f_ffree = st.f_favail = 1u << 28;
    reply_statfs(req, &st);
}

/* ---- bytes ------------------------------------------------------------------- */

static void finish_open(struct waiter *w, int err)
{
    const struct node_ops *ops = w->node->key.ops;
    struct handle *h = NULL;
    if (!err) {
        h = handle_new(w->node, w->req, w->fi.flags);
        err = ops->open ? ops->open(w->node, h) : 0;
    }
    if (!err && (w->fi.flags & O_TRUNC))
        err = node_truncate(w->node, h, 0);
    if (err) {
        handle_unref(h);
        reply_err(w->req, err);
        return;
    }
    reply_open(w->req, h, &w->fi);
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct waiter *w = waiter_new(req, req_node(req, ino), false, finish_open);
    w->fi = *fi;
    waiter_begin(w, ready_open);
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
             struct fuse_file_info *fi)
{
    struct node *n = req_node(req, ino);
    cleanup_buf struct buf out = BUF_INIT;
    int err =
        n->key.ops->read ? n->key.ops->read(n, fi_handle(fi), size, off, &out) : -EPERM;
    if (err)
        reply_err(req, err);
    else
        reply_buf(req, &out);
}

static void finish_write(struct waiter *w, int err)
{
    if (err)
        reply_err(w->req, err);
    else
        reply_write(w->req, w->size);
}

static int begin_write(struct waiter *w)
{
    const struct node_ops *ops = w->node->key.ops;
    if (!ops->write)
        return -EPERM;
    atomic_store(&w->handle->wrote, true);
    return ops->write(w->node, w->handle, w->data, w->size, w->off, &w->wait);
}

/* The bytes are taken within begin_write(); only .amdahl/ctl answers later. */
void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off,
              struct fuse_file_info *fi)
{
    struct waiter *w = waiter_new(req, req_node(req, ino), true, finish_write);
    w->handle = handle_ref(fi_handle(fi));
    w->data = data;
    w->size = size;
    /* The kernel's idea of the end may be old; the page cache's own writes (mmap) mean
     * their offset. */
    w->off = (fi->flags & O_APPEND) && !fi->writepage ? WRITE_AT_END : off;
    waiter_begin(w, begin_write);
}

/* ---- commit points ----------------------------------------------------------- */

static void finish_commit(struct waiter *w, int err)
{
    reply_err(w->req, err);
}

static int node_commit(struct node *n, const struct handle *h, enum save_why why,
                       bool by_opener, struct wait *w)
{
    /* Closing a handle that wrote nothing is always 0 (rule 2). */
    if (!n->key.ops->commit || !atomic_load(&h->wrote))
        return 0;
    return n->key.ops->commit(n, h, why, by_opener, w);
}

static int begin_flush(struct waiter *w)
{
    bool by_opener = proc_tgid(w->tid) == w->handle->opener;
    return node_commit(w->node, w->handle, SAVE_FLUSH, by_opener, &w->wait);
}

void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct waiter *w = waiter_new(req, req_node(req, ino), true, finish_commit);
    w->handle = handle_ref(fi_handle(fi));
    waiter_begin(w, begin_flush);
}

static int begin_fsync(struct waiter *w)
{
    return node_commit(w->node, w->handle, SAVE_FSYNC, true, &w->wait);
}

void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
    struct waiter *w = waiter_new(req, req_node(req, ino), true, finish_commit);
    (void)datasync;
    w->handle = handle_ref(fi_handle(fi));
    waiter_begin(w, begin_fsync);
}

/* Nobody hears of an error here: what arrives after the last close (mmap), or was written
 * by one of several handles and is no save yet (an empty file), is judged once nobody can
 * write any more, behind, and told in `errors`. */
void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct node *n = req_node(req, ino);
    struct handle *h = fi_handle(fi);
    if (handle_close(h) && n->key.ops->commit)
        n->key.ops->commit(n, h, SAVE_RELEASE, true, NULL);
    handle_unref(h);
    reply_err(req, 0);
}
