/* item.c - files, directories and links that live on this machine, in memory. */
#include "workspace/model.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/clock.h"
#include "workspace/conflict.h"
#include "workspace/keep.h"

/* Inode numbers of items count up from here; those of pages and documents are hashes with
 * the top bit set (page.c), so the two never meet. */
enum { ITEM_INO_FIRST = 1 << 10 };

struct item *item_new(struct workspace *ws, enum item_type type, mode_t mode)
{
    struct item *it = xcalloc(1, sizeof *it);
    atomic_init(&it->refs, 1);
    it->ws = ws;
    it->type = type;
    it->mode = mode & 07777;
    it->ino = ITEM_INO_FIRST + ws->next_ino++;
    it->mtime = it->ctime = clock_now();
    return it;
}

struct item *item_ref(struct item *it)
{
    if (it)
        atomic_fetch_add_explicit(&it->refs, 1, memory_order_relaxed);
    return it;
}

static void item_free_xattrs(struct item *it)
{
    struct xattr *x;
    struct xattr *tmp;
    LL_FOREACH_SAFE(it->xattrs, x, tmp)
    {
        free(x->name);
        buf_finish(&x->value);
        free(x);
    }
}

void item_unref(struct item *it)
{
    struct item *child;
    struct item *tmp;
    if (!it || atomic_fetch_sub_explicit(&it->refs, 1, memory_order_acq_rel) != 1)
        return;
    HASH_ITER (hh, it->children, child, tmp) {
        HASH_DEL(it->children, child);
        child->parent = NULL;
        item_unref(child);
    }
    item_free_xattrs(it);
    buf_finish(&it->data);
    free(it->name);
    free(it);
}

enum item_type item_type(const struct item *it)
{
    return it->type;
}

uint64_t item_number(const struct item *it)
{
    return it->ino;
}

/* ---- directories ------------------------------------------------------------- */

static void item_touch(struct item *it)
{
    it->mtime = it->ctime = clock_now();
    if (it->page)
        page_touch(it->page);
}

struct item *item_child(struct item *dir, const char *name)
{
    struct item *it = NULL;
    HASH_FIND_STR(dir->children, name, it);
    return it;
}

void item_attach(struct item *dir, const char *name, struct item *it)
{
    char *copy = xstrdup(name);
    free(it->name);
    it->name = copy;
    it->parent = dir;
    HASH_ADD_KEYPTR(hh, dir->children, it->name, strlen(it->name), it);
    item_touch(dir);
}

struct item *item_detach(struct item *it)
{
    HASH_DEL(it->parent->children, it);
    item_touch(it->parent);
    it->parent = NULL;
    it->ctime = clock_now();
    return it;
}

/* ---- bytes ------------------------------------------------------------------- */

/* What a clean document's item holds; "" while it is not known. */
static const struct text *item_shown(const struct item *it)
{
    return it->doc && !it->dirty ? it->doc->shown : NULL;
}

size_t item_size(const struct item *it)
{
    if (!it->doc || it->dirty)
        return it->data.len;
    return it->doc->shown ? it->doc->shown->len : 0;
}

void item_put_text(struct item *it, const struct text *text)
{
    buf_clear(&it->data);
    if (text)
        buf_append(&it->data, text->data, text->len);
}

void item_materialise(struct item *it)
{
    if (it->doc && !it->dirty) {
        item_put_text(it, it->doc->shown);
        it->mtime = it->ctime = it->doc->mtime;
    }
}

/* Before the first change of a document: its bytes become the draft's. */
static void item_begin_change(struct item *it)
{
    if (it->doc && !it->dirty) {
        item_put_text(it, it->doc->shown);
        it->dirty = true;
    }
    it->seq++;
    it->mtime = it->ctime = clock_now();
}

static int item_may_write_locked(const struct item *it)
{
    if (!it->doc)
        return 0;
    if (it->doc->page->is_template)
        return -EROFS;
    return it->doc->which == PAGE_PARAMS || it->ws->writable ? 0 : -EACCES;
}

int item_may_write(struct item *it)
{
    ws_lock(it->ws);
    int err = item_may_write_locked(it);
    if (err == -EACCES)
        workspace_refuse(it->ws, it->doc->page->dir);
    ws_unlock(it->ws);
    return err;
}

int item_read(struct item *it, size_t size, off_t off, struct buf *out)
{
    ws_lock(it->ws);
    const struct text *shown = item_shown(it);
    const char *data = shown ? shown->data : it->data.data;
    size_t len = item_size(it);
    if (off >= 0 && (uint64_t)off < len) {
        size_t left = len - (size_t)off;
        buf_append(out, data + off, left < size ? left : size);
    }
    ws_unlock(it->ws);
    return 0;
}

static int item_check_size(const struct item *it, uint64_t size)
{
    return size > (it->doc ? DOC_BYTES_MAX : ITEM_BYTES_MAX) ? -EFBIG : 0;
}

static int item_write_locked(struct item *it, const char *data, size_t size, off_t off)
{
    size_t at = off == WRITE_AT_END ? item_size(it) : (size_t)off;
    int err = item_may_write_locked(it);
    if (!err)
        err = item_check_size(it, (uint64_t)at + size);
    if (err)
        return err;
    item_begin_change(it);
    if (at + size > it->data.len)
        buf_resize(&it->data, at + size);
    memcpy(it->data.data + at, data, size);
    return 0;
}

int item_write(struct item *it, const char *data, size_t size, off_t off)
{
    if (!size)
        return 0;
    ws_lock(it->ws);
    int err = item_write_locked(it, data, size, off);
    ws_unlock(it->ws);
    return err;
}

/* To the size it has is no change: watchers and rsync --inplace do that. */
int item_truncate(struct item *it, off_t size)
{
    ws_lock(it->ws);
    int err = item_may_write_locked(it);
    if (!err)
        err = item_check_size(it, (uint64_t)size);
    if (!err && (size_t)size != item_size(it)) {
        item_begin_change(it);
        buf_resize(&it->data, (size_t)size);
    }
    ws_unlock(it->ws);
    return err;
}

/* ---- attributes -------------------------------------------------------------- */

static const mode_t item_formats[] = {
    [ITEM_FILE] = S_IFREG,
    [ITEM_DIR] = S_IFDIR,
    [ITEM_LINK] = S_IFLNK,
};

static void item_stat_doc(const struct item *it, struct stat *ret)
{
    const struct doc *d = it->doc;
    ret->st_ino = page_file_number(d->page, d->which);
    ret->st_mode = S_IFREG | (item_may_write_locked(it) ? 0444 : 0644);
    ret->st_mtim = it->dirty ? it->mtime : d->mtime;
    ret->st_ctim = ret->st_mtim;
}

void item_stat(struct item *it, struct stat *ret)
{
    *ret = (struct stat){.st_nlink = 1, .st_blksize = 4096};
    ws_lock(it->ws);
    ret->st_ino = it->ino;
    ret->st_mode = item_formats[it->type] | it->mode;
    ret->st_mtim = it->mtime;
    ret->st_ctim = it->ctime;
    ret->st_size = (off_t)item_size(it);
    if (it->doc)
        item_stat_doc(it, ret);
    else if (it->type == ITEM_DIR)
        ret->st_nlink = 2;
    else if (!it->parent)
        ret->st_nlink = 0;
    ws_unlock(it->ws);
    ret->st_atim = ret->st_mtim;
    ret->st_blocks = (ret->st_size + 511) / 512;
}

/* A document's mode is fixed: `install`, `cp -p` and vim set it and only want no error.
 */
void item_set_mode(struct item *it, mode_t mode)
{
    ws_lock(it->ws);
    if (!it->doc) {
        it->mode = mode & 07777;
        it->ctime = clock_now();
    }
    ws_unlock(it->ws);
}

void item_set_mtime(struct item *it, struct timespec mtime)
{
    ws_lock(it->ws);
    it->mtime = mtime;
    it->ctime = clock_now();
    if (it->doc) {
        it->doc->mtime = mtime;
        keep_texts_now(it->doc->page);
    }
    ws_unlock(it->ws);
}

char *item_target(struct item *it)
{
    ws_lock(it->ws);
    char *target = xstrndup(it->data.len ? it->data.data : "", it->data.len);
    ws_unlock(it->ws);
    return target;
}

struct page *item_page(struct item *it)
{
    ws_lock(it->ws);
    struct page *p = it->doc ? page_ref(it->doc->page) : NULL;
    ws_unlock(it->ws);
    return p;
}

int item_ready(struct item *it, struct wait *w)
{
    struct page *p = NULL;
    ws_lock(it->ws);
    /* A draft has bytes of its own, params are made here: neither needs the platform. */
    if (it->doc && !it->dirty && it->doc->which != PAGE_PARAMS)
        p = page_ref(it->doc->page);
    ws_unlock(it->ws);
    int err = p ? page_ready(p, w) : 0;
    page_unref(p);
    return err;
}

void item_opened(struct item *it, pid_t tgid)
{
    ws_lock(it->ws);
    if (it->doc)
        conflict_give(it->doc, tgid);
    else if (it->parent && it->parent->page)
        conflict_give_local(it->parent->page, it, tgid);
    ws_unlock(it->ws);
}

/* ---- extended attributes of scratch ------------------------------------------ */

enum { XATTR_BYTES_MAX = 64 << 10, XATTR_COUNT_MAX = 64 };

static struct xattr *item_xattr_find(struct item *it, const char *name)
{
    struct xattr *x;
    LL_FOREACH (it->xattrs, x)
        if (!strcmp(x->name, name))
            return x;
    return NULL;
}

int item_xattr_get(struct item *it, const char *name, struct buf *out)
{
    ws_lock(it->ws);
    struct xattr *x = item_xattr_find(it, name);
    if (x)
        buf_append(out, x->value.data, x->value.len);
    ws_unlock(it->ws);
    return x ? 0 : -ENODATA;
}

static int item_xattr_set_locked(struct item *it, const char *name, const void *value,
                                 size_t size, int flags)
{
    struct xattr *x = item_xattr_find(it, name);
    struct xattr *each;
    int count;
    if (x && (flags & XATTR_CREATE))
        return -EEXIST;
    if (!x && (flags & XATTR_REPLACE))
        return -ENODATA;
    LL_COUNT(it->xattrs, each, count);
    if (size > XATTR_BYTES_MAX || (!x && count >= XATTR_COUNT_MAX))
        return -E2BIG;
    if (!x) {
        x = xcalloc(1, sizeof *x);
        x->name = xstrdup(name);
        LL_APPEND(it->xattrs, x);
    }
    buf_clear(&x->value);
    buf_append(&x->value, value, size);
    it->ctime = clock_now();
    return 0;
}

int item_xattr_set(struct item *it, const char *name, const void *value, size_t size,
                   int flags)
{
    if (strncmp(name, "user.", 5) != 0)
        return -ENOTSUP;
    ws_lock(it->ws);
    int err = item_xattr_set_locked(it, name, value, size, flags);
    ws_unlock(it->ws);
    return err;
}

int item_xattr_remove(struct item *it, const char *name)
{
    ws_lock(it->ws);
    struct xattr *x = item_xattr_find(it, name);
    if (x)
        LL_DELETE(it->xattrs, x);
    ws_unlock(it->ws);
    if (!x)
        return -ENODATA;
    free(x->name);
    buf_finish(&x->value);
    free(x);
    return 0;
}

void item_xattr_list(struct item *it, struct buf *out)
{
    struct xattr *x;
    ws_lock(it->ws);
    LL_FOREACH (it->xattrs, x)
        buf_append(out, x->name, strlen(x->name) + 1);
    ws_unlock(it->ws);
}
