#include "base/strset.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/table.h"

enum { FIRST_ROOM = 64 };

/* Where s is, or would be. At least one slot is free. */
static uint32_t *strset_slot(const struct strset *set, const char *s)
{
    size_t i = table_hash(s, strlen(s));
    for (;; i++) {
        uint32_t *slot = &set->slots[i & (set->room - 1)];
        if (!*slot || strcmp(set->strings.data + *slot - 1, s) == 0)
            return slot;
    }
}

/* A quarter stays free. */
static void strset_make_room(struct strset *set)
{
    uint32_t *old = set->slots;
    size_t room = set->room;
    if (set->count + 1 <= room - room / 4 && room)
        return;
    set->room = room ? 2 * room : FIRST_ROOM;
    set->slots = xcalloc(set->room, sizeof *set->slots);
    for (size_t i = 0; i < room; i++)
        if (old[i])
            *strset_slot(set, set->strings.data + old[i] - 1) = old[i];
    free(old);
}

bool strset_add(struct strset *set, const char *s)
{
    strset_make_room(set);
    uint32_t *slot = strset_slot(set, s);
    if (*slot)
        return false;
    *slot = (uint32_t)set->strings.len + 1;
    buf_append(&set->strings, s, strlen(s) + 1);
    set->count++;
    return true;
}

void strset_clear(struct strset *set)
{
    buf_finish(&set->strings);
    free(set->slots);
    *set = STRSET_INIT;
}
