/* node.h - the inodes of the mount.
 *
 * A node is what the kernel knows by number: a kind (its const table of operations) and
 * the object of the workspace it stands for. The same object is the same node for as long
 * as anybody holds it, so a hard identity (page, item) is a hard inode. Nodes are found
 * or made under one lock; two counts keep them:
 *
 *   refs     references of this program (open handles, operations under way), plus one
 *            for all of the kernel's together
 *   nlookup  the kernel's references: +1 for each entry that was replied, less what
 *            FORGET gives back. A reply that fails is undone.
 *
 * The fuse_ino_t is the node's address (the root's is FUSE_ROOT_ID); st_ino comes from
 * the object and is stable across mounts. */
#ifndef FS_NODE_H
#define FS_NODE_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/table.h"
#include "fs/fuse_api.h"
#include "workspace/workspace.h"

struct fs;
struct node;
struct handle;
struct listing;

/* What must be known before an operation may answer from memory. */
enum ready_for { READY_ATTR, READY_LOOKUP, READY_LIST, READY_OPEN, READY_RENAME };

/* A kind of node. All slots answer from memory, but for those that take a struct wait:
 * they may return -EINPROGRESS and complete it later (workspace.h). A null slot means
 * -EPERM; `ready` null: always ready; `unref` null: the object is not counted. */
struct node_ops {
    const char *path;                   /* what it stands for, "pages/<page>/spec.json" */
    double attr_timeout, entry_timeout; /* seconds */
    double absent_timeout;              /* of a name that is not in this directory */
    bool direct_io;
    /* Opened for reading before its bytes are here: read() says -EAGAIN then. */
    bool late;
    void (*unref)(void *object);

    int (*stat)(struct node *n, struct stat *ret);
    /* Before its attributes are told by themselves. 0; -ESTALE: look its name up again.
     * Null: 0. */
    int (*check)(struct node *n);
    double (*stat_holds)(struct node *n); /* seconds; null: attr_timeout */
    /* Counts what changed by itself in its bytes. Null: nothing does. */
    uint64_t (*turns)(struct node *n);
    int (*ready)(struct node *n, enum ready_for what, struct wait *w);

    /* directories */
    int (*lookup)(struct node *n, const char *name, struct node **ret_child);
    /* Whether this name is there may not be known yet. Null: it is. */
    int (*settle)(struct node *n, const char *name, struct wait *w);
    int (*list)(struct node *n, struct listing *out); /* listing.h */
    /* May this name, which is there or not, come or go by itself without the kernel being
     * told? Then it asks each time. Null: none may. */
    bool (*is_fleeting)(struct node *n, const char *name, bool there);
    struct item *(*place)(struct node *n); /* borrowed; where names are made */
    int (*create)(struct node *n, const char *name, mode_t mode, pid_t tid,
                  struct node **ret_child);
    int (*mkdir)(struct node *n, const char *name, mode_t mode, struct node **ret_child);
    int (*symlink)(struct node *n, const char *name, const char *target,
                   struct node **ret_child);
    int (*link)(struct node *n, const char *name, struct node *target);
    int (*unlink)(struct node *n, const char *name, pid_t tgid);
    int (*rmdir)(struct node *n, const char *name, pid_t tgid, struct wait *w);
    int (*rename)(struct node *n, const char *name, struct node *to, const char *to_name,
                  unsigned flags, pid_t tgid, struct wait *w);

    /* files and links. What create made is open too: close ends both (mknod's without a
     * handle). */
    int (*open)(struct node *n, struct handle *h);
    void (*close)(struct node *n, struct handle *h);
    /* A descriptor to read or write by, to be given back with item_return(). -ENODATA:
     * read() and write() do it. Null: always they. */
    int (*borrow)(struct node *n, bool write, struct item_fd *ret);
    int (*read)(struct node *n, struct handle *h, size_t size, off_t off,
                struct buf *out);
    /* off: or WRITE_AT_END */
    int (*write)(struct node *n, struct handle *h, const char *data, size_t size,
                 off_t off, struct wait *w);
    /* A stream (stream.h): what it is read from instead; borrowed. Null: it is none. */
    struct spool *(*spool)(struct node *n);
    int (*truncate)(struct node *n, struct handle *h, off_t size);
    int (*commit)(struct node *n, const struct handle *h, enum save_why why,
                  bool by_opener, struct wait *w);
    int (*sync)(struct node *n, bool datasync);                       /* null: 0 */
    int (*set_mode)(struct node *n, mode_t mode);                     /* null: 0 */
    int (*set_times)(struct node *n, const struct timespec times[2]); /* null: 0 */
    char *(*readlink)(struct node *n);                                /* malloc'ed */

    /* extended attributes, all kinds */
    int (*xattr_get)(struct node *n, const char *name, struct buf *out);
    int (*xattr_set)(struct node *n, const char *name, const void *value, size_t size,
                     int flags);
    int (*xattr_remove)(struct node *n, const char *name);
    int (*xattr_list)(struct node *n, struct buf *out);
};

struct node_key {
    const struct node_ops *ops;
    void *object;
    intptr_t which;
};

struct node {
    struct fs *fs;
    struct node_key key;
    UT_hash_handle hh;       /* in fs.nodes */
    unsigned refs;           /* guarded by fs.nodes_lock */
    uint64_t nlookup;        /* same */
    atomic_uint writers;     /* open handles that may write */
    atomic_ullong turns;     /* of what the kernel may have of its bytes */
    atomic_ullong changes;   /* notify.h: how often it changed by itself */
    atomic_bool kept;        /* the kernel was told attributes that it may keep */
    struct listing *listing; /* the one that is being read; guarded by fs.nodes_lock */
};

/* An open file or directory. */
struct handle {
    struct handle *prev, *next; /* all of the mount's; guarded by fs.nodes_lock */
    atomic_uint refs;      /* the kernel's one, and one for each waiter that uses it */
    struct node *node;     /* a reference */
    int flags;             /* of open(2) */
    pid_t opener;          /* process, not thread */
    bool closed;           /* the kernel has; it counts among the writers no more */
    bool opened;           /* ops->close is due */
    atomic_bool wrote;     /* something was written or cut through it */
    struct text *snapshot; /* what this open reads; NULL: the object itself */
    struct render_reader *render; /* of a file in render/ */
    size_t given;                /* of ctl, batch: so many bytes of its words were read */
    uint64_t batch;              /* of batch: its number */
    struct spool_reader *reader; /* of a stream */
    struct data_reader *result;  /* in data/ */
};

/* The node of an object: takes over the caller's reference to the object; the node comes
 * with a reference of its own. */
struct node *node_get(struct fs *fs, const struct node_ops *ops, void *object,
                      intptr_t which);
/* That node when there is one; a reference, or NULL. */
struct node *node_find(struct fs *fs, const struct node_ops *ops, void *object,
                       intptr_t which);
struct node *node_ref(struct node *n);
void node_unref(struct node *n);

struct node *node_from_ino(struct fs *fs,
                           fuse_ino_t ino); /* borrowed: the kernel holds it */
fuse_ino_t node_ino(const struct node *n);
/* The kernel holds it once more; or so many times less. */
void node_kernel_ref(struct node *n);
void node_kernel_unref(struct node *n, uint64_t count);

#endif
