#include "local/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static const char *const status_names[] = {
    [PAGE_DRAFT] = "draft",
    [PAGE_ARCHIVED] = "archived",
};

const char *page_status_name(enum page_status status)
{
    return status_names[status];
}

bool page_status_parse(const char *name, enum page_status *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(status_names); i++) {
        if (!strcmp(name, status_names[i])) {
            *ret = (enum page_status)i;
            return true;
        }
    }
    return false;
}

void page_finish(struct page *p)
{
    free(p->name);
    free(p->description);
    free(p->tags);
    free(p->spec);
    free(p->queries);
    *p = (struct page){0};
}

void page_list_finish(struct page_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        page_finish(&l->items[i]);
    free(l->items);
    *l = (struct page_list){0};
}
