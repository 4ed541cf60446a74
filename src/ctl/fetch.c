/* fetch.c - amdahlctl fetch: pages are read ahead, so that they are here when wanted.
 *
 * The mount does the work, a page a command (.amdahl/ctl), in a class of its budget that goes
 * behind everybody else. A command that ends with this process is given up there too, and
 * what was not sent by then never is. */
#include "ctl/ctl.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "ctl/mount.h"
#include "ctl/progress.h"
#include "ctl/report.h"
#include "json/json.h"

enum { FETCH_AT_ONCE = 8, TICK_MS = 200 };

struct fetch {
    const struct ctl *ctl;
    char *root;
    char **names;
    size_t count, cap;
    pthread_t caller; /* is told of the end by SIGUSR1 */
    struct progress progress;
    pthread_mutex_t lock; /* guards the rest, and standard output while they run */
    size_t next, done, fetched, failed;
    unsigned running;
    bool dead; /* the mount is */
};

static void fetch_add(struct fetch *f, const char *name)
{
    if (f->count == f->cap) {
        f->cap = f->cap ? f->cap * 2 : 64;
        f->names = xrealloc(f->names, f->cap * sizeof *f->names);
    }
    f->names[f->count++] = xstrdup(name);
}

static void fetch_free(struct fetch *f)
{
    for (size_t i = 0; i < f->count; i++)
        free(f->names[i]);
    free(f->names);
    free(f->root);
}

/* ---- which pages ------------------------------------------------------------------- */

static int name_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What begins with a dot in pages/ is a directory of this machine. */
static int fetch_list(struct fetch *f)
{
    cleanup_free char *path = xasprintf("%s/pages", f->root);
    DIR *dir = opendir(path);
    struct dirent *entry;
    if (!dir)
        return -errno;
    errno = 0;
    while ((entry = readdir(dir))) {
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            fetch_add(f, entry->d_name);
        errno = 0;
    }
    int err = -errno;
    closedir(dir);
    if (f->count)
        qsort(f->names, f->count, sizeof *f->names, name_compare);
    return err;
}

/* The root itself, rather than something in it, or the name of a page. */
static bool is_mount(const char *argument, char **ret_root)
{
    char *root = NULL;
    if (mount_find(argument, &root) != 0)
        return false;
    char *real = realpath(argument, NULL);
    bool is = real && !strcmp(real, root);
    free(real);
    if (is)
        *ret_root = root;
    else
        free(root);
    return is;
}

/* [PAGE...] [MOUNT]. 0 or the exit status. */
static int fetch_take(struct fetch *f, int argc, char **argv)
{
    const char *last = argc ? argv[argc - 1] : NULL;
    if (last && is_mount(last, &f->root))
        argc--;
    else if (report_find_mount(last && mount_is_path(last) ? last : NULL, &f->root))
        return CTL_CONNECTION;
    for (int i = 0; i < argc; i++) {
        cleanup_free char *page = NULL;
        if (mount_page(f->root, argv[i], &page) != 0) {
            ctl_error("'%s' is no page of the mount at %s", argv[i], f->root);
            return CTL_USAGE;
        }
        page[strcspn(page, "/")] = '\0';
        fetch_add(f, page);
    }
    int err = argc ? 0 : fetch_list(f);
    if (err)
        ctl_error("%s/pages: %s", f->root, strerror(-err));
    return err ? CTL_CONNECTION : CTL_OK;
}

/* ---- a page ------------------------------------------------------------------------ */

static const char *fetch_reason(int err)
{
    switch (-err) {
    case ENOENT:
        return "there is no such page";
    case EINVAL:
        return "this mount cannot fetch: its driver is older than this program";
    case EACCES:
        return "this key may not read it, or another user mounted";
    case EBUSY:
        return "the platform allows no more requests for too long";
    default:
        return strerror(-err);
    }
}

static void print_json(const char *name, int err, bool fetched)
{
    cleanup_buf struct buf line = BUF_INIT;
    buf_puts(&line, "{\"page\":");
    json_quotes(&line, json_utf8_valid(name, strlen(name), NULL) ? name : "");
    buf_printf(&line, ",\"ok\":%s,\"fetched\":%s,\"message\":", err ? "false" : "true",
               fetched ? "true" : "false");
    if (err)
        json_quotes(&line, fetch_reason(err));
    else
        buf_puts(&line, "null");
    buf_putc(&line, '}');
    puts(line.data);
}

/* Lock held. */
static void fetch_note(struct fetch *f, const char *name, int err, bool fetched)
{
    f->done++;
    f->fetched += fetched;
    f->failed += err != 0;
    f->dead = f->dead || err == -ENOTCONN;
    if (f->ctl->json) {
        print_json(name, err, fetched);
    } else if (err && !f->dead) {
        progress_clear(&f->progress);
        ctl_error("%s: %s", name, fetch_reason(err));
    }
}

/* A thread: one page after the other. */
static void *fetch_work(void *arg)
{
    struct fetch *f = arg;
    pthread_mutex_lock(&f->lock);
    while (f->next < f->count && !f->dead) {
        const char *name = f->names[f->next++];
        cleanup_buf struct buf words = BUF_INIT;
        cleanup_free char *command = xasprintf("fetch %s", name);
        pthread_mutex_unlock(&f->lock);
        int err = mount_command(f->root, command, &words);
        pthread_mutex_lock(&f->lock);
        fetch_note(f, name, err, !err && words.len && !strcmp(words.data, "fetched\n"));
    }
    if (--f->running == 0)
        pthread_kill(f->caller, SIGUSR1);
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

/* ---- all of them ------------------------------------------------------------------- */

/* Blocked from here on, in the threads too: they are waited for. */
static void signals_take(sigset_t *ret)
{
    sigemptyset(ret);
    sigaddset(ret, SIGINT);
    sigaddset(ret, SIGTERM);
    sigaddset(ret, SIGHUP);
    sigaddset(ret, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, ret, NULL);
}

/* Ends as the signal would have: what is under way ends with the process. */
static _Noreturn void fetch_interrupt(struct fetch *f, int number)
{
    sigset_t set;
    pthread_mutex_lock(&f->lock); /* and nobody prints any more */
    progress_clear(&f->progress);
    if (!f->ctl->json)
        printf("interrupted: %zu of %zu pages are here\n", f->done - f->failed, f->count);
    fflush(stdout);
    sigemptyset(&set);
    sigaddset(&set, number);
    signal(number, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    raise(number);
    _exit(CTL_NO);
}

static void fetch_watch(struct fetch *f, const sigset_t *signals)
{
    static const struct timespec tick = {.tv_nsec = TICK_MS * 1000000L};
    int number;
    while ((number = sigtimedwait(signals, NULL, &tick)) != SIGUSR1) {
        if (number > 0)
            fetch_interrupt(f, number);
        pthread_mutex_lock(&f->lock);
        if (!f->ctl->json)
            progress_show(&f->progress, f->done, f->fetched);
        pthread_mutex_unlock(&f->lock);
    }
}

/* 0 or the errno of a thread that could not be made, when there is none. */
static int fetch_all(struct fetch *f)
{
    pthread_t threads[FETCH_AT_ONCE];
    sigset_t signals;
    unsigned made = 0;
    int err = 0;
    signals_take(&signals);
    f->caller = pthread_self();
    pthread_mutex_lock(&f->lock);
    while (!err && made < FETCH_AT_ONCE && made < f->count) {
        err = pthread_create(&threads[made], NULL, fetch_work, f);
        made += !err;
    }
    f->running = made;
    pthread_mutex_unlock(&f->lock);
    if (!made)
        return -err;
    fetch_watch(f, &signals);
    for (unsigned i = 0; i < made; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

static int fetch_end(struct fetch *f)
{
    size_t here = f->done - f->failed;
    progress_clear(&f->progress);
    if (f->dead) {
        ctl_error("the mount at %s has ended", f->root);
        return CTL_CONNECTION;
    }
    if (!f->ctl->json)
        printf("%zu of %zu pages are here: %zu fetched, %zu were before\n", here,
               f->count, f->fetched, here - f->fetched);
    return f->failed ? CTL_NO : CTL_OK;
}

int fetch_run(const struct ctl *ctl, int argc, char **argv)
{
    struct fetch f = {.ctl = ctl, .lock = PTHREAD_MUTEX_INITIALIZER};
    int status = fetch_take(&f, argc, argv);
    if (!status) {
        progress_begin(&f.progress, f.root, f.count);
        int err = fetch_all(&f);
        if (err)
            ctl_error("%s", strerror(-err));
        status = err ? CTL_NO : fetch_end(&f);
    }
    fetch_free(&f);
    return status;
}
