/* ops_dir.c - directories and names. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "fs/ops.h"
#include "fs/watch.h"
#include "workspace/proc.h"

static pid_t req_tgid(fuse_req_t req)
{
    return proc_tgid(fuse_req_ctx(req)->pid);
}

/* ---- lookup and forget ------------------------------------------------------- */

static void finish_lookup(struct waiter *w, int err)
{
    const struct node_ops *ops = w->node->key.ops;
    struct node *child = NULL;
    if (!err)
        err = ops->lookup ? ops->lookup(w->node, w->name, &child) : -ENOENT;
    if (err == -EAGAIN) {
        op_lookup(w->req, node_ino(w->node), w->name); /* what was ready is gone again */
        return;
    }
    bool kept = !ops->is_fleeting || !ops->is_fleeting(w->node, w->name, !err);
    if (err == -ENOENT)
        reply_absent(w->req, kept ? ops->absent_timeout : 0);
    else if (err)
        reply_err(w->req, err);
    else
        reply_entry(w->req, child, kept);
}

static int begin_settle(struct waiter *w)
{
    const struct node_ops *ops = w->node->key.ops;
    return ops->settle ? ops->settle(w->node, w->name, &w->wait) : 0;
}

static bool helper_asks_in_pages(fuse_req_t req, fuse_ino_t dir)
{
    return watch_is_helper(req_fs(req), fuse_req_ctx(req)->pid) &&
           req_node(req, dir)->key.ops == &pages_ops;
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    if (strlen(name) > 255) {
        reply_err(req, -ENAMETOOLONG);
        return;
    }
    if (helper_asks_in_pages(req, parent)) {
        watch_lookup(req, name);
        return;
    }
    struct waiter *w = waiter_new(req, req_node(req, parent), false, finish_lookup);
    w->name = xstrdup(name);
    w->then = begin_settle;
    waiter_begin(w, ready_lookup);
}

void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
    node_kernel_unref(req_node(req, ino), nlookup);
    workspace_forgot(req_fs(req)->ws);
    reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
    for (size_t i = 0; i < count; i++)
        node_kernel_unref(req_node(req, forgets[i].ino), forgets[i].nlookup);
    workspace_forgot(req_fs(req)->ws);
    reply_none(req);
}

void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
    struct node *n = req_node(req, ino);
    (void)fi;
    reply_err(req, n->key.ops->sync ? n->key.ops->sync(n, datasync) : 0);
}

/* ---- names that are made ----------------------------------------------------- */

static void reply_child(fuse_req_t req, int err, struct node *child)
{
    if (err)
        reply_err(req, err);
    else
        reply_entry(req, child, true);
}

void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
               struct fuse_file_info *fi)
{
    struct node *dir = req_node(req, parent);
    struct node *child = NULL;
    int err = dir->key.ops->create
                  ? dir->key.ops->create(dir, name, mode, fuse_req_ctx(req)->pid, &child)
                  : -EPERM;
    if (err) {
        reply_err(req, err);
        return;
    }
    struct handle *h = handle_new(child, req, fi->flags);
    h->opened = true;
    reply_create(req, child, h, fi);
}

/* Only plain files: a socket or a device has no place here. */
void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
              dev_t rdev)
{
    struct node *dir = req_node(req, parent);
    struct node *child = NULL;
    int err = -EPERM;
    (void)rdev;
    if (S_ISREG(mode) && dir->key.ops->create)
        err = dir->key.ops->create(dir, name, mode, fuse_req_ctx(req)->pid, &child);
    if (!err && child->key.ops->close)
        child->key.ops->close(child, NULL);
    reply_child(req, err, child);
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    struct node *dir = req_node(req, parent);
    struct node *child = NULL;
    if (helper_asks_in_pages(req, parent)) {
        watch_mkdir(req, name);
        return;
    }
    int err = dir->key.ops->mkdir ? dir->key.ops->mkdir(dir, name, mode, &child) : -EPERM;
    reply_child(req, err, child);
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
    struct node *dir = req_node(req, parent);
    struct node *child = NULL;
    int err =
        dir->key.ops->symlink ? dir->key.ops->symlink(dir, name, target, &child) : -EPERM;
    reply_child(req, err, child);
}

/* EPERM and not ENOSYS: git tries once a time and falls back to a rename. */
void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
    struct node *dir = req_node(req, parent);
    struct node *target = req_node(req, ino);
    int err = dir->key.ops->link ? dir->key.ops->link(dir, name, target) : -EPERM;
    reply_child(req, err, err ? NULL : node_ref(target));
}

/* ---- names that go or move --------------------------------------------------- */

static void finish_err(struct waiter *w, int err)
{
    reply_err(w->req, err);
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct node *dir = req_node(req, parent);
    reply_err(req, dir->key.ops->unlink ? dir->key.ops->unlink(dir, name, req_tgid(req))
                                        : -EPERM);
}

static int begin_rmdir(struct waiter *w)
{
    const struct node_ops *ops = w->node->key.ops;
    return ops->rmdir ? ops->rmdir(w->node, w->name, proc_tgid(w->tid), &w->wait)
                      : -EPERM;
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    if (helper_asks_in_pages(req, parent)) {
        watch_rmdir(req, name);
        return;
    }
    struct waiter *w = waiter_new(req, req_node(req, parent), true, finish_err);
    w->name = xstrdup(name);
    waiter_begin(w, begin_rmdir);
}

static int begin_rename(struct waiter *w)
{
    const struct node_ops *ops = w->node->key.ops;
    return ops->rename ? ops->rename(w->node, w->name, w->to, w->to_name, w->flags,
                                     proc_tgid(w->tid), &w->wait)
                       : -EPERM;
}

/* What is moved into sql/ goes into a text, which must be here. */
static int begin_rename_to(struct waiter *w)
{
    const struct node_ops *ops = w->to->key.ops;
    if (ops != &sql_ops)
        return begin_rename(w);
    w->then = begin_rename; /* first: that may be at once, and elsewhere */
    int err = ops->ready(w->to, READY_RENAME, &w->wait);
    if (err == -EINPROGRESS)
        return err;
    w->then = NULL;
    return err ? err : begin_rename(w);
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to,
               const char *to_name, unsigned flags)
{
    struct waiter *w = waiter_new(req, req_node(req, parent), true, finish_err);
    w->name = xstrdup(name);
    w->to = node_ref(req_node(req, to));
    w->to_name = xstrdup(to_name);
    w->flags = flags;
    w->then = begin_rename_to;
    waiter_begin(w, ready_rename);
}
