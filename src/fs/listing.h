/* listing.h - the names of a directory, in an order that holds while they change.
 *
 * The kernel reads a directory in parts and tells where it was by an offset alone: there is
 * no opendir, so that a listing that it has kept costs no call at all. Names are therefore
 * told by offsets of their own: those that a kind always has (a page's files, in the order
 * in which a copy is to meet them) count from 1, all others have one that is made of the
 * name. What comes or goes between two parts moves nothing else. */
#ifndef FS_LISTING_H
#define FS_LISTING_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct listing_entry {
    char *name;
    uint64_t ino;
    mode_t type; /* S_IFDIR, ... */
    uint64_t offset;
};
struct listing {
    atomic_uint refs;
    struct listing_entry *entries;
    size_t count, cap;
};

struct listing *listing_new(void);
struct listing *listing_ref(struct listing *l);
void listing_unref(struct listing *l); /* NULL is allowed in both */

/* A name that this kind of directory has by itself, in a place of its own: from
 * LISTING_FIRST to LISTING_FIXED_MAX ("." and ".." come before). */
enum { LISTING_FIRST = 3, LISTING_FIXED_MAX = 64 };
void listing_add_fixed(struct listing *l, unsigned place, const char *name, uint64_t ino,
                       mode_t type);
void listing_add(struct listing *l, const char *name, uint64_t ino, mode_t type);
/* All are there: puts them in order. */
void listing_sort(struct listing *l);
/* Which entry is the first behind that offset; count when there is none. */
size_t listing_after(const struct listing *l, uint64_t offset);

#endif
