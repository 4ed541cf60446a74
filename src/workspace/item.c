/* item.c - files, directories and links as the mount sees them: a document's in memory, a
 * real one in the overlay. */
#include "workspace/overlay.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/clock.h"
#include "workspace/conflict.h"
#include "workspace/keep.h"
#include "workspace/sql.h"

/* Inode numbers of documents that lost their name count up from here; those of pages and
 * documents are hashes with the top bit set (page.c), those of real files have the next
 * one (item_ino_shown()): none meet. */
enum { ITEM_INO_FIRST = 1 << 10 };

struct item *item_new(struct workspace *ws, enum item_type type, mode_t mode)
{
    struct item *it = xcalloc(1, sizeof *it);
    atomic_init(&it->refs, 1);
    it->ws = ws;
    it->type = type;
    it->mode = mode & 07777;
    it->dir_fd = -1;
    it->mtime = it->ctime = clock_now();
    return it;
}

struct item *item_ref(struct item *it)
{
    if (it)
        atomic_fetch_add_explicit(&it->refs, 1, memory_order_relaxed);
    return it;
}

enum item_type item_type(const struct item *it)
{
    return it->type;
}

/* Locks the workspace for an item in memory. False: it is a real file, nothing is locked.
 * (It may cease to be one at once: then the overlay says -ESTALE, and the kernel asks
 * again.) */
static bool item_lock_memory(struct item *it)
{
    ws_lock(it->ws);
    bool backed = it->backed;
    if (backed)
        ws_unlock(it->ws);
    else if (it->doc && it->doc->which == PAGE_SQL)
        sql_refresh(it->doc->page->sql);
    return !backed;
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
    return it->doc->shown ? it->doc->shown->len : it->doc->size;
}

void item_put_text(struct item *it, const struct text *text)
{
    buf_clear(&it->data);
    if (text)
        buf_append(&it->data, text->data, text->len);
}

void item_materialise(struct item *it)
{
    it->ino = ITEM_INO_FIRST + it->ws->next_ino++;
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
    if (it->doc)
        sql_unsure(it->doc);
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

static int item_here_locked(const struct item *it)
{
    return it->doc && !it->dirty && it->doc->shed ? -EAGAIN : 0;
}

static int item_read_locked(struct item *it, size_t size, off_t off, struct buf *out)
{
    size_t len = item_size(it);
    if (off < 0 || (uint64_t)off >= len)
        return 0;
    int err = item_here_locked(it);
    if (err)
        return err;
    const struct text *shown = item_shown(it);
    const char *data = shown ? shown->data : it->data.data;
    size_t left = len - (size_t)off;
    buf_append(out, data + off, left < size ? left : size);
    return 0;
}

int item_read(struct item *it, size_t size, off_t off, struct buf *out)
{
    struct item_fd fd;
    int err;
    if (item_lock_memory(it)) {
        err = item_read_locked(it, size, off, out);
        ws_unlock(it->ws);
        return err;
    }
    err = item_borrow(it, false, &fd);
    if (err)
        return err;
    err = fd_read(fd.fd, size, off, out);
    item_return(&fd);
    return err;
}

static int item_check_size(uint64_t size)
{
    return size > DOC_BYTES_MAX ? -EFBIG : 0;
}

static int item_write_locked(struct item *it, const char *data, size_t size, off_t off)
{
    size_t at = off == WRITE_AT_END ? item_size(it) : (size_t)off;
    int err = item_may_write_locked(it);
    if (!err)
        err = item_check_size((uint64_t)at + size);
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
    struct item_fd fd;
    if (!size)
        return 0;
    if (!item_lock_memory(it)) {
        int err = item_borrow(it, true, &fd);
        if (err)
            return err;
        err = fd_write(fd.fd, data, size,
                       off == WRITE_AT_END ? lseek(fd.fd, 0, SEEK_END) : off);
        item_return(&fd);
        return err;
    }
    int err = item_write_locked(it, data, size, off);
    ws_unlock(it->ws);
    return err;
}

/* Its bytes are in memory, where it has any that are known. */
int item_here(struct item *it)
{
    if (!item_lock_memory(it))
        return 0;
    int err = item_here_locked(it);
    ws_unlock(it->ws);
    return err;
}

/* To the size it has is no change: watchers and rsync --inplace do that. */
static int item_truncate_locked(struct item *it, off_t size)
{
    int err = item_may_write_locked(it);
    if (!err)
        err = item_check_size((uint64_t)size);
    if (!err && size)
        err = item_here_locked(it);
    if (!err && (size_t)size != item_size(it)) {
        item_begin_change(it);
        buf_resize(&it->data, (size_t)size);
    }
    return err;
}

int item_truncate(struct item *it, off_t size)
{
    if (!item_lock_memory(it))
        return overlay_truncate(it, size);
    int err = item_truncate_locked(it, size);
    ws_unlock(it->ws);
    return err;
}

int item_sync(struct item *it, bool datasync)
{
    struct item_fd fd;
    if (it->type == ITEM_DIR)
        return overlay_sync_dir(it);
    int err = item_borrow(it, false, &fd);
    if (err == -EBADF || err == -EACCES)
        err = item_borrow(it, true, &fd); /* open for writing alone */
    if (err)
        return err == -ENODATA ? 0 : err;
    if ((datasync ? fdatasync(fd.fd) : fsync(fd.fd)) != 0)
        err = -errno;
    item_return(&fd);
    return err;
}

/* ---- attributes -------------------------------------------------------------- */

static void item_stat_doc(const struct item *it, struct stat *ret)
{
    struct doc *d = it->doc;
    ret->st_ino =
        d->which == PAGE_SQL ? sql_file_number(d) : page_file_number(d->page, d->which);
    ret->st_mode = S_IFREG | (item_may_write_locked(it) ? 0444 : 0644);
    ret->st_mtim = it->dirty ? it->mtime : d->mtime;
    ret->st_ctim = ret->st_mtim;
}

/* What is in memory is a file. */
static void item_stat_memory(const struct item *it, struct stat *ret)
{
    *ret = (struct stat){.st_blksize = 4096};
    ret->st_ino = it->ino;
    ret->st_mode = S_IFREG | it->mode;
    ret->st_mtim = it->mtime;
    ret->st_ctim = it->ctime;
    ret->st_size = (off_t)item_size(it);
    if (it->doc) {
        ret->st_nlink = 1;
        item_stat_doc(it, ret);
    }
    ret->st_atim = ret->st_mtim;
    ret->st_blocks = (ret->st_size + 511) / 512;
}

bool page_is_settled(const struct page *p)
{
    return (p->body == BODY_READY || p->body == BODY_SHED) && !p->stale && !p->unsure;
}

int64_t item_holds_ms(struct item *it)
{
    int64_t holds = INT64_MAX;
    ws_lock(it->ws);
    const struct doc *d = it->dirty ? NULL : it->doc;
    const struct page *p = d ? d->page : NULL;
    if (p && d->which != PAGE_PARAMS && !page_is_settled(p))
        holds = 0;
    else if (p && p->id && !p->list_token && !p->is_template)
        holds = it->ws->config.ttl_ms;
    ws_unlock(it->ws);
    return holds;
}

bool item_is_lost(struct item *it)
{
    if (!item_lock_memory(it))
        return false;
    bool lost = it->lost && !it->doc;
    ws_unlock(it->ws);
    return lost;
}

uint64_t item_turns(struct item *it)
{
    ws_lock(it->ws);
    uint64_t turns = it->turns;
    ws_unlock(it->ws);
    return turns;
}

int item_stat(struct item *it, struct stat *ret)
{
    if (!item_lock_memory(it)) {
        int err = overlay_stat(it, ret);
        if (!err)
            ret->st_ino = item_ino_shown(ret->st_ino);
        return err;
    }
    item_stat_memory(it, ret);
    ws_unlock(it->ws);
    return 0;
}

/* `install`, `cp -p` and vim set a document's mode and only want no error. */
int item_set_mode(struct item *it, mode_t mode)
{
    if (!item_lock_memory(it))
        return overlay_chmod(it, mode);
    if (!it->doc) {
        it->mode = mode & 07777;
        it->ctime = clock_now();
    }
    ws_unlock(it->ws);
    return 0;
}

int item_set_times(struct item *it, const struct timespec times[2])
{
    if (!item_lock_memory(it))
        return overlay_utimens(it, times);
    if (times[1].tv_nsec != UTIME_OMIT) {
        it->mtime = times[1].tv_nsec == UTIME_NOW ? clock_now() : times[1];
        it->ctime = clock_now();
        if (it->doc) {
            it->doc->mtime = it->mtime;
            keep_texts_now(it->doc->page);
        }
    }
    ws_unlock(it->ws);
    return 0;
}

char *item_target(struct item *it)
{
    struct buf target = BUF_INIT;
    if (overlay_readlink(it, &target) != 0) {
        buf_finish(&target);
        return NULL;
    }
    return buf_steal(&target);
}

struct page *item_page(struct item *it)
{
    ws_lock(it->ws);
    struct page *p = it->doc ? page_ref(it->doc->page) : NULL;
    ws_unlock(it->ws);
    return p;
}

static int item_await(struct item *it, bool texts, struct wait *w)
{
    struct page *p = NULL;
    ws_lock(it->ws);
    /* A draft has bytes of its own, params are made here: neither needs the platform. */
    if (it->doc && !it->dirty && it->doc->which != PAGE_PARAMS)
        p = page_ref(it->doc->page);
    ws_unlock(it->ws);
    int err = p ? page_file_ready(p, texts, w) : 0;
    page_unref(p);
    return err;
}

int item_ready(struct item *it, struct wait *w)
{
    return item_await(it, true, w);
}

int item_stat_ready(struct item *it, struct wait *w)
{
    return item_await(it, false, w);
}

void item_opened(struct item *it, pid_t tgid)
{
    ws_lock(it->ws);
    struct page *p = it->doc ? NULL : overlay_page_of(it);
    if (it->doc && it->doc->which == PAGE_SQL)
        conflict_give(page_doc_of(it->doc->page, PAGE_QUERIES), tgid);
    else if (it->doc)
        conflict_give(it->doc, tgid);
    else if (p)
        conflict_give_local(p, it, tgid);
    ws_unlock(it->ws);
}

/* ---- extended attributes ----------------------------------------------------- */

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
    if (strncmp(name, "user.", 5) != 0)
        return -ENOTSUP;
    if (!item_lock_memory(it))
        return overlay_xattr_get(it, name, out);
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
    if (!item_lock_memory(it))
        return overlay_xattr_set(it, name, value, size, flags);
    int err = item_xattr_set_locked(it, name, value, size, flags);
    ws_unlock(it->ws);
    return err;
}

int item_xattr_remove(struct item *it, const char *name)
{
    if (strncmp(name, "user.", 5) != 0)
        return -ENOTSUP;
    if (!item_lock_memory(it))
        return overlay_xattr_remove(it, name);
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

int item_xattr_list(struct item *it, struct buf *out)
{
    struct xattr *x;
    if (!item_lock_memory(it))
        return overlay_xattr_list(it, out);
    LL_FOREACH (it->xattrs, x)
        buf_append(out, x->name, strlen(x->name) + 1);
    ws_unlock(it->ws);
    return 0;
}
