/* mountpoint.h - is the place fit to be mounted on? */
#ifndef MOUNTPOINT_H
#define MOUNTPOINT_H

/* Makes *path absolute (taken over: the old string is freed), heals a dead mount of ours
 * (ENOTCONN) by unmounting it, and refuses what is missing, no directory, not empty, or
 * mounted already, each with its reason on standard error. 0 or -errno. */
int mountpoint_prepare(char **path);

#endif
