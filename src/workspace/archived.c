/* archived.c - the pages that have gone from the platform and left files here. */
#include "workspace/archived.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "workspace/keep.h"
#include "workspace/names.h"
#include "workspace/overlay.h"

struct archived {
    atomic_uint refs;
    struct workspace *ws;
    UT_hash_handle hh_name, hh_key; /* in workspace.archived, .archived_by_key */
    bool listed;                    /* is in them */
    char *name;                     /* constant, as all that follows */
    char *key;                      /* page_key(): what its directory is called */
    char *id;                       /* NULL: not known */
    uint64_t ino;
    struct item *place; /* a reference */
    struct timespec since;
};

struct archived *archived_ref(struct archived *a)
{
    if (a)
        atomic_fetch_add_explicit(&a->refs, 1, memory_order_relaxed);
    return a;
}

void archived_unref(struct archived *a)
{
    if (!a || atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel) != 1)
        return;
    item_unref(a->place);
    free(a->name);
    free(a->key);
    free(a->id);
    free(a);
}

/* ---- the table --------------------------------------------------------------- */

static struct archived *archived_find(struct workspace *ws, const char *name)
{
    struct archived *a = NULL;
    HASH_FIND(hh_name, ws->archived, name, strlen(name), a);
    return a;
}

static struct archived *archived_find_key(struct workspace *ws, const char *key)
{
    struct archived *a = NULL;
    HASH_FIND(hh_key, ws->archived_by_key, key, strlen(key), a);
    return a;
}

static bool archived_name_taken(void *ws, const char *name)
{
    return archived_find(ws, name) != NULL;
}

/* What is known of a page that has gone; all borrowed. */
struct gone_page {
    const char *key;    /* of its directory */
    const char *id;     /* NULL: not known */
    const char *wanted; /* its name in pages/; NULL: not known */
    uint64_t ino;
};

/* Takes the reference of the place. */
static void archived_insert(struct workspace *ws, const struct gone_page *gone,
                            struct item *place)
{
    struct archived *a = xcalloc(1, sizeof *a);
    bool named = gone->wanted && name_is_component(gone->wanted);
    atomic_init(&a->refs, 1);
    a->ws = ws;
    a->listed = true;
    a->key = xstrdup(gone->key);
    a->id = xstrdup(gone->id);
    a->name = name_unused(named ? gone->wanted : gone->key,
                          gone->id ? gone->id : gone->key, archived_name_taken, ws);
    a->ino = gone->ino;
    a->place = place;
    a->since = ws->archived_time = clock_now();
    place->archived = true;
    place->orphan = false;
    HASH_ADD_KEYPTR(hh_name, ws->archived, a->name, strlen(a->name), a);
    HASH_ADD_KEYPTR(hh_key, ws->archived_by_key, a->key, strlen(a->key), a);
    archived_changed(a, ws);
}

static void archived_remove(struct workspace *ws, struct archived *a)
{
    a->listed = false;
    a->place->archived = false;
    HASH_DELETE(hh_name, ws->archived, a);
    HASH_DELETE(hh_key, ws->archived_by_key, a);
    ws->archived_time = clock_now();
    archived_changed(a, ws);
    archived_unref(a);
}

void archived_free_all(struct workspace *ws)
{
    struct archived *a;
    struct archived *tmp;
    HASH_ITER (hh_name, ws->archived, a, tmp)
        archived_remove(ws, a);
}

/* ---- pages that go and come -------------------------------------------------- */

/* A refused text that stands beside its document is the user's own file from now on: it
 * would come back, once removed here, as long as state.db has it too. */
static void archived_let_go(struct page *p)
{
    for (int i = 0; i < page_docs(p); i++) {
        struct doc *d = &p->docs[i];
        if (!d->kept[STATE_MOVED])
            continue;
        struct state_change *c = keep_begin(p->ws);
        keep_drop(c, d, STATE_MOVED);
        keep_end(p->ws, c);
    }
}

void archived_take(struct workspace *ws, struct page *p)
{
    struct item *place = page_scratch(p);
    if (overlay_page_remove(place) == 0)
        return;
    cleanup_free char *key = page_key(p);
    const struct gone_page gone = {key, p->id, p->dir, page_number(p)};
    archived_let_go(p);
    archived_insert(ws, &gone, item_ref(place));
    log_info("page %s: its files are in archived/", p->dir);
}

void archived_give_back(struct workspace *ws, struct page *p)
{
    if (!ws->archived)
        return;
    cleanup_free char *key = page_key(p);
    struct archived *a = archived_find_key(ws, key);
    if (!a)
        return;
    if (!p->local) {
        p->local = item_ref(a->place);
        p->local->page = p;
    } else if (p->local != a->place) {
        a->place->orphan = true; /* the page's own leads to the same files */
    }
    archived_remove(ws, a);
}

/* ---- what earlier mounts left ------------------------------------------------ */

struct scan {
    char **keys;
    size_t count, cap;
};

/* Of pages that have an id: what else is there belongs to pages of this machine alone. */
static void scan_one(void *arg, const char *name, uint64_t ino, mode_t type)
{
    struct scan *scan = arg;
    (void)ino;
    if (!S_ISDIR(type) || (strncmp(name, "id-", 3) != 0 && strncmp(name, "id#", 3) != 0))
        return;
    if (scan->count == scan->cap) {
        scan->cap = scan->cap ? scan->cap * 2 : 16;
        scan->keys = xrealloc(scan->keys, scan->cap * sizeof *scan->keys);
    }
    scan->keys[scan->count++] = xstrdup(name);
}

/* So that two of one name have the same names at the next mount. */
static int scan_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool key_is_of(const char *key, const char *id)
{
    cleanup_free char *other = page_key_of("id", id);
    return !strcmp(key, other);
}

static bool scan_is_listed(struct workspace *ws, const char *key)
{
    struct page *p = NULL;
    HASH_FIND(hh_id, ws->by_id, key + 3, strlen(key + 3), p);
    if (key[2] == '-')
        return p != NULL;
    for (p = ws->by_id; p; p = p->hh_id.next) /* a hash, of an odd id */
        if (key_is_of(key, p->id))
            return true;
    return false;
}

static const struct known *scan_known(struct workspace *ws, const char *key)
{
    struct known *known = NULL;
    if (key[2] == '-') {
        HASH_FIND(hh, ws->known, key + 3, strlen(key + 3), known);
        return known;
    }
    for (known = ws->known; known; known = known->hh.next)
        if (key_is_of(key, known->id))
            return known;
    return NULL;
}

static void scan_take(struct workspace *ws, const char *key)
{
    if (scan_is_listed(ws, key) || archived_find_key(ws, key))
        return;
    struct item *place = overlay_page_dir(ws->overlay, key);
    if (overlay_is_empty(place)) {
        item_unref(place);
        return;
    }
    const struct known *known = scan_known(ws, key);
    const char *id = known ? known->id : key[2] == '-' ? key + 3 : NULL;
    const struct gone_page gone = {
        .key = key,
        .id = id,
        .wanted = known ? known->dir : NULL,
        .ino = page_number_of(known ? known->key
                              : id  ? id
                                    : key),
    };
    archived_insert(ws, &gone, place);
}

static void archived_scan(struct workspace *ws)
{
    struct scan scan = {0};
    int err = overlay_each(ws->overlay->page_dirs, scan_one, &scan);
    if (err)
        log_warning("overlay: the files of pages cannot be listed: %s", strerror(-err));
    if (scan.count)
        qsort(scan.keys, scan.count, sizeof *scan.keys, scan_compare);
    for (size_t i = 0; i < scan.count; i++) {
        scan_take(ws, scan.keys[i]);
        free(scan.keys[i]);
    }
    free(scan.keys);
}

void archived_swept(struct workspace *ws)
{
    if (!ws->swept_ms)
        archived_scan(ws);
}

/* ---- the face ---------------------------------------------------------------- */

void workspace_each_archived(struct workspace *ws, archived_visit_fn *fn, void *arg)
{
    struct archived *a;
    struct archived *tmp;
    ws_lock(ws);
    HASH_ITER (hh_name, ws->archived, a, tmp)
        fn(arg, a->name, a);
    ws_unlock(ws);
}

struct archived *workspace_find_archived(struct workspace *ws, const char *name)
{
    ws_lock(ws);
    struct archived *a = archived_ref(archived_find(ws, name));
    ws_unlock(ws);
    return a;
}

int workspace_archived_rmdir(struct workspace *ws, const char *name)
{
    ws_lock(ws);
    struct archived *a = archived_find(ws, name);
    int err = a ? overlay_page_remove(a->place) : -ENOENT;
    if (!err)
        archived_remove(ws, a);
    ws_unlock(ws);
    return err;
}

struct timespec workspace_archived_time(struct workspace *ws)
{
    ws_lock(ws);
    struct timespec when = ws->archived_time;
    ws_unlock(ws);
    return when;
}

uint64_t archived_number(const struct archived *a)
{
    return a->ino;
}

struct item *archived_place(struct archived *a)
{
    return a->place;
}

int archived_stat(struct archived *a, struct stat *ret)
{
    ws_lock(a->ws);
    int err = a->listed ? 0 : -ESTALE;
    ws_unlock(a->ws);
    if (item_stat(a->place, ret) != 0) /* it went away while somebody stands in it */
        *ret =
            (struct stat){.st_mtim = a->since, .st_ctim = a->since, .st_atim = a->since};
    ret->st_ino = a->ino;
    ret->st_mode = S_IFDIR | 0755;
    ret->st_nlink = 2;
    ret->st_blksize = 4096;
    return err;
}
