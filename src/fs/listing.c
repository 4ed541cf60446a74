#include "fs/listing.h"

#include <string.h>

#include "base/alloc.h"
#include "workspace/names.h"

struct listing *listing_new(void)
{
    struct listing *l = xcalloc(1, sizeof *l);
    atomic_init(&l->refs, 1);
    return l;
}

struct listing *listing_ref(struct listing *l)
{
    if (l)
        atomic_fetch_add(&l->refs, 1);
    return l;
}

void listing_unref(struct listing *l)
{
    if (!l || atomic_fetch_sub(&l->refs, 1) != 1)
        return;
    for (size_t i = 0; i < l->count; i++)
        free(l->entries[i].name);
    free(l->entries);
    free(l);
}

static void listing_append(struct listing *l, const char *name, uint64_t ino, mode_t type,
                           uint64_t offset)
{
    if (l->count == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 16;
        l->entries = xrealloc(l->entries, l->cap * sizeof *l->entries);
    }
    l->entries[l->count++] = (struct listing_entry){xstrdup(name), ino, type, offset};
}

void listing_add_fixed(struct listing *l, unsigned place, const char *name, uint64_t ino,
                       mode_t type)
{
    listing_append(l, name, ino, type, place);
}

/* Behind the fixed ones; an offset is a positive off_t. */
static uint64_t name_offset(const char *name)
{
    return name_order(name) + LISTING_FIXED_MAX + 1;
}

void listing_add(struct listing *l, const char *name, uint64_t ino, mode_t type)
{
    listing_append(l, name, ino, type, name_offset(name));
}

static int entry_compare(const void *a, const void *b)
{
    const struct listing_entry *x = a;
    const struct listing_entry *y = b;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Two names of one offset follow each other. */
void listing_sort(struct listing *l)
{
    qsort(l->entries, l->count, sizeof *l->entries, entry_compare);
    for (size_t i = 1; i < l->count; i++)
        if (l->entries[i].offset <= l->entries[i - 1].offset)
            l->entries[i].offset = l->entries[i - 1].offset + 1;
}

size_t listing_after(const struct listing *l, uint64_t offset)
{
    size_t low = 0;
    size_t high = l->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (l->entries[middle].offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
