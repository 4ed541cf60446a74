/* engine.h - libcurl's multi interface on the loop. Loop thread only, but for create and
 * destroy. */
#ifndef HTTP_ENGINE_H
#define HTTP_ENGINE_H

#include "base/loop.h"
#include "http/transfer.h"

struct engine;

/* A transfer ended; it is out of the engine and the callee's to free. New transfers may
 * be added in it. */
typedef void engine_done_fn(void *arg, struct transfer *t, CURLcode code);

/* arg goes to every done. Before the process starts threads; after it forked. */
int engine_create(struct loop *loop, engine_done_fn *done, void *arg,
                  struct engine **ret_engine);
/* No transfer may be in it; the loop has stopped, or never ran. NULL is allowed. */
void engine_destroy(struct engine *e);

void engine_add(struct engine *e, struct transfer *t);
/* Takes it out before its end; no done follows. */
void engine_remove(struct engine *e, struct transfer *t);
/* Goes on with one whose sink did not take what came. */
void engine_resume(struct engine *e, struct transfer *t);

#endif
