#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void *alloc_check(void *p)
{
    static const char message[] = "out of memory\n";
    if (p)
        return p;
    if (write(STDERR_FILENO, message, sizeof message - 1) < 0)
        abort();
    abort();
}

void *xmalloc(size_t size)
{
    return alloc_check(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
    return alloc_check(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *ptr, size_t size)
{
    return alloc_check(realloc(ptr, size ? size : 1));
}

char *xstrdup(const char *s)
{
    return s ? xstrndup(s, strlen(s)) : NULL;
}

char *xstrndup(const char *s, size_t len)
{
    char *copy = xmalloc(len + 1);
    memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

char *xasprintf(const char *fmt, ...)
{
    va_list ap;
    char *s = NULL;
    va_start(ap, fmt);
    if (vasprintf(&s, fmt, ap) < 0)
        s = NULL;
    va_end(ap);
    return alloc_check(s);
}
