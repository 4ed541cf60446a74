#include "local/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/loop.h"

extern char **environ;

enum { READ_SIZE = 64 << 10, COMPLAINT_MAX = 2000 };

struct program {
    struct loop *loop;
    const struct program_ops *ops;
    void *arg;
    pid_t pid;
    int in, out, err, pidfd; /* -1: closed */
    size_t line_max;
    struct buf line;  /* its beginning, as far as it has come */
    struct buf input; /* not yet written */
    struct buf complaint;
    bool killed, too_long;
};

static void on_io(void *arg, int fd, uint32_t events);

static void close_fd(struct program *p, int *fd)
{
    if (*fd < 0)
        return;
    loop_watch(p->loop, *fd, 0, NULL, NULL);
    close(*fd);
    *fd = -1;
}

/* ---- start ------------------------------------------------------------------------ */

/* Three pipes; ours do not block and none is inherited. */
static int make_pipes(int pipes[3][2])
{
    for (int i = 0; i < 3; i++)
        if (pipe2(pipes[i], O_CLOEXEC) < 0)
            return -errno;
    fcntl(pipes[0][1], F_SETFL, O_NONBLOCK);
    fcntl(pipes[1][0], F_SETFL, O_NONBLOCK);
    fcntl(pipes[2][0], F_SETFL, O_NONBLOCK);
    return 0;
}

static int spawn(const char *command, int pipes[3][2], pid_t *ret_pid)
{
    char shell[] = "sh";
    char option[] = "-c";
    cleanup_free char *text = xstrdup(command);
    char *argv[] = {shell, option, text, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none;
    sigset_t defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, pipes[0][0], 0);
    posix_spawn_file_actions_adddup2(&files, pipes[1][1], 1);
    posix_spawn_file_actions_adddup2(&files, pipes[2][1], 2);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &defaults);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                        POSIX_SPAWN_SETSIGDEF);
    int r = posix_spawn(ret_pid, "/bin/sh", &files, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return -r;
}

static int watch_all(struct program *p)
{
    p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
    if (p->pidfd < 0)
        return -errno;
    fcntl(p->pidfd, F_SETFD, FD_CLOEXEC);
    int r = loop_watch(p->loop, p->pidfd, EPOLLIN, on_io, p);
    if (r >= 0)
        r = loop_watch(p->loop, p->out, EPOLLIN, on_io, p);
    if (r >= 0)
        r = loop_watch(p->loop, p->err, EPOLLIN, on_io, p);
    return r;
}

static void close_pair(int pair[2])
{
    if (pair[0] >= 0)
        close(pair[0]);
    if (pair[1] >= 0)
        close(pair[1]);
}

int program_start(struct loop *loop, const char *command, size_t line_max,
                  const struct program_ops *ops, void *arg, struct program **ret_program)
{
    int pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
    pid_t pid = -1;
    int r = make_pipes(pipes);
    if (r >= 0)
        r = spawn(command, pipes, &pid);
    if (r < 0) {
        for (int i = 0; i < 3; i++)
            close_pair(pipes[i]);
        return r;
    }
    close(pipes[0][0]);
    close(pipes[1][1]);
    close(pipes[2][1]);
    struct program *p = xcalloc(1, sizeof *p);
    *p = (struct program){.loop = loop, .ops = ops, .arg = arg, .pid = pid};
    p->line_max = line_max;
    p->in = pipes[0][1];
    p->out = pipes[1][0];
    p->err = pipes[2][0];
    p->pidfd = -1;
    r = watch_all(p);
    if (r < 0) {
        program_free(p);
        return r;
    }
    *ret_program = p;
    return 0;
}

/* ---- its input -------------------------------------------------------------------- */

static void write_some(struct program *p)
{
    while (p->in >= 0 && p->input.len) {
        ssize_t n = write(p->in, p->input.data, p->input.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            loop_watch(p->loop, p->in, EPOLLOUT, on_io, p);
            return;
        }
        if (n < 0) {
            close_fd(p, &p->in);
            return;
        }
        memmove(p->input.data, p->input.data + n, p->input.len - (size_t)n);
        buf_resize(&p->input, p->input.len - (size_t)n);
    }
    if (p->in >= 0)
        loop_watch(p->loop, p->in, 0, NULL, NULL);
}

void program_write(struct program *p, const void *data, size_t len)
{
    if (p->in < 0)
        return;
    buf_append(&p->input, data, len);
    write_some(p);
}

/* ---- its output ------------------------------------------------------------------- */

/* What does not fit into a line is not kept. */
static void take_bytes(struct program *p, const char *data, size_t len)
{
    while (len && !p->killed) {
        const char *end = memchr(data, '\n', len);
        size_t n = end ? (size_t)(end - data) : len;
        if (p->line.len + n > p->line_max)
            p->too_long = true;
        else
            buf_append(&p->line, data, n);
        if (p->too_long || end) {
            p->ops->line(p->arg, p->too_long ? NULL : p->line.data, p->line.len);
            buf_clear(&p->line);
            p->too_long = false;
        }
        n += end != NULL;
        data += n;
        len -= n;
    }
}

/* 1: there was something; 0: nothing now; -1: never again. */
static int read_some(struct program *p, char *data, int *fd, size_t *ret_len)
{
    ssize_t n = *fd < 0 ? 0 : read(*fd, data, READ_SIZE);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0) {
        close_fd(p, fd);
        return -1;
    }
    *ret_len = (size_t)n;
    return 1;
}

static int read_output(struct program *p)
{
    cleanup_free char *data = xmalloc(READ_SIZE);
    size_t len;
    int r = read_some(p, data, &p->out, &len);
    if (r > 0)
        take_bytes(p, data, len);
    else if (r < 0 && p->line.len && !p->killed)
        take_bytes(p, "\n", 1); /* a last line without its end */
    if (r && !p->killed)
        p->ops->pause(p->arg);
    return r;
}

static int read_complaint(struct program *p)
{
    cleanup_free char *data = xmalloc(READ_SIZE);
    size_t len;
    int r = read_some(p, data, &p->err, &len);
    if (r <= 0)
        return r;
    buf_append(&p->complaint, data, len);
    if (p->complaint.len > COMPLAINT_MAX) {
        size_t drop = p->complaint.len - COMPLAINT_MAX;
        memmove(p->complaint.data, p->complaint.data + drop, COMPLAINT_MAX);
        buf_resize(&p->complaint, COMPLAINT_MAX);
    }
    return r;
}

const char *program_complaint(const struct program *p)
{
    return p->complaint.data ? p->complaint.data : "";
}

/* ---- its end ---------------------------------------------------------------------- */

/* What it left behind is killed, so that the pipes come to their end. */
static void on_exited(struct program *p)
{
    int status = 0;
    close_fd(p, &p->pidfd);
    kill(-p->pid, SIGKILL);
    while (read_complaint(p) > 0)
        ;
    while (read_output(p) > 0 && !p->killed)
        ;
    while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
        ;
    p->pid = -1;
    p->ops->ended(p->arg, status);
}

static void on_io(void *arg, int fd, uint32_t events)
{
    struct program *p = arg;
    if (fd == p->in)
        write_some(p);
    else if (fd == p->out)
        read_output(p);
    else if (fd == p->err)
        read_complaint(p);
    else if (fd == p->pidfd)
        on_exited(p);
}

void program_kill(struct program *p)
{
    p->killed = true;
    if (p->pid > 0)
        kill(-p->pid, SIGKILL);
}

void program_free(struct program *p)
{
    if (!p)
        return;
    close_fd(p, &p->in);
    close_fd(p, &p->out);
    close_fd(p, &p->err);
    close_fd(p, &p->pidfd);
    if (p->pid > 0) {
        kill(-p->pid, SIGKILL);
        while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    buf_finish(&p->line);
    buf_finish(&p->input);
    buf_finish(&p->complaint);
    free(p);
}
