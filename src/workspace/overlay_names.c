/* overlay_names.c - names in the overlay: each function is its system call, and keeps the
 * links of the items that are known. */
#include "workspace/overlay.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>

/* ---- looking ----------------------------------------------------------------- */

int overlay_find(struct item *dir, const char *name, struct item **ret_item)
{
    struct stat st;
    struct overlay *o = overlay_lock(dir);
    int err = overlay_at(dir, name, &st);
    struct item *it = err < 0 ? NULL : overlay_take(dir, name, &st);
    overlay_unlock(o);
    if (!it)
        return err < 0 ? err : -ENOENT;
    *ret_item = it;
    return 0;
}

bool overlay_has(struct item *dir, const char *name)
{
    struct stat st;
    struct overlay *o = overlay_lock(dir);
    bool has = overlay_at(dir, name, &st) >= 0;
    overlay_unlock(o);
    return has;
}

bool overlay_is_at(struct item *it, struct item *dir, const char *name)
{
    struct item_link *link;
    bool is = false;
    struct overlay *o = overlay_lock(it);
    LL_FOREACH (it->links, link)
        is = is || (link->dir == dir && !strcmp(link->name, name));
    overlay_unlock(o);
    return is;
}

struct page *overlay_page_of(struct item *it)
{
    struct item_link *link;
    struct page *p = NULL;
    struct overlay *o = overlay_lock(it);
    LL_FOREACH (it->links, link)
        p = link->dir->page ? link->dir->page : p;
    overlay_unlock(o);
    return p;
}

/* NULL and *ret_err 0: a page's directory that was not made yet. */
static DIR *overlay_opendir(struct item *dir, int *ret_err)
{
    struct overlay *o = overlay_lock(dir);
    int fd = overlay_dir(dir, false);
    bool unmade = fd == -ENOENT && dir->lazy && !dir->gone;
    if (fd >= 0) {
        fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            fd = -errno;
    }
    overlay_unlock(o);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    *ret_err = unmade || d ? 0 : fd;
    return d;
}

static mode_t entry_type(int fd, const struct dirent *e)
{
    struct stat st;
    if (e->d_type != DT_UNKNOWN)
        return DTTOIF(e->d_type);
    return fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_mode & S_IFMT
                                                                 : 0;
}

int overlay_each(struct item *dir, item_visit_fn *fn, void *arg)
{
    int err;
    DIR *d = overlay_opendir(dir, &err);
    struct dirent *e;
    while (d && (e = readdir(d))) {
        mode_t type = entry_type(dirfd(d), e);
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        if (S_ISREG(type) || S_ISDIR(type) || S_ISLNK(type))
            fn(arg, e->d_name, item_ino_shown(e->d_ino), type);
    }
    if (d)
        closedir(d);
    return err;
}

static void count_one(void *arg, const char *name, uint64_t ino, mode_t type)
{
    (void)name;
    (void)ino;
    (void)type;
    ++*(unsigned *)arg;
}

bool overlay_is_empty(struct item *dir)
{
    unsigned count = 0;
    return overlay_each(dir, count_one, &count) == 0 && !count;
}

/* ---- making ------------------------------------------------------------------ */

/* What was just made at the name. */
static int made(struct item *dir, const char *name, struct item **ret_item)
{
    struct stat st;
    int fd = overlay_at(dir, name, &st);
    if (fd < 0)
        return fd;
    *ret_item = overlay_take(dir, name, &st);
    return *ret_item ? 0 : -EIO;
}

int overlay_create(struct item *dir, const char *name, mode_t mode,
                   struct item **ret_item)
{
    struct overlay *o = overlay_lock(dir);
    int at = overlay_dir(dir, true);
    int fd = at;
    if (at >= 0)
        fd = openat(at, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    mode & 07777);
    int err = at < 0 ? at : fd < 0 ? -errno : made(dir, name, ret_item);
    if (!err) {
        (*ret_item)->files = files_new(-1, fd);
        (*ret_item)->opens = 1;
    } else if (at >= 0 && fd >= 0) {
        close(fd);
    }
    overlay_unlock(o);
    return err;
}

int overlay_mkdir(struct item *dir, const char *name, mode_t mode, struct item **ret_item)
{
    struct overlay *o = overlay_lock(dir);
    int err = overlay_dir(dir, true);
    if (err >= 0)
        err = mkdirat(err, name, mode & 07777) ? -errno : made(dir, name, ret_item);
    overlay_unlock(o);
    return err;
}

int overlay_symlink(struct item *dir, const char *name, const char *target,
                    struct item **ret_item)
{
    struct overlay *o = overlay_lock(dir);
    int err = overlay_dir(dir, true);
    if (err >= 0)
        err = symlinkat(target, err, name) ? -errno : made(dir, name, ret_item);
    overlay_unlock(o);
    return err;
}

/* By its descriptor, which stands for this very file whatever its names are now. */
int overlay_link(struct item *it, struct item *dir, const char *name)
{
    struct overlay *o = overlay_lock(dir);
    cleanup_fd int fd = it->backed ? overlay_file_at(it) : -EPERM;
    int at = fd < 0 ? fd : overlay_dir(dir, true);
    int err = at < 0 ? at : 0;
    if (!err && linkat(AT_FDCWD, fd_path(fd).path, at, name, AT_SYMLINK_FOLLOW) != 0)
        err = -errno;
    if (!err)
        link_add(it, dir, name);
    overlay_unlock(o);
    return err;
}

/* ---- removing ---------------------------------------------------------------- */

static int overlay_remove(struct item *dir, const char *name, int flags)
{
    struct stat st;
    struct overlay *o = overlay_lock(dir);
    int at = overlay_at(dir, name, &st);
    int err = at < 0 ? at : 0;
    if (!err && unlinkat(at, name, flags) != 0)
        err = -errno;
    if (!err)
        overlay_lose(dir, name, &st);
    overlay_unlock(o);
    return err;
}

int overlay_unlink(struct item *dir, const char *name)
{
    return overlay_remove(dir, name, 0);
}

int overlay_rmdir(struct item *dir, const char *name)
{
    return overlay_remove(dir, name, AT_REMOVEDIR);
}

/* ---- renaming ---------------------------------------------------------------- */

struct ends {
    struct item *from, *to;
    const char *name, *to_name;
    unsigned flags;
};

static void ends_move(const struct ends *e, const struct stat *st, const struct stat *old)
{
    struct overlay *o = e->from->ws->overlay;
    struct item *it = overlay_known(o, st);
    struct item *other = old ? overlay_known(o, old) : NULL;
    if (old && !(e->flags & RENAME_EXCHANGE)) {
        overlay_lose(e->to, e->to_name, old);
    } else if (other) {
        link_add(other, e->from, e->name);
        link_remove(other, e->to, e->to_name);
    }
    if (it) {
        link_add(it, e->to, e->to_name);
        link_remove(it, e->from, e->name);
    }
}

static int ends_rename(const struct ends *e)
{
    struct stat st;
    struct stat old;
    int from = overlay_at(e->from, e->name, &st);
    if (from < 0)
        return from;
    int to = overlay_dir(e->to, true);
    if (to < 0)
        return to;
    bool there = fstatat(to, e->to_name, &old, AT_SYMLINK_NOFOLLOW) == 0;
    if (renameat2(from, e->name, to, e->to_name, e->flags) != 0)
        return -errno;
    bool same = there && st.st_dev == old.st_dev && st.st_ino == old.st_ino;
    if (!same) /* two names of one file: both stay */
        ends_move(e, &st, there ? &old : NULL);
    return 0;
}

int overlay_rename(struct item *from, const char *name, struct item *to,
                   const char *to_name, unsigned flags)
{
    struct ends ends = {from, to, name, to_name, flags};
    struct overlay *o = overlay_lock(from);
    from->pinned = true; /* its descriptor is used after to's was asked for */
    int err = ends_rename(&ends);
    from->pinned = false;
    overlay_unlock(o);
    return err;
}
