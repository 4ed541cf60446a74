/* overlay_files.c - one real file: its descriptors, attributes and bytes. */
#include "workspace/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

/* ---- descriptors ------------------------------------------------------------- */

struct fd_path fd_path(int fd)
{
    struct fd_path p;
    snprintf(p.path, sizeof p.path, "/proc/self/fd/%d", fd);
    return p;
}

struct item_files *files_new(int read_fd, int write_fd)
{
    struct item_files *f = xcalloc(1, sizeof *f);
    atomic_init(&f->refs, 1);
    f->fd[0] = read_fd;
    f->fd[1] = write_fd;
    return f;
}

struct item_files *files_ref(struct item_files *f)
{
    atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
    return f;
}

void files_unref(struct item_files *f)
{
    if (!f || atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < ARRAY_LEN(f->fd); i++)
        if (f->fd[i] >= 0)
            close(f->fd[i]);
    free(f);
}

/* The one for writing may be good for both. */
static int files_pick(const struct item_files *f, bool write)
{
    if (write || f->fd[0] >= 0)
        return f->fd[write];
    bool both = f->fd[1] >= 0 && (fcntl(f->fd[1], F_GETFL) & O_ACCMODE) == O_RDWR;
    return both ? f->fd[1] : -1;
}

/* A copy of one that is open. */
static int file_dup(const struct item *it)
{
    int fd = it->files ? it->files->fd[it->files->fd[0] < 0] : it->dir_fd;
    fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    return fd >= 0 ? fd : -ESTALE;
}

int overlay_file_at(struct item *it)
{
    struct stat st;
    if (it->files || it->dir_fd >= 0)
        return file_dup(it);
    if (it->gone || !it->links)
        return -ESTALE;
    int at = overlay_dir(it->links->dir, false);
    if (at < 0)
        return at == -ENOENT ? -ESTALE : at;
    cleanup_fd int fd = openat(at, it->links->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        return errno == ENOENT ? -ESTALE : -errno;
    if (overlay_known(it->ws->overlay, &st) != it && it->known)
        return -ESTALE;
    int found = fd;
    fd = -1;
    return found;
}

static int file_reopen(struct item *it, int flags)
{
    cleanup_fd int at = overlay_file_at(it);
    if (at < 0)
        return at;
    int fd = open(fd_path(at).path, flags | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* Both ways where the mode allows it: the kernel reads around what is written. */
static int file_open_fd(struct item *it, bool write)
{
    int fd = file_reopen(it, write ? O_RDWR : O_RDONLY);
    return write && fd == -EACCES ? file_reopen(it, O_WRONLY) : fd;
}

/* Lock held. */
static int files_ensure(struct item *it, struct item_files **files, bool write)
{
    if (*files && files_pick(*files, write) >= 0)
        return 0;
    int fd = file_open_fd(it, write);
    if (fd < 0)
        return fd;
    if (!*files)
        *files = files_new(-1, -1);
    (*files)->fd[write] = fd;
    return 0;
}

int item_open(struct item *it, bool write)
{
    struct overlay *o = overlay_lock(it);
    int err = it->backed ? files_ensure(it, &it->files, write) : 0;
    if (!err)
        it->opens++;
    overlay_unlock(o);
    return err;
}

bool overlay_is_open(struct item *it)
{
    struct overlay *o = overlay_lock(it);
    bool open = it->opens > 0;
    overlay_unlock(o);
    return open;
}

void item_close(struct item *it)
{
    struct overlay *o = overlay_lock(it);
    struct item_files *files = --it->opens ? NULL : steal_ptr(it->files);
    overlay_unlock(o);
    files_unref(files);
}

int item_borrow(struct item *it, bool write, struct item_fd *ret)
{
    struct overlay *o = overlay_lock(it);
    struct item_files *files = it->files ? files_ref(it->files) : NULL;
    int err = it->backed ? files_ensure(it, &files, write) : -ENODATA;
    if (!err)
        *ret = (struct item_fd){files, files_pick(files, write)};
    overlay_unlock(o);
    if (err)
        files_unref(files);
    return err;
}

void item_return(struct item_fd *fd)
{
    files_unref(fd->files);
}

/* ---- bytes ------------------------------------------------------------------- */

int fd_read(int fd, size_t size, off_t off, struct buf *out)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return -errno;
    size_t left = off < st.st_size ? (size_t)(st.st_size - off) : 0;
    size_t start = out->len;
    size_t want = left < size ? left : size;
    size_t got = 0;
    buf_resize(out, start + want);
    while (got < want) {
        ssize_t n = pread(fd, out->data + start + got, want - got, off + (off_t)got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break; /* it was cut meanwhile */
        got += (size_t)n;
    }
    buf_resize(out, start + got);
    return 0;
}

int fd_write(int fd, const char *data, size_t size, off_t off)
{
    while (size) {
        ssize_t n = pwrite(fd, data, size, off);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            data += n;
            off += n;
            size -= (size_t)n;
        }
    }
    return 0;
}

/* ---- attributes -------------------------------------------------------------- */

/* The top bit is the pages', the small numbers are the mount's own. */
uint64_t item_ino_shown(uint64_t ino)
{
    return (ino & ~((uint64_t)1 << 63)) | (uint64_t)1 << 62;
}

/* Of a file that nothing leads to any more. */
static void stat_gone(const struct item *it, struct stat *ret)
{
    static const mode_t formats[] = {
        [ITEM_FILE] = S_IFREG, [ITEM_DIR] = S_IFDIR, [ITEM_LINK] = S_IFLNK};
    *ret = (struct stat){.st_ino = it->key.ino, .st_mode = formats[it->type] | it->mode};
}

static int stat_locked(struct item *it, struct stat *ret)
{
    int fd = it->files ? it->files->fd[it->files->fd[0] < 0] : it->dir_fd;
    if (fd >= 0)
        return fstat(fd, ret) ? -errno : 0;
    if (it->gone) {
        stat_gone(it, ret);
        return 0;
    }
    if (!it->links)
        return -ESTALE;
    int at = overlay_at(it->links->dir, it->links->name, ret);
    if (at >= 0 && it->known && overlay_known(it->ws->overlay, ret) != it)
        return -ESTALE;
    return at < 0 ? at : 0;
}

int overlay_stat(struct item *it, struct stat *ret)
{
    struct overlay *o = overlay_lock(it);
    int err = it->backed ? stat_locked(it, ret) : -ESTALE;
    overlay_unlock(o);
    return err;
}

/* A new descriptor of the file, or -errno. */
static int file_at(struct item *it)
{
    struct overlay *o = overlay_lock(it);
    int fd = it->backed ? overlay_file_at(it) : -ESTALE;
    overlay_unlock(o);
    return fd;
}

static int file_reopen_dir(struct item *dir)
{
    struct overlay *o = overlay_lock(dir);
    int fd = file_reopen(dir, O_RDONLY | O_DIRECTORY);
    overlay_unlock(o);
    return fd;
}

int overlay_chmod(struct item *it, mode_t mode)
{
    cleanup_fd int fd = file_at(it);
    if (fd < 0)
        return fd;
    return chmod(fd_path(fd).path, mode & 07777) ? -errno : 0;
}

int overlay_utimens(struct item *it, const struct timespec times[2])
{
    cleanup_fd int fd = file_at(it);
    if (fd < 0)
        return fd;
    return utimensat(AT_FDCWD, fd_path(fd).path, times, 0) ? -errno : 0;
}

int overlay_truncate(struct item *it, off_t size)
{
    cleanup_fd int fd = file_at(it);
    if (fd < 0)
        return fd;
    return truncate(fd_path(fd).path, size) ? -errno : 0;
}

int overlay_sync_dir(struct item *dir)
{
    cleanup_fd int fd = file_reopen_dir(dir);
    if (fd < 0)
        return fd;
    return fsync(fd) ? -errno : 0;
}

int overlay_readlink(struct item *it, struct buf *out)
{
    cleanup_fd int fd = file_at(it);
    char target[PATH_MAX];
    if (fd < 0)
        return fd;
    ssize_t n = readlinkat(fd, "", target, sizeof target);
    if (n < 0)
        return -errno;
    buf_append(out, target, (size_t)n);
    return 0;
}

/* ---- extended attributes ----------------------------------------------------- */

typedef ssize_t xattr_call(const char *path, const char *name, void *to, size_t size);

static ssize_t call_get(const char *path, const char *name, void *to, size_t size)
{
    return getxattr(path, name, to, size);
}

static ssize_t call_list(const char *path, const char *name, void *to, size_t size)
{
    (void)name;
    return listxattr(path, to, size);
}

static int xattr_read(struct item *it, const char *name, xattr_call *call,
                      struct buf *out)
{
    char value[XATTR_SIZE_MAX];
    cleanup_fd int fd = file_at(it);
    if (fd < 0)
        return fd;
    ssize_t n = call(fd_path(fd).path, name, value, sizeof value);
    if (n < 0)
        return -errno;
    buf_append(out, value, (size_t)n);
    return 0;
}

int overlay_xattr_get(struct item *it, const char *name, struct buf *out)
{
    return xattr_read(it, name, call_get, out);
}

int overlay_xattr_set(struct item *it, const char *name, const void *value, size_t size,
                      int flags)
{
    cleanup_fd int fd = file_at(it);
    if (fd < 0)
        return fd;
    return setxattr(fd_path(fd).path, name, value, size, flags) ? -errno : 0;
}

int overlay_xattr_remove(struct item *it, const char *name)
{
    cleanup_fd int fd = file_at(it);
    if (fd < 0)
        return fd;
    return removexattr(fd_path(fd).path, name) ? -errno : 0;
}

/* user.* alone is the mount's to show. */
int overlay_xattr_list(struct item *it, struct buf *out)
{
    cleanup_buf struct buf all = BUF_INIT;
    int err = xattr_read(it, NULL, call_list, &all);
    for (size_t i = 0; !err && i < all.len; i += strlen(all.data + i) + 1)
        if (!strncmp(all.data + i, "user.", 5))
            buf_append(out, all.data + i, strlen(all.data + i) + 1);
    return err;
}
