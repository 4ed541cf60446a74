/* templates.c - finding a template; the table itself is made by embed-templates.py. */
#include "local/templates.h"

#include <string.h>

const struct page_template *page_template_find(const char *slug)
{
    for (size_t i = 0; i < page_template_count; i++) {
        if (strcmp(page_templates[i].slug, slug) == 0)
            return &page_templates[i];
    }
    return NULL;
}
