/* kind_archived.c - archived/: pages that the platform lists no more, and the files of
 * this machine that stood beside them. */
#include <errno.h>

#include "fs/internal.h"
#include "fs/listing.h"

/* ---- archived/ --------------------------------------------------------------- */

static int archived_node_stat(struct node *n, struct stat *ret)
{
    struct timespec when = workspace_archived_time(n->fs->ws);
    stat_fixed(n->fs, ret, INO_ARCHIVED, S_IFDIR | 0755);
    if (when.tv_sec)
        ret->st_mtim = ret->st_ctim = when;
    return 0;
}

static int archived_lookup(struct node *n, const char *name, struct node **ret_child)
{
    struct archived *a = workspace_find_archived(n->fs->ws, name);
    if (!a)
        return -ENOENT;
    *ret_child = node_get(n->fs, &gone_page_ops, a, 0);
    return 0;
}

static void archived_list_one(void *arg, const char *name, struct archived *a)
{
    listing_add(arg, name, archived_number(a), S_IFDIR);
}

static int archived_list(struct node *n, struct listing *out)
{
    workspace_each_archived(n->fs->ws, archived_list_one, out);
    return 0;
}

static int archived_rmdir(struct node *n, const char *name, pid_t tgid, struct wait *w)
{
    (void)tgid;
    (void)w;
    return workspace_archived_rmdir(n->fs->ws, name);
}

/* `mv archived/x elsewhere` copies and removes; the names here are nobody's to give. */
static int archived_rename(struct node *n, const char *name, struct node *to,
                           const char *to_name, unsigned flags, pid_t tgid,
                           struct wait *w)
{
    (void)name;
    (void)to_name;
    (void)flags;
    (void)tgid;
    (void)w;
    return to == n ? -EPERM : -EXDEV;
}

/* Which are gone is known once the list of the others is, of this mount. */
static int archived_ready(struct node *n, enum ready_for what, struct wait *w)
{
    return what == READY_ATTR ? list_ready(n, what, w)
                              : workspace_archived_ready(n->fs->ws, w);
}

const struct node_ops archived_ops = {
    .path = "archived/",
    .entry_timeout = FS_KEPT,
    .stat = archived_node_stat,
    .stat_holds = list_holds,
    .ready = archived_ready,
    .lookup = archived_lookup,
    .list = archived_list,
    .rmdir = archived_rmdir,
    .rename = archived_rename,
};

/* ---- archived/<page>/ -------------------------------------------------------- */

static void gone_page_unref(void *object)
{
    archived_unref(object);
}

static int gone_page_stat(struct node *n, struct stat *ret)
{
    return archived_stat(n->key.object, ret);
}

static struct item *gone_page_place(struct node *n)
{
    return archived_place(n->key.object);
}

const struct node_ops gone_page_ops = {
    .path = "archived/<page>/",
    .attr_timeout = FS_KEPT,
    .entry_timeout = FS_KEPT,
    .absent_timeout = FS_KEPT,
    .unref = gone_page_unref,
    .stat = gone_page_stat,
    .place = gone_page_place,
    .lookup = place_node_lookup,
    .list = place_node_list,
    .create = place_node_create,
    .mkdir = place_node_mkdir,
    .symlink = place_node_symlink,
    .link = place_node_link,
    .unlink = place_node_unlink,
    .rmdir = place_node_rmdir,
    .rename = place_node_rename,
};
