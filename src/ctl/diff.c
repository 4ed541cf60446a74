/* diff.c - amdahlctl diff: drafts against what the platform has, by diff(1). */
#include "ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "ctl/mount.h"
#include "ctl/report.h"

extern char **environ;

static const char *const files[] = {"spec.json", "queries.json", "page.json"};

/* The platform's text of PAGE/FILE. The mount has no words for it while it only fetches
 * the page: then it is asked a second time. */
static int read_stored(const char *root, const char *path, struct buf *out)
{
    cleanup_free char *command = xasprintf("stored %s", path);
    int err = 0;
    for (int i = 0; i < 2 && !err && !out->len; i++)
        err = mount_command(root, command, out);
    return err;
}

/* A file without a name, and a path by which another process opens it. */
static int text_to_fd(const struct buf *text)
{
    int fd = memfd_create("stored", 0);
    size_t done = 0;
    while (fd >= 0 && done < text->len) {
        ssize_t n = write(fd, text->data + done, text->len - done);
        if (n < 0) {
            close(fd);
            return -errno;
        }
        done += (size_t)n;
    }
    return fd < 0 ? -errno : fd;
}

/* diff(1)'s exit status: 0 the same, 1 another; else trouble, which it has said. */
static int run_diff(const char *path, const char *ours, int stored_fd)
{
    cleanup_free char *stored = xasprintf("/proc/self/fd/%d", stored_fd);
    cleanup_free char *stored_label = xasprintf("platform/%s", path);
    cleanup_free char *our_label = xasprintf("pages/%s", path);
    const char *const argv[] = {"diff",    "-u",   "--label", stored_label, "--label",
                                our_label, stored, ours,      NULL};
    pid_t pid;
    int status;
    fflush(stdout);
    int err =
        posix_spawnp(&pid, "diff", NULL, NULL, (char *const *)(uintptr_t)argv, environ);
    if (err) {
        ctl_error("diff: %s", strerror(err));
        return CTL_USAGE;
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return CTL_USAGE;
    return WIFEXITED(status) ? WEXITSTATUS(status) : CTL_USAGE;
}

static int diff_file(const char *root, const char *path)
{
    cleanup_free char *ours = xasprintf("%s/pages/%s", root, path);
    cleanup_buf struct buf stored = BUF_INIT;
    if (access(ours, F_OK) != 0)
        return CTL_OK; /* the name is gone: no draft */
    int err = read_stored(root, path, &stored);
    cleanup_fd int fd = err ? err : text_to_fd(&stored);
    if (fd < 0) {
        ctl_error("%s: %s", path, strerror(-fd));
        return report_is_connection(fd) ? CTL_CONNECTION : CTL_USAGE;
    }
    return run_diff(path, ours, fd);
}

int diff_run(const struct ctl *ctl, int argc, char **argv)
{
    cleanup_free char *root = NULL;
    cleanup_free char *page = NULL;
    (void)ctl; /* a diff is for programs as it is */
    int worst = report_find_page(argc, argv, &root, &page);
    if (worst)
        return worst;
    cleanup_free char *dir = xasprintf("%s/pages/%s", root, page);
    if (access(dir, F_OK) != 0) {
        ctl_error("there is no page '%s'", page);
        return CTL_NO;
    }
    if (strchr(page, '/'))
        return diff_file(root, page);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        cleanup_free char *path = xasprintf("%s/%s", page, files[i]);
        int status = diff_file(root, path);
        worst = status > worst ? status : worst;
    }
    return worst;
}
