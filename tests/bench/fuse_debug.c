/* fuse_debug.c - LD_PRELOAD=libfuse_debug.so: a program of libfuse 3 tells each request
 * of the kernel on standard error, whatever its own options are. The counts of the
 * benchmark are made of that, in a run of their own that is not timed. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#define FUSE_USE_VERSION FUSE_MAKE_VERSION(3, 12)
#include <fuse3/fuse_lowlevel.h>

typedef struct fuse_session *new_fn(struct fuse_args *args,
                                    const struct fuse_lowlevel_ops *ops, size_t size,
                                    void *data);

__attribute__((visibility("default"))) struct fuse_session *
fuse_session_new(struct fuse_args *args, const struct fuse_lowlevel_ops *ops, size_t size,
                 void *data)
{
    new_fn *real = (new_fn *)(uintptr_t)dlsym(RTLD_NEXT, "fuse_session_new");
    struct fuse_args own = FUSE_ARGS_INIT(0, NULL); /* theirs may not be malloc'ed */
    int failed = !real;
    for (int i = 0; i < args->argc; i++)
        failed |= fuse_opt_add_arg(&own, args->argv[i]);
    if (failed || fuse_opt_add_arg(&own, "-odebug") != 0) {
        fputs("fuse_debug: this is no libfuse 3\n", stderr);
        abort();
    }
    struct fuse_session *se = real(&own, ops, size, data);
    fuse_opt_free_args(&own);
    return se;
}
