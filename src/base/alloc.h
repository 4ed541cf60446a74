/* alloc.h - memory and scope cleanup.
 *
 * Policy: an allocation that fails ends the process with a message. Sizes that come
 * from outside (bodies, files, nesting) are checked against a limit *before* they are
 * allocated; that is where "too large" becomes an error. What a user wrote does not
 * depend on the process staying alive.
 */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull, warn_unused_result));
void *xcalloc(size_t count, size_t size)
    __attribute__((malloc, returns_nonnull, warn_unused_result));
void *xrealloc(void *ptr, size_t size)
    __attribute__((returns_nonnull, warn_unused_result));
/* xstrdup(NULL) is NULL: an absent field stays absent. */
char *xstrdup(const char *s) __attribute__((warn_unused_result));
char *xstrndup(const char *s, size_t len)
    __attribute__((returns_nonnull, warn_unused_result));
char *xasprintf(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), returns_nonnull, warn_unused_result));

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* __cleanup__, since a header may be read before or after the macro cleanup() below.
 * `cleanup_free char *s = ...` frees at the end of the scope; steal_ptr() keeps it. */
static inline void alloc_free_ptr(void *p)
{
    free(*(void **)p);
}
static inline void alloc_close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define cleanup(fn) __attribute__((__cleanup__(fn)))
#define cleanup_free cleanup(alloc_free_ptr)
#define cleanup_fd cleanup(alloc_close_fd)
#define steal_ptr(p)                                                                     \
    ({                                                                                   \
        __typeof__(p) stolen_ = (p);                                                     \
        (p) = NULL;                                                                      \
        stolen_;                                                                         \
    })

#endif
