/* kind_root.c - the top of the tree, pages/, templates/ and by-id/. */
#include <errno.h>
#include <linux/fs.h>
#include <string.h>

#include "base/clock.h"
#include "fs/internal.h"
#include "fs/listing.h"
#include "workspace/names.h"

void stat_fixed(const struct fs *fs, struct stat *ret, uint64_t ino, mode_t mode)
{
    *ret = (struct stat){
        .st_ino = ino,
        .st_mode = mode,
        .st_nlink = S_ISDIR(mode) ? 2 : 1,
        .st_blksize = 4096,
        .st_mtim = fs->started,
        .st_ctim = fs->started,
        .st_atim = fs->started,
    };
}

/* ---- / ----------------------------------------------------------------------- */

static const struct {
    const char *name;
    const struct node_ops *ops;
    uint64_t ino;
} root_entries[] = {
    {"pages", &pages_ops, INO_PAGES},
    {"archived", &archived_ops, INO_ARCHIVED},
    {"templates", &templates_ops, INO_TEMPLATES},
    {"data", &data_ops, INO_DATA},
    {"by-id", &byid_ops, INO_BYID},
    {".amdahl", &control_ops, INO_CONTROL},
};

static int root_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(root_entries); i++)
        if (!strcmp(root_entries[i].name, name))
            return (int)i;
    return -1;
}

static int root_stat(struct node *n, struct stat *ret)
{
    int err = item_stat(workspace_root_local(n->fs->ws), ret);
    ret->st_ino = INO_ROOT;
    return err;
}

static struct item *root_place(struct node *n)
{
    return workspace_root_local(n->fs->ws);
}

static int root_lookup(struct node *n, const char *name, struct node **ret_child)
{
    int i = root_find(name);
    if (i < 0)
        return place_node_lookup(n, name, ret_child);
    *ret_child = node_get(n->fs, root_entries[i].ops, NULL, 0);
    return 0;
}

static int root_list(struct node *n, struct listing *out)
{
    for (size_t i = 0; i < ARRAY_LEN(root_entries); i++)
        listing_add_fixed(out, LISTING_FIRST + (unsigned)i, root_entries[i].name,
                          root_entries[i].ino, S_IFDIR);
    return place_node_list(n, out);
}

/* The fixed names are nobody's to make, move or remove. */
static int root_rename(struct node *n, const char *name, struct node *to,
                       const char *to_name, unsigned flags, pid_t tgid, struct wait *w)
{
    if (root_find(name) >= 0 || (to == n && root_find(to_name) >= 0))
        return -EPERM;
    return place_node_rename(n, name, to, to_name, flags, tgid, w);
}

static int root_rmdir(struct node *n, const char *name, pid_t tgid, struct wait *w)
{
    return root_find(name) >= 0 ? -EPERM : place_node_rmdir(n, name, tgid, w);
}

const struct node_ops root_ops = {
    .path = "/",
    .attr_timeout = FS_KEPT,
    .entry_timeout = FS_KEPT,
    .absent_timeout = FS_KEPT,
    .stat = root_stat,
    .place = root_place,
    .lookup = root_lookup,
    .list = root_list,
    .create = place_node_create,
    .mkdir = place_node_mkdir,
    .symlink = place_node_symlink,
    .link = place_node_link,
    .unlink = place_node_unlink,
    .rmdir = root_rmdir,
    .rename = root_rename,
};

/* ---- pages/ ------------------------------------------------------------------ */

/* What changed last: the pages, or the files beside them. */
static int pages_stat(struct node *n, struct stat *ret)
{
    int err = item_stat(workspace_pages_local(n->fs->ws), ret);
    struct timespec when = workspace_pages_time(n->fs->ws);
    if (ret->st_mtim.tv_sec < when.tv_sec ||
        (ret->st_mtim.tv_sec == when.tv_sec && ret->st_mtim.tv_nsec < when.tv_nsec))
        ret->st_mtim = ret->st_ctim = when;
    ret->st_ino = INO_PAGES;
    return err;
}

/* The kernel asks again when it is used after that: so it is known that it is used, and
 * the list is read. */
double list_holds(struct node *n)
{
    double seconds = (double)workspace_refresh_ms(n->fs->ws) / 1000;
    return seconds < FS_KEPT ? seconds : FS_KEPT;
}

int list_ready(struct node *n, enum ready_for what, struct wait *w)
{
    if (what == READY_ATTR) {
        workspace_pages_used(n->fs->ws);
        return 0;
    }
    return workspace_pages_ready(n->fs->ws, w);
}

static struct item *pages_place(struct node *n)
{
    return workspace_pages_local(n->fs->ws);
}

/* A page may come by any name that has no dot before it. */
static bool pages_name_is_fleeting(struct node *n, const char *name, bool there)
{
    (void)n;
    return !there && *name != '.';
}

static int pages_lookup(struct node *n, const char *name, struct node **ret_child)
{
    struct page *p = workspace_find_page(n->fs->ws, name);
    if (!p)
        return place_node_lookup(n, name, ret_child);
    *ret_child = node_get(n->fs, &page_ops, p, 0);
    return 0;
}

static int pages_settle(struct node *n, const char *name, struct wait *w)
{
    return workspace_pages_settle(n->fs->ws, name, w);
}

static void pages_list_one(void *arg, const char *name, struct page *p)
{
    listing_add(arg, name, page_number(p), S_IFDIR);
}

static int pages_list(struct node *n, struct listing *out)
{
    workspace_each_page(n->fs->ws, pages_list_one, out);
    return place_node_list(n, out);
}

/* A directory here is a page; a name with a leading dot (.git, an editor's) stays local.
 */
static int pages_mkdir(struct node *n, const char *name, mode_t mode,
                       struct node **ret_child)
{
    struct page *p = NULL;
    if (*name == '.')
        return place_node_mkdir(n, name, mode, ret_child);
    int err = workspace_page_make(n->fs->ws, name, &p);
    if (!err)
        *ret_child = node_get(n->fs, &page_ops, p, 0);
    return err;
}

static bool pages_has(struct node *n, const char *name)
{
    struct page *p = workspace_find_page(n->fs->ws, name);
    page_unref(p);
    return p != NULL;
}

static int pages_rmdir(struct node *n, const char *name, pid_t tgid, struct wait *w)
{
    if (pages_has(n, name))
        return workspace_page_archive(n->fs->ws, name, tgid, w);
    return place_node_rmdir(n, name, tgid, w);
}

static int pages_rename(struct node *n, const char *name, struct node *to,
                        const char *to_name, unsigned flags, pid_t tgid, struct wait *w)
{
    /* Nor does a directory come here from elsewhere in exchange. */
    if ((flags & RENAME_EXCHANGE) &&
        (to != n || pages_has(n, name) || pages_has(n, to_name)))
        return -EINVAL;
    if (pages_has(n, name))
        return to == n ? workspace_page_rename(n->fs->ws, name, to_name, w) : -EXDEV;
    if (to == n && pages_has(n, to_name))
        return -EISDIR;
    return place_node_rename(n, name, to, to_name, flags, tgid, w);
}

const struct node_ops pages_ops = {
    .path = "pages/",
    .entry_timeout = FS_KEPT,
    .absent_timeout = FS_KEPT,
    .is_fleeting = pages_name_is_fleeting,
    .stat = pages_stat,
    .stat_holds = list_holds,
    .ready = list_ready,
    .place = pages_place,
    .lookup = pages_lookup,
    .settle = pages_settle,
    .list = pages_list,
    .create = place_node_create,
    .mkdir = pages_mkdir,
    .symlink = place_node_symlink,
    .link = place_node_link,
    .unlink = place_node_unlink,
    .rmdir = pages_rmdir,
    .rename = pages_rename,
};

/* ---- templates/ -------------------------------------------------------------- */

static int templates_stat(struct node *n, struct stat *ret)
{
    stat_fixed(n->fs, ret, INO_TEMPLATES, S_IFDIR | 0555);
    return 0;
}

static int templates_ready(struct node *n, enum ready_for what, struct wait *w)
{
    return what == READY_ATTR ? 0 : workspace_templates_ready(n->fs->ws, w);
}

static int templates_lookup(struct node *n, const char *name, struct node **ret_child)
{
    struct page *p = workspace_find_template(n->fs->ws, name);
    if (!p)
        return -ENOENT;
    *ret_child = node_get(n->fs, &page_ops, p, 0);
    return 0;
}

static int templates_list(struct node *n, struct listing *out)
{
    workspace_each_template(n->fs->ws, pages_list_one, out);
    return 0;
}

const struct node_ops templates_ops = {
    .path = "templates/",
    .attr_timeout = FS_KEPT,
    .entry_timeout = FS_KEPT,
    .stat = templates_stat,
    .ready = templates_ready,
    .lookup = templates_lookup,
    .list = templates_list,
};

/* ---- by-id/ ------------------------------------------------------------------ */

static int byid_stat(struct node *n, struct stat *ret)
{
    stat_fixed(n->fs, ret, INO_BYID, S_IFDIR | 0555);
    ret->st_mtim = ret->st_ctim = workspace_pages_time(n->fs->ws);
    return 0;
}

static int byid_lookup(struct node *n, const char *name, struct node **ret_child)
{
    struct page *p = workspace_find_id(n->fs->ws, name);
    if (!p || !name_is_component(name)) {
        page_unref(p);
        return -ENOENT;
    }
    *ret_child = node_get(n->fs, &byid_link_ops, p, 0);
    return 0;
}

/* Behind those of the page's files (page.c leaves it the low four bits). */
static uint64_t byid_number(const struct page *p)
{
    return page_number(p) + 15;
}

static void byid_list_one(void *arg, const char *id, struct page *p)
{
    if (name_is_component(id))
        listing_add(arg, id, byid_number(p), S_IFLNK);
}

static int byid_list(struct node *n, struct listing *out)
{
    workspace_each_id(n->fs->ws, byid_list_one, out);
    return 0;
}

const struct node_ops byid_ops = {
    .path = "by-id/",
    .entry_timeout = FS_KEPT,
    .stat = byid_stat,
    .stat_holds = list_holds,
    .ready = list_ready,
    .lookup = byid_lookup,
    .list = byid_list,
};

static void byid_page_unref(void *object)
{
    page_unref(object);
}

static char *byid_readlink(struct node *n)
{
    cleanup_free char *dir = page_dir(n->key.object);
    return xasprintf("../pages/%s", dir);
}

static int byid_link_stat(struct node *n, struct stat *ret)
{
    struct stat page;
    cleanup_free char *target = byid_readlink(n);
    int err = page_stat(n->key.object, &page);
    stat_fixed(n->fs, ret, byid_number(n->key.object), S_IFLNK | 0777);
    ret->st_size = (off_t)strlen(target);
    ret->st_mtim = ret->st_ctim = ret->st_atim = page.st_mtim;
    return err;
}

/* No timeout: the page's directory may be renamed at any time. */
const struct node_ops byid_link_ops = {
    .path = "by-id/<page id>",
    .unref = byid_page_unref,
    .stat = byid_link_stat,
    .readlink = byid_readlink,
};
