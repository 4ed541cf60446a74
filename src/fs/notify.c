#include "fs/notify.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "fs/watch.h"
#include "workspace/workspace.h"

enum { DRAIN_STEP_MS = 20 };

/* Something the kernel is to forget: a name in a directory, or what it knows of an inode. */
struct notice {
    struct node *node; /* a reference: its number is not given to another meanwhile */
    char *name;        /* NULL: the inode */
    bool told;         /* of its attributes */
    UT_hash_handle hh; /* by node and name */
    char key[];
};

/* What the helper is told behind it (watch.h). */
struct message {
    enum watch_event event;
    char *path;
    struct message *prev, *next;
};

struct teller {
    struct notify *notify;
    pthread_t thread;
    bool running;
    pthread_mutex_t lock; /* a leaf; guards the rest */
    pthread_cond_t more;
    struct notice *notices;
    struct message *messages;
    atomic_bool untold; /* there are some of whose attributes nothing was said */
    bool stop, ended;
};

enum { OF_INODES, OF_NAMES, TELLERS };

struct notify {
    struct fs *fs;
    pthread_mutex_t grace_lock; /* of the threads one waits at a time */
    struct teller tellers[TELLERS];
};

/* ---- notices ------------------------------------------------------------------ */

static struct notice *notice_new(struct node *node, const char *name, size_t *ret_size)
{
    size_t len = name ? strlen(name) : 0;
    struct notice *t = xcalloc(1, sizeof *t + sizeof node + len);
    t->node = node;
    t->name = xstrdup(name);
    memcpy(t->key, &node, sizeof node);
    if (len)
        memcpy(t->key + sizeof node, name, len);
    *ret_size = sizeof node + len;
    return t;
}

static void notice_free(struct notice *t)
{
    node_unref(t->node);
    free(t->name);
    free(t);
}

/* Takes the node's reference over. */
static void teller_note(struct teller *t, struct node *node, const char *name)
{
    size_t size;
    struct notice *known = NULL;
    struct notice *fresh = notice_new(node, name, &size);
    pthread_mutex_lock(&t->lock);
    HASH_FIND(hh, t->notices, fresh->key, size, known);
    if (known) {
        known->told = false;
        atomic_store(&t->untold, true);
    } else if (!t->stop) {
        HASH_ADD_KEYPTR(hh, t->notices, fresh->key, size, fresh);
        atomic_store(&t->untold, true);
        fresh = NULL;
        pthread_cond_signal(&t->more);
    }
    pthread_mutex_unlock(&t->lock);
    if (fresh)
        notice_free(fresh);
}

/* ---- what the workspace says ---------------------------------------------------- */

static void note(struct notify *n, const struct node_ops *ops, void *object,
                 intptr_t which, const char *name)
{
    struct node *node = node_find(n->fs, ops, object, which);
    if (node)
        teller_note(&n->tellers[name ? OF_NAMES : OF_INODES], node, name);
}

static void on_file(void *arg, struct item *it)
{
    note(arg, &file_ops, it, 0, NULL);
}

/* Its views take their times from it. */
static void on_page(void *arg, struct page *p)
{
    note(arg, &page_ops, p, 0, NULL);
    for (int i = 0; i < PAGE_FILES; i++)
        if (!page_file_is_doc((enum page_file)i))
            note(arg, i == PAGE_RENDER ? &render_ops : &view_ops, p, i, NULL);
}

static void on_name(void *arg, struct page *p, const char *name)
{
    note(arg, &page_ops, p, 0, name);
}

static void on_pages(void *arg, const char *name)
{
    note(arg, &pages_ops, NULL, 0, NULL);
    note(arg, &pages_ops, NULL, 0, name);
    note(arg, &byid_ops, NULL, 0, NULL);
}

static void on_archived(void *arg, const char *name)
{
    note(arg, &archived_ops, NULL, 0, NULL);
    note(arg, &archived_ops, NULL, 0, name);
}

static void message_add(struct teller *t, enum watch_event event, char *path)
{
    struct message *m = xcalloc(1, sizeof *m);
    m->event = event;
    m->path = path;
    pthread_mutex_lock(&t->lock);
    DL_APPEND(t->messages, m);
    pthread_cond_signal(&t->more);
    pthread_mutex_unlock(&t->lock);
}

static void on_elsewhere(void *arg, enum workspace_change change, struct page *p,
                         const char *name)
{
    struct notify *n = arg;
    cleanup_free char *dir = change == CHANGE_FILE ? page_dir_locked(p) : NULL;
    if (change == CHANGE_FILE) {
        message_add(&n->tellers[OF_INODES], WATCH_CHANGED,
                    xasprintf("pages/%s/%s", dir, name));
        return;
    }
    watch_expect(n->fs->watch, name, change == CHANGE_GONE ? p : NULL);
    message_add(&n->tellers[OF_NAMES], change == CHANGE_GONE ? WATCH_GONE : WATCH_CAME,
                xasprintf("pages/%s", name));
}

static const struct workspace_observer observer = {
    .file = on_file,
    .page = on_page,
    .name = on_name,
    .pages = on_pages,
    .archived = on_archived,
    .elsewhere = on_elsewhere,
};

/* ---- telling ------------------------------------------------------------------ */

/* Looked up anew when it is next used. Where the kernel cannot do that the name is dropped,
 * and a process that stands in that directory may find no way up for a moment. */
static int entry_expire(struct fs *fs, fuse_ino_t dir, const char *name)
{
#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 16)
    if (fs->can_expire)
        return fuse_lowlevel_notify_expire_entry(fs->session, dir, name, strlen(name));
#elif FUSE_VERSION >= FUSE_MAKE_VERSION(3, 14)
    if (fs->can_expire)
        return fuse_lowlevel_notify_expire_entry(fs->session, dir, name, strlen(name),
                                                 FUSE_LL_EXPIRE_ONLY);
#endif
    return fuse_lowlevel_notify_inval_entry(fs->session, dir, name, strlen(name));
}

static void notice_tell(struct fs *fs, const struct notice *t)
{
    fuse_ino_t ino = node_ino(t->node);
    int err = t->name ? entry_expire(fs, ino, t->name)
                      : fuse_lowlevel_notify_inval_inode(fs->session, ino, 0, 0);
    if (err && err != -ENOENT)
        log_debug("notify: %s%s%s: %s", t->node->key.ops->path, t->name ? " " : "",
                  t->name ? t->name : "", strerror(-err));
}

static void notices_tell(struct fs *fs, struct notice *notices)
{
    struct notice *t;
    struct notice *tmp;
    HASH_ITER (hh, notices, t, tmp) {
        HASH_DEL(notices, t);
        notice_tell(fs, t);
        notice_free(t);
    }
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

static void *teller_run(void *arg)
{
    struct teller *t = arg;
    struct fs *fs = t->notify->fs;
    pthread_mutex_lock(&t->lock);
    while (!t->stop || t->notices) {
        struct notice *notices = steal_ptr(t->notices);
        struct message *messages = steal_ptr(t->messages);
        if (!notices && !messages) {
            pthread_cond_wait(&t->more, &t->lock);
            continue;
        }
        pthread_mutex_unlock(&t->lock);
        pthread_mutex_lock(&t->notify->grace_lock);
        grace_wait(&fs->answers);
        pthread_mutex_unlock(&t->notify->grace_lock);
        notices_tell(fs, notices);
        messages_tell(fs, messages);
        pthread_mutex_lock(&t->lock);
    }
    t->ended = true;
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

void notify_attributes(struct node *n)
{
    fuse_lowlevel_notify_inval_inode(n->fs->session, node_ino(n), -1, 0);
}

/* A node of which it was not said yet; a reference, or NULL. */
static struct node *teller_next_untold(struct teller *t)
{
    struct notice *notice;
    struct notice *tmp;
    struct node *node = NULL;
    pthread_mutex_lock(&t->lock);
    HASH_ITER (hh, t->notices, notice, tmp) {
        if (notice->told)
            continue;
        notice->told = true;
        node = node_ref(notice->node);
        break;
    }
    if (!node)
        atomic_store(&t->untold, false);
    pthread_mutex_unlock(&t->lock);
    return node;
}

void notify_before_reply(struct fs *fs)
{
    struct teller *t = &fs->notify->tellers[OF_INODES];
    struct node *node;
    while (atomic_load(&t->untold) && (node = teller_next_untold(t))) {
        notify_attributes(node);
        node_unref(node);
    }
}

/* ---- life ---------------------------------------------------------------------- */

void notify_create(struct fs *fs, struct notify **ret_notify)
{
    struct notify *n = xcalloc(1, sizeof *n);
    n->fs = fs;
    pthread_mutex_init(&n->grace_lock, NULL);
    for (int i = 0; i < TELLERS; i++) {
        n->tellers[i].notify = n;
        pthread_mutex_init(&n->tellers[i].lock, NULL);
        pthread_cond_init(&n->tellers[i].more, NULL);
    }
    workspace_observe(fs->ws, &observer, n);
    *ret_notify = n;
}

int notify_start(struct notify *n)
{
    for (int i = 0; i < TELLERS; i++) {
        struct teller *t = &n->tellers[i];
        int err = pthread_create(&t->thread, NULL, teller_run, t);
        if (err)
            return -err;
        t->running = true;
    }
    return 0;
}

static bool teller_has_ended(struct teller *t)
{
    pthread_mutex_lock(&t->lock);
    bool ended = t->ended;
    t->stop = true;
    pthread_cond_signal(&t->more);
    pthread_mutex_unlock(&t->lock);
    return ended;
}

void notify_stop(struct notify *n, void (*drain)(struct fs *fs))
{
    static const struct timespec step = {.tv_nsec = DRAIN_STEP_MS * 1000000L};
    for (int i = 0; i < TELLERS; i++) {
        struct teller *t = &n->tellers[i];
        while (t->running && !teller_has_ended(t)) {
            drain(n->fs);
            nanosleep(&step, NULL);
        }
        if (t->running)
            pthread_join(t->thread, NULL);
        t->running = false;
    }
}

void notify_destroy(struct notify *n)
{
    struct notice *notice;
    struct notice *tmp;
    if (!n)
        return;
    workspace_observe(n->fs->ws, NULL, NULL);
    for (int i = 0; i < TELLERS; i++) {
        struct teller *t = &n->tellers[i];
        HASH_ITER (hh, t->notices, notice, tmp) {
            HASH_DEL(t->notices, notice);
            notice_free(notice);
        }
        messages_tell(n->fs, steal_ptr(t->messages));
        pthread_cond_destroy(&t->more);
        pthread_mutex_destroy(&t->lock);
    }
    pthread_mutex_destroy(&n->grace_lock);
    free(n);
}
