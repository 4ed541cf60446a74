#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int daemon_pipe = -1; /* to the first process; -1: foreground */

/* The first process: as the second goes, so does it. */
static void daemon_wait(int fd, const char *mountpoint)
{
    char word;
    struct stat st;
    ssize_t n;
    do {
        n = read(fd, &word, 1);
    } while (n < 0 && errno == EINTR);
    _exit(n == 1 && stat(mountpoint, &st) == 0 ? 0 : 1);
}

int daemon_start(int foreground, const char *mountpoint)
{
    int fds[2];
    if (foreground)
        return 0;
    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    pid_t child = fork();
    if (child < 0)
        return -errno;
    if (child) {
        close(fds[1]);
        daemon_wait(fds[0], mountpoint);
    }
    close(fds[0]);
    daemon_pipe = fds[1];
    setsid();
    return chdir("/") < 0 ? -errno : 0;
}

void daemon_ready(void)
{
    if (daemon_pipe < 0)
        return;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; null >= 0 && fd <= 2; fd++)
        dup2(null, fd);
    if (null > 2)
        close(null);
    if (write(daemon_pipe, "", 1) < 0)
        _exit(1); /* the first process is gone: nobody knows of this mount */
    close(daemon_pipe);
    daemon_pipe = -1;
}
