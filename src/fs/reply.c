#include "fs/reply.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/log.h"
#include "fs/notify.h"
#include "fs/stream.h"
#include "workspace/proc.h"

/* A failed reply means the request is gone (interrupted and aborted, or unmounted). */
static bool reply_sent(const char *what, int rc)
{
    if (rc)
        log_debug("%s: reply not delivered: %s", what, strerror(-rc));
    return rc == 0;
}

static struct fs *req_fs(fuse_req_t req)
{
    return fuse_req_userdata(req);
}

void reply_err(fuse_req_t req, int err)
{
    notify_before_reply(req_fs(req));
    if (err)
        log_debug("reply: %s", strerror(-err));
    reply_sent("error", fuse_reply_err(req, -err));
}

static int node_stat(struct node *n, struct stat *ret)
{
    int err = n->key.ops->stat(n, ret);
    ret->st_uid = n->fs->uid;
    ret->st_gid = n->fs->gid;
    return err;
}

static double node_holds(struct node *n)
{
    const struct node_ops *ops = n->key.ops;
    return ops->stat_holds ? ops->stat_holds(n) : ops->attr_timeout;
}

int node_entry(struct node *child, struct fuse_entry_param *ret,
               unsigned long long *ret_begun)
{
    *ret = (struct fuse_entry_param){
        .ino = node_ino(child),
        .attr_timeout = node_holds(child), /* first: it may be known for longer by then */
        .entry_timeout = child->key.ops->entry_timeout,
    };
    *ret_begun = answer_begin(child, ret->attr_timeout);
    int err = node_stat(child, &ret->attr);
    if (!err)
        node_kernel_ref(child);
    return err;
}

void reply_absent(fuse_req_t req, double seconds)
{
    const struct fuse_entry_param none = {.entry_timeout = seconds};
    if (seconds > 0)
        reply_sent("entry", fuse_reply_entry(req, &none));
    else
        reply_err(req, -ENOENT);
}

void reply_entry(fuse_req_t req, struct node *child, bool kept)
{
    struct fuse_entry_param e;
    unsigned long long begun;
    notify_before_reply(child->fs);
    int err = node_entry(child, &e, &begun);
    if (!kept)
        e.entry_timeout = 0;
    if (err)
        reply_err(req, err);
    else if (!reply_sent("entry", fuse_reply_entry(req, &e)))
        node_kernel_unref(child, 1);
    answer_end(child, begun);
    node_unref(child);
}

/* May the kernel go on with the bytes that it has? If they changed by themselves since the
 * last open, no. */
static bool node_keeps_bytes(struct node *n)
{
    const struct node_ops *ops = n->key.ops;
    unsigned long long turns = ops->turns ? ops->turns(n) : 0;
    return atomic_exchange(&n->turns, turns) == turns;
}

/* A handle that cannot write has nothing to be flushed. */
static void handle_to_fi(struct handle *h, struct fuse_file_info *fi)
{
    fi->fh = (uint64_t)(uintptr_t)h;
    fi->direct_io = h->node->key.ops->direct_io;
    fi->keep_cache = !fi->direct_io && node_keeps_bytes(h->node);
    fi->noflush = (fi->flags & O_ACCMODE) == O_RDONLY;
}

void reply_create(fuse_req_t req, struct node *child, struct handle *h,
                  struct fuse_file_info *fi)
{
    struct fuse_entry_param e;
    unsigned long long begun;
    notify_before_reply(child->fs);
    int err = node_entry(child, &e, &begun);
    handle_to_fi(h, fi);
    if (err) {
        reply_err(req, err);
        handle_unref(h);
    } else if (!reply_sent("create", fuse_reply_create(req, &e, fi))) {
        node_kernel_unref(child, 1);
        handle_unref(h);
    }
    answer_end(child, begun);
    node_unref(child);
}

void reply_attr(fuse_req_t req, struct node *n)
{
    struct stat st;
    notify_before_reply(n->fs);
    double holds = node_holds(n);
    unsigned long long begun = answer_begin(n, holds);
    int err = node_stat(n, &st);
    if (err)
        reply_err(req, err);
    else
        reply_sent("attr", fuse_reply_attr(req, &st, holds));
    answer_end(n, begun);
}

void reply_open(fuse_req_t req, struct handle *h, struct fuse_file_info *fi)
{
    notify_before_reply(h->node->fs);
    handle_to_fi(h, fi);
    if (!reply_sent("open", fuse_reply_open(req, fi)))
        handle_unref(h);
}

void reply_buf(fuse_req_t req, const struct buf *data)
{
    reply_sent("read", fuse_reply_buf(req, data->data, data->len));
}

void reply_fd(fuse_req_t req, int fd, size_t size, off_t off)
{
    struct fuse_bufvec data = FUSE_BUFVEC_INIT(size);
    data.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK;
    data.buf[0].fd = fd;
    data.buf[0].pos = off;
    reply_sent("read", fuse_reply_data(req, &data, FUSE_BUF_SPLICE_MOVE));
}

void reply_seek(fuse_req_t req, off_t off)
{
    reply_sent("seek", fuse_reply_lseek(req, off));
}

void reply_poll(fuse_req_t req, unsigned events)
{
    reply_sent("poll", fuse_reply_poll(req, events));
}

void reply_write(fuse_req_t req, size_t size)
{
    notify_before_reply(req_fs(req));
    reply_sent("write", fuse_reply_write(req, size));
}

void reply_readlink(fuse_req_t req, const char *target)
{
    reply_sent("readlink", fuse_reply_readlink(req, target));
}

void reply_xattr(fuse_req_t req, const struct buf *value, size_t size)
{
    if (!size)
        reply_sent("xattr", fuse_reply_xattr(req, value->len));
    else if (value->len > size)
        reply_err(req, -ERANGE);
    else
        reply_buf(req, value);
}

void reply_statfs(fuse_req_t req, const struct statvfs *st)
{
    reply_sent("statfs", fuse_reply_statfs(req, st));
}

void reply_none(fuse_req_t req)
{
    fuse_reply_none(req);
}

/* ---- handles ----------------------------------------------------------------- */

static bool handle_writes(const struct handle *h)
{
    return (h->flags & O_ACCMODE) != O_RDONLY;
}

struct handle *handle_new(struct node *n, fuse_req_t req, int flags)
{
    struct handle *h = xcalloc(1, sizeof *h);
    h->node = node_ref(n);
    h->flags = flags;
    h->opener = proc_tgid(fuse_req_ctx(req)->pid);
    atomic_init(&h->refs, 1);
    atomic_init(&h->wrote, false);
    if (handle_writes(h))
        atomic_fetch_add(&n->writers, 1);
    pthread_mutex_lock(&n->fs->nodes_lock);
    DL_APPEND(n->fs->handles, h);
    pthread_mutex_unlock(&n->fs->nodes_lock);
    return h;
}

struct handle *handle_ref(struct handle *h)
{
    if (h)
        atomic_fetch_add(&h->refs, 1);
    return h;
}

bool handle_close(struct handle *h)
{
    if (!handle_writes(h) || h->closed)
        return false;
    h->closed = true;
    return atomic_fetch_sub(&h->node->writers, 1) == 1;
}

static void handle_free(struct handle *h)
{
    handle_close(h);
    pthread_mutex_lock(&h->node->fs->nodes_lock);
    DL_DELETE(h->node->fs->handles, h);
    pthread_mutex_unlock(&h->node->fs->nodes_lock);
    stream_close(h);
    if (h->opened && h->node->key.ops->close)
        h->node->key.ops->close(h->node, h);
    text_unref(h->snapshot);
    node_unref(h->node);
    free(h);
}

void handle_unref(struct handle *h)
{
    if (h && atomic_fetch_sub(&h->refs, 1) == 1)
        handle_free(h);
}

void handle_drop_all(struct fs *fs)
{
    while (fs->handles)
        handle_free(fs->handles);
}
