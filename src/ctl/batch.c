/* batch.c - amdahlctl batch: a command whose saves are sent together at its end. */
#include "ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "ctl/mount.h"
#include "ctl/object.h"
#include "ctl/report.h"

enum { PROGRESS_MS = 100, EXIT_NOT_FOUND = 127, EXIT_NOT_RUN = 126, EXIT_SIGNAL = 128 };

/* ---- the command ------------------------------------------------------------------ */

static _Noreturn void child_exec(char **command)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
    execvp(*command, command);
    ctl_error("%s: %m", *command);
    _exit(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN);
}

/* Runs it to its end: its wait status, or -errno. What is typed at it is not for us. */
static int command_run(char **command)
{
    int status;
    fflush(stdout);
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    pid_t child = fork();
    if (child == 0)
        child_exec(command);
    while (child > 0 && waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            child = -1;
    int err = child < 0 ? -errno : status;
    signal(SIGINT, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
    return err;
}

/* ---- verdicts --------------------------------------------------------------------- */

static enum paint result_paint(struct object o, const char *result)
{
    if (object_flag(o, "ok"))
        return PAINT_GOOD;
    return strcmp(result, "waiting") ? PAINT_BAD : PAINT_WAIT;
}

static void print_reasons(struct object o)
{
    struct object errors = object_inner(o, "errors");
    cleanup_free char *message = object_string(o, "message");
    struct json_iter it;
    bool any = false;
    if (errors.span.type == JSON_ARRAY) {
        json_iter_init(&it, errors.text, errors.span);
        while (json_iter_next(&it)) {
            cleanup_free char *line = json_string_dup(errors.text, it.value);
            printf("            ");
            ctl_print_clean(stdout, line ? line : "?");
            putchar('\n');
            any = true;
        }
    }
    if (message && !any) {
        printf("            ");
        ctl_print_clean(stdout, message);
        putchar('\n');
    }
}

/* A row for people: what it came to, the page, and beneath it the reasons. */
static void print_row(const struct ctl *ctl, struct object o)
{
    cleanup_free char *result = object_string(o, "result");
    cleanup_free char *page = object_string(o, "page");
    const char *word = result ? result : "?";
    ctl_print_painted(ctl, result_paint(o, word), word);
    printf("%*s", (int)(12 - (strlen(word) < 11 ? strlen(word) : 11)), "");
    ctl_print_clean(stdout, page ? page : "?");
    putchar('\n');
    print_reasons(o);
}

/* False: this page is not saved. */
static bool print_verdict(const struct ctl *ctl, const char *line, size_t len)
{
    struct object o = {line, {0, 0, JSON_NULL}};
    struct json_limits limits = JSON_LIMITS_WIRE;
    if (json_check(line, len, &limits, &o.span, NULL) != 0)
        return false;
    if (ctl->json)
        printf("%.*s\n", (int)len, line);
    else
        print_row(ctl, o);
    return object_flag(o, "ok");
}

/* ---- the commit ------------------------------------------------------------------- */

struct commit {
    int fd;      /* .amdahl/batch */
    int done[2]; /* a pipe: closed at the end */
    int err;
};

/* pwrite and pread: the kernel keeps a file's position while a write of it is under way. */
static void *commit_write(void *arg)
{
    struct commit *c = arg;
    if (pwrite(c->fd, "commit\n", 7, 0) < 0)
        c->err = -errno;
    close(c->done[1]);
    return NULL;
}

/* The verdicts that have come since the last look; counts those that are bad. 0 or -errno. */
static int commit_print(const struct ctl *ctl, struct commit *c, struct buf *partial,
                        unsigned *bad)
{
    char part[65536];
    ssize_t n;
    while ((n = pread(c->fd, part, sizeof part, 0)) > 0)
        buf_append(partial, part, (size_t)n);
    size_t at = 0;
    for (char *end;
         at < partial->len && (end = memchr(partial->data + at, '\n', partial->len - at));
         at = (size_t)(end - partial->data) + 1)
        *bad +=
            !print_verdict(ctl, partial->data + at, (size_t)(end - partial->data) - at);
    fflush(stdout);
    if (at) {
        memmove(partial->data, partial->data + at, partial->len - at);
        buf_resize(partial, partial->len - at);
    }
    return n < 0 ? -errno : 0;
}

/* Shows each page's verdict as it comes. 0, or the errno of the first that is none. */
static int commit_run(const struct ctl *ctl, int fd, unsigned *ret_bad)
{
    struct commit c = {.fd = fd};
    cleanup_buf struct buf partial = BUF_INIT;
    pthread_t writer;
    if (pipe2(c.done, O_CLOEXEC) < 0)
        return -errno;
    int err = pthread_create(&writer, NULL, commit_write, &c);
    if (err) {
        close(c.done[0]);
        close(c.done[1]);
        return -err;
    }
    struct pollfd end = {.fd = c.done[0], .events = POLLIN};
    while (poll(&end, 1, PROGRESS_MS) == 0)
        commit_print(ctl, &c, &partial, ret_bad);
    pthread_join(writer, NULL);
    close(c.done[0]);
    err = commit_print(ctl, &c, &partial, ret_bad);
    return c.err ? c.err : err;
}

/* ---- the whole -------------------------------------------------------------------- */

static int batch_open(const char *root)
{
    cleanup_free char *path = xasprintf("%s/.amdahl/batch", root);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 && errno == EACCES)
        ctl_error("%s: this key cannot write pages, or another user mounted them", path);
    else if (fd < 0)
        ctl_error("%s: %m", path);
    return fd;
}

/* The worse of the two: the command's own status, or that of what it saved. */
static int batch_end(const struct ctl *ctl, int fd, int status)
{
    unsigned bad = 0;
    if (WIFSIGNALED(status)) {
        ctl_error("signal %d ended the command: what it changed stays here as drafts",
                  WTERMSIG(status));
        return EXIT_SIGNAL + WTERMSIG(status);
    }
    int err = commit_run(ctl, fd, &bad);
    if (err && !bad)
        ctl_error("the batch is not sent: %s", strerror(-err));
    int sent = !err && !bad                                 ? CTL_OK
               : err && (!bad || report_is_connection(err)) ? CTL_CONNECTION
                                                            : CTL_NO;
    return sent > WEXITSTATUS(status) ? sent : WEXITSTATUS(status);
}

int batch_run(const struct ctl *ctl, int argc, char **argv)
{
    cleanup_free char *root = NULL;
    int status = report_find_mount(argc > 0 ? argv[0] : NULL, &root);
    if (status)
        return status;
    cleanup_fd int fd = batch_open(root);
    if (fd < 0)
        return CTL_CONNECTION;
    status = command_run(ctl->tail);
    if (status < 0) {
        ctl_error("%s: %s", *ctl->tail, strerror(-status));
        return CTL_CONNECTION;
    }
    return batch_end(ctl, fd, status);
}
