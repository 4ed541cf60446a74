#include "options.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static const char usage[] =
    "usage: amdahlfs [OPTIONS] MOUNTPOINT\n"
    "       amdahlfs URL MOUNTPOINT -o OPT[,OPT...]        (as mount(8) calls it)\n"
    "\n"
    "    --url URL             the platform, without /api/platform/v1 (else "
    "$AMDAHL_URL)\n"
    "    --local DIR           an embedded workspace kept in DIR; no account is needed\n"
    "    --key-file FILE       the API key, in a file only you can read\n"
    "                          (else $AMDAHL_API_KEY, $API_KEY)\n"
    "    -f                    stay in the foreground, log to standard error\n"
    "    -d                    the same, and log every request\n"
    "    -h, --help            -V, --version\n"
    "\n"
    "    -o url=URL            -o local=DIR          -o key_file=FILE\n"
    "    -o key_command=CMD    prints the key on its standard output\n"
    "    -o state_dir=DIR      what must outlive the mount\n"
    "    -o cache_dir=DIR      what was read, for the next mount; may be deleted\n"
    "    -o cache_size=MIB     of pages in it (512)\n"
    "    -o refresh=SECONDS    how old the list of pages may get in use (30)\n"
    "    -o ttl=SECONDS        how old a page may get where the list tells no changes "
    "(60)\n"
    "    -o render_ttl=SECONDS how long the answer of a query is good (30)\n"
    "    -o timeout=SECONDS    of one request (30)\n"
    "    -o runtime=hidden     do not list errors, verdict.json, render.json, render/\n"
    "    -o api_version=V      sent as X-Amdahl-API-Version\n"
    "    -o max_requests=N     a minute (else what the platform says)\n"
    "    -o read_ahead=PAGES   asked for ahead of whoever reads page after page (64)\n"
    "    -o archive_limit=N    pages one process may archive a minute (5)\n"
    "    -o watch              inotify sees what changes elsewhere\n"
    "    and FUSE's own: ro, allow_other, auto_unmount, ...\n";

enum { KEY_LATER, KEY_DROP };

#define OPTION(template, field)                                                          \
    {                                                                                    \
        template, offsetof(struct options, field), 1                                     \
    }

static const struct fuse_opt option_table[] = {
    OPTION("--url %s", url),
    OPTION("--url=%s", url),
    OPTION("url=%s", url),
    OPTION("--local %s", local),
    OPTION("--local=%s", local),
    OPTION("local=%s", local),
    OPTION("--key-file %s", key_file),
    OPTION("--key-file=%s", key_file),
    OPTION("key_file=%s", key_file),
    OPTION("key_command=%s", key_command),
    OPTION("state_dir=%s", state_dir),
    OPTION("cache_dir=%s", cache_dir),
    OPTION("cache_size=%u", cache_size),
    OPTION("refresh=%u", refresh),
    OPTION("ttl=%u", ttl),
    OPTION("render_ttl=%u", render_ttl),
    OPTION("timeout=%u", timeout),
    OPTION("runtime=%s", runtime),
    OPTION("api_version=%s", api_version),
    OPTION("max_requests=%u", max_requests),
    OPTION("archive_limit=%u", archive_limit),
    OPTION("read_ahead=%u", read_ahead),
    OPTION("watch", watch),
    OPTION("-f", foreground),
    OPTION("-d", debug),
    OPTION("debug", debug),
    OPTION("-h", help),
    OPTION("--help", help),
    OPTION("-V", version),
    OPTION("--version", version),
    FUSE_OPT_KEY("hard_delete", KEY_LATER),
    /* fstab's words for mount(8), not for us. */
    FUSE_OPT_KEY("_netdev", FUSE_OPT_KEY_DISCARD),
    FUSE_OPT_KEY("nofail", FUSE_OPT_KEY_DISCARD),
    FUSE_OPT_KEY("noauto", FUSE_OPT_KEY_DISCARD),
    FUSE_OPT_KEY("auto", FUSE_OPT_KEY_DISCARD),
    FUSE_OPT_KEY("user", FUSE_OPT_KEY_DISCARD),
    FUSE_OPT_KEY("users", FUSE_OPT_KEY_DISCARD),
    FUSE_OPT_KEY("x-", FUSE_OPT_KEY_KEEP),
    FUSE_OPT_END,
};

static int options_operand(struct options *o, const char *arg)
{
    static const char source_prefix[] = "amdahlfs#";
    char **slot = &o->mountpoint;
    if (*slot) { /* two operands: the first was the source */
        const char *source = *slot;
        size_t skip = sizeof source_prefix - 1;
        if (o->url) {
            fprintf(stderr, "amdahlfs: one mount point, not more: %s\n", arg);
            return -1;
        }
        o->url = xstrdup(strncmp(source, source_prefix, skip) ? source : source + skip);
        free(*slot);
    }
    *slot = xstrdup(arg);
    return 0;
}

/* 0: taken; 1: left for FUSE; -1: refused. */
static int options_each(void *data, const char *arg, int key, struct fuse_args *args)
{
    (void)args;
    if (key == FUSE_OPT_KEY_NONOPT)
        return options_operand(data, arg);
    if (key == KEY_LATER) {
        fprintf(stderr, "amdahlfs: -o %s is not in this version\n", arg);
        return -1;
    }
    if (key == FUSE_OPT_KEY_OPT && !strncmp(arg, "x-", 2))
        return 0;
    return 1;
}

static int options_check(struct options *o)
{
    if (o->runtime && strcmp(o->runtime, "hidden") != 0 &&
        strcmp(o->runtime, "listed") != 0) {
        fprintf(stderr, "amdahlfs: -o runtime is \"listed\" or \"hidden\"\n");
        return -EINVAL;
    }
    if (o->url && o->local) {
        fprintf(stderr, "amdahlfs: --url and --local exclude each other\n");
        return -EINVAL;
    }
    if (!o->url && !o->local)
        o->url = xstrdup(getenv("AMDAHL_URL"));
    if (!o->url && !o->local) {
        fprintf(stderr,
                "amdahlfs: which workspace? --url URL, $AMDAHL_URL, or --local DIR "
                "for one on this machine\n");
        return -EINVAL;
    }
    if (!o->mountpoint) {
        fprintf(stderr,
                "amdahlfs: where? A mount point is missing (-h shows the usage)\n");
        return -EINVAL;
    }
    return 0;
}

/* The background process works in "/". */
static void path_make_absolute(char **path)
{
    if (!*path || **path == '/')
        return;
    cleanup_free char *here = getcwd(NULL, 0);
    char *absolute = xasprintf("%s/%s", here ? here : "", *path);
    free(*path);
    *path = absolute;
}

static void options_make_absolute(struct options *o)
{
    char **paths[] = {&o->local, &o->key_file, &o->state_dir, &o->cache_dir};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        path_make_absolute(paths[i]);
}

int options_parse(struct options *o, int argc, char **argv)
{
    *o = (struct options){.refresh = 30,
                          .ttl = 60,
                          .render_ttl = 30,
                          .timeout = 30,
                          .cache_size = 512,
                          .archive_limit = 5,
                          .read_ahead = 64};
    o->args = (struct fuse_args)FUSE_ARGS_INIT(argc, argv);
    if (fuse_opt_parse(&o->args, o, option_table, options_each) != 0)
        return -EINVAL;
    if (o->help || o->version)
        return 0;
    options_make_absolute(o);
    return options_check(o);
}

void options_finish(struct options *o)
{
    char *strings[] = {o->url,         o->local,       o->key_file,
                       o->key_command, o->state_dir,   o->cache_dir,
                       o->runtime,     o->api_version, o->mountpoint};
    for (size_t i = 0; i < ARRAY_LEN(strings); i++)
        free(strings[i]);
    fuse_opt_free_args(&o->args);
}

void options_usage(void)
{
    fputs(usage, stdout);
}
