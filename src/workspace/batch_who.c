/* batch_who.c - which batch a process belongs to: its own, or that of one it descends
 * from. */
#include "workspace/batch.h"

#include "workspace/proc.h"

/* A process, and those that it descends from. */
enum { ANCESTORS_MAX = 64 };
struct ancestry {
    struct batch_member of[ANCESTORS_MAX];
    size_t count;
};

/* The dead have no parent to be asked for: they count alone. */
static void ancestry_read(pid_t tgid, struct ancestry *ret)
{
    ret->count = 0;
    while (tgid > 1 && ret->count < ANCESTORS_MAX) {
        struct batch_member *m = &ret->of[ret->count++];
        m->tgid = tgid;
        tgid = proc_parent(tgid, &m->began_ms);
    }
}

static bool batch_has(const struct batch *b, const struct batch_member *m)
{
    struct batch_member *known = NULL;
    if (m->tgid == b->owner && m->began_ms == b->began_ms)
        return true;
    HASH_FIND(hh, b->members, &m->tgid, sizeof m->tgid, known);
    return known && (m->began_ms < 0 || m->began_ms == known->began_ms);
}

static void batch_note_member(struct batch *b, const struct batch_member *m)
{
    struct batch_member *known = NULL;
    if (m->began_ms < 0)
        return;
    HASH_FIND(hh, b->members, &m->tgid, sizeof m->tgid, known);
    if (!known) {
        known = xcalloc(1, sizeof *known);
        known->tgid = m->tgid;
        HASH_ADD(hh, b->members, tgid, sizeof known->tgid, known);
    }
    known->began_ms = m->began_ms;
}

/* The newest comes first: of two that one process owns, that is the inner one. */
static struct batch *batch_nearest(struct workspace *ws, const struct ancestry *a)
{
    struct batch *b;
    for (size_t i = 0; i < a->count; i++)
        DL_FOREACH (ws->batches, b)
            if (b->state == BATCH_OPEN && batch_has(b, &a->of[i]))
                return b;
    return NULL;
}

uint64_t batch_of(struct workspace *ws, pid_t tgid)
{
    struct ancestry a;
    if (tgid <= 0 || !atomic_load(&ws->open_batches))
        return 0;
    ancestry_read(tgid, &a);
    ws_lock(ws);
    struct batch *b = batch_nearest(ws, &a);
    if (b)
        batch_note_member(b, &a.of[0]);
    uint64_t number = b ? b->number : 0;
    ws_unlock(ws);
    return number;
}
