/* list.c - a whole list, however the platform hands it out.
 *
 * The first answer shows which way it goes on:
 *   by total   offset and total are spoken: the rest is fetched in parallel
 *   by cursor  next_cursor is there: one after the other
 *   by offset  has_more, or a list that looks cut off: one after the other
 * Ids decide what is new, so a platform that ignores all of it gives its one list, once.
 * A page that is removed while a list is read by offset shifts another one out of sight,
 * which would look like a removal too: when the total changes meanwhile, or is not
 * reached, the list is read anew, once.
 *
 * Whoever asked takes the pages part by part, as they come (part), or has them all at the
 * end. */
#include <errno.h>

#include "base/alloc.h"
#include "base/strset.h"
#include "platform/internal.h"

enum {
    LIST_LIMIT = 200, /* the platform's own maximum */
    LIST_PARALLEL = 8,
    LIST_PAGES_MAX = 1000000,
    LIST_ROUNDS_MAX = 10000,
};

enum list_way { LIST_FIRST, LIST_BY_TOTAL, LIST_BY_CURSOR, LIST_BY_OFFSET };

struct list {
    struct platform *platform;
    char *path;
    char *filter;
    const char *id_key;
    platform_part_fn *part;
    struct platform_call call;

    enum list_way way;
    unsigned rounds, outstanding;
    long total, next_offset;
    size_t step;        /* items of the first answer */
    bool total_moved;   /* since the first answer */
    char *first_cursor; /* the other way, should offsets be ignored */
    bool again;         /* this is the second reading */
    size_t before;      /* how many the first one found */
    size_t count;       /* how many this one did */

    struct platform_page *pages; /* held: those of this part, or all */
    size_t held, cap;
    struct strset ids, cursors;

    int err; /* the first failure, with its words */
    long status;
    bool sent;
    char *code;
    char *message;
};

/* ---- the end ----------------------------------------------------------------------- */

static void list_let_go(struct list *l)
{
    for (size_t i = 0; i < l->held; i++)
        page_finish(&l->pages[i]);
    l->held = 0;
}

static void list_free(struct list *l)
{
    list_let_go(l);
    strset_clear(&l->ids);
    strset_clear(&l->cursors);
    free(l->pages);
    free(l->first_cursor);
    free(l->path);
    free(l->filter);
    free(l->code);
    free(l->message);
    free(l);
}

static void list_finish(struct list *l)
{
    struct platform_answer answer = {
        .err = l->err,
        .status = l->err ? l->status : 200,
        .code = l->code ? l->code : "",
        .message = l->message ? l->message : "",
        .sent = l->sent,
        .pages = l->pages,
        .page_count = l->err ? 0 : l->held,
    };
    l->call.done(l->call.arg, &answer);
    list_free(l);
}

/* The first failure is the one that is told. */
static void list_fail(struct list *l, int err, long status, const char *code,
                      const char *message)
{
    if (l->err)
        return;
    l->err = err;
    l->status = status;
    l->code = xstrdup(code);
    l->message = xstrdup(message);
}

/* ---- asking ------------------------------------------------------------------------ */

static void list_on_answer(void *arg, const struct platform_answer *answer);

/* where: "", "&offset=..." or "&cursor=..." */
static void list_ask(struct list *l, const char *where)
{
    struct exchange x = {
        .platform = l->platform,
        .method = "GET",
        .path = xasprintf("%s?limit=%d%s%s", l->path, LIST_LIMIT, l->filter, where),
        .call = {l->call.class, l->call.deadline_ms, list_on_answer, l, l->call.who},
    };
    if (++l->rounds > LIST_ROUNDS_MAX) {
        free(x.path);
        list_fail(l, -EIO, 200, "", "the platform's list does not end");
        return;
    }
    l->outstanding++;
    exchange_send(&x);
}

static void list_ask_offset(struct list *l)
{
    cleanup_free char *where = xasprintf("&offset=%ld", l->next_offset);
    list_ask(l, where);
}

static void list_ask_cursor(struct list *l, const char *cursor)
{
    cleanup_buf struct buf where = BUF_INIT;
    buf_puts(&where, "&cursor=");
    http_quote(&where, cursor);
    if (strset_add(&l->cursors, cursor))
        list_ask(l, where.data);
    else
        list_fail(l, -EIO, 200, "",
                  "the platform's list repeats itself: a cursor came twice");
}

/* ---- taking in --------------------------------------------------------------------- */

static void list_keep(struct list *l, const struct platform_page *page)
{
    if (l->held == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 256;
        l->pages = xrealloc(l->pages, l->cap * sizeof *l->pages);
    }
    l->pages[l->held++] = *page;
    l->count++;
}

/* How many are new; *ret_items: how many came. Those without an id cannot be asked for,
 * and are passed over. */
static size_t list_take_items(struct list *l, struct text *text, struct json_span items,
                              size_t *ret_items)
{
    struct json_iter it;
    struct platform_page page;
    size_t fresh = 0;
    *ret_items = 0;
    json_iter_init(&it, text->data, items);
    while (json_iter_next(&it) && l->count < LIST_PAGES_MAX) {
        ++*ret_items;
        if (!page_read(text, it.value, l->id_key, &page))
            continue;
        if (page.id && *page.id && strset_add(&l->ids, page.id)) {
            list_keep(l, &page);
            fresh++;
        } else {
            page_finish(&page);
        }
    }
    if (l->count >= LIST_PAGES_MAX)
        list_fail(l, -EIO, 200, "", "the platform's list is too long");
    return fresh;
}

static void list_hand_on(struct list *l)
{
    if (!l->part || l->err)
        return;
    l->part(l->call.arg, l->pages, l->held);
    list_let_go(l);
}

/* ---- going on ---------------------------------------------------------------------- */

static void list_fill(struct list *l)
{
    while (!l->err && l->outstanding < LIST_PARALLEL && l->next_offset < l->total) {
        list_ask_offset(l);
        l->next_offset += (long)l->step;
    }
}

static void list_read_anew(struct list *l)
{
    l->again = true;
    l->before = l->count;
    l->next_offset = 0;
    l->count = 0;
    strset_clear(&l->ids);
    list_let_go(l);
    list_fill(l);
}

/* All offsets were asked for, and the answers are in. */
static void list_end_by_total(struct list *l)
{
    bool short_of_it = (long)l->count < l->total;
    if (l->again) {
        l->platform->total_lies = short_of_it && l->count == l->before;
    } else if (short_of_it && l->first_cursor) {
        l->way = LIST_BY_CURSOR;
        list_ask_cursor(l, l->first_cursor);
    } else if (l->total_moved || (short_of_it && !l->platform->total_lies)) {
        list_read_anew(l);
    }
}

static void list_go_by_total(struct list *l, const struct envelope_list *e, size_t fresh)
{
    if (e->total >= 0 && e->total != l->total) {
        l->total = e->total;
        l->total_moved = true;
    }
    if (fresh == 0)
        l->next_offset = l->total; /* the end came early, or offsets are ignored */
    list_fill(l);
    if (l->outstanding == 0)
        list_end_by_total(l);
}

/* Nothing is said of an end: is the list cut off? Round numbers are what limits are, and
 * only the last part is shorter than the first. */
static bool list_looks_cut(const struct list *l, size_t items)
{
    return items >= 10 && items % 10 == 0 && items >= l->step &&
           !l->platform->offset_ignored;
}

static void list_go_by_offset(struct list *l, const struct envelope_list *e, size_t fresh,
                              size_t items)
{
    bool unsaid = e->has_more < 0 && e->total < 0;
    if (unsaid && fresh == 0 && items > 0)
        l->platform->offset_ignored = true;
    if (fresh == 0 || e->has_more == 0)
        return;
    if (unsaid ? !list_looks_cut(l, items)
               : e->has_more < 0 && (long)l->count >= e->total)
        return;
    l->next_offset += (long)items;
    list_ask_offset(l);
}

static void list_choose_way(struct list *l, struct envelope_list *e, size_t items)
{
    l->step = items;
    if (e->total > (long)items && items > 0 && (e->offset_said || !e->next_cursor)) {
        l->way = LIST_BY_TOTAL;
        l->total = e->total;
        l->next_offset = (long)items;
        l->first_cursor = steal_ptr(e->next_cursor);
    } else if (e->next_cursor) {
        l->way = LIST_BY_CURSOR;
    } else {
        l->way = LIST_BY_OFFSET;
    }
}

static void list_go_on(struct list *l, struct envelope_list *e, size_t fresh,
                       size_t items)
{
    if (l->way == LIST_FIRST)
        list_choose_way(l, e, items);
    if (l->way == LIST_BY_TOTAL)
        list_go_by_total(l, e, fresh);
    else if (l->way == LIST_BY_OFFSET)
        list_go_by_offset(l, e, fresh, items);
    else if (e->next_cursor)
        list_ask_cursor(l, e->next_cursor);
}

static void list_on_answer(void *arg, const struct platform_answer *answer)
{
    struct list *l = arg;
    struct envelope_list e;
    l->outstanding--;
    if (answer->err) {
        list_fail(l, answer->err, answer->status, answer->code, answer->message);
    } else if (!l->err && !envelope_read_list(answer->body->data, answer->root, &e)) {
        list_fail(l, -EIO, answer->status, "", "the platform's answer holds no list");
    } else if (!l->err) {
        size_t items;
        size_t fresh = list_take_items(l, answer->body, e.items, &items);
        list_hand_on(l);
        if (!l->err)
            list_go_on(l, &e, fresh, items);
        envelope_list_finish(&e);
    }
    if (l->outstanding == 0)
        list_finish(l);
}

void list_fetch(struct platform *p, const struct list_source *source,
                const struct platform_call *call)
{
    struct list *l = xcalloc(1, sizeof *l);
    l->platform = p;
    l->path = xstrdup(source->path);
    l->filter = xstrdup(source->filter);
    l->id_key = source->id_key;
    l->part = source->part;
    l->call = *call;
    l->ids = l->cursors = STRSET_INIT;
    list_ask(l, "");
}

static void put_filter(struct buf *out, const char *name, const char *value)
{
    if (!value)
        return;
    buf_printf(out, "&%s=", name);
    http_quote(out, value);
}

void platform_pages_list(struct platform *p, const struct platform_query *query,
                         const struct platform_call *call)
{
    cleanup_buf struct buf filter = BUF_INIT;
    put_filter(&filter, "status", query->status);
    put_filter(&filter, "updated_at_gte", query->updated_since);
    const struct list_source source = {
        .path = "/pages",
        .filter = filter.len ? filter.data : "",
        .id_key = "id",
        .part = query->part,
    };
    list_fetch(p, &source, call);
}
