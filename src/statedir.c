#include "statedir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"

/* variable: of the XDG base directories; below: what stands for it below $HOME. */
static char *dir_default(const char *variable, const char *below, const char *workspace)
{
    const char *base = getenv(variable);
    const char *home = getenv("HOME");
    if (base && *base == '/')
        return xasprintf("%s/amdahlfs/%s", base, workspace);
    return xasprintf("%s/%s/amdahlfs/%s", home ? home : "", below, workspace);
}

/* mkdir -p, each 0700. */
static int mkdir_all(char *path)
{
    for (char *p = path + 1;; p++) {
        if (*p != '/' && *p)
            continue;
        char end = *p;
        *p = '\0';
        int rc = mkdir(path, 0700);
        int err = errno;
        *p = end;
        if (rc < 0 && err != EEXIST)
            return -err;
        if (!end)
            return 0;
    }
}

static int statedir_lock(int fd, const char *dir)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return 0;
    fprintf(
        stderr,
        "amdahlfs: %s: this workspace is mounted already; a second mount needs a state "
        "directory of its own: -o state_dir=DIR\n",
        dir);
    return -EBUSY;
}

int statedir_open(const char *dir, const char *workspace, int *ret_fd, char **ret_path)
{
    cleanup_free char *path =
        dir ? xstrdup(dir) : dir_default("XDG_STATE_HOME", ".local/state", workspace);
    cleanup_free char *lock = xasprintf("%s/lock", path);
    int err = mkdir_all(path);
    cleanup_fd int fd = -1;
    if (!err) {
        fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        err = fd < 0 ? -errno : 0;
    }
    if (err) {
        fprintf(stderr, "amdahlfs: %s: %s\n", path, strerror(-err));
        return err;
    }
    err = statedir_lock(fd, path);
    if (err)
        return err;
    *ret_fd = fd;
    *ret_path = steal_ptr(path);
    fd = -1;
    return 0;
}

char *cachedir_make(const char *dir, const char *workspace)
{
    char *path = dir ? xstrdup(dir) : dir_default("XDG_CACHE_HOME", ".cache", workspace);
    mkdir_all(path); /* where it fails, opening the cache says so */
    return path;
}
