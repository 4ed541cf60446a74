/* mount.h - the mount that a command speaks to, and the names of its pages. */
#ifndef CTL_MOUNT_H
#define CTL_MOUNT_H

#include "base/buf.h"

/* The root of the mount at or above `path` (NULL: the current directory), absolute and
 * without symbolic links; malloc'ed. 0; -ENOENT (no mount there: the root is the first
 * directory that is a FUSE file system's and holds .amdahl/status.json); -ENOTCONN (a
 * mount whose driver has ended), -errno. Names below `path` need not exist. */
int mount_find(const char *path, char **ret_root);

/* PAGE or PAGE/FILE as ctl takes it, malloc'ed: the name of a directory below pages/ as
 * it is; what begins with "/", "./" or "../" (or is "." or "..") is a path that must lie
 * below the mount's pages/; "pages/..." is relative to the mount. -EINVAL otherwise. */
int mount_page(const char *root, const char *argument, char **ret_page);
/* Is this argument a path rather than a page's name? Then it also says which mount. */
int mount_is_path(const char *argument);

/* The bytes of .amdahl/<name>. */
int mount_read(const char *root, const char *name, struct buf *out);
/* Writes one command to .amdahl/ctl; its errno is the answer, its words are appended. */
int mount_command(const char *root, const char *command, struct buf *words);

#endif
