#include "workspace/model.h"

#include "workspace/proc.h"

void wait_add(struct wait **list, struct wait *w)
{
    if (w)
        DL_APPEND(*list, w);
}

struct wait *wait_take(struct wait **list)
{
    return steal_ptr(*list);
}

int wait_who(const struct wait *list)
{
    return list && list->tid ? (int)proc_tgid(list->tid) : 0;
}

bool wait_is_wanted(const struct wait *list)
{
    const struct wait *w;
    DL_FOREACH (list, w)
        if (!atomic_load(&w->left))
            return true;
    return false;
}

void wait_run(struct wait *list, int err)
{
    struct wait *w;
    struct wait *tmp;
    DL_FOREACH_SAFE (list, w, tmp) {
        w->prev = w->next = NULL;
        w->done(w, err);
    }
}
