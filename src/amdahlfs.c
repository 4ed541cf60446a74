/* amdahlfs.c - from the command line to a mount, and back.
 *
 * Order matters: the process forks before it starts a thread or touches curl (daemon.h);
 * the platform is asked once before the mount, so that a bad key, a wrong host or a
 * server that is no Amdahl platform is said at the prompt; at the end the saves on their
 * way are waited for and all who wait are answered, then the kernel is let go. */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/loop.h"
#include "daemon.h"
#include "embedded.h"
#include "fs/fs.h"
#include "fs/watch.h"
#include "http/http.h"
#include "http/key.h"
#include "mountpoint.h"
#include "options.h"
#include "platform/platform.h"
#include "statedir.h"
#include "workspace/workspace.h"

/* With a cache to show, the platform is not waited for so long at the start. */
enum { STOP_GRACE_MS = 10000, PROBE_CACHED_MS = 10000 };

struct program {
    struct options options;
    struct embedded embedded;
    int state_lock;
    char *state_dir, *cache_dir;
    struct http_key *key;
    struct loop *loop;
    struct http *http;
    struct platform *platform;
    struct workspace *workspace;
    struct watch *watch;
    struct fs *fs;
};

static int fail(int err, const char *what, const char *reason)
{
    fprintf(stderr, "amdahlfs: %s: %s\n", what, reason);
    return err;
}

/* ---- the first word with the platform ---------------------------------------- */

/* One answer, waited for. */
struct probe {
    struct wait wait;
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool answered;
    int err;
    long status;
    char message[512];
    struct text *me;
};

static void probe_answered(struct probe *probe, int err)
{
    pthread_mutex_lock(&probe->lock);
    probe->answered = true;
    probe->err = err;
    pthread_cond_signal(&probe->done);
    pthread_mutex_unlock(&probe->lock);
}

static void probe_me(void *arg, const struct platform_answer *answer)
{
    struct probe *probe = arg;
    probe->status = answer->status;
    snprintf(probe->message, sizeof probe->message, "%s", answer->message);
    if (!answer->err)
        probe->me = text_ref(answer->body);
    probe_answered(probe, answer->err);
}

static void probe_list(struct wait *wait, int err)
{
    probe_answered(container_of(wait, struct probe, wait), err);
}

static void probe_wait(struct probe *probe)
{
    pthread_mutex_lock(&probe->lock);
    while (!probe->answered)
        pthread_cond_wait(&probe->done, &probe->lock);
    probe->answered = false;
    pthread_mutex_unlock(&probe->lock);
}

static int probe_refuse(const struct probe *probe, const char *host)
{
    char reason[700];
    const char *what = "";
    if (probe->status == 401 || probe->status == 403)
        what = "the platform refuses this key: ";
    else if (probe->status && probe->status < 500)
        what = "this is not an Amdahl platform: ";
    else if (!probe->status)
        what = "cannot be reached: ";
    snprintf(reason, sizeof reason, "%s%s", what, probe->message);
    return fail(probe->err, host, reason);
}

/* Nobody answered, or only that the platform is down. */
static bool probe_is_away(const struct probe *probe)
{
    return !probe->status || probe->status >= 500;
}

/* The last mount's list is there to be shown. */
static int probe_go_on(struct program *p, const struct probe *probe)
{
    log_warning("%s cannot be reached: %s; what is cached of it is shown",
                http_host(p->http), probe->message);
    workspace_begin_offline(p->workspace);
    return 0;
}

/* A platform without /me is asked for its pages, which the mount wants anyway. */
static int program_probe(struct program *p)
{
    struct probe probe = {.wait.done = probe_list};
    bool cached = workspace_has_list(p->workspace);
    struct platform_call call = {HTTP_INTERACTIVE, cached ? PROBE_CACHED_MS : 0, probe_me,
                                 &probe, 0};
    pthread_mutex_init(&probe.lock, NULL);
    pthread_cond_init(&probe.done, NULL);
    platform_me(p->platform, &call);
    probe_wait(&probe);
    if (probe.err && probe.status && probe.status != 401 && probe.status < 500) {
        workspace_refresh(p->workspace, &probe.wait);
        probe_wait(&probe);
    }
    if (!probe.err)
        workspace_set_me(p->workspace, probe.me);
    text_unref(probe.me);
    if (probe.err && probe_is_away(&probe) && workspace_has_list(p->workspace))
        return probe_go_on(p, &probe);
    return probe.err ? probe_refuse(&probe, http_host(p->http)) : 0;
}

/* ---- start ------------------------------------------------------------------- */

/* The key is in this process's memory: no core file, no other process's eyes. (The leak
 * sanitizer is such another process.) */
static void process_harden(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGPIPE, SIG_IGN);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    prctl(PR_SET_DUMPABLE, 0);
#endif
}

/* glibc would give each of libfuse's threads a heap, and what one of them frees is of no use
 * to the others: a third of the memory after a walk over all pages. */
static void process_share_heap(void)
{
    mallopt(M_ARENA_MAX, 2);
}

/* Each local file that is open in the mount is open here. */
static void process_allow_files(void)
{
    enum { ENOUGH = 1 << 16 };
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= ENOUGH)
        return;
    files.rlim_cur = files.rlim_max < ENOUGH ? files.rlim_max : ENOUGH;
    setrlimit(RLIMIT_NOFILE, &files);
}

static int program_open_key(struct program *p)
{
    cleanup_free char *reason = NULL;
    const char *file = p->embedded.key_file ? p->embedded.key_file : p->options.key_file;
    int err = http_key_open(file, p->options.key_command, &p->key, &reason);
    return err ? fail(err, "the API key", reason ? reason : strerror(-err)) : 0;
}

static int program_open_state(struct program *p)
{
    char fingerprint[17];
    http_key_fingerprint(p->key, fingerprint);
    cleanup_free char *name = xasprintf("%s-%s", http_host(p->http), fingerprint);
    for (char *c = name; *c; c++)
        if (*c == '/')
            *c = '-';
    p->cache_dir = cachedir_make(p->options.cache_dir, name);
    return statedir_open(p->options.state_dir, name, &p->state_lock, &p->state_dir);
}

static int program_connect(struct program *p)
{
    cleanup_free char *reason = NULL;
    const struct options *o = &p->options;
    struct http_config config = {
        .url = p->embedded.url ? p->embedded.url : o->url,
        .key = p->key,
        .api_version = o->api_version,
        .timeout_ms = o->timeout * 1000L,
        .max_requests = o->max_requests,
    };
    int err = loop_create(&p->loop);
    if (!err)
        err = http_create(p->loop, &config, &p->http, &reason);
    if (err)
        return fail(err, config.url, reason ? reason : strerror(-err));
    err = platform_create(p->http, &p->platform);
    return err ? err : loop_start(p->loop);
}

static int program_make_workspace(struct program *p)
{
    cleanup_free char *reason = NULL;
    const struct options *o = &p->options;
    struct workspace_config config = {
        .loop = p->loop,
        .http = p->http,
        .platform = p->platform,
        .refresh_ms = o->refresh * 1000L,
        .ttl_ms = o->ttl * 1000L,
        .render_ttl_ms = o->render_ttl * 1000L,
        .archive_limit = o->archive_limit,
        .read_ahead = o->read_ahead,
        .watched = o->watch,
        .runtime_hidden = o->runtime && !strcmp(o->runtime, "hidden"),
        .state_dir = p->state_dir,
        .cache_dir = p->cache_dir,
        .cache_bytes = (uint64_t)o->cache_size << 20,
    };
    umask(0); /* the kernel has applied the caller's to each mode it hands on */
    int err = workspace_create(&config, &p->workspace, &reason);
    return err ? fail(err, "the state directory", reason ? reason : strerror(-err)) : 0;
}

static int program_mount(struct program *p)
{
    struct fs_config config = {p->workspace, p->loop, steal_ptr(p->watch)};
    struct fuse_args *args = &p->options.args;
    cleanup_free char *host = xstrdup(http_host(p->http));
    /* A comma would end the option, whatever the URL was. */
    for (char *c = host; *c; c++)
        if (*c == ',' || *c == '\\')
            *c = '-';
    cleanup_free char *names =
        xasprintf("-ofsname=amdahl:%s,subtype=amdahlfs,default_permissions", host);
    fuse_opt_add_arg(args, names);
    if (p->options.debug)
        fuse_opt_add_arg(args, "-odebug"); /* the kernel's requests beside ours */
    fs_create(&config, &p->fs);
    int err = fs_mount(p->fs, p->options.mountpoint, args);
    return err ? fail(err, p->options.mountpoint, "cannot be mounted") : 0;
}

static int program_start(struct program *p)
{
    int err = mountpoint_prepare(&p->options.mountpoint);
    if (!err)
        err = daemon_start(p->options.foreground || p->options.debug,
                           p->options.mountpoint);
    if (err)
        return err;
    if (p->options.watch)
        err = watch_start(p->options.mountpoint, &p->watch);
    if (err)
        return fail(err, "-o watch", strerror(-err));
    process_harden();
    process_allow_files();
    process_share_heap();
    if (p->options.local)
        err = embedded_start(&p->embedded, p->options.local);
    if (!err)
        err = program_open_key(p);
    if (!err)
        err = program_connect(p);
    if (!err)
        err = program_open_state(p);
    if (!err)
        err = program_make_workspace(p);
    if (!err)
        err = program_probe(p);
    return err ? err : program_mount(p);
}

/* ---- end --------------------------------------------------------------------- */

static void program_stop(struct program *p)
{
    workspace_end_streams(p->workspace);
    if (p->http)
        http_stop(p->http, STOP_GRACE_MS); /* answers every waiter while it can be told */
    if (p->fs)
        fs_unmount(p->fs);
    workspace_stop(p->workspace);
    if (p->loop)
        loop_stop(p->loop);
    fs_destroy(p->fs);
    watch_stop(p->watch); /* when it did not come so far */
    workspace_destroy(p->workspace);
    if (p->platform)
        platform_destroy(p->platform);
    if (p->http)
        http_destroy(p->http);
    loop_destroy(p->loop);
    if (p->key)
        http_key_close(p->key);
    if (p->state_lock >= 0)
        close(p->state_lock);
    embedded_stop(&p->embedded);
    free(p->state_dir);
    free(p->cache_dir);
    options_finish(&p->options);
}

static int program_run(struct program *p)
{
    const struct options *o = &p->options;
    bool foreground = o->foreground || o->debug;
    log_setup("amdahlfs", o->debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, LOG_SINK_STDERR);
    int err = program_start(p);
    if (err)
        return err;
    if (!foreground)
        log_setup("amdahlfs", LOG_LEVEL_INFO, LOG_SINK_SYSLOG);
    log_info("%s is mounted at %s", http_host(p->http), o->mountpoint);
    daemon_ready();
    err = fs_loop(p->fs);
    log_info("%s is unmounted", o->mountpoint);
    return err;
}

int main(int argc, char **argv)
{
    struct program p = {.state_lock = -1};
    if (options_parse(&p.options, argc, argv) != 0) {
        options_finish(&p.options);
        return 2;
    }
    if (p.options.help)
        options_usage();
    if (p.options.version)
        puts("amdahlfs " AMDAHLFS_VERSION);
    int err = p.options.help || p.options.version ? 0 : program_run(&p);
    program_stop(&p);
    return err ? 1 : 0;
}
