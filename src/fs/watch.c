#include "fs/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/log.h"
#include "fs/reply.h"

/* A page whose directory the helper is about to make or remove. */
struct expected {
    char *name;
    struct page *gone; /* a reference; NULL: it has come */
    UT_hash_handle hh;
};

struct watch {
    char *mountpoint;
    int socket;
    pid_t helper;
    pthread_mutex_t lock; /* a leaf; guards the rest */
    struct expected *expected;
};

enum { MESSAGE_MAX = 4352, EXPECTED_MAX = 4096 };

/* ---- the helper ------------------------------------------------------------------ */

/* MODIFY and CLOSE_WRITE; of what nobody can write ATTRIB. */
static void helper_change(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return;
    const struct timespec same[2] = {st.st_atim, st.st_mtim};
    if (!(st.st_mode & 0200) || truncate(path, st.st_size) != 0) {
        utimensat(AT_FDCWD, path, same, 0);
        return;
    }
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
}

static void helper_come(const char *path)
{
    (void)!mkdir(path, 0755);
}

static void helper_go(const char *path)
{
    (void)!rmdir(path);
}

static void (*const helper_calls[])(const char *path) = {
    [WATCH_CHANGED] = helper_change,
    [WATCH_CAME] = helper_come,
    [WATCH_GONE] = helper_go,
};

/* A message is the event's number and the path. */
static _Noreturn void helper_run(int socket)
{
    char message[MESSAGE_MAX + 1];
    ssize_t n;
    while ((n = recv(socket, message, MESSAGE_MAX, 0)) > 0 || (n < 0 && errno == EINTR)) {
        unsigned char event = n > 1 ? (unsigned char)message[0] : UINT8_MAX;
        if (event >= ARRAY_LEN(helper_calls))
            continue;
        message[n] = '\0';
        helper_calls[event](message + 1);
    }
    _exit(0);
}

/* Nothing of the parent's is open in it, and it ends when the parent does. */
static _Noreturn void helper_begin(int socket, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    prctl(PR_SET_NAME, "amdahlfs-watch");
    signal(SIGINT, SIG_IGN); /* a Ctrl-C at a mount in the foreground is for the parent */
    for (char **e = environ; e && *e; e++)
        explicit_bzero(*e, strlen(*e)); /* a key may be there, for /proc to show */
    clearenv();
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd <= 2; fd++)
        dup2(null, fd);
    dup2(socket, 3);
    close_range(4, ~0u, 0);
    (void)!chdir("/");
    helper_run(3);
}

/* ---- life ------------------------------------------------------------------------ */

int watch_start(const char *mountpoint, struct watch **ret_watch)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return -errno;
    pid_t parent = getpid();
    pid_t helper = fork();
    if (helper == 0)
        helper_begin(ends[1], parent);
    close(ends[1]);
    if (helper < 0) {
        int err = -errno;
        close(ends[0]);
        return err;
    }
    struct watch *w = xcalloc(1, sizeof *w);
    w->mountpoint = xstrdup(mountpoint);
    w->socket = ends[0];
    w->helper = helper;
    pthread_mutex_init(&w->lock, NULL);
    *ret_watch = w;
    return 0;
}

static void expected_drop(struct watch *w, struct expected *e)
{
    HASH_DEL(w->expected, e);
    page_unref(e->gone);
    free(e->name);
    free(e);
}

void watch_stop(struct watch *w)
{
    if (!w)
        return;
    close(w->socket);
    kill(w->helper, SIGKILL);
    while (waitpid(w->helper, NULL, 0) < 0 && errno == EINTR)
        continue;
    while (w->expected)
        expected_drop(w, w->expected);
    pthread_mutex_destroy(&w->lock);
    free(w->mountpoint);
    free(w);
}

void watch_tell(struct watch *w, enum watch_event event, const char *path)
{
    if (!w)
        return;
    cleanup_free char *message = xasprintf("%c%s/%s", (int)event, w->mountpoint, path);
    size_t len = 1 + strlen(w->mountpoint) + 1 + strlen(path); /* event 0 is a NUL */
    if (len <= MESSAGE_MAX &&
        send(w->socket, message, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return;
    log_debug("watch: %s is not told: %s", path, strerror(errno));
}

bool watch_is_helper(const struct fs *fs, pid_t tid)
{
    return fs->watch && tid == fs->watch->helper;
}

/* ---- its calls in pages/ --------------------------------------------------------- */

void watch_expect(struct watch *w, const char *name, struct page *gone)
{
    struct expected *old = NULL;
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    HASH_FIND_STR(w->expected, name, old);
    if (old)
        expected_drop(w, old);
    if (HASH_COUNT(w->expected) < EXPECTED_MAX) {
        struct expected *e = xcalloc(1, sizeof *e);
        e->name = xstrdup(name);
        e->gone = page_ref(gone);
        HASH_ADD_KEYPTR(hh, w->expected, e->name, strlen(e->name), e);
    }
    pthread_mutex_unlock(&w->lock);
}

/* What was expected of that name, once: a reference to the page that has gone. */
static bool watch_take(struct watch *w, const char *name, bool take,
                       struct page **ret_gone)
{
    struct expected *e = NULL;
    *ret_gone = NULL;
    pthread_mutex_lock(&w->lock);
    HASH_FIND_STR(w->expected, name, e);
    if (e)
        *ret_gone = page_ref(e->gone);
    if (e && take)
        expected_drop(w, e);
    pthread_mutex_unlock(&w->lock);
    return e != NULL;
}

static struct fs *watch_fs(fuse_req_t req)
{
    return fuse_req_userdata(req);
}

static struct node *page_node(struct fs *fs, struct page *taken)
{
    return node_get(fs, &page_ops, taken, 0);
}

/* Its attributes, though it is gone for everybody else. */
static void reply_gone(fuse_req_t req, struct node *child)
{
    struct fuse_entry_param e = {.ino = node_ino(child)};
    child->key.ops->stat(child, &e.attr);
    e.attr.st_uid = child->fs->uid;
    e.attr.st_gid = child->fs->gid;
    node_kernel_ref(child);
    if (fuse_reply_entry(req, &e) != 0)
        node_kernel_unref(child, 1);
    node_unref(child);
}

void watch_lookup(fuse_req_t req, const char *name)
{
    struct fs *fs = watch_fs(req);
    struct page *p;
    bool expected = watch_take(fs->watch, name, false, &p);
    if (!expected)
        p = workspace_find_page(fs->ws, name); /* below it a file has changed */
    if (!p)
        reply_absent(req, 0);
    else if (expected)
        reply_gone(req, page_node(fs, p));
    else
        reply_entry(req, page_node(fs, p), true);
}

void watch_mkdir(fuse_req_t req, const char *name)
{
    struct fs *fs = watch_fs(req);
    struct page *gone;
    bool expected = watch_take(fs->watch, name, true, &gone);
    struct page *p = expected && !gone ? workspace_find_page(fs->ws, name) : NULL;
    page_unref(gone);
    if (p)
        reply_entry(req, page_node(fs, p), true);
    else
        reply_err(req, -ENOENT);
}

void watch_rmdir(fuse_req_t req, const char *name)
{
    struct page *gone;
    watch_take(watch_fs(req)->watch, name, true, &gone);
    reply_err(req, gone ? 0 : -ENOENT);
    page_unref(gone);
}
