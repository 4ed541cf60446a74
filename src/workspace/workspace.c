/* workspace.c - the model's beginning and end, and what the key may do. */
#include "workspace/overlay.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "workspace/archived.h"
#include "workspace/batch.h"
#include "workspace/body.h"
#include "workspace/brake.h"
#include "workspace/cache.h"
#include "workspace/conflict.h"
#include "workspace/data.h"
#include "workspace/keep.h"
#include "workspace/render_model.h"
#include "workspace/walk.h"
#include "workspace/shed.h"
#include "workspace/since.h"

/* What changes by itself, so that git, ripgrep and indexers pass it by. Ordinary scratch
 * files from then on: a user may write their own. The leading ** is for ripgrep: asked
 * for a directory below (`rg --files pages/x`), version 13 misses anchored patterns of a
 * parent. */
static const char ignore_text[] =
    "# Written by amdahlfs: what changes by itself, and this "
    "machine's own settings.\n"
    "/.gitignore\n"
    "/.ignore\n"
    "/.amdahl/\n"
    "/archived/\n"
    "/by-id/\n"
    "/templates/\n"
    "**/pages/*/errors\n"
    "**/pages/*/info.json\n"
    "**/pages/*/params.json\n"
    "**/pages/*/render.json\n"
    "**/pages/*/render/\n"
    "**/pages/*/sql/\n"
    "**/pages/*/verdict.json\n"
    "*.rejected\n"
    ".*.sw?\n"
    "*~\n";

/* Results. Somebody's own data/ elsewhere in the tree is for git to keep; for searches it
 * has to be so again. */
static const char ignore_data[] = "/data/*.csv\n"
                                  "/data/*.json\n"
                                  "/data/*.ndjson\n";
static const char search_data[] = "**/data/*.csv\n"
                                  "**/data/*.json\n"
                                  "**/data/*.ndjson\n";

/* A user may change or remove them: they are written once. */
static void workspace_fill(struct overlay *o)
{
    static const struct {
        const char *name, *more;
    } files[] = {{".gitignore", ignore_data}, {".ignore", search_data}};
    for (size_t i = 0; o->fresh && i < ARRAY_LEN(files); i++) {
        cleanup_free char *text = xasprintf("%s%s", ignore_text, files[i].more);
        int err = overlay_put(o->root, files[i].name, text, strlen(text));
        if (err)
            log_warning("%s cannot be written: %s", files[i].name, strerror(-err));
    }
}

static int workspace_open_overlay(struct workspace *ws, char **ret_reason)
{
    cleanup_free char *path = xasprintf("%s/overlay", ws->config.state_dir);
    int err = overlay_open(ws, path, &ws->overlay);
    if (err)
        *ret_reason = xasprintf("%s: %s", path, strerror(-err));
    else
        workspace_fill(ws->overlay);
    return err;
}

int workspace_create(const struct workspace_config *config, struct workspace **ret_ws,
                     char **ret_reason)
{
    struct workspace *ws = xcalloc(1, sizeof *ws);
    ws->config = *config;
    pthread_mutex_init(&ws->lock, NULL);
    ws->writable = true;
    ws->pages_time = clock_now();
    changes_begin(ws);
    int err = workspace_open_overlay(ws, ret_reason);
    if (!err)
        err = keep_open(ws, ret_reason);
    if (!err)
        list_cache_open(ws);
    if (err) {
        workspace_destroy(ws);
        return err;
    }
    *ret_ws = ws;
    return 0;
}

void workspace_stop(struct workspace *ws)
{
    if (ws && ws->state)
        state_stop(ws->state);
    if (ws)
        cache_stop(ws->cache);
}

static void workspace_drop_templates(struct workspace *ws)
{
    struct page *p;
    struct page *tmp;
    HASH_ITER (hh_name, ws->templates, p, tmp) {
        HASH_DELETE(hh_name, ws->templates, p);
        page_detach(p);
        page_unref(p);
    }
}

void workspace_destroy(struct workspace *ws)
{
    struct page *p;
    struct page *tmp;
    if (!ws)
        return;
    keep_close(ws);
    renders_close(ws);
    since_finish(ws);
    cache_close(ws->cache);
    HASH_ITER (hh_name, ws->by_name, p, tmp) {
        page_detach(p);
        pages_remove(ws, p);
    }
    batches_free(ws);
    walk_forget_orders(ws);
    free(ws->walks.first);
    while (ws->loaded)
        shed_forget(ws->loaded);
    workspace_drop_templates(ws);
    archived_free_all(ws);
    list_forget_gone(ws);
    brake_free(ws->archivers);
    data_free(ws);
    overlay_close(ws->overlay);
    text_unref(ws->me);
    spool_unref(ws->changes);
    pthread_mutex_destroy(&ws->lock);
    free(ws);
}

/* Without a list of scopes anything may be tried: the platform decides. */
static bool me_can_write(const struct text *me)
{
    struct json_limits limits = JSON_LIMITS_WIRE;
    struct json_span root;
    struct json_span scopes;
    struct json_iter it;
    if (!me || json_check(me->data, me->len, &limits, &root, NULL) != 0)
        return true;
    if (json_member(me->data, root, "data", &scopes) && scopes.type == JSON_OBJECT)
        root = scopes;
    if (!json_member(me->data, root, "scopes", &scopes) || scopes.type != JSON_ARRAY)
        return true;
    json_iter_init(&it, me->data, scopes);
    while (json_iter_next(&it)) {
        static const char *const enough[] = {"pages:write", "pages:admin", "pages:*",
                                             "*"};
        for (size_t i = 0; i < ARRAY_LEN(enough); i++)
            if (json_string_is(me->data, it.value, enough[i]))
                return true;
    }
    return false;
}

void workspace_set_me(struct workspace *ws, struct text *me)
{
    bool writable = me_can_write(me);
    ws_lock(ws);
    if (!text_equal(ws->me, me))
        cache_put_me(ws->cache, me);
    text_replace(&ws->me, text_ref(me));
    ws->writable = writable;
    ws->me_is_old = false;
    ws_unlock(ws);
}

int workspace_refuse(struct workspace *ws, const char *what)
{
    (void)ws;
    log_warning("%s: not changed: this key has not the scope pages:write", what);
    return -EACCES;
}

struct item *workspace_root_local(struct workspace *ws)
{
    return ws->overlay->root;
}

struct item *workspace_pages_local(struct workspace *ws)
{
    return ws->overlay->pages;
}

int workspace_statfs(struct workspace *ws, struct statvfs *ret)
{
    return fstatvfs(ws->overlay->top->dir_fd, ret) ? -errno : 0;
}

struct timespec workspace_pages_time(struct workspace *ws)
{
    ws_lock(ws);
    struct timespec when = ws->pages_time;
    ws_unlock(ws);
    return when;
}
