#include "fs/internal.h"
#include "fs/listing.h"

struct node *node_get(struct fs *fs, const struct node_ops *ops, void *object,
                      intptr_t which)
{
    struct node_key key = {ops, object, which};
    struct node *n = NULL;
    pthread_mutex_lock(&fs->nodes_lock);
    HASH_FIND(hh, fs->nodes, &key, sizeof key, n);
    bool found = n != NULL;
    if (!found) {
        n = xcalloc(1, sizeof *n);
        n->fs = fs;
        n->key = key;
        HASH_ADD(hh, fs->nodes, key, sizeof n->key, n);
    }
    n->refs++;
    pthread_mutex_unlock(&fs->nodes_lock);
    if (found && ops->unref)
        ops->unref(object); /* the node has one already */
    return n;
}

struct node *node_find(struct fs *fs, const struct node_ops *ops, void *object,
                       intptr_t which)
{
    struct node_key key = {ops, object, which};
    struct node *n = NULL;
    pthread_mutex_lock(&fs->nodes_lock);
    HASH_FIND(hh, fs->nodes, &key, sizeof key, n);
    if (n)
        n->refs++;
    pthread_mutex_unlock(&fs->nodes_lock);
    return n;
}

struct node *node_ref(struct node *n)
{
    pthread_mutex_lock(&n->fs->nodes_lock);
    n->refs++;
    pthread_mutex_unlock(&n->fs->nodes_lock);
    return n;
}

static void node_free(struct node *n)
{
    listing_unref(n->listing);
    if (n->key.ops->unref)
        n->key.ops->unref(n->key.object);
    free(n);
}

/* Lock held. True: it was the last reference, and the node is out of the table. */
static bool node_drop(struct node *n)
{
    if (--n->refs)
        return false;
    HASH_DELETE(hh, n->fs->nodes, n);
    return true;
}

void node_unref(struct node *n)
{
    if (!n)
        return;
    struct fs *fs = n->fs;
    pthread_mutex_lock(&fs->nodes_lock);
    bool last = node_drop(n);
    pthread_mutex_unlock(&fs->nodes_lock);
    if (last)
        node_free(n);
}

struct node *node_from_ino(struct fs *fs, fuse_ino_t ino)
{
    _Static_assert(sizeof(fuse_ino_t) >= sizeof(uintptr_t),
                   "a node's address is its number");
    return ino == FUSE_ROOT_ID ? fs->root : (struct node *)(uintptr_t)ino;
}

fuse_ino_t node_ino(const struct node *n)
{
    return n == n->fs->root ? FUSE_ROOT_ID : (fuse_ino_t)(uintptr_t)n;
}

void node_kernel_ref(struct node *n)
{
    pthread_mutex_lock(&n->fs->nodes_lock);
    if (n->nlookup++ == 0)
        n->refs++;
    pthread_mutex_unlock(&n->fs->nodes_lock);
}

void node_kernel_unref(struct node *n, uint64_t count)
{
    struct fs *fs = n->fs;
    bool last = false;
    pthread_mutex_lock(&fs->nodes_lock);
    n->nlookup -= count < n->nlookup ? count : n->nlookup;
    if (n->nlookup == 0 && count)
        last = node_drop(n);
    pthread_mutex_unlock(&fs->nodes_lock);
    if (last)
        node_free(n);
}
