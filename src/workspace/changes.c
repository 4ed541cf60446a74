/* changes.c - .amdahl/changes: what changes, a line of JSON each, and who wants to know. */
#include "workspace/model.h"

#include "base/clock.h"
#include "json/json.h"

enum { CHANGES_BYTES = 1 << 20 };

static const char *const change_words[] = {
    [CHANGE_FILE] = "changed",
    [CHANGE_CAME] = "came",
    [CHANGE_GONE] = "gone",
};

void changes_begin(struct workspace *ws)
{
    spool_create(ws->config.loop, CHANGES_BYTES, &ws->changes);
    ws->watchers = ws->config.watched;
}

/* Lock held. */
static void changes_put(struct workspace *ws, enum workspace_change change,
                        const char *dir, const char *file, bool ours)
{
    cleanup_buf struct buf line = BUF_INIT;
    char now[CLOCK_TEXT];
    buf_printf(&line, "{\"time\":\"%s\",\"change\":\"%s\",\"page\":",
               clock_format(clock_now(), now), change_words[change]);
    json_quotes(&line, dir);
    buf_puts(&line, ",\"file\":");
    if (file)
        json_quotes(&line, file);
    else
        buf_puts(&line, "null");
    buf_printf(&line, ",\"by\":\"%s\"}", ours ? "here" : "elsewhere");
    spool_add(ws->changes, line.data, line.len);
}

static void changes_tell(struct page *p, enum workspace_change change, const char *name)
{
    if (p->ws->observer && p->ws->config.watched)
        p->ws->observer->elsewhere(p->ws->observer_arg, change, p, name);
}

void page_changed_elsewhere(struct page *p, enum workspace_change change,
                            const char *name)
{
    changes_tell(p, change, name);
    if (p->is_template)
        return;
    if (change == CHANGE_FILE)
        changes_put(p->ws, change, p->dir, name, p->ours);
    else
        changes_put(p->ws, change, name, NULL, false);
}

void page_changed_somehow(struct page *p)
{
    for (int i = PAGE_PAGE; i < PAGE_FILES; i++)
        changes_tell(p, CHANGE_FILE, page_file_name((enum page_file)i));
    if (!p->ours)
        changes_put(p->ws, CHANGE_FILE, p->dir, NULL, false);
}

void page_changed_here(struct page *p, enum workspace_change change, const char *name)
{
    changes_put(p->ws, change, p->dir, name, true);
}

/* ---- looking for them ------------------------------------------------------------- */

static void changes_look(struct workspace *ws)
{
    /* The first one: so that what is new from here on is known as that. */
    if (!ws->tried_ms || clock_ms() - ws->tried_ms > ws->config.refresh_ms)
        list_sweep(ws, HTTP_BACKGROUND);
    changes_look_later(ws);
}

static void changes_look_again(void *arg)
{
    struct workspace *ws = arg;
    ws_lock(ws);
    if (ws->watchers)
        changes_look(ws);
    ws_unlock(ws);
}

/* Who watches for changes makes no calls by which he would be seen to use the mount. */
void changes_look_later(struct workspace *ws)
{
    enum { SOONEST_MS = 100 };
    int64_t delay_ms = ws->config.refresh_ms + SOONEST_MS;
    if (ws->watchers)
        loop_timer_set(ws->config.loop, &ws->list_timer, delay_ms, changes_look_again,
                       ws);
}

/* ---- the face -------------------------------------------------------------------- */

struct spool *workspace_changes(struct workspace *ws)
{
    return ws->changes;
}

void workspace_follow(struct workspace *ws)
{
    ws_lock(ws);
    ws->watchers++;
    changes_look(ws);
    ws_unlock(ws);
}

void workspace_unfollow(struct workspace *ws)
{
    ws_lock(ws);
    ws->watchers--;
    ws_unlock(ws);
}

void workspace_end_streams(struct workspace *ws)
{
    if (ws)
        spool_end(ws->changes);
}
