/* kind_page.c - a page's directory: its documents and views, and the scratch beside them.
 */
#include <errno.h>
#include <string.h>

#include "fs/internal.h"
#include "fs/listing.h"
#include "workspace/render.h"

static void page_object_unref(void *object)
{
    page_unref(object);
}

static struct page *node_page(const struct node *n)
{
    return n->key.object;
}

static int page_node_stat(struct node *n, struct stat *ret)
{
    return page_stat(node_page(n), ret);
}

/* The kernel knows it by the old name: asked anew, it looks that up. */
static int page_node_check(struct node *n)
{
    return page_has_moved(node_page(n)) ? -ESTALE : 0;
}

/* Names are known without the platform; only a rename needs the bytes it moves. */
static int page_node_ready(struct node *n, enum ready_for what, struct wait *w)
{
    return what == READY_RENAME ? page_ready(node_page(n), w) : 0;
}

static struct item *page_place(struct node *n)
{
    return page_local(node_page(n));
}

static struct node *page_view_node(struct node *n, int which)
{
    const struct node_ops *ops = which == PAGE_RENDER ? &render_ops : &view_ops;
    return node_get(n->fs, ops, page_ref(node_page(n)), which);
}

static const char render_dir[] = "render";

static bool is_render(const char *name)
{
    return !strcmp(name, render_dir);
}

static struct node *page_render_node(struct node *n)
{
    return node_get(n->fs, &render_set_ops, page_render_set(node_page(n), ""), 0);
}

static bool is_sql(const char *name)
{
    return !strcmp(name, "sql");
}

static int page_node_lookup(struct node *n, const char *name, struct node **ret_child)
{
    struct page *p = node_page(n);
    int which = page_file_find(name);
    if (is_render(name) && !page_has_render(p, false))
        return -ENOENT;
    if (is_render(name)) {
        *ret_child = page_render_node(n);
        return 0;
    }
    if (is_sql(name) && page_has_sql(p, false)) {
        *ret_child = node_get(n->fs, &sql_ops, page_ref(p), 0);
        return 0;
    }
    if (is_sql(name))
        return -ENOENT;
    if (which < 0)
        return place_node_lookup(n, name, ret_child);
    if (!page_has(p, (enum page_file)which, false))
        return -ENOENT;
    if (!page_file_is_doc((enum page_file)which)) {
        *ret_child = page_view_node(n, which);
        return 0;
    }
    struct item *it = page_doc(p, (enum page_file)which);
    if (!it)
        return -ENOENT;
    *ret_child = item_node(n->fs, it);
    return 0;
}

/* sql/ and render/ are before the spec, which completes a copy, and behind the queries: those
 * that `rm -r` has removed by then need not be known. */
static unsigned page_file_place(int which)
{
    return LISTING_FIRST + (unsigned)which + (which == PAGE_SPEC ? 2 : 0);
}

/* The directory of sql/'s scratch is no name of its own. */
static void page_list_one(void *arg, const char *name, uint64_t ino, mode_t type)
{
    if (!is_sql(name) && !is_render(name))
        listing_add(arg, name, ino, type);
}

static int page_node_list(struct node *n, struct listing *out)
{
    struct page *p = node_page(n);
    for (int i = 0; i < PAGE_FILES; i++)
        if (page_has(p, (enum page_file)i, true))
            listing_add_fixed(out, page_file_place(i), page_file_name((enum page_file)i),
                              page_file_number(p, (enum page_file)i), S_IFREG);
    if (page_has_render(p, true))
        listing_add_fixed(out, LISTING_FIRST + PAGE_SPEC + 1, render_dir,
                          page_render_number(p), S_IFDIR);
    if (page_has_sql(p, true))
        listing_add_fixed(out, LISTING_FIRST + PAGE_SPEC, "sql", page_sql_number(p),
                          S_IFDIR);
    return place_each(page_place(n), page_list_one, out);
}

/* A page's files may come back, and what is put beside them comes with a refusal and goes
 * with a good save. */
static bool page_name_is_fleeting(struct node *n, const char *name, bool there)
{
    static const char *const ends[] = {".rejected", ".remote.json", ".base.json"};
    size_t len = strlen(name);
    /* Of a page that has no id yet other files may come, when it gets one (overlay.h). */
    if (is_sql(name) || is_render(name))
        return !there;
    if (!there && (page_file_find(name) >= 0 || page_view_is_sink(node_page(n))))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        size_t end = strlen(ends[i]);
        if (len > end && !strcmp(name + len - end, ends[i]))
            return true;
    }
    return false;
}

/* `cp -r pages/a pages/b` copies views too: in a page that is not made yet they are taken
 * and thrown away. */
static int page_node_create(struct node *n, const char *name, mode_t mode, pid_t tid,
                            struct node **ret_child)
{
    int which = page_file_find(name);
    if (which < 0 || page_file_is_doc((enum page_file)which))
        return place_node_create(n, name, mode, tid, ret_child);
    if (!page_view_is_sink(node_page(n)))
        return -EACCES;
    *ret_child = page_view_node(n, which);
    return 0;
}

static int page_node_unlink(struct node *n, const char *name, pid_t tgid)
{
    int which = page_file_find(name);
    if (which >= 0 && !page_has(node_page(n), (enum page_file)which, false))
        return -ENOENT;
    return place_node_unlink(n, name, tgid);
}

static int page_node_mkdir(struct node *n, const char *name, mode_t mode,
                           struct node **ret_child)
{
    int err = 0;
    if (is_render(name)) {
        err = page_has_render(node_page(n), false) ? -EEXIST
                                                   : page_render_make(node_page(n));
        if (!err)
            *ret_child = page_render_node(n);
        return err;
    }
    if (!is_sql(name))
        return place_node_mkdir(n, name, mode, ret_child);
    err = page_sql_make(node_page(n));
    if (!err)
        *ret_child = node_get(n->fs, &sql_ops, page_ref(node_page(n)), 0);
    return err;
}

static int page_node_rmdir(struct node *n, const char *name, pid_t tgid, struct wait *w)
{
    if (is_render(name))
        return page_render_rmdir(node_page(n), tgid);
    return is_sql(name) ? page_sql_rmdir(node_page(n), tgid)
                        : place_node_rmdir(n, name, tgid, w);
}

static int page_node_xattr_get(struct node *n, const char *name, struct buf *out)
{
    return page_xattr_get(node_page(n), name, out);
}

static int page_node_xattr_list(struct node *n, struct buf *out)
{
    page_xattr_list(node_page(n), out);
    return 0;
}

const struct node_ops page_ops = {
    .path = "pages/<page>/ and templates/<template>/",
    .attr_timeout = FS_KEPT,
    .entry_timeout = FS_KEPT,
    .absent_timeout = FS_KEPT,
    .is_fleeting = page_name_is_fleeting,
    .unref = page_object_unref,
    .stat = page_node_stat,
    .check = page_node_check,
    .ready = page_node_ready,
    .place = page_place,
    .lookup = page_node_lookup,
    .list = page_node_list,
    .create = page_node_create,
    .mkdir = page_node_mkdir,
    .symlink = place_node_symlink,
    .link = place_node_link,
    .unlink = page_node_unlink,
    .rmdir = page_node_rmdir,
    .rename = place_node_rename,
    .xattr_get = page_node_xattr_get,
    .xattr_list = page_node_xattr_list,
};

/* ---- views ------------------------------------------------------------------- */

static int view_stat(struct node *n, struct stat *ret)
{
    page_view_stat(node_page(n), (enum page_file)n->key.which, ret);
    return 0;
}

static int view_open(struct node *n, struct handle *h)
{
    struct page *p = node_page(n);
    if ((h->flags & O_ACCMODE) != O_RDONLY && !page_view_is_sink(p))
        return -EACCES;
    h->snapshot = page_view(p, (enum page_file)n->key.which);
    return h->snapshot ? 0 : -EAGAIN;
}

static int view_ready(struct node *n, enum ready_for what, struct wait *w)
{
    return what == READY_OPEN
               ? page_view_ready(node_page(n), (enum page_file)n->key.which, w)
               : 0;
}

int snapshot_read(struct node *n, struct handle *h, size_t size, off_t off,
                  struct buf *out)
{
    const struct text *text = h->snapshot;
    (void)n;
    if (text && off >= 0 && (size_t)off < text->len) {
        size_t left = text->len - (size_t)off;
        buf_append(out, text->data + off, left < size ? left : size);
    }
    return 0;
}

static int sink_check(struct node *n)
{
    return page_view_is_sink(node_page(n)) ? 0 : -EACCES;
}

static int view_write(struct node *n, struct handle *h, const char *data, size_t size,
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

static int view_truncate(struct node *n, struct handle *h, off_t size)
{
    (void)h;
    (void)size;
    return sink_check(n);
}

/* Info is of the list until the body is here; the rest is made on this machine. */
const struct node_ops view_ops = {
    .path = "pages/<page>/{errors,info.json,verdict.json}",
    .attr_timeout = FS_KEPT,
    .entry_timeout = FS_KEPT,
    .direct_io = true,
    .unref = page_object_unref,
    .stat = view_stat,
    .ready = view_ready,
    .open = view_open,
    .read = snapshot_read,
    .write = view_write,
    .truncate = view_truncate,
    .xattr_get = page_node_xattr_get,
    .xattr_list = page_node_xattr_list,
};

/* ---- render.json ------------------------------------------------------------- */

static int render_ready(struct node *n, enum ready_for what, struct wait *w)
{
    return what == READY_OPEN ? page_render(node_page(n), w) : 0;
}

/* One open is one run of the queries, and one consistent answer; a mere stat runs none.
 */
const struct node_ops render_ops = {
    .path = "pages/<page>/render.json",
    .attr_timeout = FS_KEPT,
    .entry_timeout = FS_KEPT,
    .direct_io = true,
    .unref = page_object_unref,
    .stat = view_stat,
    .ready = render_ready,
    .open = view_open,
    .read = snapshot_read,
    .write = view_write,
    .truncate = view_truncate,
    .xattr_get = page_node_xattr_get,
    .xattr_list = page_node_xattr_list,
};
