/* internal.h - what the files of fs/ share. */
#ifndef FS_INTERNAL_H
#define FS_INTERNAL_H

#include <pthread.h>

#include "fs/fs.h"
#include "fs/node.h"

struct fs {
    struct workspace *ws;
    struct loop *loop;
    struct fuse_session *session;
    bool mounted;
    struct timespec started; /* the times of what only this mount has */
    uid_t uid;               /* who mounted: the owner of everything */
    gid_t gid;
    pthread_mutex_t nodes_lock; /* guards the table and the counts; a leaf lock */
    struct node *nodes;
    struct node *root;
    struct notify *notify;
    struct watch *watch;    /* NULL: none */
    bool can_list;          /* the kernel does without an opendir */
    struct handle *handles; /* for the end: an unmount may swallow their RELEASE */
};

/* The kinds of node: one file each, in the order of the tree. */
extern const struct node_ops root_ops;       /* / */
extern const struct node_ops pages_ops;      /* pages/ */
extern const struct node_ops page_ops;       /* pages/<page>/, templates/<template>/ */
extern const struct node_ops view_ops;       /* pages/<page>/{errors,info.json,...} */
extern const struct node_ops sql_ops;        /* pages/<page>/sql/ */
extern const struct node_ops render_ops;     /* pages/<page>/render.json */
extern const struct node_ops render_set_ops; /* pages/<page>/render/, and its <params>/ */
extern const struct node_ops render_file_ops; /* pages/<page>/render/<query>.<form> */
extern const struct node_ops file_ops;        /* documents and scratch files */
extern const struct node_ops dir_ops;         /* scratch directories */
extern const struct node_ops link_ops;        /* scratch links */
extern const struct node_ops archived_ops;    /* archived/ */
extern const struct node_ops gone_page_ops;   /* archived/<page>/ */
extern const struct node_ops templates_ops;   /* templates/ */
extern const struct node_ops byid_ops;        /* by-id/ */
extern const struct node_ops byid_link_ops;   /* by-id/<page id> */
extern const struct node_ops data_ops;        /* data/ */
extern const struct node_ops params_ops;      /* data/<k>=<v>,.../ */
extern const struct node_ops result_ops;  /* data/{top.{csv,ndjson,json},schema.json} */
extern const struct node_ops control_ops; /* .amdahl/ */
extern const struct node_ops report_ops;  /* .amdahl/{status.json,me.json,log} */
extern const struct node_ops ctl_ops;     /* .amdahl/ctl */
extern const struct node_ops batch_ops;   /* .amdahl/batch */
extern const struct node_ops changes_ops; /* .amdahl/changes */

/* The whole of a directory or generated file that exists once: fixed numbers. */
enum {
    INO_ROOT = 1,
    INO_PAGES,
    INO_TEMPLATES,
    INO_BYID,
    INO_CONTROL,
    INO_ARCHIVED,
    INO_DATA,
    INO_REPORTS = 16
};
void stat_fixed(const struct fs *fs, struct stat *ret, uint64_t ino, mode_t mode);

/* What changes by itself is told to the kernel (notify.h): it may keep the rest for as long
 * as it likes. Seconds. */
#define FS_KEPT 86400.0
static inline double seconds_kept(int64_t ms)
{
    return ms > (int64_t)(FS_KEPT * 1000) ? FS_KEPT : (double)ms / 1000;
}

/* ---- shared by what shows the list of pages (kind_root.c) ---------------------- */

double list_holds(struct node *n);
int list_ready(struct node *n, enum ready_for what, struct wait *w);

/* ---- shared by directories whose names are made in a place (kind_item.c) ----- */

/* Takes over the item's reference. */
struct node *item_node(struct fs *fs, struct item *it);
int place_node_lookup(struct node *n, const char *name, struct node **ret_child);
int place_node_list(struct node *n, struct listing *out);
int place_node_create(struct node *n, const char *name, mode_t mode, pid_t tid,
                      struct node **ret_child);
int place_node_mkdir(struct node *n, const char *name, mode_t mode,
                     struct node **ret_child);
int place_node_symlink(struct node *n, const char *name, const char *target,
                       struct node **ret_child);
int place_node_link(struct node *n, const char *name, struct node *target);
int place_node_unlink(struct node *n, const char *name, pid_t tgid);
int place_node_rmdir(struct node *n, const char *name, pid_t tgid, struct wait *w);
int place_node_rename(struct node *n, const char *name, struct node *to,
                      const char *to_name, unsigned flags, pid_t tgid, struct wait *w);

/* ---- shared by files that are read from a snapshot taken at open ------------- */

int snapshot_read(struct node *n, struct handle *h, size_t size, off_t off,
                  struct buf *out);

/* ---- user.amdahl.* (ops_xattr.c) ------------------------------------------------- */

int page_xattr_get(struct page *p, const char *name, struct buf *out);
void page_xattr_list(struct page *p, struct buf *out);

/* ---- the FUSE operations (ops.c, ops_dir.c, ops_file.c) ---------------------- */

extern const struct fuse_lowlevel_ops fs_ops;

#endif
