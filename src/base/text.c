#include "base/text.h"

#include <string.h>

#include "base/alloc.h"

static struct text *text_wrap(char *data, size_t len)
{
    struct text *t = xmalloc(sizeof *t);
    atomic_init(&t->refs, 1);
    t->len = len;
    t->data = data;
    return t;
}

struct text *text_new(const void *data, size_t len)
{
    return text_wrap(xstrndup(len ? data : "", len), len);
}

struct text *text_from_string(const char *s)
{
    return text_new(s, strlen(s));
}

struct text *text_from_buf(struct buf *b)
{
    size_t len = b->len;
    return text_wrap(buf_steal(b), len);
}

struct text *text_ref(struct text *t)
{
    if (t)
        atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

void text_unref(struct text *t)
{
    if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
        return;
    free(t->data);
    free(t);
}

bool text_equal(const struct text *a, const struct text *b)
{
    if (a == b)
        return true;
    return a && b && a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

void text_replace(struct text **slot, struct text *taken)
{
    struct text *old = *slot;
    *slot = taken;
    text_unref(old);
}
