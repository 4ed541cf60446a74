/* main.c - amdahl-local: options, start, wait for a signal, end. */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/alloc.h"
#include "base/log.h"
#include "local/app.h"
#include "local/demo.h"
#include "local/gates.h"
#include "local/import.h"
#include "local/listen.h"
#include "local/server.h"
#include "local/store.h"
#include "local/uuid.h"

#define DEFAULT_LISTEN "127.0.0.1:8787"

struct options {
    const char *dir;
    const char *listen;
    const char *socket;
    const char *import;
    const char *access_log;
    struct ratelimit limit;
    bool verbose;
};

static const char usage_text[] =
    "Usage: amdahl-local --dir DIR [OPTION]...\n"
    "Serves an Amdahl workspace that lives in DIR.\n\n"
    "  --dir DIR              the workspace; made, with demo data, when it is not there\n"
    "  --listen ADDR:PORT     where to answer (" DEFAULT_LISTEN "); port 0: a free one\n"
    "  --socket PATH          answer on a Unix socket instead\n"
    "  --rate-limit N[/S]     allow N requests a minute (or in S seconds); off by "
    "default\n"
    "  --import FILE.csv      replace the interactions by the records of FILE.csv\n"
    "  --access-log FILE      append a JSON object for each request\n"
    "  --verbose              log each request on standard error\n"
    "  --help, --version\n\n"
    "The keys are in DIR/keys.json. See amdahl-local(1).\n";

/* ---- options ---------------------------------------------------------------------- */

enum {
    OPT_DIR = 1,
    OPT_LISTEN,
    OPT_SOCKET,
    OPT_RATE,
    OPT_IMPORT,
    OPT_ACCESS,
    OPT_VERBOSE,
    OPT_HELP,
    OPT_VERSION
};

static const struct option long_options[] = {
    {"dir", required_argument, NULL, OPT_DIR},
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"socket", required_argument, NULL, OPT_SOCKET},
    {"rate-limit", required_argument, NULL, OPT_RATE},
    {"import", required_argument, NULL, OPT_IMPORT},
    {"access-log", required_argument, NULL, OPT_ACCESS},
    {"verbose", no_argument, NULL, OPT_VERBOSE},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {0},
};

static _Noreturn void bad_usage(const char *why)
{
    fprintf(stderr, "amdahl-local: %s\nTry 'amdahl-local --help'.\n", why);
    exit(2);
}

static void take_option(struct options *o, int option)
{
    switch (option) {
    case OPT_DIR:
        o->dir = optarg;
        break;
    case OPT_LISTEN:
        o->listen = optarg;
        break;
    case OPT_SOCKET:
        o->socket = optarg;
        break;
    case OPT_RATE:
        if (!ratelimit_parse(optarg, &o->limit))
            bad_usage("--rate-limit wants N or N/SECONDS");
        break;
    case OPT_IMPORT:
        o->import = optarg;
        break;
    case OPT_ACCESS:
        o->access_log = optarg;
        break;
    case OPT_VERBOSE:
        o->verbose = true;
        break;
    case OPT_HELP:
        fputs(usage_text, stdout);
        exit(0);
    case OPT_VERSION:
        puts("amdahl-local " AMDAHLFS_VERSION);
        exit(0);
    default: /* getopt has said what is wrong */
        fputs("Try 'amdahl-local --help'.\n", stderr);
        exit(2);
    }
}

static void parse_options(int argc, char **argv, struct options *o)
{
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        take_option(o, option);
    if (optind < argc)
        bad_usage("there are no arguments besides the options");
    if (!o->dir)
        bad_usage("--dir is required");
    if (o->listen && o->socket)
        bad_usage("--listen and --socket exclude each other");
}

/* ---- the workspace ---------------------------------------------------------------- */

/* The workspace's id, made once. *ret_fresh: there was none. */
static int load_business(struct app *app, bool *ret_fresh)
{
    int r = app->store->ops->meta_get(app->store, "business_id", &app->business_id);
    *ret_fresh = r == -ENOENT;
    if (r != -ENOENT)
        return r;
    char id[UUID_TEXT];
    uuid_make(id);
    app->business_id = xstrdup(id);
    return 0;
}

static int import(struct app *app, const char *path)
{
    cleanup_buf struct buf error = BUF_INIT;
    size_t rows = 0;
    FILE *file = fopen(path, "re");
    if (!file) {
        log_error("%s: %s", path, strerror(errno));
        return -errno;
    }
    int r = import_csv(app->store, file, &rows, &error);
    fclose(file);
    if (r < 0)
        log_error("%s: %s", path, error.data);
    else
        log_info("%s: %zu interactions", path, rows);
    return r;
}

/* Data before the gates (they learn the columns), the gates before the sample pages (they
 * are verified). The id is stored last: a first start that failed is a first start again.
 */
static int open_workspace(struct app *app, const struct options *o)
{
    cleanup_free char *db = xasprintf("%s/workspace.db", o->dir);
    bool fresh = false;
    int r = store_sqlite_open(db, &app->store);
    if (r >= 0)
        r = load_business(app, &fresh);
    if (r >= 0 && fresh && !o->import)
        r = demo_data(app->store, app->business_id, time(NULL));
    if (r >= 0 && fresh && !o->import)
        r = demo_documents(app->store, time(NULL));
    if (r >= 0 && o->import)
        r = import(app, o->import);
    if (r >= 0)
        r = gates_open(db, &app->gates);
    if (r >= 0 && fresh && !o->import)
        r = demo_pages(app);
    if (r >= 0 && fresh)
        r = app->store->ops->meta_set(app->store, "business_id", app->business_id);
    return r;
}

static int open_app(struct app *app, const struct options *o)
{
    cleanup_free char *keys = xasprintf("%s/keys.json", o->dir);
    app->limit = o->limit;
    umask(077); /* what is written here is the user's alone */
    pthread_mutex_init(&app->limit.lock, NULL);
    if (mkdir(o->dir, 0700) < 0 && errno != EEXIST) {
        log_error("%s: %s", o->dir, strerror(errno));
        return -errno;
    }
    int r = keyring_open(&app->keys, keys);
    return r < 0 ? r : open_workspace(app, o);
}

static void close_app(struct app *app)
{
    gates_close(app->gates);
    store_close(app->store);
    keyring_finish(&app->keys);
    pthread_mutex_destroy(&app->limit.lock);
    free(app->business_id);
}

/* ---- serving ---------------------------------------------------------------------- */

static int open_access_log(const struct options *o, FILE **ret_log)
{
    if (!o->access_log)
        return 0;
    *ret_log = fopen(o->access_log, "ae");
    if (*ret_log)
        return 0;
    log_error("%s: %s", o->access_log, strerror(errno));
    return -errno;
}

static int serve(struct app *app, const struct options *o, const sigset_t *until)
{
    cleanup_free char *url = NULL;
    struct server_options so = {.verbose = o->verbose};
    struct server *server = NULL;
    int signal_number;
    int r = o->socket
                ? listen_unix(o->socket, &so.listen_fd, &url)
                : listen_tcp(o->listen ? o->listen : DEFAULT_LISTEN, &so.listen_fd, &url);
    if (r >= 0)
        r = open_access_log(o, &so.access_log);
    if (r >= 0)
        r = server_start(app, &so, &server);
    if (r < 0)
        return r;
    printf("amdahl-local: listening on %s\n", url);
    printf("amdahl-local: keys in %s/keys.json\n", o->dir);
    fflush(stdout);
    sigwait(until, &signal_number);
    server_stop(server);
    if (so.access_log)
        fclose(so.access_log);
    if (o->socket)
        unlink(o->socket);
    return 0;
}

int main(int argc, char **argv)
{
    struct options o = {0};
    struct app app = {0};
    sigset_t until;
    parse_options(argc, argv, &o);
    log_setup("amdahl-local", o.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
              LOG_SINK_STDERR);
    /* Blocked before the first thread starts, so that all inherit it and sigwait gets
     * them. A client that goes away while it is answered is no reason to end. */
    sigemptyset(&until);
    sigaddset(&until, SIGINT);
    sigaddset(&until, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &until, NULL);
    signal(SIGPIPE, SIG_IGN);
    int r = open_app(&app, &o);
    if (r >= 0)
        r = serve(&app, &o, &until);
    close_app(&app);
    return r < 0 ? 1 : 0;
}
