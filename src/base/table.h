/* table.h - uthash and utlist as this project uses them: include this, not them.
 * uthash's own default hash trips warnings that are errors here, so it is given one. */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"

/* FNV-1a, 32 bit. */
static inline unsigned table_hash(const void *key, size_t len)
{
    const unsigned char *p = key;
    uint32_t h = 2166136261u;
    while (len--)
        h = (h ^ *p++) * 16777619u;
    return h;
}

/* Out of memory ends the process, as everywhere (alloc.h). */
#define uthash_malloc(sz) xmalloc(sz)
#define uthash_fatal(msg) abort()
#define HASH_FUNCTION(keyptr, keylen, hashv) ((hashv) = table_hash((keyptr), (keylen)))

#include <uthash.h>
#include <utlist.h>

#endif
