/* me.c - whose key this is; and the platform itself. */
#include "base/alloc.h"
#include "platform/internal.h"

int platform_create(struct http *http, struct platform **ret_platform)
{
    struct platform *p = xcalloc(1, sizeof *p);
    p->http = http;
    *ret_platform = p;
    return 0;
}

void platform_destroy(struct platform *p)
{
    free(p);
}

void platform_me(struct platform *p, const struct platform_call *call)
{
    struct exchange x = {.platform = p,
                         .method = "GET",
                         .path = xstrdup("/me"),
                         .read = reply_read_value,
                         .call = *call};
    exchange_send(&x);
}
