/* waiter.h - a FUSE request that waits for the platform, without a thread.
 *
 * The handler copies its arguments into a waiter and begins; when the work is not done at
 * once the handler just returns, and the completion replies, on the engine's thread.
 * Three may want to end a waiter: the completion, an interrupt, and (for a save) the
 * death of the process. One of them claims it, atomically; the claimer unregisters the
 * interrupt, holding no lock, and replies. The others only drop their reference.
 *
 * libfuse calls its interrupt function under the request's lock, maybe inside the call
 * that registers it: it only takes a reference and posts to the engine. An interrupted
 * waiter leaves its transfer running; where nothing may ever come it takes its wait back. */
#ifndef FS_WAITER_H
#define FS_WAITER_H

#include "fs/internal.h"

struct waiter {
    struct wait wait; /* what the workspace completes */
    fuse_req_t req;
    struct fs *fs;
    atomic_bool claimed;
    atomic_uint refs;
    int (*then)(struct waiter *w); /* a second step, once the first has ended well */
    void (*finish)(struct waiter *w, int err); /* replies; exactly once */
    bool
        changes; /* a save, a rename, a removal: a mere signal does not end it (rule 7) */
    /* Takes the wait back once nobody waits any more: true, it will not be completed. NULL:
     * it is completed in good time. */
    bool (*cancel)(struct waiter *w);
    pid_t tid;
    struct loop_timer poll; /* is the interrupted process dying? */
    bool polling;           /* poll is set; of the engine's thread alone */

    /* Arguments, owned; what a request does not have stays zero. */
    struct node *node, *to;
    char *name, *to_name;
    struct handle
        *handle; /* an interrupted request's file may be closed before it ends */
    struct fuse_file_info fi;
    unsigned flags;
    const char *data; /* borrowed: for the first step alone */
    size_t size;
    off_t off;
};

/* A waiter for this request on this node (a reference is taken). */
struct waiter *waiter_new(fuse_req_t req, struct node *node, bool changes,
                          void (*finish)(struct waiter *w, int err));
/* begin: 0 or -errno ends the waiter at once; -EINPROGRESS: w->wait was handed on, and
 * may complete before begin() returns. The waiter may be gone when this returns. */
void waiter_begin(struct waiter *w, int (*begin)(struct waiter *w));

#endif
