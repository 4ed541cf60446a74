/* ops_file.c - files: attributes, bytes, and the points at which they are saved. */
#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>

#include "fs/ops.h"
#include "fs/stream.h"
#include "fs/watch.h"
#include "workspace/proc.h"

/* ---- attributes -------------------------------------------------------------- */

static void finish_getattr(struct waiter *w, int err)
{
    const struct node_ops *ops = w->node->key.ops;
    if (!err && ops->check)
        err = ops->check(w->node);
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

static struct timespec setattr_time(struct timespec given, int to_set, int set, int now)
{
    if (to_set & now)
        return (struct timespec){.tv_nsec = UTIME_NOW};
    return to_set & set ? given : (struct timespec){.tv_nsec = UTIME_OMIT};
}

static int node_set_times(struct node *n, const struct stat *attr, int to_set)
{
    struct timespec times[2] = {
        setattr_time(attr->st_atim, to_set, FUSE_SET_ATTR_ATIME, FUSE_SET_ATTR_ATIME_NOW),
        setattr_time(attr->st_mtim, to_set, FUSE_SET_ATTR_MTIME, FUSE_SET_ATTR_MTIME_NOW),
    };
    if ((times[0].tv_nsec == UTIME_OMIT && times[1].tv_nsec == UTIME_OMIT) ||
        !n->key.ops->set_times)
        return 0;
    return n->key.ops->set_times(n, times);
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
    int err = 0;
    if ((to_set & FUSE_SET_ATTR_MODE) && ops->set_mode)
        err = ops->set_mode(n, attr->st_mode);
    return err ? err : node_set_times(n, attr, to_set);
}

static int begin_truncate(struct waiter *w)
{
    return node_truncate(w->node, w->handle, w->off);
}

static void truncate_start(fuse_req_t req, struct node *n, struct handle *h, off_t size);

static void finish_truncate(struct waiter *w, int err)
{
    if (err == -EAGAIN) /* what was ready is gone again */
        truncate_start(w->req, w->node, w->handle, w->off);
    else
        finish_getattr(w, err);
}

/* The bytes before the cut must be known. */
static void truncate_start(fuse_req_t req, struct node *n, struct handle *h, off_t size)
{
    if (!n->key.ops->truncate) {
        reply_err(req, -EPERM);
        return;
    }
    struct waiter *w = waiter_new(req, n, false, finish_truncate);
    w->handle = handle_ref(h);
    w->off = size;
    w->then = begin_truncate;
    waiter_begin(w, ready_open);
}

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
                struct fuse_file_info *fi)
{
    struct node *n = req_node(req, ino);
    if (watch_is_helper(req_fs(req), fuse_req_ctx(req)->pid)) {
        reply_attr(req, n); /* the call itself is the event */
        return;
    }
    int err = node_setattr(n, attr, to_set);
    if (err) {
        reply_err(req, err);
        return;
    }
    if (to_set & FUSE_SET_ATTR_SIZE)
        truncate_start(req, n, fi_handle(fi), attr->st_size);
    else
        waiter_begin(waiter_new(req, n, false, finish_getattr), ready_attr);
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
    struct statvfs st;
    (void)ino;
    /* Of this machine's own disk: there the files of git and of editors go. */
    int err = workspace_statfs(req_fs(req)->ws, &st);
    if (err)
        reply_err(req, err);
    else
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
        h->opened = !err;
    }
    if (!err && (w->fi.flags & O_TRUNC))
        err = node_truncate(w->node, h, 0);
    if (!err) {
        reply_open(w->req, h, &w->fi);
        return;
    }
    handle_unref(h);
    if (err == -EAGAIN) /* what was ready is gone again */
        op_open(w->req, node_ino(w->node), &w->fi);
    else
        reply_err(w->req, err);
}

/* The kernel mostly has the bytes of what is only read, and asks for none. */
static bool open_is_late(const struct node *n, int flags)
{
    return n->key.ops->late && (flags & O_ACCMODE) == O_RDONLY && !(flags & O_TRUNC);
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct node *n = req_node(req, ino);
    if (n->key.ops->spool) {
        stream_open(req, n, fi);
        return;
    }
    if (!n->key.ops->write && (fi->flags & O_ACCMODE) != O_RDONLY) {
        reply_err(req, -EACCES); /* what would be read need not be waited for */
        return;
    }
    struct waiter *w = waiter_new(req, n, false, finish_open);
    w->fi = *fi;
    waiter_begin(w, open_is_late(n, fi->flags) ? ready_attr : ready_open);
}

static int node_borrow(struct node *n, bool write, struct item_fd *ret)
{
    const struct node_ops *ops = n->key.ops;
    return ops->borrow ? ops->borrow(n, write, ret) : -ENODATA;
}

static void read_memory(fuse_req_t req, struct handle *h, size_t size, off_t off);

static void finish_read(struct waiter *w, int err)
{
    if (err)
        reply_err(w->req, err);
    else
        read_memory(w->req, w->handle, w->size, w->off);
}

static void read_late(fuse_req_t req, struct handle *h, size_t size, off_t off)
{
    struct waiter *w = waiter_new(req, h->node, false, finish_read);
    w->handle = handle_ref(h);
    w->size = size;
    w->off = off;
    waiter_begin(w, ready_open);
}

static void read_memory(fuse_req_t req, struct handle *h, size_t size, off_t off)
{
    const struct node_ops *ops = h->node->key.ops;
    cleanup_buf struct buf out = BUF_INIT;
    int err = ops->read ? ops->read(h->node, h, size, off, &out) : -EPERM;
    if (err == -EAGAIN && ops->late)
        read_late(req, h, size, off);
    else if (err)
        reply_err(req, err);
    else
        reply_buf(req, &out);
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
             struct fuse_file_info *fi)
{
    struct node *n = req_node(req, ino);
    struct item_fd fd;
    if (n->key.ops->spool) {
        stream_read(req, size, off, fi);
    } else if (node_borrow(n, false, &fd) == 0) {
        reply_fd(req, fd.fd, size, off);
        item_return(&fd);
    } else {
        read_memory(req, fi_handle(fi), size, off);
    }
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
static void write_memory(fuse_req_t req, struct handle *h, const struct fuse_buf *from,
                         off_t off)
{
    struct waiter *w = waiter_new(req, h->node, true, finish_write);
    w->handle = handle_ref(h);
    w->data = from->mem;
    w->size = from->size;
    w->off = off;
    waiter_begin(w, begin_write);
}

/* The kernel's idea of the end may be old; the page cache's own writes (mmap) mean their
 * offset. */
static bool write_appends(const struct fuse_file_info *fi)
{
    return (fi->flags & O_APPEND) && !fi->writepage;
}

/* From the kernel's pipe to the file. */
static void write_fd(fuse_req_t req, struct handle *h, int fd, struct fuse_bufvec *in,
                     off_t off)
{
    struct fuse_bufvec out = FUSE_BUFVEC_INIT(fuse_buf_size(in));
    out.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK;
    out.buf[0].fd = fd;
    out.buf[0].pos = off;
    atomic_store(&h->wrote, true);
    ssize_t n = fuse_buf_copy(&out, in, 0);
    if (n < 0)
        reply_err(req, (int)n);
    else
        reply_write(req, (size_t)n);
}

void op_write_buf(fuse_req_t req, fuse_ino_t ino, struct fuse_bufvec *in, off_t off,
                  struct fuse_file_info *fi)
{
    struct handle *h = fi_handle(fi);
    struct item_fd fd;
    (void)ino;
    if (node_borrow(h->node, true, &fd) == 0) {
        write_fd(req, h, fd.fd, in, write_appends(fi) ? lseek(fd.fd, 0, SEEK_END) : off);
        item_return(&fd);
        return;
    }
    struct fuse_bufvec flat = FUSE_BUFVEC_INIT(fuse_buf_size(in));
    cleanup_free void *bytes = xmalloc(flat.buf[0].size + 1);
    flat.buf[0].mem = bytes;
    ssize_t n = fuse_buf_copy(&flat, in, 0);
    flat.buf[0].size = n < 0 ? 0 : (size_t)n;
    if (n < 0)
        reply_err(req, (int)n);
    else
        write_memory(req, h, &flat.buf[0], write_appends(fi) ? WRITE_AT_END : off);
}

void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t length,
                  struct fuse_file_info *fi)
{
    struct handle *h = fi_handle(fi);
    struct item_fd fd;
    (void)ino;
    int err = node_borrow(h->node, true, &fd);
    if (!err) {
        atomic_store(&h->wrote, true);
        err = fallocate(fd.fd, mode, off, length) ? -errno : 0;
        item_return(&fd);
    }
    reply_err(req, err == -ENODATA ? -EOPNOTSUPP : err);
}

/* What has no holes has one at its end. */
static void seek_memory(fuse_req_t req, struct node *n, off_t off, int whence)
{
    struct stat st;
    int err = n->key.ops->stat(n, &st);
    if (!err && (off < 0 || off >= st.st_size))
        err = -ENXIO;
    if (err)
        reply_err(req, err);
    else
        reply_seek(req, whence == SEEK_HOLE ? st.st_size : off);
}

/* SEEK_DATA and SEEK_HOLE alone come here. The descriptor's own offset is nobody's. */
void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence,
              struct fuse_file_info *fi)
{
    struct node *n = req_node(req, ino);
    struct item_fd fd;
    (void)fi;
    if (node_borrow(n, false, &fd) != 0) {
        seek_memory(req, n, off, whence);
        return;
    }
    off_t found = lseek(fd.fd, off, whence);
    if (found < 0)
        reply_err(req, -errno);
    else
        reply_seek(req, found);
    item_return(&fd);
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
    struct node *n = req_node(req, ino);
    int err = n->key.ops->sync ? n->key.ops->sync(n, datasync) : 0;
    if (err) {
        reply_err(req, err);
        return;
    }
    struct waiter *w = waiter_new(req, n, true, finish_commit);
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
