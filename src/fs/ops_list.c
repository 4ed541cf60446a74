/* ops_list.c - listings. There is no opendir: a listing that the kernel has kept is read
 * without a call. */
#include <errno.h>

#include "fs/listing.h"
#include "fs/notify.h"
#include "fs/ops.h"

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    if (req_fs(req)->can_list) {
        reply_err(req, -ENOSYS); /* never asked again; and all listings are kept */
        return;
    }
    fi->keep_cache = fi->cache_readdir = 1;
    fuse_reply_open(req, fi);
}

/* ---- what is there ------------------------------------------------------------ */

static int listing_make(struct node *n, struct listing **ret_listing)
{
    struct listing *l = listing_new();
    listing_add_fixed(l, 1, ".", 0, S_IFDIR);
    listing_add_fixed(l, 2, "..", 0, S_IFDIR);
    int err = n->key.ops->list ? n->key.ops->list(n, l) : -ENOTDIR;
    if (err) {
        listing_unref(l);
        return err;
    }
    listing_sort(l);
    *ret_listing = l;
    return 0;
}

/* Puts it (a reference; NULL: none) in the place of the one that is being read. */
static void node_keep_listing(struct node *n, struct listing *l)
{
    pthread_mutex_lock(&n->fs->nodes_lock);
    struct listing *old = n->listing;
    n->listing = listing_ref(l);
    pthread_mutex_unlock(&n->fs->nodes_lock);
    listing_unref(old);
}

static struct listing *node_listing(struct node *n)
{
    pthread_mutex_lock(&n->fs->nodes_lock);
    struct listing *l = listing_ref(n->listing);
    pthread_mutex_unlock(&n->fs->nodes_lock);
    return l;
}

/* From the beginning: what is there now. Then on in the same, or in a newer one: offsets
 * hold. */
static int listing_find(struct node *n, off_t off, struct listing **ret_listing)
{
    *ret_listing = off ? node_listing(n) : NULL;
    if (*ret_listing)
        return 0;
    int err = listing_make(n, ret_listing);
    if (!err)
        node_keep_listing(n, *ret_listing);
    return err;
}

/* ---- how it is told ------------------------------------------------------------ */

/* A child of which the kernel is told; a reference. */
struct told {
    struct node *child;
    unsigned long long begun;
    struct told *next;
};

static void told_end(struct told *told)
{
    struct told *t;
    struct told *tmp;
    LL_FOREACH_SAFE(told, t, tmp)
    {
        answer_end(t->child, t->begun);
        node_unref(t->child);
        free(t);
    }
}

/* Puts one entry behind the others. False: there is no room. */
typedef bool put_entry_fn(fuse_req_t req, struct node *dir, const struct listing_entry *e,
                          struct buf *out, size_t size, struct told **told);

static bool put_name(fuse_req_t req, struct node *dir, const struct listing_entry *e,
                     struct buf *out, size_t size, struct told **told)
{
    struct stat st = {.st_ino = e->ino ? e->ino : INO_ROOT, .st_mode = e->type};
    (void)dir;
    size_t need = fuse_add_direntry(req, out->data + out->len, size - out->len, e->name,
                                    &st, (off_t)e->offset);
    if (need > size - out->len)
        return false;
    out->len += need;
    return true;
}

static bool entry_is_dot(const struct listing_entry *e)
{
    return e->offset < LISTING_FIRST;
}

/* The child that a lookup would find, and what the kernel is told of it. */
static bool told_begin(struct node *dir, const struct listing_entry *e,
                       struct fuse_entry_param *ret, struct told **ret_told)
{
    const struct node_ops *ops = dir->key.ops;
    struct node *child = NULL;
    if (entry_is_dot(e) || !ops->lookup || ops->lookup(dir, e->name, &child) != 0)
        return false;
    struct told *t = xcalloc(1, sizeof *t);
    t->child = child;
    int err = node_entry(child, ret, &t->begun);
    if (ops->is_fleeting && ops->is_fleeting(dir, e->name, true))
        ret->entry_timeout = 0;
    LL_PREPEND(*ret_told, t);
    return err == 0;
}

/* With what a lookup would say; where that is nothing, the name alone. */
static bool put_plus(fuse_req_t req, struct node *dir, const struct listing_entry *e,
                     struct buf *out, size_t size, struct told **told)
{
    struct fuse_entry_param param = {0};
    bool known = told_begin(dir, e, &param, told);
    if (!known)
        param = (struct fuse_entry_param){
            .attr = {.st_ino = e->ino ? e->ino : INO_ROOT, .st_mode = e->type}};
    size_t need = fuse_add_direntry_plus(req, out->data + out->len, size - out->len,
                                         e->name, &param, (off_t)e->offset);
    bool fits = need <= size - out->len;
    if (fits)
        out->len += need;
    else if (known)
        node_kernel_unref((*told)->child, 1);
    return fits;
}

static void list_begin(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                       void (*finish)(struct waiter *w, int err));

static void answer_list(struct waiter *w, put_entry_fn *put)
{
    struct listing *l;
    struct told *told = NULL;
    cleanup_buf struct buf out = BUF_INIT;
    int err = listing_find(w->node, w->off, &l);
    if (err == -EAGAIN) { /* what was ready is gone again */
        list_begin(w->req, node_ino(w->node), w->size, w->off, w->finish);
        return;
    }
    if (err) {
        reply_err(w->req, err);
        return;
    }
    size_t i = listing_after(l, (uint64_t)w->off);
    if (i == l->count)
        node_keep_listing(w->node, NULL);
    buf_reserve(&out, w->size);
    while (i < l->count && put(w->req, w->node, &l->entries[i], &out, w->size, &told))
        i++;
    listing_unref(l);
    reply_buf(w->req, &out);
    told_end(told);
}

static void finish_readdir(struct waiter *w, int err)
{
    if (err)
        reply_err(w->req, err);
    else
        answer_list(w, put_name);
}

static void finish_readdirplus(struct waiter *w, int err)
{
    if (err)
        reply_err(w->req, err);
    else
        answer_list(w, put_plus);
}

static void list_begin(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                       void (*finish)(struct waiter *w, int err))
{
    struct waiter *w = waiter_new(req, req_node(req, ino), false, finish);
    w->size = size;
    w->off = off;
    waiter_begin(w, ready_list);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                struct fuse_file_info *fi)
{
    (void)fi;
    list_begin(req, ino, size, off, finish_readdir);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                    struct fuse_file_info *fi)
{
    (void)fi;
    list_begin(req, ino, size, off, finish_readdirplus);
}
