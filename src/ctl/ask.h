/* ask.h - a command's own connection to the platform, for what works without a mount.
 * Started when first asked; one question at a time, which is waited for. */
#ifndef CTL_ASK_H
#define CTL_ASK_H

#include "base/text.h"
#include "ctl/ctl.h"
#include "platform/platform.h"

struct ask;

/* Takes URL and key as the driver does. 0, or the exit status after saying why not. */
int ask_open(const struct ctl *ctl, struct ask **ret_ask);
/* NULL is allowed. */
void ask_close(struct ask *a);

/* Asks the verifier; read() gets its answer on another thread while this call waits, so
 * what it writes to may be used without a lock once this returns. queries: may be NULL.
 */
void ask_verdict(struct ask *a, struct text *spec, struct text *queries,
                 platform_done_fn *read, void *arg);

#endif
