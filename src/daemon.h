/* daemon.h - going to the background, before any thread, database or curl handle exists.
 *
 * The first process waits for the second's word and ends with it: 0 when the mount
 * answers, else 1 after the second has said why on standard error, which it keeps until
 * daemon_ready(). */
#ifndef DAEMON_H
#define DAEMON_H

/* Returns in the process that goes on; in the foreground that is this one. The other
 * waits, checks that `mountpoint` answers, and exits. 0 or -errno. */
int daemon_start(int foreground, const char *mountpoint);
/* All is well: the first process may end; from here on the log goes to syslog. */
void daemon_ready(void);

#endif
