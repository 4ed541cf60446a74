/* kind_item.c - documents and scratch: files, directories and links of this machine. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "fs/internal.h"
#include "fs/listing.h"

static void item_object_unref(void *object)
{
    item_unref(object);
}

static struct item *node_item(const struct node *n)
{
    return n->key.object;
}

struct node *item_node(struct fs *fs, struct item *it)
{
    static const struct node_ops *const kinds[] = {
        [ITEM_FILE] = &file_ops,
        [ITEM_DIR] = &dir_ops,
        [ITEM_LINK] = &link_ops,
    };
    return node_get(fs, kinds[item_type(it)], it, 0);
}

static int item_node_stat(struct node *n, struct stat *ret)
{
    return item_stat(node_item(n), ret);
}

static int item_node_set_mode(struct node *n, mode_t mode)
{
    return item_set_mode(node_item(n), mode);
}

static int item_node_set_times(struct node *n, const struct timespec times[2])
{
    return item_set_times(node_item(n), times);
}

static int item_node_sync(struct node *n, bool datasync)
{
    return item_sync(node_item(n), datasync);
}

/* ---- extended attributes: the page's own and the user's ---------------------- */

static int item_node_xattr_get(struct node *n, const char *name, struct buf *out)
{
    struct page *p = item_page(node_item(n));
    int err = p ? page_xattr_get(p, name, out) : -ENODATA;
    page_unref(p);
    return err == -ENODATA ? item_xattr_get(node_item(n), name, out) : err;
}

static int item_node_xattr_list(struct node *n, struct buf *out)
{
    struct page *p = item_page(node_item(n));
    if (p)
        page_xattr_list(p, out);
    page_unref(p);
    return item_xattr_list(node_item(n), out);
}

static int item_node_xattr_set(struct node *n, const char *name, const void *value,
                               size_t size, int flags)
{
    return item_xattr_set(node_item(n), name, value, size, flags);
}

static int item_node_xattr_remove(struct node *n, const char *name)
{
    return item_xattr_remove(node_item(n), name);
}

/* ---- files ------------------------------------------------------------------- */

static double file_holds(struct node *n)
{
    return seconds_kept(item_holds_ms(node_item(n)));
}

static uint64_t file_turns(struct node *n)
{
    return item_turns(node_item(n));
}

/* The kernel knows it by a name that went by itself. */
static int file_check(struct node *n)
{
    return item_is_lost(node_item(n)) ? -ESTALE : 0;
}

static int file_ready(struct node *n, enum ready_for what, struct wait *w)
{
    return what == READY_ATTR ? item_stat_ready(node_item(n), w)
                              : item_ready(node_item(n), w);
}

static int file_open(struct node *n, struct handle *h)
{
    int access = h->flags & O_ACCMODE;
    bool write = access != O_RDONLY;
    int err = write ? item_may_write(node_item(n)) : 0;
    if (!err)
        err = item_open(node_item(n), write);
    if (err)
        return err;
    if (write)
        err = item_here(node_item(n));
    if (err)
        item_close(node_item(n));
    if (!err && access != O_WRONLY && !(h->flags & O_TRUNC))
        item_opened(node_item(n), h->opener);
    return err;
}

static void file_close(struct node *n, struct handle *h)
{
    (void)h;
    item_close(node_item(n));
}

static int file_borrow(struct node *n, bool write, struct item_fd *ret)
{
    return item_borrow(node_item(n), write, ret);
}

static int file_read(struct node *n, struct handle *h, size_t size, off_t off,
                     struct buf *out)
{
    (void)h;
    return item_read(node_item(n), size, off, out);
}

static int file_write(struct node *n, struct handle *h, const char *data, size_t size,
                      off_t off, struct wait *w)
{
    (void)h;
    (void)w;
    return item_write(node_item(n), data, size, off);
}

static int file_truncate(struct node *n, struct handle *h, off_t size)
{
    (void)h;
    return item_truncate(node_item(n), size);
}

static int file_commit(struct node *n, const struct handle *h, enum save_why why,
                       bool by_opener, struct wait *w)
{
    const struct committer by = {h->opener, by_opener, &n->writers};
    return item_commit(node_item(n), why, &by, w);
}

const struct node_ops file_ops = {
    .path = "pages/<page>/{spec,queries,page,params}.json, sql/ and local files",
    .entry_timeout = FS_KEPT,
    .late = true,
    .unref = item_object_unref,
    .stat = item_node_stat,
    .check = file_check,
    .stat_holds = file_holds,
    .turns = file_turns,
    .ready = file_ready,
    .open = file_open,
    .close = file_close,
    .borrow = file_borrow,
    .read = file_read,
    .write = file_write,
    .truncate = file_truncate,
    .commit = file_commit,
    .sync = item_node_sync,
    .set_mode = item_node_set_mode,
    .set_times = item_node_set_times,
    .xattr_get = item_node_xattr_get,
    .xattr_set = item_node_xattr_set,
    .xattr_remove = item_node_xattr_remove,
    .xattr_list = item_node_xattr_list,
};

/* ---- links ------------------------------------------------------------------- */

static char *link_readlink(struct node *n)
{
    return item_target(node_item(n));
}

const struct node_ops link_ops = {
    .path = "local links",
    .attr_timeout = FS_KEPT,
    .entry_timeout = FS_KEPT,
    .unref = item_object_unref,
    .stat = item_node_stat,
    .readlink = link_readlink,
    .set_times = item_node_set_times,
};

/* ---- places: what directories with local names share ------------------------- */

static int place_made(struct node *n, int err, struct item *it, struct node **ret_child)
{
    if (!err)
        *ret_child = item_node(n->fs, it);
    return err;
}

int place_node_lookup(struct node *n, const char *name, struct node **ret_child)
{
    struct item *it = NULL;
    int err = place_find(n->key.ops->place(n), name, &it);
    return place_made(n, err, it, ret_child);
}

static void place_list_one(void *arg, const char *name, uint64_t ino, mode_t type)
{
    listing_add(arg, name, ino, type);
}

int place_node_list(struct node *n, struct listing *out)
{
    return place_each(n->key.ops->place(n), place_list_one, out);
}

int place_node_create(struct node *n, const char *name, mode_t mode, pid_t tid,
                      struct node **ret_child)
{
    struct item *it = NULL;
    int err = place_create(n->key.ops->place(n), name, mode, tid, &it);
    return place_made(n, err, it, ret_child);
}

int place_node_mkdir(struct node *n, const char *name, mode_t mode,
                     struct node **ret_child)
{
    struct item *it = NULL;
    int err = place_mkdir(n->key.ops->place(n), name, mode, &it);
    return place_made(n, err, it, ret_child);
}

int place_node_symlink(struct node *n, const char *name, const char *target,
                       struct node **ret_child)
{
    struct item *it = NULL;
    int err = place_symlink(n->key.ops->place(n), name, target, &it);
    return place_made(n, err, it, ret_child);
}

int place_node_link(struct node *n, const char *name, struct node *target)
{
    struct item *place = n->key.ops->place(n);
    return target->key.ops == &file_ops || target->key.ops == &link_ops
               ? place_link(node_item(target), place, name)
               : -EPERM;
}

int place_node_unlink(struct node *n, const char *name, pid_t tgid)
{
    return place_unlink(n->key.ops->place(n), name, tgid);
}

int place_node_rmdir(struct node *n, const char *name, pid_t tgid, struct wait *w)
{
    (void)tgid;
    (void)w;
    return place_rmdir(n->key.ops->place(n), name);
}

int place_node_rename(struct node *n, const char *name, struct node *to,
                      const char *to_name, unsigned flags, pid_t tgid, struct wait *w)
{
    struct item *from_place = n->key.ops->place(n);
    struct item *to_place = to->key.ops->place ? to->key.ops->place(to) : NULL;
    if (!to_place)
        return -EPERM;
    /* A directory that comes to pages/ from elsewhere is to become a page: copied, not
     * moved, so that mkdir makes it. */
    if (to->key.ops == &pages_ops && n->key.ops != &pages_ops && *to_name != '.')
        return -EXDEV;
    return place_rename(from_place, name, to_place, to_name, flags, tgid, w);
}

/* ---- scratch directories ----------------------------------------------------- */

static struct item *dir_place(struct node *n)
{
    return node_item(n);
}

const struct node_ops dir_ops = {
    .path = "local directories",
    .attr_timeout = FS_KEPT,
    .entry_timeout = FS_KEPT,
    .absent_timeout = FS_KEPT,
    .unref = item_object_unref,
    .stat = item_node_stat,
    .place = dir_place,
    .lookup = place_node_lookup,
    .list = place_node_list,
    .create = place_node_create,
    .mkdir = place_node_mkdir,
    .symlink = place_node_symlink,
    .unlink = place_node_unlink,
    .rmdir = place_node_rmdir,
    .rename = place_node_rename,
    .link = place_node_link,
    .sync = item_node_sync,
    .set_mode = item_node_set_mode,
    .set_times = item_node_set_times,
    .xattr_get = item_node_xattr_get,
    .xattr_set = item_node_xattr_set,
    .xattr_remove = item_node_xattr_remove,
    .xattr_list = item_node_xattr_list,
};
