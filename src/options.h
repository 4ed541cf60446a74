/* options.h - the command line of amdahlfs. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>

#include "fs/fuse_api.h"

struct options {
    char *url;   /* --url, AMDAHL_URL, or the first of two operands (fstab) */
    char *local; /* --local DIR: the embedded workspace kept there */
    char *key_file;
    char *key_command;
    char *state_dir;
    char *cache_dir;
    char *api_version;
    char *runtime;
    unsigned refresh, ttl, timeout;       /* seconds */
    unsigned render_ttl;                  /* same */
    unsigned cache_size;                  /* MiB */
    unsigned max_requests, archive_limit; /* a minute */
    unsigned read_ahead;                  /* pages */
    int foreground, debug, help, version, watch;
    char *mountpoint;      /* absolute */
    struct fuse_args args; /* what is left: FUSE's own; owned */
};

/* 0, or -EINVAL after it was said on standard error. */
int options_parse(struct options *o, int argc, char **argv);
void options_finish(struct options *o);
void options_usage(void);

#endif
