/* kind_render.c - a page's render/: what its queries give, as files. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "fs/internal.h"
#include "fs/listing.h"
#include "workspace/render.h"

static struct render *node_render(const struct node *n)
{
    return n->key.object;
}

static struct render_file *node_file(const struct node *n)
{
    return n->key.object;
}

/* ---- directories --------------------------------------------------------------- */

static void set_object_unref(void *object)
{
    render_unref(object);
}

static int set_stat(struct node *n, struct stat *ret)
{
    return render_stat(node_render(n), ret);
}

static int set_ready(struct node *n, enum ready_for what, struct wait *w)
{
    return what == READY_LIST ? render_names_ready(node_render(n), w) : 0;
}

static int set_settle(struct node *n, const char *name, struct wait *w)
{
    return render_file_may_be(name) ? render_names_ready(node_render(n), w) : 0;
}

static int set_child(struct node *n, const char *name, struct node **ret_child)
{
    struct render *r = node_render(n);
    struct render *set =
        render_is_default(r) && *name ? page_render_set(render_page(r), name) : NULL;
    if (!set)
        return -ENOENT;
    *ret_child = node_get(n->fs, &render_set_ops, set, 0);
    return 0;
}

/* A query's file goes before a set of params of that name. */
static int set_lookup(struct node *n, const char *name, struct node **ret_child)
{
    struct render_file *f = render_find(node_render(n), name);
    if (!f)
        return set_child(n, name, ret_child);
    *ret_child = node_get(n->fs, &render_file_ops, f, 0);
    return 0;
}

static void set_list_one(void *arg, const char *name, uint64_t ino, mode_t type)
{
    listing_add(arg, name, ino, type);
}

static int set_list(struct node *n, struct listing *out)
{
    render_each(node_render(n), set_list_one, out);
    return 0;
}

static int set_create(struct node *n, const char *name, mode_t mode, pid_t tid,
                      struct node **ret_child)
{
    struct render_file *f;
    (void)mode;
    (void)tid;
    int err = render_make_file(node_render(n), name, &f);
    if (!err)
        *ret_child = node_get(n->fs, &render_file_ops, f, 0);
    return err;
}

static int set_mkdir(struct node *n, const char *name, mode_t mode,
                     struct node **ret_child)
{
    (void)mode;
    int err = render_make_set(node_render(n), name);
    return err ? err : set_child(n, name, ret_child);
}

static int set_unlink(struct node *n, const char *name, pid_t tgid)
{
    return render_unlink(node_render(n), name, tgid);
}

/* A set of params is a name that is always there: it has nothing to lose. */
static int set_rmdir(struct node *n, const char *name, pid_t tgid, struct wait *w)
{
    struct node *child;
    (void)tgid;
    (void)w;
    int err = set_child(n, name, &child);
    if (!err)
        node_unref(child);
    return err;
}

static int set_xattr_get(struct node *n, const char *name, struct buf *out)
{
    return page_xattr_get(render_page(node_render(n)), name, out);
}

static int set_xattr_list(struct node *n, struct buf *out)
{
    page_xattr_list(render_page(node_render(n)), out);
    return 0;
}

/* Which names are there hangs on the page's queries and on what was asked for; the kernel is
 * told. */
const struct node_ops render_set_ops = {
    .path = "pages/<page>/render/ and render/<params>/",
    .attr_timeout = FS_KEPT,
    .entry_timeout = FS_KEPT,
    .unref = set_object_unref,
    .stat = set_stat,
    .ready = set_ready,
    .lookup = set_lookup,
    .settle = set_settle,
    .list = set_list,
    .create = set_create,
    .mkdir = set_mkdir,
    .unlink = set_unlink,
    .rmdir = set_rmdir,
    .xattr_get = set_xattr_get,
    .xattr_list = set_xattr_list,
};

/* ---- files --------------------------------------------------------------------- */

static void file_object_unref(void *object)
{
    render_file_unref(object);
}

static int file_stat(struct node *n, struct stat *ret)
{
    return render_file_stat(node_file(n), ret);
}

static int file_check(struct node *n)
{
    return render_file_is_there(node_file(n)) ? 0 : -ESTALE;
}

static bool file_is_sink(struct node *n)
{
    return page_view_is_sink(render_file_page(node_file(n)));
}

static int file_ready(struct node *n, enum ready_for what, struct wait *w)
{
    return what == READY_OPEN && !file_is_sink(n) ? render_file_ready(node_file(n), w)
                                                  : 0;
}

static int file_open(struct node *n, struct handle *h)
{
    if (!render_file_is_there(node_file(n)))
        return -ESTALE;
    if (file_is_sink(n))
        return 0;
    if ((h->flags & O_ACCMODE) != O_RDONLY)
        return -EACCES;
    return render_file_open(node_file(n), &h->render);
}

static void file_close(struct node *n, struct handle *h)
{
    (void)n;
    if (h)
        render_close(steal_ptr(h->render));
}

static int file_read(struct node *n, struct handle *h, size_t size, off_t off,
                     struct buf *out)
{
    (void)n;
    if (h->render)
        render_read(h->render, size, off, out);
    return 0;
}

static int file_write(struct node *n, struct handle *h, const char *data, size_t size,
                      off_t off, struct wait *w)
{
    (void)n;
    (void)h;
    (void)data;
    (void)size;
    (void)off;
    (void)w;
    return 0; /* was opened as a sink; the page may have been made meanwhile */
}

static int file_truncate(struct node *n, struct handle *h, off_t size)
{
    (void)h;
    (void)size;
    return file_is_sink(n) ? 0 : -EACCES;
}

static int file_xattr_get(struct node *n, const char *name, struct buf *out)
{
    cleanup_free char *error =
        strcmp(name, "user.amdahl.error") ? NULL : render_file_error(node_file(n));
    if (!error)
        return page_xattr_get(render_file_page(node_file(n)), name, out);
    buf_puts(out, error);
    return 0;
}

static int file_xattr_list(struct node *n, struct buf *out)
{
    static const char error_name[] = "user.amdahl.error";
    cleanup_free char *error = render_file_error(node_file(n));
    page_xattr_list(render_file_page(node_file(n)), out);
    if (error &&
        !(out->len && memmem(out->data, out->len, error_name, sizeof error_name)))
        buf_append(out, error_name, sizeof error_name);
    return 0;
}

/* One open is one consistent answer; a mere stat runs no query. */
const struct node_ops render_file_ops = {
    .path = "pages/<page>/render/<query>.{csv,ndjson,json}",
    .attr_timeout = FS_KEPT,
    .entry_timeout = FS_KEPT,
    .direct_io = true,
    .unref = file_object_unref,
    .stat = file_stat,
    .check = file_check,
    .ready = file_ready,
    .open = file_open,
    .close = file_close,
    .read = file_read,
    .write = file_write,
    .truncate = file_truncate,
    .xattr_get = file_xattr_get,
    .xattr_list = file_xattr_list,
};
