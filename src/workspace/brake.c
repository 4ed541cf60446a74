#include "workspace/brake.h"

#include "base/table.h"

struct archiver {
    pid_t tgid;
    int64_t *times; /* newest last */
    unsigned count;
    struct archiver *next;
};

static void archiver_free(struct archiver *a)
{
    free(a->times);
    free(a);
}

/* Forgets what is older than the window. */
static void brake_expire(struct archiver **list, int64_t now_ms)
{
    struct archiver *a;
    struct archiver *tmp;
    LL_FOREACH_SAFE(*list, a, tmp)
    {
        unsigned kept = 0;
        for (unsigned i = 0; i < a->count; i++)
            if (now_ms - a->times[i] < BRAKE_WINDOW_MS)
                a->times[kept++] = a->times[i];
        a->count = kept;
        if (!kept) {
            LL_DELETE(*list, a);
            archiver_free(a);
        }
    }
}

static struct archiver *brake_find(struct archiver *list, pid_t tgid)
{
    struct archiver *a;
    LL_FOREACH (list, a)
        if (a->tgid == tgid)
            return a;
    return NULL;
}

bool brake_take(struct archiver **list, pid_t tgid, unsigned limit, int64_t now_ms)
{
    brake_expire(list, now_ms);
    struct archiver *a = brake_find(*list, tgid);
    if ((a ? a->count : 0) >= limit)
        return false;
    if (!a) {
        a = xcalloc(1, sizeof *a);
        a->tgid = tgid;
        LL_PREPEND(*list, a);
    }
    a->times = xrealloc(a->times, (a->count + 1) * sizeof *a->times);
    a->times[a->count++] = now_ms;
    return true;
}

void brake_give_back(struct archiver *list, pid_t tgid)
{
    struct archiver *a = brake_find(list, tgid);
    if (a && a->count)
        a->count--;
}

void brake_free(struct archiver *list)
{
    struct archiver *a;
    struct archiver *tmp;
    LL_FOREACH_SAFE(list, a, tmp)
    archiver_free(a);
}
