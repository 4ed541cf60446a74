#include "workspace/since.h"

#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "workspace/cache.h"

enum {
    ONE_REQUEST = 200,       /* a list of so many pages is one */
    WHOLE_MS = 600 * 1000,   /* between whole sweeps */
    OVERLAP_S = 60,          /* clocks differ, and a change may be told late */
    SINCE_NEVER = INT64_MIN, /* the time of a page that has none */
};

static int64_t time_of(const char *updated_at)
{
    struct timespec ts;
    return clock_parse(updated_at, &ts) ? ts.tv_sec : SINCE_NEVER;
}

/* ---- from when ----------------------------------------------------------------------- */

/* A time of the future is nobody's: what is asked for must have been before the last sweep
 * that we know all of. */
static int64_t since_newest(const struct workspace *ws)
{
    const struct page *p;
    int64_t newest = SINCE_NEVER;
    for (p = ws->by_id; p; p = p->hh_id.next) {
        int64_t at = time_of(p->updated_at);
        newest = at > newest ? at : newest;
    }
    return newest < ws->since.known_s ? newest : ws->since.known_s;
}

static unsigned since_count(const struct workspace *ws, int64_t from_s)
{
    const struct page *p;
    unsigned count = 0;
    for (p = ws->by_id; p; p = p->hh_id.next)
        count += time_of(p->updated_at) >= from_s;
    return count;
}

/* Is there a moment from which few pages come, but one at least? */
static bool since_choose(struct workspace *ws)
{
    int64_t newest = since_newest(ws);
    if (newest <= 0)
        return false;
    ws->since.from_s = newest - OVERLAP_S;
    unsigned expected = since_count(ws, ws->since.from_s);
    return expected > 0 && expected < ONE_REQUEST;
}

const char *since_begin(struct workspace *ws, enum http_class class)
{
    struct since *s = &ws->since;
    s->began_s = clock_now().tv_sec;
    s->ignored = false;
    s->asked = class == HTTP_BACKGROUND && !s->fails && !s->whole_next && ws->swept_ms &&
               !cache_list_is_anew(ws->caching) &&
               HASH_CNT(hh_id, ws->by_id) > ONE_REQUEST &&
               clock_ms() - s->whole_ms < WHOLE_MS && since_choose(ws);
    s->whole_next = false;
    if (!s->asked)
        return NULL;
    return clock_format((struct timespec){.tv_sec = s->from_s}, s->text);
}

/* ---- what comes of it ------------------------------------------------------------------ */

void since_look(struct workspace *ws, const struct platform_page *pages, size_t count)
{
    struct since *s = &ws->since;
    for (size_t i = 0; s->asked && i < count; i++)
        if (time_of(pages[i].updated_at) < s->from_s)
            s->ignored = true;
}

/* NULL: nothing is missing. */
static const struct page *since_missing(const struct workspace *ws)
{
    const struct page *p;
    for (p = ws->by_id; p; p = p->hh_id.next)
        if (p->seen && p->seen < ws->sweep && !p->save && !p->archiving &&
            p->changed_in != ws->sweep && time_of(p->updated_at) >= ws->since.from_s)
            break;
    return p;
}

static void since_give_up(struct workspace *ws, const char *why)
{
    ws->since.fails = true;
    log_info("the list is read whole from now on: the filter updated_at_gte %s", why);
}

static enum since_end since_judge(struct workspace *ws, int err)
{
    struct since *s = &ws->since;
    if (err == -EPROTO || err == -EIO) {
        since_give_up(ws, "is refused");
        return SINCE_DOUBT;
    }
    if (err)
        return SINCE_PART;
    if (s->ignored) {
        since_give_up(ws, "gives older pages");
        return SINCE_DOUBT;
    }
    const struct page *missing = since_missing(ws);
    if (missing)
        s->missing = xstrdup(missing->id);
    return missing || s->whole_wanted ? SINCE_DOUBT : SINCE_PART;
}

/* What had not come is there, or is gone by now. */
static void since_settle(struct workspace *ws)
{
    cleanup_free char *id = steal_ptr(ws->since.missing);
    const struct page *p = id ? pages_find_id(ws, id) : NULL;
    ws->since.whole_ms = clock_ms();
    if (p && p->seen == ws->sweep)
        since_give_up(ws, "hides pages");
}

enum since_end since_end(struct workspace *ws, int err)
{
    struct since *s = &ws->since;
    enum since_end end = s->asked ? since_judge(ws, err) : SINCE_WHOLE;
    s->asked = s->whole_wanted = false;
    s->whole_next = end == SINCE_DOUBT;
    if (!err && end != SINCE_DOUBT)
        s->known_s = s->began_s;
    if (!err && end == SINCE_WHOLE)
        since_settle(ws);
    return end;
}

void since_want_whole(struct workspace *ws)
{
    ws->since.whole_wanted = ws->since.asked;
}

void since_finish(struct workspace *ws)
{
    free(steal_ptr(ws->since.missing));
}
