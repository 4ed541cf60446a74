/* control.c - .amdahl/: what the mount says of itself, and the commands it takes. */
#include "workspace/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "json/json.h"
#include "workspace/batch.h"
#include "workspace/body.h"
#include "workspace/data.h"
#include "workspace/keep.h"
#include "workspace/push.h"
#include "workspace/sql.h"

/* ---- status.json ------------------------------------------------------------- */

static void status_put(struct buf *out, const char *key, const char *value)
{
    json_quotes(out, key);
    buf_putc(out, ':');
    if (value)
        json_quotes(out, value);
    else
        buf_puts(out, "null");
    buf_putc(out, ',');
}

static void status_put_budget(struct buf *out, const struct http_stats *stats)
{
    if (stats->limit >= 0)
        buf_printf(out, "\"budget\":{\"limit\":%ld,\"remaining\":%ld,\"reserve\":%ld,",
                   stats->limit, stats->remaining, stats->reserve);
    else
        buf_puts(out, "\"budget\":{\"limit\":null,\"remaining\":null,\"reserve\":null,");
    if (stats->reset_ms >= 0)
        buf_printf(out, "\"reset_seconds\":%lld,",
                   (long long)(stats->reset_ms + 999) / 1000);
    else
        buf_puts(out, "\"reset_seconds\":null,");
    buf_printf(out, "\"paused_seconds\":%lld},",
               (long long)(stats->paused_ms + 999) / 1000);
}

/* A moment so long ago (or, negative, to come), by the clock on the wall. */
static void status_put_moment(struct buf *out, const char *key, int64_t ago_ms)
{
    char text[CLOCK_TEXT];
    struct timespec when = clock_now();
    when.tv_sec -= (time_t)(ago_ms / 1000);
    when.tv_nsec = 0;
    status_put(out, key, clock_format(when, text));
}

static void status_put_http(struct buf *out, const struct http_stats *stats)
{
    buf_printf(out, "\"online\":%s,", stats->online ? "true" : "false");
    if (stats->offline_ms >= 0)
        status_put_moment(out, "offline_since", stats->offline_ms);
    if (stats->paused_ms > 0)
        status_put_moment(out, "paused_until", -stats->paused_ms);
    if (stats->last_ok_ms)
        buf_printf(out, "\"last_answer_seconds_ago\":%lld,",
                   (long long)(clock_ms() - stats->last_ok_ms) / 1000);
    status_put(out, "last_error", stats->last_error[0] ? stats->last_error : NULL);
    buf_printf(out,
               "\"requests\":{\"sent\":%llu,\"retries\":%llu,\"errors\":%llu,"
               "\"rate_limited\":%llu,\"in_flight\":%u,\"queued\":%u},",
               (unsigned long long)stats->requests, (unsigned long long)stats->retries,
               (unsigned long long)stats->errors, (unsigned long long)stats->rate_limited,
               stats->in_flight, stats->queued);
    status_put_budget(out, stats);
}

static void status_put_draft(struct buf *out, const struct doc *d, const char *file)
{
    enum doc_state state = doc_standing(d);
    if (state <= DOC_SAVED)
        return;
    buf_puts(out, out->data[out->len - 1] == '[' ? "{" : ",{");
    status_put(out, "page", d->page->dir);
    status_put(out, "file", file);
    status_put(out, "state", doc_state_name(state));
    buf_puts(out, "\"error\":");
    if (d->problem)
        json_quote(out, d->problem->data, strcspn(d->problem->data, "\n"));
    else
        buf_puts(out, "null");
    buf_putc(out, '}');
}

/* What queries.json did not take. */
static void status_put_sql(struct buf *out, const struct page *p)
{
    const struct sql_file *f;
    for (f = p->sql ? p->sql->files : NULL; f; f = f->hh.next) {
        cleanup_free char *file = xasprintf("sql/%s", f->file);
        status_put_draft(out, &f->doc, file);
    }
}

/* Every document whose text the platform does not have: one that is on its way is what it
 * was before. */
static void status_put_drafts(struct buf *out, struct workspace *ws)
{
    struct page *p;
    struct page *tmp;
    HASH_ITER (hh_name, ws->by_name, p, tmp) {
        for (int i = 0; i < page_docs(p); i++)
            status_put_draft(out, &p->docs[i], page_file_name(p->docs[i].which));
        status_put_sql(out, p);
    }
}

struct text *workspace_status(struct workspace *ws)
{
    cleanup_buf struct buf flat = BUF_INIT;
    struct buf out = BUF_INIT;
    struct http_stats stats;
    int64_t age;
    http_get_stats(ws->config.http, &stats);
    buf_putc(&flat, '{');
    status_put(&flat, "version", AMDAHLFS_VERSION);
    status_put(&flat, "host", http_host(ws->config.http));
    status_put_http(&flat, &stats);
    ws_lock(ws);
    buf_printf(&flat, "\"writable\":%s,\"pages\":%u,", ws->writable ? "true" : "false",
               HASH_CNT(hh_name, ws->by_name));
    if (list_age(ws, &age))
        buf_printf(&flat, "\"list_seconds_ago\":%lld,", (long long)age);
    buf_printf(&flat, "\"list_from_cache\":%s,\"cache\":%s,",
               ws->listed_once && !ws->swept_ms ? "true" : "false",
               ws->cache ? "true" : "false");
    buf_puts(&flat, "\"batches\":[");
    batch_put_status(&flat, ws);
    buf_puts(&flat, "],\"drafts\":[");
    status_put_drafts(&flat, ws);
    ws_unlock(ws);
    buf_puts(&flat, "]}");
    json_reindent(&out, flat.data, (struct json_span){0, flat.len, JSON_OBJECT});
    return text_from_buf(&out);
}

struct text *workspace_me(struct workspace *ws)
{
    struct json_limits limits = JSON_LIMITS_WIRE;
    struct json_span root;
    struct buf out = BUF_INIT;
    ws_lock(ws);
    cleanup_text struct text *me = text_ref(ws->me);
    ws_unlock(ws);
    if (!me || json_check(me->data, me->len, &limits, &root, NULL) != 0)
        return text_from_string("{}\n");
    json_reindent(&out, me->data, root);
    return text_from_buf(&out);
}

/* ---- ctl --------------------------------------------------------------------- */

typedef int command_fn(struct workspace *ws, const char *argument,
                       struct text **ret_words, struct wait *w);

static int command_refresh(struct workspace *ws, const char *argument,
                           struct text **ret_words, struct wait *w)
{
    struct page *p;
    struct page *tmp;
    ws_lock(ws);
    HASH_ITER (hh_name, ws->by_name, p, tmp) {
        page_drop_body(p);
        p->stale = p->id != NULL; /* nor is a cached one good enough */
    }
    ws_unlock(ws);
    data_drop(ws);
    *ret_words = text_from_string("the list and every page are read anew\n");
    return workspace_refresh(ws, w);
}

static int command_allow_archive(struct workspace *ws, const char *argument,
                                 struct text **ret_words, struct wait *w)
{
    char *end;
    unsigned long count = strtoul(argument, &end, 10);
    if (*end || end == argument || count > 100000)
        return -EINVAL;
    workspace_allow_archive(ws, (unsigned)count);
    cleanup_free char *words = xasprintf("%lu more pages may be archived\n", count);
    *ret_words = text_from_string(words);
    return 0;
}

/* PAGE or PAGE/FILE, as a path below pages/. NULL when there is no such page. */
static struct page *command_page(struct workspace *ws, const char *argument,
                                 const char **ret_file)
{
    const char *slash = strchr(argument, '/');
    cleanup_free char *dir =
        slash ? xstrndup(argument, (size_t)(slash - argument)) : xstrdup(argument);
    *ret_file = slash ? slash + 1 : "";
    return workspace_find_page(ws, dir);
}

static int command_restore(struct workspace *ws, const char *argument,
                           struct text **ret_words, struct wait *w)
{
    const char *file;
    struct page *p = command_page(ws, argument, &file);
    if (!p)
        return -ENOENT;
    page_restore_names(p);
    page_unref(p);
    *ret_words = text_from_string("the names that were removed are back\n");
    return 0;
}

/* The draft goes; the file holds what the platform has. */
static bool doc_discard(struct doc *d)
{
    struct item *it = d->file;
    if (!d->page->id || (!d->shown && d->page->body == BODY_READY))
        return false; /* a new page's text is nowhere else */
    if (d->problem || d->rejected)
        doc_remove_rejected(d);
    doc_clear_problem(d);
    keep_drop_now(d);
    d->waiting = false;
    d->staged = 0;
    if (!it || !it->dirty)
        return false;
    it->dirty = false;
    it->tried_seq = it->seq;
    it->tried_err = 0;
    buf_finish(&it->data);
    item_changed(it);
    return true;
}

static int command_discard(struct workspace *ws, const char *argument,
                           struct text **ret_words, struct wait *w)
{
    const char *file;
    struct page *p = command_page(ws, argument, &file);
    if (!p)
        return -ENOENT;
    ws_lock(ws);
    int err = p->save ? -EBUSY : 0;
    unsigned count = 0;
    for (int i = 0; !err && i < page_docs(p); i++)
        if (!*file || !strcmp(file, page_file_name(p->docs[i].which)))
            count += doc_discard(&p->docs[i]);
    if (!err && (!*file || !strcmp(file, page_file_name(PAGE_QUERIES))))
        count += sql_discard(p);
    page_check(p);
    ws_unlock(ws);
    page_unref(p);
    *ret_words = text_from_string(
        count
            ? "the draft is gone; the file holds the platform's text\n"
            : "there is no draft of a page that the platform has: nothing is changed\n");
    return err;
}

/* Words where the errno would not say it; none while the answer is on its way. */
static int command_save(struct workspace *ws, const char *argument,
                        int (*run)(struct page *p, const char *file, struct wait *w),
                        struct text **ret_words, struct wait *w)
{
    const char *file;
    struct page *p = command_page(ws, argument, &file);
    if (!p)
        return -ENOENT;
    int err = run(p, *file ? file : NULL, w);
    if (err == -ENODATA)
        *ret_words = text_from_string("there is no draft\n");
    if (err == -EEXIST)
        *ret_words = text_from_string("there is a draft: push or discard it first\n");
    page_unref(p);
    return err;
}

static int command_push(struct workspace *ws, const char *argument,
                        struct text **ret_words, struct wait *w)
{
    return command_save(ws, argument, page_push, ret_words, w);
}

static int command_undo(struct workspace *ws, const char *argument,
                        struct text **ret_words, struct wait *w)
{
    return command_save(ws, argument, page_undo, ret_words, w);
}

/* PAGE/FILE: what a clean file would hold. Without words while the page is on its way:
 * to be asked again. */
static int command_stored(struct workspace *ws, const char *argument,
                          struct text **ret_words, struct wait *w)
{
    const char *file;
    struct page *p = command_page(ws, argument, &file);
    int which = page_file_find(file);
    bool is_doc = p && which >= 0 && page_file_is_doc((enum page_file)which);
    int err = is_doc ? page_ready(p, w) : -ENOENT;
    if (!err) {
        ws_lock(ws);
        struct doc *d = page_doc_of(p, (enum page_file)which);
        *ret_words = d->shown ? text_ref(d->shown) : text_from_string("");
        ws_unlock(ws);
    }
    page_unref(p);
    return err;
}

static int command_fetch(struct workspace *ws, const char *argument,
                         struct text **ret_words, struct wait *w)
{
    const char *file;
    struct page *p = command_page(ws, argument, &file);
    int err = p && !*file ? page_fetch(p, w) : -ENOENT;
    if (!err || err == -EINPROGRESS)
        *ret_words = text_from_string(err ? "fetched\n" : "it was here\n");
    page_unref(p);
    return err;
}

static const struct {
    const char *name;
    command_fn *run;
} commands[] = {
    {"refresh", command_refresh}, {"allow-archive", command_allow_archive},
    {"restore", command_restore}, {"discard", command_discard},
    {"push", command_push},       {"undo", command_undo},
    {"stored", command_stored},   {"fetch", command_fetch},
};

int workspace_command(struct workspace *ws, const char *line, struct text **ret_words,
                      struct wait *w)
{
    size_t word = strcspn(line, " ");
    const char *argument = line + word + strspn(line + word, " ");
    *ret_words = NULL;
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (strlen(commands[i].name) == word && !strncmp(line, commands[i].name, word))
            return commands[i].run(ws, argument, ret_words, w);
    *ret_words = text_from_string("unknown; known are: refresh, allow-archive COUNT, "
                                  "restore PAGE, discard PAGE[/FILE], push PAGE[/FILE], "
                                  "undo PAGE[/FILE], stored PAGE/FILE, fetch PAGE\n");
    return -EINVAL;
}
