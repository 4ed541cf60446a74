#include "fs/notify.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "fs/watch.h"
#include "workspace/workspace.h"
#include "workspace/render.h"

/* What the kernel is to ask for anew. */
struct notice {
    struct node *node; /* a reference: its number is not given to another meanwhile */
    UT_hash_handle hh; /* by node */
};

/* What the helper is told behind it (watch.h). */
struct message {
    enum watch_event event;
    char *path;
    struct message *prev, *next;
};

struct notify {
    struct fs *fs;
    pthread_mutex_t lock; /* a leaf; guards the rest */
    struct notice *notices;
    struct message *messages;
    atomic_bool untold; /* there are notices */
    bool posted;        /* notify_tell() is on its way */
};

static void notify_tell(void *arg);

/* ---- noting ------------------------------------------------------------------- */

/* Lock held. */
static void notify_post(struct notify *n)
{
    if (!n->posted)
        loop_post(n->fs->loop, notify_tell, n);
    n->posted = true;
}

static void notice_add(struct notify *n, struct node *node)
{
    struct notice *t = NULL;
    pthread_mutex_lock(&n->lock);
    HASH_FIND_PTR(n->notices, &node, t);
    if (!t) {
        t = xcalloc(1, sizeof *t);
        t->node = node_ref(node);
        HASH_ADD_PTR(n->notices, node, t);
        atomic_store(&n->untold, true);
        notify_post(n);
    }
    pthread_mutex_unlock(&n->lock);
}

/* A node that is not there the kernel does not know, nor is it being told. */
static void note(struct notify *n, const struct node_ops *ops, void *object,
                 intptr_t which)
{
    struct node *node = node_find(n->fs, ops, object, which);
    if (!node)
        return;
    atomic_fetch_add(&node->changes, 1);
    if (atomic_load(&node->kept))
        notice_add(n, node);
    node_unref(node);
}

static void on_file(void *arg, struct item *it)
{
    note(arg, &file_ops, it, 0);
}

static void on_render(void *arg, struct render *r)
{
    note(arg, &render_set_ops, r, 0);
}

static void on_render_file(void *arg, struct render_file *f)
{
    note(arg, &render_file_ops, f, 0);
}

/* Its views take their times from it. */
static void on_page(void *arg, struct page *p)
{
    note(arg, &page_ops, p, 0);
    for (int i = 0; i < PAGE_FILES; i++)
        if (!page_file_is_doc((enum page_file)i))
            note(arg, i == PAGE_RENDER ? &render_ops : &view_ops, p, i);
    page_render_each(p, on_render, on_render_file, arg);
    note(arg, &sql_ops, p, 0);
}

static void on_sql(void *arg, struct page *p)
{
    note(arg, &sql_ops, p, 0);
}

static void on_pages(void *arg)
{
    note(arg, &pages_ops, NULL, 0);
    note(arg, &byid_ops, NULL, 0);
}

static void on_archived(void *arg, struct archived *a)
{
    note(arg, &archived_ops, NULL, 0);
    note(arg, &gone_page_ops, a, 0);
}

static void message_add(struct notify *n, enum watch_event event, char *path)
{
    struct message *m = xcalloc(1, sizeof *m);
    m->event = event;
    m->path = path;
    pthread_mutex_lock(&n->lock);
    DL_APPEND(n->messages, m);
    notify_post(n);
    pthread_mutex_unlock(&n->lock);
}

static void on_elsewhere(void *arg, enum workspace_change change, struct page *p,
                         const char *name)
{
    static const enum watch_event events[] = {[CHANGE_FILE] = WATCH_CHANGED,
                                              [CHANGE_CAME] = WATCH_CAME,
                                              [CHANGE_GONE] = WATCH_GONE};
    struct notify *n = arg;
    cleanup_free char *dir = change == CHANGE_FILE ? page_dir_locked(p) : NULL;
    if (!dir)
        watch_expect(n->fs->watch, name, change == CHANGE_GONE ? p : NULL);
    message_add(n, events[change],
                dir ? xasprintf("pages/%s/%s", dir, name) : xasprintf("pages/%s", name));
}

static const struct workspace_observer observer = {
    .file = on_file,
    .page = on_page,
    .sql = on_sql,
    .pages = on_pages,
    .archived = on_archived,
    .elsewhere = on_elsewhere,
};

/* ---- telling ------------------------------------------------------------------ */

static void notify_attributes(struct node *n)
{
    atomic_store(&n->kept, false);
    int err = fuse_lowlevel_notify_inval_inode(n->fs->session, node_ino(n), -1, 0);
    if (err && err != -ENOENT)
        log_debug("notify: %s: %s", n->key.ops->path, strerror(-err));
}

static void notices_tell(struct notice *notices, bool aloud)
{
    struct notice *t;
    struct notice *tmp;
    HASH_ITER (hh, notices, t, tmp) {
        HASH_DEL(notices, t);
        if (aloud)
            notify_attributes(t->node);
        node_unref(t->node);
        free(t);
    }
}

void notify_before_reply(struct fs *fs)
{
    struct notify *n = fs->notify;
    if (!atomic_load(&n->untold))
        return;
    pthread_mutex_lock(&n->lock);
    struct notice *notices = steal_ptr(n->notices);
    atomic_store(&n->untold, false);
    pthread_mutex_unlock(&n->lock);
    notices_tell(notices, true);
}

unsigned long long answer_begin(struct node *n, double seconds)
{
    unsigned long long begun = atomic_load(&n->changes);
    if (seconds > 0)
        atomic_store(&n->kept, true);
    return begun;
}

void answer_end(struct node *n, unsigned long long begun)
{
    if (atomic_load(&n->changes) != begun)
        notify_attributes(n);
}

static void messages_tell(struct fs *fs, struct message *messages)
{
    struct message *m;
    struct message *tmp;
    DL_FOREACH_SAFE (messages, m, tmp) {
        watch_tell(fs->watch, m->event, m->path);
        free(m->path);
        free(m);
    }
}

static void notify_tell(void *arg)
{
    struct notify *n = arg;
    pthread_mutex_lock(&n->lock);
    struct message *messages = steal_ptr(n->messages);
    n->posted = false;
    pthread_mutex_unlock(&n->lock);
    notify_before_reply(n->fs);
    messages_tell(n->fs, messages);
}

/* ---- life ---------------------------------------------------------------------- */

void notify_create(struct fs *fs, struct notify **ret_notify)
{
    struct notify *n = xcalloc(1, sizeof *n);
    n->fs = fs;
    pthread_mutex_init(&n->lock, NULL);
    workspace_observe(fs->ws, &observer, n);
    *ret_notify = n;
}

void notify_destroy(struct notify *n)
{
    if (!n)
        return;
    workspace_observe(n->fs->ws, NULL, NULL);
    notices_tell(steal_ptr(n->notices), false);
    messages_tell(n->fs, steal_ptr(n->messages));
    pthread_mutex_destroy(&n->lock);
    free(n);
}
