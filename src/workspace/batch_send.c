/* batch_send.c - a batch on its way: each page once, a few at a time. */
#include "workspace/batch.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "json/json.h"
#include "workspace/push.h"

/* More would only wait for the platform's budget, each against its own deadline. */
enum { SEND_AT_ONCE = 8 };

/* ---- verdicts ----------------------------------------------------------------- */

static bool page_waits(const struct page *p)
{
    for (int i = 0; i < page_docs(p); i++)
        if (p->docs[i].waiting)
            return true;
    return false;
}

/* What was staged is not what the file holds by now, and nobody has closed it. */
static bool page_is_half_written(const struct page *p, uint64_t batch)
{
    for (int i = 0; i < page_docs(p); i++) {
        const struct item *it = p->docs[i].file;
        if (p->docs[i].staged == batch && it && it->tried_seq != it->seq)
            return true;
    }
    return false;
}

static const char *batch_result(const struct batch_page *bp, int err)
{
    const struct page *p = bp->page;
    if (err)
        return err == -EPROTO ? "refused" : err == -ESTALE ? "conflict" : "failed";
    if (bp->removed)
        return "archived";
    if (bp->half || page_waits(p))
        return "waiting";
    if (bp->created)
        return "created";
    if (bp->was && strcmp(bp->was, p->dir) != 0)
        return "renamed";
    return bp->epoch == p->epoch ? "unchanged" : "saved";
}

static void put_lines(struct buf *out, const struct text *lines, const char **comma)
{
    const char *at = lines ? lines->data : "";
    while (*at) {
        size_t len = strcspn(at, "\n");
        buf_puts(out, *comma);
        json_quote(out, at, len);
        *comma = ",";
        at += len + (at[len] != '\0');
    }
}

/* {"page", "result", "ok", "message", "errors": lines of `errors`}: one line. */
static void batch_report(struct batch_page *bp, int err)
{
    struct buf *out = &bp->batch->words;
    const char *result = batch_result(bp, err);
    const char *comma = "";
    bool waits = !strcmp(result, "waiting");
    buf_puts(out, "{\"page\":");
    json_quotes(out, bp->removed ? bp->was : bp->page->dir);
    buf_printf(out, ",\"result\":\"%s\",\"ok\":%s,\"message\":", result,
               err || waits ? "false" : "true");
    if (err)
        json_quotes(out, strerror(-err));
    else
        buf_puts(out, !waits     ? "null"
                      : bp->half ? "\"a file was still being written\""
                                 : "\"it lacks a file\"");
    buf_puts(out, ",\"errors\":[");
    for (int i = 0; err && i < page_docs(bp->page); i++)
        put_lines(out, bp->page->docs[i].problem, &comma);
    buf_puts(out, "]}\n");
    if (!bp->batch->err)
        bp->batch->err = err;
}

/* ---- sending ------------------------------------------------------------------ */

static void batch_go_on(struct batch *b);

/* Lock held. */
static void batch_page_ended(struct batch_page *bp, int err)
{
    struct batch *b = bp->batch;
    DL_DELETE(b->sending, bp);
    DL_APPEND(b->sent, bp);
    b->under_way--;
    batch_report(bp, err);
}

static void batch_page_done(struct wait *w, int err)
{
    struct batch_page *bp = container_of(w, struct batch_page, wait);
    ws_lock(bp->batch->ws);
    batch_page_ended(bp, err);
    batch_go_on(bp->batch);
}

/* Lock held. */
static void batch_page_begin(struct batch_page *bp)
{
    struct batch *b = bp->batch;
    struct page *p = bp->page;
    DL_DELETE(b->pages, bp);
    DL_APPEND(b->sending, bp);
    b->under_way++;
    bp->wait.done = batch_page_done;
    bp->epoch = p->epoch;
    bp->created = !p->id;
    bp->half = page_is_half_written(p, b->number);
    int err = bp->removed ? page_archive_removed(p, bp->tgid, &bp->wait)
                          : page_push_staged(p, b->number, &bp->wait);
    if (err != -EINPROGRESS)
        batch_page_ended(bp, err);
}

/* Lock held, released. */
static void batch_go_on(struct batch *b)
{
    struct workspace *ws = b->ws;
    while (b->pages && b->under_way < SEND_AT_ONCE)
        batch_page_begin(b->pages);
    if (b->under_way)
        ws_unlock(ws);
    else
        batch_finish(b);
}

static void batch_begin(void *arg)
{
    struct batch *b = arg;
    ws_lock(b->ws);
    batch_go_on(b);
}

bool batch_send(struct batch *b)
{
    batch_join_renames(b);
    if (!b->pages)
        return false;
    batch_set_state(b, BATCH_SENDING);
    loop_post(b->ws->config.loop, batch_begin, b);
    return true;
}
