/* overlay.h - the files of this machine: every name that the platform knows nothing of is
 * a real file below one directory. For the files of workspace/.
 *
 *   OVERLAY/root/          what stands beside pages/ in the mount: .git, README.md, ...
 *           pages-local/   what stands in pages/ and is no page
 *           data-local/    what stands in data/
 *           page/<key>/    what stands beside the documents of one page (page_key())
 *           tmp/           files that are written whole before they get a name
 *
 * An item is the real file's identity: (st_dev, st_ino). It is reached by a directory and
 * a name (a link; as many as were looked up), one component at a time and never through a
 * symbolic link. Items hold no descriptor; a file that is open in the mount has one or
 * two, and the directories last used have one each, DIRS_MAX in all. A file that lost its
 * last name is reached by the descriptor of whoever has it open.
 *
 * overlay.lock guards the tables, the links and the descriptors, and is held across the
 * system calls on names, so that names here and on the disk agree. It is a lock of its
 * own so that a slow disk stops nobody who reads a page; it is taken after the
 * workspace's where both are needed. Bytes are read, written and synced without it. What
 * an item *is* (a real file or a document) changes with both held. */
#ifndef WORKSPACE_OVERLAY_H
#define WORKSPACE_OVERLAY_H

#include "workspace/model.h"

struct overlay {
    struct workspace *ws;
    pthread_mutex_t lock;
    struct item *by_key; /* every real file that is known now */
    struct item *top, *root, *pages, *data, *page_dirs, *tmp;
    struct item *dirs; /* with a descriptor, last used first; top is not in it */
    unsigned dir_count;
    uint64_t tmp_count;
    bool fresh; /* it was made just now */
};

/* Makes what is missing (0700). 0 or -errno. */
int overlay_open(struct workspace *ws, const char *path, struct overlay **ret_overlay);
/* After the last item is gone. */
void overlay_close(struct overlay *o);

/* ---- the directory of a page ------------------------------------------------- */

/* An item for page/<key>, which is made on the disk when something is put in it. */
struct item *overlay_page_dir(struct overlay *o, const char *key);
/* The directory gets another key, what is there already stays; what would clash with it
 * is left under the old one. */
void overlay_page_rekey(struct item *dir, const char *key);
/* Removes it: 0, also when it was never made; -ENOTEMPTY, ... */
int overlay_page_remove(struct item *dir);

/* An item for a directory in one of a page, which is made on the disk when something is put
 * in it; by overlay_sub_make(), at once. */
struct item *overlay_sub_dir(struct item *dir, const char *name);
int overlay_sub_make(struct item *sub);
/* Removes it: 0, also when it is not there; -ENOTEMPTY, ... It may be made again. */
int overlay_sub_remove(struct item *sub);

/* ---- names (overlay_names.c): the errno of the system call each stands for ---- */

int overlay_find(struct item *dir, const char *name, struct item **ret_item);
bool overlay_has(struct item *dir, const char *name);
/* Without "." and ".."; what is no file, directory or link is left out. No lock is held
 * when fn is called. */
int overlay_each(struct item *dir, item_visit_fn *fn, void *arg);
bool overlay_is_empty(struct item *dir);
/* The new file is open until its last item_close(). */
int overlay_create(struct item *dir, const char *name, mode_t mode,
                   struct item **ret_item);
int overlay_mkdir(struct item *dir, const char *name, mode_t mode,
                  struct item **ret_item);
int overlay_symlink(struct item *dir, const char *name, const char *target,
                    struct item **ret_item);
int overlay_link(struct item *it, struct item *dir, const char *name);
int overlay_unlink(struct item *dir, const char *name);
int overlay_rmdir(struct item *dir, const char *name);
int overlay_rename(struct item *from, const char *name, struct item *to,
                   const char *to_name, unsigned flags);

/* place.c: a name in it came or went. */
void place_touch(struct item *dir);
/* The same for one that went. */
void place_lost(struct item *dir, const char *name);
/* What the kernel takes for a name is one: the platform never sees it. */
bool scratch_is_name(const char *name);

/* The document that a name stands for in a directory. make: one that may be made there,
 * too. NULL: none. Workspace lock held. */
struct doc *place_doc(struct item *dir, const char *name, bool make);

/* Does this name there lead to it? */
bool overlay_is_at(struct item *it, struct item *dir, const char *name);
/* The page beside whose documents it stands; borrowed, or NULL. Workspace lock held. */
struct page *overlay_page_of(struct item *it);

/* ---- between memory and the disk (overlay_move.c); workspace lock held -------- */

/* Puts these bytes at the name, whole or not at all. */
int overlay_put(struct item *dir, const char *name, const void *data, size_t len);
/* The same, and `it`, which was in memory, is that file from now on. */
int overlay_adopt(struct item *it, struct item *dir, const char *name, unsigned flags,
                  const void *data, size_t len);
/* The reverse: the name goes, and `it` is in memory. Its times are the file's.
 * -ESTALE: the name is another file's now; nothing was done. */
int overlay_release(struct item *it, struct item *dir, const char *name);
/* The bytes of a file that is to be a document; no lock needed. -EFBIG: more than max.
 * -EXDEV: it has other names, which the kernel would go on taking for the document: `mv`
 * then copies. */
int overlay_read_text(struct item *it, size_t max, struct text **ret_text);

/* ---- real files (overlay_files.c). it->backed, else -ESTALE ------------------- */

int overlay_stat(struct item *it, struct stat *ret);
int overlay_chmod(struct item *it, mode_t mode);
int overlay_utimens(struct item *it, const struct timespec times[2]);
int overlay_truncate(struct item *it, off_t size);
int overlay_sync_dir(struct item *dir);
int overlay_readlink(struct item *it, struct buf *out);
int overlay_xattr_get(struct item *it, const char *name, struct buf *out);
int overlay_xattr_set(struct item *it, const char *name, const void *value, size_t size,
                      int flags);
int overlay_xattr_remove(struct item *it, const char *name);
int overlay_xattr_list(struct item *it, struct buf *out);

/* ---- for the files of the overlay; lock held --------------------------------- */

static inline struct overlay *overlay_lock(struct item *it)
{
    pthread_mutex_lock(&it->ws->overlay->lock);
    return it->ws->overlay;
}
static inline void overlay_unlock(struct overlay *o)
{
    pthread_mutex_unlock(&o->lock);
}

/* A descriptor (O_PATH) of a directory, borrowed until the lock is released or another
 * directory is asked for. make: a page's own is made when it is not there. */
int overlay_dir(struct item *dir, bool make);
/* The same, and what stands at the name. */
int overlay_at(struct item *dir, const char *name, struct stat *ret);
/* The item of what stands there; a reference. NULL: no kind of file that is shown. */
struct item *overlay_take(struct item *dir, const char *name, const struct stat *st);
/* It, when it is known already; borrowed. */
struct item *overlay_known(struct overlay *o, const struct stat *st);
void overlay_know(struct item *it, const struct stat *st);
/* The inode is no longer this item's. */
void overlay_forget(struct item *it);
/* What was there lost this name; its last one, says st. */
void overlay_lose(struct item *dir, const char *name, const struct stat *st);
void link_add(struct item *it, struct item *dir, const char *name);
void link_remove(struct item *it, struct item *dir, const char *name);
void links_clear(struct item *it);
/* item_unref() with the lock held. */
void overlay_unref(struct item *it);

/* A new descriptor that stands for the file itself (O_PATH, or a copy of an open one). */
int overlay_file_at(struct item *it);
/* "/proc/self/fd/<fd>", by which the file behind a descriptor is opened again. */
struct fd_path {
    char path[32];
};
struct fd_path fd_path(int fd);
/* Up to the end of the file; all of it. */
int fd_read(int fd, size_t size, off_t off, struct buf *out);
int fd_write(int fd, const char *data, size_t size, off_t off);
struct item_files *files_new(int read_fd, int write_fd);
struct item_files *files_ref(struct item_files *f);
void files_unref(struct item_files *f); /* any lock, or none */

/* So many may use it: a file that is open is not forgotten. Takes the lock. */
bool overlay_is_open(struct item *it);

#endif
