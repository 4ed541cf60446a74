/* body.c - a page's body: is it here, is it good, and where to get it. */
#include "workspace/body.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "workspace/cache.h"
#include "workspace/keep.h"
#include "workspace/shed.h"
#include "workspace/walk.h"

enum { FETCH_DEADLINE_MS = 3600000 };

/* One body on its way. */
struct body_fetch {
    struct page *page;           /* a reference */
    enum http_class class;       /* once it is sent to the platform */
    bool started;                /* its turn there has come */
    uint64_t epoch;              /* the page's when it began */
    char *list_token;            /* when the platform was asked */
    struct platform_page cached; /* id NULL: none */
    char *cached_token;          /* the list's, when that one was asked for */
    struct timespec cached_at;
    struct wait sweep; /* waits for a sweep */
    bool swept;
};

static void body_fetch_free(struct body_fetch *f)
{
    platform_page_finish(&f->cached);
    free(f->list_token);
    free(f->cached_token);
    page_unref(f->page);
    free(f);
}

/* Lock held, released. */
static void body_end(struct body_fetch *f, int err)
{
    struct page *p = f->page;
    struct wait *waits = wait_take(&p->body_waits);
    if (p->body == BODY_FETCHING)
        p->body = BODY_NONE;
    p->body_behind = false;
    walk_arrived(p, err);
    shed_others(p);
    ws_unlock(p->ws);
    wait_run(waits, err);
    body_fetch_free(f);
}

/* ---- without the platform ------------------------------------------------------ */

/* Nobody answered. (A platform that answers, if only that it fails, is not away.) */
static bool err_is_away(int err)
{
    return err == -ECONNREFUSED || err == -ETIMEDOUT || err == -EHOSTUNREACH ||
           err == -ENETUNREACH || err == -ECONNRESET;
}

static bool answer_is_away(const struct platform_answer *answer)
{
    return !answer->status && (err_is_away(answer->err) || answer->err == -EIO);
}

static bool body_is_known(const struct page *p)
{
    return page_doc_of((struct page *)(uintptr_t)p, PAGE_SPEC)->remote != NULL;
}

/* What is known is shown: better than nothing, and no worse than before. */
static bool body_fall_back(struct body_fetch *f)
{
    struct page *p = f->page;
    if (body_is_known(p))
        p->body = BODY_READY;
    else if (f->cached.id)
        page_take_texts(p, &f->cached);
    else
        return false;
    p->unsure = true;
    return true;
}

/* ---- the platform ---------------------------------------------------------------- */

static void body_take(struct body_fetch *f, const struct platform_page *from)
{
    struct page *p = f->page;
    page_take_body(p, from);
    body_keep(p, from, f->list_token);
    /* A sweep may have seen a newer one while this was on its way. */
    p->stale = p->list_token && from->token && f->list_token &&
               strcmp(p->list_token, f->list_token) != 0 &&
               strcmp(p->list_token, from->token) != 0;
}

/* Lock held. */
static bool body_is_wanted(const struct page *p)
{
    return p->body_behind || wait_is_wanted(p->body_waits);
}

static bool body_fetch_is_wanted(void *arg)
{
    struct body_fetch *f = arg;
    struct page *p = f->page;
    ws_lock(p->ws);
    f->started = p->body_sent == f && body_is_wanted(p);
    ws_unlock(p->ws);
    return f->started;
}

static void body_fetch_start(struct page *p);

/* Lock held. True: this answer is not the one that counts; another one is on its way. */
static bool body_is_overtaken(struct body_fetch *f, int err)
{
    struct page *p = f->page;
    if (p->body_sent != f)
        return true; /* a more urgent one has taken its place */
    p->body_sent = NULL;
    bool older = f->epoch != p->epoch; /* we changed it meanwhile: this may be older */
    bool again = err ? err == -EINTR && body_is_wanted(p) : older && p->body_waits;
    if (again)
        body_fetch_start(p);
    return again;
}

static void body_fetched(void *arg, const struct platform_answer *answer)
{
    struct body_fetch *f = arg;
    struct page *p = f->page;
    int err = answer->err ? answer->err : answer->page ? 0 : -EIO;
    ws_lock(p->ws);
    if (body_is_overtaken(f, err)) {
        ws_unlock(p->ws);
        body_fetch_free(f);
        return;
    }
    bool older = f->epoch != p->epoch;
    if (!err && !older)
        body_take(f, answer->page);
    else if (answer_is_away(answer) && body_fall_back(f))
        err = 0;
    if (err && err != -EINTR)
        log_warning("page %s: cannot be read: %s", p->dir, answer->message);
    body_end(f, err);
}

static void body_fetch_send(struct body_fetch *f)
{
    struct page *p = f->page;
    /* What a walk asks for ahead is stale soon, and is asked for again. */
    bool is_patient = p->body_class == HTTP_READAHEAD && !p->ahead;
    struct platform_call call = {
        .class = p->body_class,
        .deadline_ms = is_patient ? FETCH_DEADLINE_MS : 0,
        .done = body_fetched,
        .arg = f,
        .who = wait_who(p->body_waits),
    };
    f->class = p->body_class;
    p->body_sent = f;
    f->epoch = p->epoch;
    f->list_token = xstrdup(p->list_token);
    if (p->is_template)
        platform_template_get(p->ws->config.platform, p->id, &call);
    else
        platform_page_get_wanted(p->ws->config.platform, p->id, body_fetch_is_wanted,
                                 &call);
}

/* Somebody waits now for what was asked for ahead: a request of his own goes out, and the
 * other one, unless it has, never does. While one is under way. */
static void body_hurry(struct page *p)
{
    struct body_fetch *sent = p->body_sent;
    p->body_class = HTTP_INTERACTIVE;
    if (!sent || sent->class == HTTP_INTERACTIVE || sent->started)
        return;
    struct body_fetch *f = xcalloc(1, sizeof *f);
    f->page = page_ref(p);
    f->cached = sent->cached; /* to fall back upon */
    sent->cached = (struct platform_page){.id = NULL};
    body_fetch_send(f);
}

/* ---- the cache --------------------------------------------------------------------- */

static bool token_is(const char *a, const char *b)
{
    return a && b && !strcmp(a, b);
}

static bool cached_is_young(const struct body_fetch *f, int64_t *ret_age_ms)
{
    struct timespec now = clock_now();
    int64_t age_ms = (now.tv_sec - f->cached_at.tv_sec) * 1000 +
                     (now.tv_nsec - f->cached_at.tv_nsec) / 1000000;
    *ret_age_ms = age_ms;
    /* One of the future: the clock was set back, and nobody knows. */
    return age_ms >= 0 && age_ms <= f->page->ws->config.ttl_ms;
}

static bool cached_has_token(const struct body_fetch *f)
{
    const struct page *p = f->page;
    return token_is(p->list_token, f->cached.token) ||
           token_is(p->list_token, f->cached_token);
}

/* The list may know a newer name, where it tells no changes. */
static void cached_take(struct body_fetch *f, int64_t age_ms)
{
    struct page *p = f->page;
    char *name = xstrdup(p->name);
    page_take_body(p, &f->cached);
    p->body_ms -= age_ms;
    if (!name)
        return;
    free(p->name);
    p->name = name;
}

static bool cached_is_good(struct body_fetch *f)
{
    struct page *p = f->page;
    int64_t age_ms = 0;
    if (!f->cached.id || p->stale || f->epoch != p->epoch)
        return false;
    if (keep_is_interrupted(p))
        return false; /* by whom the page was changed last is the question */
    bool good = p->list_token ? token_is(p->token, f->cached.token) ||
                                    (p->seen && cached_has_token(f))
                              : p->seen && cached_is_young(f, &age_ms);
    if (good)
        cached_take(f, age_ms);
    return good;
}

/* The list is of the last mount, or this page was not in it, but a sweep would settle it. */
static bool cached_awaits_sweep(const struct body_fetch *f)
{
    const struct page *p = f->page;
    return f->cached.id && !f->swept && !p->stale && !p->seen &&
           (!p->list_token || cached_has_token(f)) && list_may_settle(p->ws);
}

/* What was given to readers before is known again before anything newer comes. */
static void body_restore_shed(struct body_fetch *f)
{
    if (!f->cached.id || !page_is_shed(f->page))
        return;
    page_take_texts(f->page, &f->cached);
    f->page->body = BODY_FETCHING;
}

static void body_swept(struct wait *w, int err);

/* Lock held, released. */
static void body_choose(struct body_fetch *f)
{
    struct workspace *ws = f->page->ws;
    if (cached_is_good(f)) {
        body_end(f, 0);
        return;
    }
    if (cached_awaits_sweep(f)) {
        f->sweep.done = body_swept;
        f->sweep.tid = wait_who(f->page->body_waits);
        wait_add(&ws->list_waits, &f->sweep);
        list_sweep(ws, HTTP_INTERACTIVE);
    } else {
        body_restore_shed(f);
        body_fetch_send(f);
    }
    ws_unlock(ws);
}

static void body_swept(struct wait *w, int err)
{
    struct body_fetch *f = container_of(w, struct body_fetch, sweep);
    f->swept = true;
    ws_lock(f->page->ws);
    if (err_is_away(err) && body_fall_back(f))
        body_end(f, 0);
    else
        body_choose(f);
}

static void body_cache_read(void *arg, const struct cache_body *body)
{
    struct body_fetch *f = arg;
    if (body && platform_page_parse(body->text, &f->cached)) {
        f->cached_token = xstrdup(body->token);
        f->cached_at = body->at;
        if (strcmp(f->cached.id, f->page->id) != 0)
            platform_page_finish(&f->cached); /* the checksum says it cannot be */
    }
    ws_lock(f->page->ws);
    body_choose(f);
}

/* What is in memory is no older than what is there. Lock held. */
static void body_ask_cache(struct body_fetch *f)
{
    struct page *p = f->page;
    if (p->ws->cache && !p->is_template && !body_is_known(p))
        cache_read_body(p->ws->cache, p->id, body_cache_read, f);
    else
        body_fetch_send(f);
}

static void body_past_read(void *arg, const struct state_text *rows, size_t count)
{
    struct body_fetch *f = arg;
    struct page *p = f->page;
    ws_lock(p->ws);
    keep_take_past(p, rows, count);
    body_ask_cache(f);
    ws_unlock(p->ws);
}

/* p->body_waits are run at its end. The first time, how its documents were shown by the
 * last mount is read before. */
static void body_fetch_start(struct page *p)
{
    struct body_fetch *f = xcalloc(1, sizeof *f);
    f->page = page_ref(p);
    f->epoch = p->epoch;
    p->body = BODY_FETCHING;
    if (p->ws->state && !p->past_read && !p->is_template)
        state_read_texts(p->ws->state, p->key, body_past_read, f);
    else
        body_ask_cache(f);
}

/* The body is here, and is to be looked at again all the same. */
static bool body_is_old(struct page *p)
{
    if ((p->body != BODY_READY && p->body != BODY_SHED) || !p->id || p->is_template ||
        page_is_dirty(p))
        return false;
    if (p->unsure && p->seen && !p->stale && token_is(p->list_token, p->token))
        p->unsure = false; /* a sweep has settled it */
    if (p->stale || p->unsure)
        return true;
    /* Where the list has no change tokens, a body is looked at again after a while. */
    return !p->list_token && clock_ms() - p->body_ms > p->ws->config.ttl_ms;
}

/* ---- waiting for the body ---------------------------------------------------- */

void page_want_body(struct page *p)
{
    if (p->body != BODY_NONE && p->body != BODY_FETCHING)
        return;
    p->body_behind = true;
    if (p->body == BODY_NONE) {
        p->body_class = p->ahead ? HTTP_READAHEAD : HTTP_BACKGROUND;
        body_fetch_start(p);
    }
}

static void page_wait_body(struct page *p, enum http_class class, struct wait *w)
{
    wait_add(&p->body_waits, w);
    p->body_behind = p->body_behind || !w;
    if (p->body != BODY_FETCHING) {
        p->body_class = class;
        body_fetch_start(p);
    } else if (class == HTTP_INTERACTIVE) {
        body_hurry(p);
    }
}

/* Lock held. */
static int page_await(struct page *p, bool texts, enum http_class class, struct wait *w)
{
    bool here = p->body == BODY_READY || (p->body == BODY_SHED && !texts);
    bool good = here && !body_is_old(p);
    bool is_step = class == HTTP_INTERACTIVE &&
                   ((!good && p->body == BODY_NONE) || p->ahead || p->brought);
    p->brought = p->brought && class != HTTP_INTERACTIVE;
    if (good)
        shed_note_used(p);
    else
        page_wait_body(p, class, w);
    if (is_step)
        walk_step(p); /* behind it: what somebody waits for goes first */
    return good ? 0 : -EINPROGRESS;
}

int page_ready(struct page *p, struct wait *w)
{
    ws_lock(p->ws);
    p->leased_ms = clock_ms();
    int err = page_await(p, true, HTTP_INTERACTIVE, w);
    ws_unlock(p->ws);
    return err;
}

int page_file_ready(struct page *p, bool texts, struct wait *w)
{
    ws_lock(p->ws);
    int err = page_await(p, texts, HTTP_INTERACTIVE, w);
    ws_unlock(p->ws);
    return err;
}

int page_fetch(struct page *p, struct wait *w)
{
    ws_lock(p->ws);
    int err = page_await(p, false, HTTP_READAHEAD, w);
    ws_unlock(p->ws);
    return err;
}

/* ---- into the cache ---------------------------------------------------------------- */

void body_keep(struct page *p, const struct platform_page *from, const char *list_token)
{
    if (!p->ws->cache || p->is_template || !p->id || !from->id ||
        strcmp(from->id, p->id) != 0)
        return;
    struct json_span object = from->object;
    bool whole = object.start == 0 && object.end == from->text->len;
    cleanup_text struct text *text =
        whole ? text_ref(from->text)
              : text_new(from->text->data + object.start, object.end - object.start);
    const struct cache_body body = {text, list_token, clock_now()};
    cache_put_body(p->ws->cache, p->id, &body);
}

void body_keep_changed(struct page *p, const struct platform_page *from)
{
    bool whole = from && from->id && from->name && p->id && !strcmp(from->id, p->id) &&
                 from->spec.end > from->spec.start &&
                 from->queries.end > from->queries.start;
    if (whole)
        body_keep(p, from, NULL);
    else if (p->id)
        cache_drop_body(p->ws->cache, p->id);
}
