#include "http/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"

extern char **environ;

enum { COMMAND_TIMEOUT_MS = 30000 };

/* A process group of its own, so that a stuck pipeline can be ended whole; default
 * signals, since the engine's threads have them all blocked. */
static int command_attributes(posix_spawnattr_t *attr)
{
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    int err = posix_spawnattr_init(attr);
    if (err)
        return -err;
    posix_spawnattr_setpgroup(attr, 0);
    posix_spawnattr_setsigmask(attr, &none);
    posix_spawnattr_setsigdefault(attr, &all);
    posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                       POSIX_SPAWN_SETSIGDEF);
    return 0;
}

static int command_spawn(const char *command, int out, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    cleanup_free char *script = xstrdup(command);
    char name[] = "sh";
    char flag[] = "-c";
    char *argv[] = {name, flag, script, NULL};
    int err = command_attributes(&attr);
    if (err)
        return err;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    err = -posix_spawn(ret_pid, "/bin/sh", &actions, &attr, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    return err;
}

static int command_read(int fd, char *data, size_t cap, size_t *ret_len)
{
    int64_t deadline = clock_ms() + COMMAND_TIMEOUT_MS;
    size_t len = 0;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int64_t left = deadline - clock_ms();
        if (len == cap)
            return -EFBIG;
        if (left <= 0)
            return -ETIMEDOUT;
        if (poll(&p, 1, (int)left) <= 0)
            continue;
        ssize_t n = read(fd, data + len, cap - len);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0)
            len += (size_t)n;
        if (n == 0)
            break;
    }
    *ret_len = len;
    return 0;
}

static int command_reap(pid_t pid, int err)
{
    int status = 0;
    if (err)
        kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return err ? err : -errno;
    if (err)
        return err;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EPROTO;
}

int command_output(const char *command, char *data, size_t cap, size_t *ret_len)
{
    int ends[2];
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    int err = command_spawn(command, ends[1], &pid);
    close(ends[1]);
    if (!err)
        err = command_reap(pid, command_read(ends[0], data, cap, ret_len));
    close(ends[0]);
    return err;
}
