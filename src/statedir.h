/* statedir.h - where a mount keeps what must outlive it, and the lock on it. */
#ifndef STATEDIR_H
#define STATEDIR_H

/* Makes the directory (0700): `dir`, or when that is NULL
 * $XDG_STATE_HOME/amdahlfs/<workspace>. Holds an open-file lock on it until the process
 * ends, so that a second mount of the same state is refused (-EBUSY). Reasons go to
 * standard error. *ret_fd is the lock, *ret_path (malloc'ed) the directory. 0 or -errno. */
int statedir_open(const char *dir, const char *workspace, int *ret_fd, char **ret_path);

/* The same for the cache: `dir`, or $XDG_CACHE_HOME/amdahlfs/<workspace>. It is made where
 * it can be, and not locked. malloc'ed. */
char *cachedir_make(const char *dir, const char *workspace);

#endif
