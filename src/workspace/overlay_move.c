/* overlay_move.c - between a document in memory and a file on the disk. */
#include "workspace/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* A file in tmp/ with these bytes, open. */
static int tmp_write(struct overlay *o, char name[32], const void *data, size_t len)
{
    int at = overlay_dir(o->tmp, false);
    if (at < 0)
        return at;
    snprintf(name, 32, "%llu", (unsigned long long)o->tmp_count++);
    int fd = openat(at, name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    int err = fd_write(fd, data, len, 0);
    if (err) {
        unlinkat(at, name, 0);
        close(fd);
        return err;
    }
    return fd;
}

/* Writes and names it. A descriptor of it, or -errno. */
static int put_locked(struct item *dir, const char *name, unsigned flags,
                      const void *data, size_t len)
{
    struct overlay *o = dir->ws->overlay;
    struct stat old;
    char tmp[32];
    int fd = tmp_write(o, tmp, data, len);
    if (fd < 0)
        return fd;
    int from = overlay_dir(o->tmp, false);
    o->tmp->pinned = true;
    int to = overlay_dir(dir, true);
    o->tmp->pinned = false;
    bool there = to >= 0 && fstatat(to, name, &old, AT_SYMLINK_NOFOLLOW) == 0;
    int err = to < 0 ? to : 0;
    if (!err && renameat2(from, tmp, to, name, flags) != 0)
        err = -errno;
    if (!err) {
        if (there)
            overlay_lose(dir, name, &old);
        return fd;
    }
    unlinkat(from, tmp, 0);
    close(fd);
    return err;
}

int overlay_put(struct item *dir, const char *name, const void *data, size_t len)
{
    struct overlay *o = overlay_lock(dir);
    int fd = put_locked(dir, name, 0, data, len);
    if (fd >= 0)
        close(fd);
    overlay_unlock(o);
    return fd < 0 ? fd : 0;
}

int overlay_adopt(struct item *it, struct item *dir, const char *name, unsigned flags,
                  const void *data, size_t len)
{
    struct stat st;
    struct overlay *o = overlay_lock(dir);
    struct timespec times[2] = {it->mtime, it->mtime};
    int fd = put_locked(dir, name, flags, data, len);
    if (fd >= 0) {
        futimens(fd, times);
        fstat(fd, &st);
        overlay_know(it, &st);
        link_add(it, dir, name);
        if (it->opens)
            it->files = files_new(-1, fd);
        else
            close(fd);
    }
    overlay_unlock(o);
    return fd < 0 ? fd : 0;
}

static int release_locked(struct item *it, struct item *dir, const char *name)
{
    struct stat st;
    int at = overlay_at(dir, name, &st);
    if (at < 0)
        return at;
    if (!it->backed || overlay_known(it->ws->overlay, &st) != it)
        return -ESTALE;
    if (unlinkat(at, name, 0) != 0)
        return -errno;
    it->mtime = st.st_mtim;
    it->ctime = clock_now();
    it->mode = st.st_mode & 07777;
    overlay_forget(it);
    links_clear(it);
    files_unref(steal_ptr(it->files));
    it->backed = false;
    return 0;
}

int overlay_release(struct item *it, struct item *dir, const char *name)
{
    struct overlay *o = overlay_lock(dir);
    int err = release_locked(it, dir, name);
    overlay_unlock(o);
    return err;
}

static int read_bytes(int fd, size_t max, struct buf *out)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return -errno;
    if (st.st_nlink > 1)
        return -EXDEV;
    if ((uint64_t)st.st_size > max)
        return -EFBIG;
    return fd_read(fd, (size_t)st.st_size, 0, out);
}

int overlay_read_text(struct item *it, size_t max, struct text **ret_text)
{
    struct buf out = BUF_INIT;
    struct item_fd fd;
    int err = item_borrow(it, false, &fd);
    if (err)
        return err;
    err = read_bytes(fd.fd, max, &out);
    item_return(&fd);
    if (err)
        buf_finish(&out);
    else
        *ret_text = text_from_buf(&out);
    return err;
}
