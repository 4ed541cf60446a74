#include "mountpoint.h"

#include <dirent.h>
#include <errno.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"

/* Without touching the path itself: a dead mount point cannot be resolved, so its parent
 * is. malloc'ed; NULL with errno set. */
static char *path_absolute(const char *path)
{
    cleanup_free char *copy = xstrdup(path);
    size_t len = strlen(copy);
    while (len > 1 && copy[len - 1] == '/')
        copy[--len] = '\0';
    char *slash = strrchr(copy, '/');
    const char *name = slash ? slash + 1 : copy;
    if (!strcmp(copy, "/") || !strcmp(name, ".") || !strcmp(name, "..") || !*name)
        return realpath(path, NULL);
    if (slash)
        *slash = '\0';
    cleanup_free char *parent = realpath(!slash ? "." : slash == copy ? "/" : copy, NULL);
    if (!parent)
        return NULL;
    return xasprintf("%s/%s", !strcmp(parent, "/") ? "" : parent, name);
}

/* Is something of ours mounted right there? */
static bool mountpoint_is_ours(const char *path)
{
    struct mntent *m;
    bool ours = false;
    FILE *mounts = setmntent("/proc/self/mounts", "r");
    while (mounts && (m = getmntent(mounts)))
        if (!strcmp(m->mnt_dir, path))
            ours = !strcmp(m->mnt_type, "fuse.amdahlfs");
    if (mounts)
        endmntent(mounts);
    return ours;
}

static int mountpoint_heal(const char *path)
{
    if (!mountpoint_is_ours(path)) {
        fprintf(stderr, "amdahlfs: %s: a dead mount of something else is there\n", path);
        return -ENOTCONN;
    }
    fprintf(stderr, "amdahlfs: %s: unmounting what a dead amdahlfs left\n", path);
    if (umount2(path, MNT_DETACH) == 0)
        return 0;
    pid_t child = fork();
    if (child == 0) {
        execlp("fusermount3", "fusermount3", "-u", "-z", "--", path, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0)
        return -ENOTCONN;
    return 0;
}

static bool directory_is_empty(const char *path)
{
    struct dirent *e;
    bool empty = true;
    DIR *dir = opendir(path);
    while (dir && empty && (e = readdir(dir)))
        empty = !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..");
    if (dir)
        closedir(dir);
    return empty;
}

static int refuse(const char *path, int err, const char *reason)
{
    fprintf(stderr, "amdahlfs: %s: %s\n", path, reason);
    return err;
}

int mountpoint_prepare(char **path)
{
    struct stat st;
    char *absolute = path_absolute(*path);
    if (!absolute)
        return refuse(*path, -errno, strerror(errno));
    free(*path);
    *path = absolute;
    if (stat(*path, &st) < 0 && errno == ENOTCONN) {
        int err = mountpoint_heal(*path);
        if (err)
            return refuse(*path, err, "it cannot be unmounted");
    }
    if (stat(*path, &st) < 0)
        return refuse(*path, -errno, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return refuse(*path, -ENOTDIR, "is no directory");
    if (mountpoint_is_ours(*path))
        return refuse(*path, -EBUSY, "is busy: an amdahlfs is mounted there already");
    if (!directory_is_empty(*path))
        return refuse(*path, -ENOTEMPTY, "is not empty: mount on an empty directory");
    return 0;
}
