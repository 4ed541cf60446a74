/* text.h - immutable bytes, shared by reference count (atomic: any thread may hold one).
 *
 * What a platform answered, what a user saved, what a reader was given: each is a text.
 * It never changes, so it is read without a lock for as long as a reference is held. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct text {
    atomic_uint refs;
    size_t len;
    char *data; /* NUL-terminated, the NUL not counted */
};

struct text *text_new(const void *data, size_t len) __attribute__((warn_unused_result));
struct text *text_from_string(const char *s) __attribute__((warn_unused_result));
/* Takes the bytes out of b, which is empty afterwards. */
struct text *text_from_buf(struct buf *b) __attribute__((warn_unused_result));
/* NULL is allowed in all of these. */
struct text *text_ref(struct text *t);
void text_unref(struct text *t);
bool text_equal(const struct text *a, const struct text *b);

static inline void text_unref_ptr(struct text **t)
{
    text_unref(*t);
}
#define cleanup_text __attribute__((__cleanup__(text_unref_ptr)))

/* Puts a new reference (taken over from the caller) in *slot and drops the old one. */
void text_replace(struct text **slot, struct text *taken);

#endif
