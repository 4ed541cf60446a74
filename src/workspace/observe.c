/* observe.c - telling what changed by itself. */
#include "workspace/sql.h"

void workspace_observe(struct workspace *ws, const struct workspace_observer *observer,
                       void *arg)
{
    ws_lock(ws);
    ws->observer = observer;
    ws->observer_arg = arg;
    ws_unlock(ws);
}

void item_unsure(struct item *it)
{
    if (it && it->ws->observer)
        it->ws->observer->file(it->ws->observer_arg, it);
}

void item_changed(struct item *it)
{
    if (!it)
        return;
    it->turns++;
    item_unsure(it);
    if (it->doc)
        sql_unsure(it->doc);
}

void page_sql_changed(struct page *p)
{
    if (p->ws->observer && p->ws->observer->sql)
        p->ws->observer->sql(p->ws->observer_arg, p);
}

void page_changed(struct page *p)
{
    if (p->ws->observer)
        p->ws->observer->page(p->ws->observer_arg, p);
}

void pages_changed(struct workspace *ws)
{
    if (ws->observer)
        ws->observer->pages(ws->observer_arg);
}

void archived_changed(struct archived *a, struct workspace *ws)
{
    if (ws->observer)
        ws->observer->archived(ws->observer_arg, a);
}
