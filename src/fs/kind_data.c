/* kind_data.c - data/: SQL that is kept on this machine, and what the platform answers. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "fs/internal.h"
#include "fs/listing.h"
#include "workspace/data.h"

static struct node *result_node(struct node *n, struct dataset *d, enum rows_form form)
{
    return node_get(n->fs, &result_ops, d, (intptr_t)form);
}

static void data_list_one(void *arg, const char *name, uint64_t ino, mode_t type)
{
    listing_add(arg, name, ino, type);
}

static bool data_name_may_go(struct node *n, const char *name, bool there)
{
    (void)n;
    (void)there;
    return data_name_is_fleeting(name);
}

/* ---- data/ --------------------------------------------------------------------- */

static struct item *data_place(struct node *n)
{
    return workspace_data_local(n->fs->ws);
}

static int data_stat(struct node *n, struct stat *ret)
{
    int err = item_stat(data_place(n), ret);
    ret->st_ino = INO_DATA;
    return err;
}

static int data_lookup(struct node *n, const char *name, struct node **ret_child)
{
    enum rows_form form;
    struct dataset *d = data_find(n->fs->ws, NULL, name, &form);
    if (d) {
        *ret_child = result_node(n, d, form);
        return 0;
    }
    int err = place_node_lookup(n, name, ret_child);
    struct data_params *p = err == -ENOENT ? data_params_find(n->fs->ws, name) : NULL;
    if (!p)
        return err;
    *ret_child = node_get(n->fs, &params_ops, p, 0);
    return 0;
}

static int data_list(struct node *n, struct listing *out)
{
    return data_each(n->fs->ws, NULL, data_list_one, out);
}

/* It is gone for nobody: it comes with its SQL. */
static int data_unlink(struct node *n, const char *name, pid_t tgid)
{
    return data_is_result(n->fs->ws, name) ? 0 : place_node_unlink(n, name, tgid);
}

/* `mv data/top.csv elsewhere` copies. */
static int data_rename(struct node *n, const char *name, struct node *to,
                       const char *to_name, unsigned flags, pid_t tgid, struct wait *w)
{
    if (data_is_result(n->fs->ws, name))
        return to == n ? -EACCES : -EXDEV;
    return place_node_rename(n, name, to, to_name, flags, tgid, w);
}

const struct node_ops data_ops = {
    .path = "data/",
    .attr_timeout = FS_KEPT,
    .entry_timeout = FS_KEPT,
    .absent_timeout = FS_KEPT,
    .is_fleeting = data_name_may_go,
    .stat = data_stat,
    .place = data_place,
    .lookup = data_lookup,
    .list = data_list,
    .create = place_node_create,
    .mkdir = place_node_mkdir,
    .symlink = place_node_symlink,
    .link = place_node_link,
    .unlink = data_unlink,
    .rmdir = place_node_rmdir,
    .rename = data_rename,
};

/* ---- data/<k>=<v>,.../ ----------------------------------------------------------- */

static void params_object_unref(void *object)
{
    data_params_unref(object);
}

/* Its listing changes with that of data/. */
static int params_stat(struct node *n, struct stat *ret)
{
    struct stat data;
    int err = item_stat(workspace_data_local(n->fs->ws), &data);
    stat_fixed(n->fs, ret, data_params_number(n->key.object), S_IFDIR | 0555);
    if (!err)
        ret->st_mtim = ret->st_ctim = data.st_mtim;
    return err;
}

static int params_lookup(struct node *n, const char *name, struct node **ret_child)
{
    enum rows_form form;
    struct dataset *d = data_find(n->fs->ws, n->key.object, name, &form);
    if (!d)
        return -ENOENT;
    *ret_child = result_node(n, d, form);
    return 0;
}

static int params_list(struct node *n, struct listing *out)
{
    return data_each(n->fs->ws, n->key.object, data_list_one, out);
}

static int params_unlink(struct node *n, const char *name, pid_t tgid)
{
    (void)tgid;
    return data_is_result(n->fs->ws, name) ? 0 : -ENOENT;
}

const struct node_ops params_ops = {
    .path = "data/<k>=<v>,.../",
    .unref = params_object_unref,
    .is_fleeting = data_name_may_go,
    .stat = params_stat,
    .lookup = params_lookup,
    .list = params_list,
    .unlink = params_unlink,
};

/* ---- results ----------------------------------------------------------------------- */

static void dataset_object_unref(void *object)
{
    dataset_unref(object);
}

static int result_stat(struct node *n, struct stat *ret)
{
    dataset_stat(n->key.object, (enum rows_form)n->key.which, ret);
    if (!ret->st_mtim.tv_sec)
        ret->st_mtim = ret->st_ctim = ret->st_atim = n->fs->started;
    return 0;
}

static int result_ready(struct node *n, enum ready_for what, struct wait *w)
{
    return what == READY_OPEN ? dataset_ready(n->key.object, w) : 0;
}

static int result_open(struct node *n, struct handle *h)
{
    if ((h->flags & O_ACCMODE) != O_RDONLY)
        return -EACCES;
    return dataset_open(n->key.object, (enum rows_form)n->key.which, &h->result,
                        &h->snapshot);
}

static void result_close(struct node *n, struct handle *h)
{
    (void)n;
    data_reader_free(h->result);
    h->result = NULL;
}

static int result_read(struct node *n, struct handle *h, size_t size, off_t off,
                       struct buf *out)
{
    if (!h->result)
        return snapshot_read(n, h, size, off, out);
    return data_reader_read(h->result, size, (uint64_t)off, out);
}

static const char *const attributes[] = {"error", "truncated"};
static const char attribute_prefix[] = "user.amdahl.";

static int result_xattr_get(struct node *n, const char *name, struct buf *out)
{
    size_t skip = sizeof attribute_prefix - 1;
    if (strncmp(name, attribute_prefix, skip) != 0)
        return -ENODATA;
    cleanup_free char *value = dataset_attribute(n->key.object, name + skip);
    if (!value)
        return -ENODATA;
    buf_puts(out, value);
    return 0;
}

static int result_xattr_list(struct node *n, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(attributes); i++) {
        cleanup_free char *value = dataset_attribute(n->key.object, attributes[i]);
        if (!value)
            continue;
        buf_puts(out, attribute_prefix);
        buf_append(out, attributes[i], strlen(attributes[i]) + 1);
    }
    return 0;
}

/* One open is one answer, and a mere stat asks for none. Its size changes by itself, so the
 * kernel keeps none. */
const struct node_ops result_ops = {
    .path = "data/{<query>.csv,<query>.ndjson,<query>.json,schema.json}",
    .direct_io = true,
    .unref = dataset_object_unref,
    .stat = result_stat,
    .ready = result_ready,
    .open = result_open,
    .close = result_close,
    .read = result_read,
    .xattr_get = result_xattr_get,
    .xattr_list = result_xattr_list,
};
