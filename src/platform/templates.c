/* templates.c - the pages that the platform has ready. */
#include "base/alloc.h"
#include "platform/internal.h"

void platform_templates_list(struct platform *p, const struct platform_call *call)
{
    const struct list_source source = {
        .path = "/pages/templates",
        .filter = "",
        .id_key = "slug",
    };
    list_fetch(p, &source, call);
}

void platform_template_get(struct platform *p, const char *slug,
                           const struct platform_call *call)
{
    struct exchange x = {.platform = p,
                         .method = "GET",
                         .path = path_with_id("/pages/templates", slug, ""),
                         .id_key = "slug",
                         .read = reply_read_page,
                         .call = *call};
    exchange_send(&x);
}
