/* overlay.c - the store of this machine's files: directories, links, identities. */
#include "workspace/overlay.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

enum { DIRS_MAX = 64 };

/* ---- identities -------------------------------------------------------------- */

static struct item_key stat_key(const struct stat *st)
{
    struct item_key key = {(uint64_t)st->st_dev, (uint64_t)st->st_ino};
    return key;
}

static bool key_is(const struct item *it, const struct stat *st)
{
    return it->key.dev == (uint64_t)st->st_dev && it->key.ino == (uint64_t)st->st_ino;
}

struct item *overlay_known(struct overlay *o, const struct stat *st)
{
    struct item_key key = stat_key(st);
    struct item *it = NULL;
    HASH_FIND(hh, o->by_key, &key, sizeof key, it);
    return it;
}

void overlay_forget(struct item *it)
{
    if (it->known)
        HASH_DELETE(hh, it->ws->overlay->by_key, it);
    it->known = false;
}

/* An item that has this inode already is of a file that was removed behind our back. */
void overlay_know(struct item *it, const struct stat *st)
{
    struct overlay *o = it->ws->overlay;
    struct item *old = overlay_known(o, st);
    if (old) {
        old->gone = true;
        overlay_forget(old);
    }
    overlay_forget(it);
    it->key = stat_key(st);
    it->known = true;
    it->backed = true;
    it->gone = false;
    HASH_ADD(hh, o->by_key, key, sizeof it->key, it);
}

/* ---- links ------------------------------------------------------------------- */

void link_add(struct item *it, struct item *dir, const char *name)
{
    struct item_link *link;
    LL_FOREACH (it->links, link)
        if (link->dir == dir && !strcmp(link->name, name))
            return;
    link = xcalloc(1, sizeof *link);
    link->dir = item_ref(dir);
    link->name = xstrdup(name);
    LL_PREPEND(it->links, link);
}

static void link_free(struct item *it, struct item_link *link)
{
    LL_DELETE(it->links, link);
    overlay_unref(link->dir);
    free(link->name);
    free(link);
}

void link_remove(struct item *it, struct item *dir, const char *name)
{
    struct item_link *link;
    struct item_link *tmp;
    LL_FOREACH_SAFE(it->links, link, tmp)
    if (link->dir == dir && !strcmp(link->name, name))
        link_free(it, link);
}

void links_clear(struct item *it)
{
    while (it->links)
        link_free(it, it->links);
}

void overlay_lose(struct item *dir, const char *name, const struct stat *st)
{
    struct item *it = overlay_known(dir->ws->overlay, st);
    if (!it)
        return;
    link_remove(it, dir, name);
    /* Its number may be another file's from now on, unless somebody has it open. */
    if (S_ISDIR(st->st_mode) || st->st_nlink <= 1) {
        it->gone = true;
        overlay_forget(it);
    }
}

/* ---- directories ------------------------------------------------------------- */

static void dirs_drop(struct item *dir)
{
    struct overlay *o = dir->ws->overlay;
    DL_DELETE(o->dirs, dir);
    o->dir_count--;
    close(dir->dir_fd);
    dir->dir_fd = -1;
}

/* The one that was used longest ago makes room. */
static void dirs_make_room(struct overlay *o)
{
    if (o->dir_count < DIRS_MAX)
        return;
    struct item *dir = o->dirs->prev;
    if (dir->pinned)
        dir = dir->prev;
    dirs_drop(dir);
}

static void dirs_put(struct item *dir, int fd)
{
    struct overlay *o = dir->ws->overlay;
    dirs_make_room(o);
    dir->dir_fd = fd;
    DL_PREPEND(o->dirs, dir);
    o->dir_count++;
}

static void dirs_use(struct item *dir)
{
    struct overlay *o = dir->ws->overlay;
    if (dir == o->top)
        return;
    DL_DELETE(o->dirs, dir);
    DL_PREPEND(o->dirs, dir);
}

static int dir_open_at(int at, const struct item *dir, bool make)
{
    const char *name = dir->links->name;
    int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(at, name, flags);
    if (fd < 0 && errno == ENOENT && make && dir->lazy) {
        if (mkdirat(at, name, 0755) != 0 && errno != EEXIST)
            return -errno;
        fd = openat(at, name, flags);
    }
    return fd < 0 ? -errno : fd;
}

/* Opens dir below its parent. */
static int dir_enter(int at, struct item *dir, bool make)
{
    struct stat st;
    cleanup_fd int fd = dir_open_at(at, dir, make);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) != 0)
        return -errno;
    if (dir->key.ino && !key_is(dir, &st))
        return -ESTALE; /* replaced behind our back */
    dir->key = stat_key(&st);
    dirs_put(dir, fd);
    fd = -1;
    return dir->dir_fd;
}

int overlay_dir(struct item *dir, bool make)
{
    struct item *it = dir;
    while (it->dir_fd < 0) { /* up to one that is open, and down again */
        if (it->gone || !it->links)
            return -ENOENT;
        struct item *up = it->links->dir;
        up->down = it;
        it = up;
    }
    int fd = it->dir_fd;
    while (it != dir) {
        struct item *down = it->down;
        fd = dir_enter(fd, down, make);
        if (fd < 0)
            return fd;
        it = down;
    }
    if (dir->gone)
        return -ENOENT;
    dirs_use(dir);
    return fd;
}

int overlay_at(struct item *dir, const char *name, struct stat *ret)
{
    int fd = overlay_dir(dir, false);
    if (fd >= 0 && fstatat(fd, name, ret, AT_SYMLINK_NOFOLLOW) != 0)
        return -errno;
    return fd;
}

/* ---- items ------------------------------------------------------------------- */

static bool type_of(mode_t mode, enum item_type *ret_type)
{
    if (S_ISREG(mode))
        *ret_type = ITEM_FILE;
    else if (S_ISDIR(mode))
        *ret_type = ITEM_DIR;
    else if (S_ISLNK(mode))
        *ret_type = ITEM_LINK;
    else
        return false;
    return true;
}

struct item *overlay_take(struct item *dir, const char *name, const struct stat *st)
{
    struct item *it = overlay_known(dir->ws->overlay, st);
    enum item_type type;
    if (!type_of(st->st_mode, &type))
        return NULL;
    if (it && it->type == type) {
        item_ref(it);
    } else {
        it = item_new(dir->ws, type, st->st_mode);
        overlay_know(it, st);
    }
    link_add(it, dir, name);
    return it;
}

static void item_free(struct item *it, struct item **dead)
{
    struct item_link *link;
    struct item_link *tmp;
    struct xattr *x;
    struct xattr *next;
    LL_FOREACH_SAFE(it->links, link, tmp)
    {
        item_drop(link->dir, dead);
        free(link->name);
        free(link);
    }
    LL_FOREACH_SAFE(it->xattrs, x, next)
    {
        free(x->name);
        buf_finish(&x->value);
        free(x);
    }
    files_unref(it->files);
    buf_finish(&it->data);
    free(it);
}

/* One reference less; the last one puts it on the list of the dead. */
void item_drop(struct item *it, struct item **dead)
{
    if (atomic_fetch_sub_explicit(&it->refs, 1, memory_order_acq_rel) != 1)
        return;
    overlay_forget(it);
    if (it->dir_fd >= 0 && it != it->ws->overlay->top)
        dirs_drop(it);
    it->down = *dead;
    *dead = it;
}

/* A loop and no recursion: the chain of parents may be long. */
void overlay_unref(struct item *it)
{
    struct item *dead = NULL;
    item_drop(it, &dead);
    while (dead) {
        struct item *next = dead;
        dead = next->down;
        item_free(next, &dead);
    }
}

/* The last reference falls under the lock, so that whom the table shows is alive. */
void item_unref(struct item *it)
{
    if (!it)
        return;
    unsigned n = atomic_load_explicit(&it->refs, memory_order_relaxed);
    while (n > 1)
        if (atomic_compare_exchange_weak_explicit(
                &it->refs, &n, n - 1, memory_order_release, memory_order_relaxed))
            return;
    struct overlay *o = overlay_lock(it);
    overlay_unref(it);
    overlay_unlock(o);
}

/* ---- pages' directories ------------------------------------------------------ */

struct item *overlay_page_dir(struct overlay *o, const char *key)
{
    struct item *it = item_new(o->ws, ITEM_DIR, 0755);
    pthread_mutex_lock(&o->lock);
    it->backed = it->lazy = true;
    link_add(it, o->page_dirs, key);
    overlay_unlock(o);
    return it;
}

/* Lock held. What is in `from` goes to `to`, where there is no such name. */
static void page_dir_merge(int at, const char *from, const char *to)
{
    int from_fd = openat(at, from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    cleanup_fd int to_fd = openat(at, to, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = from_fd >= 0 ? fdopendir(from_fd) : NULL;
    struct dirent *e;
    while (dir && to_fd >= 0 && (e = readdir(dir))) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        if (renameat2(from_fd, e->d_name, to_fd, e->d_name, RENAME_NOREPLACE) != 0)
            log_warning("overlay: page/%s/%s: not moved to page/%s: %s", from, e->d_name,
                        to, strerror(errno));
    }
    if (dir)
        closedir(dir);
    else if (from_fd >= 0)
        close(from_fd);
    unlinkat(at, from, AT_REMOVEDIR);
}

void overlay_page_rekey(struct item *dir, const char *key)
{
    struct overlay *o = overlay_lock(dir);
    int at = overlay_dir(o->page_dirs, false);
    cleanup_free char *old = xstrdup(dir->links->name);
    if (at >= 0 && strcmp(old, key) != 0) {
        unlinkat(at, key, AT_REMOVEDIR); /* an empty one is no obstacle */
        bool moved = renameat2(at, old, at, key, RENAME_NOREPLACE) == 0;
        if (!moved && errno != ENOENT)
            page_dir_merge(at, old, key);
        if (!moved) { /* another directory, or none: found anew when it is needed */
            if (dir->dir_fd >= 0)
                dirs_drop(dir);
            dir->key = (struct item_key){0, 0};
        }
        link_remove(dir, o->page_dirs, old);
        link_add(dir, o->page_dirs, key);
    }
    overlay_unlock(o);
}

int overlay_page_remove(struct item *dir)
{
    struct overlay *o = overlay_lock(dir);
    int at = overlay_dir(o->page_dirs, false);
    int err = at < 0 ? at : 0;
    if (!err && dir->links && !dir->gone) {
        err = unlinkat(at, dir->links->name, AT_REMOVEDIR) ? -errno : 0;
        dir->gone = !err;
    }
    overlay_unlock(o);
    return err == -ENOENT ? 0 : err;
}

/* ---- directories in them ------------------------------------------------------- */

struct item *overlay_sub_dir(struct item *dir, const char *name)
{
    struct overlay *o = overlay_lock(dir);
    struct item *it = item_new(o->ws, ITEM_DIR, 0755);
    it->backed = it->lazy = true;
    link_add(it, dir, name);
    overlay_unlock(o);
    return it;
}

int overlay_sub_make(struct item *sub)
{
    struct overlay *o = overlay_lock(sub);
    int fd = overlay_dir(sub, true);
    overlay_unlock(o);
    return fd < 0 ? fd : 0;
}

int overlay_sub_remove(struct item *sub)
{
    struct overlay *o = overlay_lock(sub);
    int at = overlay_dir(sub->links->dir, false);
    int err = at < 0 ? at : 0;
    if (!err && unlinkat(at, sub->links->name, AT_REMOVEDIR) != 0)
        err = -errno;
    if (!err || err == -ENOENT) {
        if (sub->dir_fd >= 0)
            dirs_drop(sub);
        sub->key = (struct item_key){0, 0};
        err = 0;
    }
    overlay_unlock(o);
    return err;
}

/* ---- beginning and end ------------------------------------------------------- */

static struct item *overlay_anchor(struct overlay *o, const char *name, int *err)
{
    if (*err)
        return NULL;
    if (mkdirat(o->top->dir_fd, name, 0755) != 0 && errno != EEXIST)
        *err = -errno;
    struct item *it = item_new(o->ws, ITEM_DIR, 0755);
    it->backed = true;
    link_add(it, o->top, name);
    if (!*err) {
        int fd = overlay_dir(it, false);
        *err = fd < 0 ? fd : 0;
    }
    return it;
}

/* What a crash left half-written. */
static void overlay_clean_tmp(struct overlay *o)
{
    int at = overlay_dir(o->tmp, false);
    int fd = at < 0 ? -1 : openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *e;
    while (dir && (e = readdir(dir)))
        unlinkat(fd, e->d_name, 0);
    if (dir)
        closedir(dir);
}

static int overlay_open_top(struct overlay *o, const char *path)
{
    o->fresh = mkdir(path, 0700) == 0;
    if (!o->fresh && errno != EEXIST)
        return -errno;
    o->top->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return o->top->dir_fd < 0 ? -errno : 0;
}

/* Before data/ was a directory of ours it was one like any other. */
static void overlay_move_data(struct overlay *o)
{
    struct stat st;
    int top = o->top->dir_fd;
    if (fstatat(top, "root/data", &st, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    const char *to = S_ISDIR(st.st_mode) ? "data-local" : "root/data.local";
    if (renameat2(top, "root/data", top, to, RENAME_NOREPLACE) != 0)
        log_warning("the local data stays hidden: %s", strerror(errno));
}

int overlay_open(struct workspace *ws, const char *path, struct overlay **ret_overlay)
{
    struct overlay *o = xcalloc(1, sizeof *o);
    o->ws = ws;
    ws->overlay = o;
    pthread_mutex_init(&o->lock, NULL);
    o->top = item_new(ws, ITEM_DIR, 0700);
    o->top->backed = true;
    int err = overlay_open_top(o, path);
    o->root = overlay_anchor(o, "root", &err);
    o->pages = overlay_anchor(o, "pages-local", &err);
    overlay_move_data(o);
    o->data = overlay_anchor(o, "data-local", &err);
    o->page_dirs = overlay_anchor(o, "page", &err);
    o->tmp = overlay_anchor(o, "tmp", &err);
    if (err) {
        overlay_close(o);
        ws->overlay = NULL;
        return err;
    }
    overlay_clean_tmp(o);
    *ret_overlay = o;
    return 0;
}

void overlay_close(struct overlay *o)
{
    if (!o)
        return;
    item_unref(o->root);
    item_unref(o->pages);
    item_unref(o->data);
    item_unref(o->page_dirs);
    item_unref(o->tmp);
    if (o->top->dir_fd >= 0)
        close(o->top->dir_fd);
    item_unref(o->top);
    pthread_mutex_destroy(&o->lock);
    free(o);
}
