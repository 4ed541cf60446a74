/* mount.c - finding the mount, and its control files. */
#include "ctl/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/alloc.h"

enum { REPORT_MAX = 16 << 20 };
static const long fuse_magic = 0x65735546; /* linux/magic.h: FUSE_SUPER_MAGIC */

/* ---- paths ------------------------------------------------------------------------ */

static bool is_inside(const char *path, const char *dir)
{
    size_t len = strlen(dir);
    return !strncmp(path, dir, len) && (path[len] == '/' || !path[len]);
}

/* realpath() of what is there, and behind it the names that are not: a page's file that
 * was removed has a path still. malloc'ed. */
static int path_resolve(const char *path, char **ret)
{
    cleanup_free char *head = xstrdup(path);
    cleanup_free char *tail = xstrdup("");
    for (;;) {
        char *real = realpath(*head ? head : ".", NULL);
        if (real) {
            *ret = xasprintf("%s%s", strcmp(real, "/") ? real : "", tail);
            free(real);
            return 0;
        }
        char *slash = strrchr(head, '/');
        const char *name = slash ? slash + 1 : head;
        if (errno != ENOENT || !strcmp(name, "..") || slash == head || !*head)
            return -errno;
        char *longer = *name ? xasprintf("/%s%s", name, tail) : xstrdup(tail);
        free(tail);
        tail = longer;
        head[slash ? (size_t)(slash - head) : 0] = '\0';
    }
}

/* ---- the mount -------------------------------------------------------------------- */

/* Its root, not a directory in it where somebody keeps a copy of .amdahl: the device of
 * the directory above is another. */
static int is_root(const char *dir)
{
    cleanup_free char *above = xasprintf("%s/..", dir);
    cleanup_free char *status = xasprintf("%s/.amdahl/status.json", dir);
    struct statfs fs;
    struct stat here;
    struct stat there;
    if (statfs(dir, &fs) < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -errno;
    if (fs.f_type != fuse_magic || stat(dir, &here) < 0 || !S_ISDIR(here.st_mode))
        return 0;
    if (stat(above, &there) == 0 && there.st_dev == here.st_dev && strcmp(dir, "/"))
        return 0;
    return access(status, F_OK) == 0;
}

int mount_find(const char *path, char **ret_root)
{
    cleanup_free char *dir = NULL;
    int err = path_resolve(path ? path : ".", &dir);
    if (err)
        return err;
    for (;;) {
        int found = is_root(*dir ? dir : "/");
        if (found < 0)
            return found;
        if (found) {
            *ret_root = xstrdup(*dir ? dir : "/");
            return 0;
        }
        if (!*dir)
            return -ENOENT;
        *strrchr(dir, '/') = '\0';
    }
}

int mount_is_path(const char *argument)
{
    return *argument == '/' || !strcmp(argument, ".") || !strcmp(argument, "..") ||
           !strncmp(argument, "./", 2) || !strncmp(argument, "../", 3);
}

int mount_page(const char *root, const char *argument, char **ret_page)
{
    cleanup_free char *pages = xasprintf("%s/pages", root);
    cleanup_free char *path = NULL;
    const char *page = argument;
    if (mount_is_path(argument)) {
        int err = path_resolve(argument, &path);
        if (err)
            return err;
        if (!is_inside(path, pages))
            return -EINVAL;
        page = path + strlen(pages);
    } else if (!strncmp(argument, "pages/", 6)) {
        page = argument + 5;
    }
    page += strspn(page, "/");
    size_t len = strlen(page);
    while (len && page[len - 1] == '/')
        len--;
    if (!len || memchr(page, '\n', len))
        return -EINVAL;
    *ret_page = xstrndup(page, len);
    return 0;
}

/* ---- control files ---------------------------------------------------------------- */

static int control_open(const char *root, const char *name, int flags)
{
    cleanup_free char *path = xasprintf("%s/.amdahl/%s", root, name);
    int fd = open(path, flags | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int read_all(int fd, struct buf *out)
{
    char part[65536];
    ssize_t n;
    while ((n = read(fd, part, sizeof part)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (out->len + (size_t)n > REPORT_MAX)
            return -EFBIG;
        buf_append(out, part, (size_t)n);
    }
    return 0;
}

int mount_read(const char *root, const char *name, struct buf *out)
{
    cleanup_fd int fd = control_open(root, name, O_RDONLY);
    return fd < 0 ? fd : read_all(fd, out);
}

/* The words begin where the command ended, also when it was refused and the offset did
 * not move. */
int mount_command(const char *root, const char *command, struct buf *words)
{
    cleanup_fd int fd = control_open(root, "ctl", O_RDWR);
    if (fd < 0)
        return fd;
    ssize_t n = write(fd, command, strlen(command));
    int err = n < 0 ? -errno : 0;
    if (lseek(fd, (off_t)strlen(command), SEEK_SET) < 0)
        return err ? err : -errno;
    int read_err = read_all(fd, words);
    return err ? err : read_err;
}
