#include "fs/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "fs/ops.h"
#include "workspace/spool.h"

static bool cancel_wait(struct waiter *w)
{
    return spool_cancel(w->handle->reader, &w->wait);
}

/* ---- open ------------------------------------------------------------------------ */

static void finish_stream_open(struct waiter *w, int err)
{
    if (err)
        reply_err(w->req, err);
    else
        reply_open(w->req, handle_ref(w->handle), &w->fi);
}

static int begin_stream_open(struct waiter *w)
{
    return w->fi.flags & O_NONBLOCK ? 0 : spool_wait(w->handle->reader, 0, &w->wait);
}

static struct handle *stream_handle(fuse_req_t req, struct node *n, int flags,
                                    int *ret_err)
{
    const struct node_ops *ops = n->key.ops;
    struct handle *h = handle_new(n, req, flags);
    *ret_err = ops->open ? ops->open(n, h) : 0;
    h->opened = !*ret_err;
    h->reader = spool_open(ops->spool(n));
    return h;
}

/* It is open before it waits: somebody wants to know what comes. */
void stream_open(fuse_req_t req, struct node *n, const struct fuse_file_info *fi)
{
    int err;
    struct handle *h = stream_handle(req, n, fi->flags, &err);
    if (err) {
        handle_unref(h);
        reply_err(req, err);
        return;
    }
    struct waiter *w = waiter_new(req, n, false, finish_stream_open);
    w->handle = h;
    w->fi = *fi;
    w->cancel = cancel_wait;
    waiter_begin(w, begin_stream_open);
}

/* ---- read ------------------------------------------------------------------------ */

static void finish_stream_read(struct waiter *w, int err)
{
    cleanup_buf struct buf out = BUF_INIT;
    if (err) {
        reply_err(w->req, err);
        return;
    }
    spool_read(w->handle->reader, (uint64_t)w->off, w->size, &out);
    reply_buf(w->req, &out);
}

/* What came may end before this offset: then once more. */
static int begin_stream_read(struct waiter *w)
{
    if (w->fi.flags & O_NONBLOCK)
        return 0;
    w->then = begin_stream_read;
    int err = spool_wait(w->handle->reader, (uint64_t)w->off, &w->wait);
    if (!err)
        w->then = NULL;
    return err;
}

void stream_read(fuse_req_t req, size_t size, off_t off, const struct fuse_file_info *fi)
{
    struct handle *h = fi_handle(fi);
    struct waiter *w = waiter_new(req, h->node, false, finish_stream_read);
    w->handle = handle_ref(h);
    w->fi = *fi;
    w->size = size;
    w->off = off;
    w->cancel = cancel_wait;
    waiter_begin(w, begin_stream_read);
}

/* ---- poll ------------------------------------------------------------------------ */

struct poller {
    struct wait wait;
    struct fuse_pollhandle *ph;
};

static void poller_free(struct poller *p)
{
    if (!p)
        return;
    fuse_pollhandle_destroy(p->ph);
    free(p);
}

static void poller_drop(struct wait *w)
{
    if (w)
        poller_free(container_of(w, struct poller, wait));
}

static void poller_done(struct wait *w, int err)
{
    struct poller *p = container_of(w, struct poller, wait);
    (void)err;
    fuse_lowlevel_notify_poll(p->ph);
    poller_free(p);
}

/* Nobody is told of a file's position: what was not read yet of it counts. */
static unsigned stream_poll(struct handle *h, struct fuse_pollhandle *ph)
{
    struct poller *p = NULL;
    struct wait *before;
    if (ph) {
        p = xcalloc(1, sizeof *p);
        p->wait.done = poller_done;
        p->ph = ph;
    }
    int err = spool_watch(h->reader, p ? &p->wait : NULL, &before);
    poller_drop(before);
    if (err)
        return 0;
    poller_free(p);
    return POLLIN | POLLRDNORM | (spool_has_ended(h->reader) ? POLLHUP : 0);
}

/* Any other file is always ready. */
void op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
             struct fuse_pollhandle *ph)
{
    struct handle *h = fi_handle(fi);
    (void)ino;
    if (h && h->reader) {
        reply_poll(req, stream_poll(h, ph));
        return;
    }
    if (ph)
        fuse_pollhandle_destroy(ph);
    reply_poll(req, POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM);
}

void stream_close(struct handle *h)
{
    poller_drop(spool_close(steal_ptr(h->reader)));
}
