/* observe.c - telling what changed by itself. */
#include "workspace/overlay.h"

void workspace_observe(struct workspace *ws, const struct workspace_observer *observer,
                       void *arg)
{
    ws_lock(ws);
    ws->observer = observer;
    ws->observer_arg = arg;
    ws_unlock(ws);
}

void item_changed(struct item *it)
{
    if (!it)
        return;
    it->turns++;
    if (it->ws->observer)
        it->ws->observer->file(it->ws->observer_arg, it);
}

void page_changed(struct page *p)
{
    if (p->ws->observer)
        p->ws->observer->page(p->ws->observer_arg, p);
}

void page_name_changed(struct page *p, const char *name)
{
    if (p->ws->observer)
        p->ws->observer->name(p->ws->observer_arg, p, name);
}

static void scratch_name_changed(void *arg, const char *name, uint64_t ino, mode_t type)
{
    (void)ino;
    (void)type;
    page_name_changed(arg, name);
}

void page_names_changed(struct page *p)
{
    if (!p->ws->observer)
        return;
    for (int i = 0; i < PAGE_FILES; i++)
        page_name_changed(p, page_file_name((enum page_file)i));
    overlay_each(page_scratch(p), scratch_name_changed, p);
    page_changed(p);
}

void pages_name_changed(struct workspace *ws, const char *name)
{
    if (ws->observer)
        ws->observer->pages(ws->observer_arg, name);
}

void archived_name_changed(struct workspace *ws, const char *name)
{
    if (ws->observer)
        ws->observer->archived(ws->observer_arg, name);
}
