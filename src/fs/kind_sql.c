/* kind_sql.c - a page's sql/: a file for each query, and the scratch beside them. */
#include <errno.h>
#include <string.h>

#include "fs/internal.h"
#include "fs/listing.h"

static void sql_object_unref(void *object)
{
    page_unref(object);
}

static struct page *node_page(const struct node *n)
{
    return n->key.object;
}

static int sql_stat(struct node *n, struct stat *ret)
{
    return page_sql_stat(node_page(n), ret);
}

static int sql_ready(struct node *n, enum ready_for what, struct wait *w)
{
    if (what == READY_ATTR)
        return page_sql_stat_ready(node_page(n), w);
    if (what == READY_RENAME)
        return page_sql_rename_ready(node_page(n), w);
    return what == READY_LIST ? page_sql_ready(node_page(n), w) : 0;
}

static int sql_settle(struct node *n, const char *name, struct wait *w)
{
    return page_sql_settle(node_page(n), name, w);
}

static struct item *sql_place(struct node *n)
{
    return page_sql_place(node_page(n), true);
}

static int sql_lookup(struct node *n, const char *name, struct node **ret_child)
{
    struct item *it;
    int err = page_sql_find(node_page(n), name, &it);
    if (!err)
        *ret_child = item_node(n->fs, it);
    if (err == -ENOENT && page_sql_place(node_page(n), false))
        return place_node_lookup(n, name, ret_child);
    return err;
}

static void sql_list_one(void *arg, const char *name, uint64_t ino, mode_t type)
{
    listing_add(arg, name, ino, type);
}

static int sql_list(struct node *n, struct listing *out)
{
    int err = page_sql_each(node_page(n), sql_list_one, out);
    return !err && page_sql_place(node_page(n), false) ? place_node_list(n, out) : err;
}

/* Queries come with the text of queries.json. One that goes is lost (item_is_lost()), and is
 * found to be when its attributes are asked for, as the kernel is told to do. */
static bool sql_name_is_fleeting(struct node *n, const char *name, bool there)
{
    static const char end[] = ".rejected";
    size_t len = strlen(name);
    (void)n;
    if (len >= sizeof end && !strcmp(name + len - (sizeof end - 1), end))
        return true;
    return !there && page_sql_may_be(name);
}

static double sql_holds(struct node *n)
{
    return seconds_kept(page_sql_holds_ms(node_page(n)));
}

static int sql_xattr_get(struct node *n, const char *name, struct buf *out)
{
    return page_xattr_get(node_page(n), name, out);
}

static int sql_xattr_list(struct node *n, struct buf *out)
{
    page_xattr_list(node_page(n), out);
    return 0;
}

const struct node_ops sql_ops = {
    .path = "pages/<page>/sql/",
    .entry_timeout = FS_KEPT,
    .absent_timeout = FS_KEPT,
    .stat_holds = sql_holds,
    .is_fleeting = sql_name_is_fleeting,
    .unref = sql_object_unref,
    .stat = sql_stat,
    .ready = sql_ready,
    .place = sql_place,
    .lookup = sql_lookup,
    .settle = sql_settle,
    .list = sql_list,
    .create = place_node_create,
    .mkdir = place_node_mkdir,
    .symlink = place_node_symlink,
    .link = place_node_link,
    .unlink = place_node_unlink,
    .rmdir = place_node_rmdir,
    .rename = place_node_rename,
    .xattr_get = sql_xattr_get,
    .xattr_list = sql_xattr_list,
};
