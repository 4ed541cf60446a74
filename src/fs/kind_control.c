/* kind_control.c - .amdahl/: what the mount says of itself, and ctl. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "fs/internal.h"
#include "fs/listing.h"
#include "workspace/spool.h"

static struct text *report_log(struct workspace *ws)
{
    struct buf out = BUF_INIT;
    (void)ws;
    log_snapshot(&out);
    return text_from_buf(&out);
}

static const struct {
    const char *name;
    const struct node_ops *ops;
    struct text *(*make)(struct workspace *ws);
} control_entries[] = {
    {"status.json", &report_ops, workspace_status},
    {"me.json", &report_ops, workspace_me},
    {"log", &report_ops, report_log},
    {"ctl", &ctl_ops, NULL},
    {"batch", &batch_ops, NULL},
    {"metrics", &report_ops, workspace_metrics},
    {"requests", &report_ops, workspace_requests},
    {"changes", &changes_ops, NULL},
};

/* Whoever reads every file that he finds (cp -r, find -exec) would wait at its end. */
static bool entry_is_listed(size_t entry)
{
    return control_entries[entry].ops != &changes_ops;
}

/* What takes commands is a new inode at each lookup (and is looked up at each open): the
 * kernel holds an inode's lock until a write is answered, and a command may wait long. */
enum { ENTRY_BITS = 8 };
static size_t entry_of(const struct node *n)
{
    return (size_t)n->key.which & ((1u << ENTRY_BITS) - 1);
}

static intptr_t entry_which(size_t entry)
{
    static atomic_uint count;
    const struct node_ops *ops = control_entries[entry].ops;
    bool takes_commands = ops == &ctl_ops || ops == &batch_ops;
    intptr_t turn = takes_commands ? (intptr_t)atomic_fetch_add(&count, 1) : 0;
    return (intptr_t)entry | turn << ENTRY_BITS;
}

static int control_stat(struct node *n, struct stat *ret)
{
    stat_fixed(n->fs, ret, INO_CONTROL, S_IFDIR | 0555);
    return 0;
}

static int control_lookup(struct node *n, const char *name, struct node **ret_child)
{
    for (size_t i = 0; i < ARRAY_LEN(control_entries); i++) {
        if (strcmp(control_entries[i].name, name) != 0)
            continue;
        *ret_child = node_get(n->fs, control_entries[i].ops, NULL, entry_which(i));
        return 0;
    }
    return -ENOENT;
}

static int control_list(struct node *n, struct listing *out)
{
    (void)n;
    for (size_t i = 0; i < ARRAY_LEN(control_entries); i++)
        if (entry_is_listed(i))
            listing_add_fixed(out, LISTING_FIRST + (unsigned)i, control_entries[i].name,
                              INO_REPORTS + i, S_IFREG);
    return 0;
}

const struct node_ops control_ops = {
    .path = ".amdahl/",
    .attr_timeout = FS_KEPT,
    .entry_timeout = FS_KEPT,
    .absent_timeout = FS_KEPT,
    .stat = control_stat,
    .lookup = control_lookup,
    .list = control_list,
};

/* ---- reports: made at the open ----------------------------------------------- */

static int report_stat(struct node *n, struct stat *ret)
{
    cleanup_text struct text *text = control_entries[n->key.which].make(n->fs->ws);
    stat_fixed(n->fs, ret, INO_REPORTS + (uint64_t)n->key.which, S_IFREG | 0444);
    ret->st_size = (off_t)text->len;
    ret->st_mtim = ret->st_ctim = ret->st_atim = clock_now();
    return 0;
}

static int report_open(struct node *n, struct handle *h)
{
    if ((h->flags & O_ACCMODE) != O_RDONLY)
        return -EACCES;
    h->snapshot = control_entries[n->key.which].make(n->fs->ws);
    return 0;
}

const struct node_ops report_ops = {
    .path = ".amdahl/{status.json,me.json,log,metrics,requests}",
    .entry_timeout = FS_KEPT,
    .direct_io = true,
    .stat = report_stat,
    .open = report_open,
    .read = snapshot_read,
};

/* ---- ctl: one command a write; the errno is the answer, its words are read back ---- */

static int ctl_stat(struct node *n, struct stat *ret)
{
    stat_fixed(n->fs, ret, INO_REPORTS + entry_of(n), S_IFREG | 0600);
    return 0;
}

/* Guards the words of every handle that takes commands: one may be read by a thread while another one
 * writes the next command. Taken before the workspace's lock, held for memory work. */
static pthread_mutex_t ctl_lock = PTHREAD_MUTEX_INITIALIZER;

/* malloc'ed; NULL: too long to be a command. */
static char *command_line(const char *data, size_t size)
{
    if (size > 4096)
        return NULL;
    char *line = xstrndup(data, size);
    line[strcspn(line, "\n")] = '\0';
    return line;
}

static int ctl_write(struct node *n, struct handle *h, const char *data, size_t size,
                     off_t off, struct wait *w)
{
    cleanup_free char *line = command_line(data, size);
    if (!line)
        return -E2BIG;
    pthread_mutex_lock(&ctl_lock);
    text_replace(&h->snapshot, NULL);
    h->given = 0;
    int err = workspace_command(n->fs->ws, line, &h->snapshot, w);
    pthread_mutex_unlock(&ctl_lock);
    return err;
}

/* The words are given once, whatever the offset: a shell's <> reads behind what it wrote,
 * others at 0. */
static int ctl_read(struct node *n, struct handle *h, size_t size, off_t off,
                    struct buf *out)
{
    pthread_mutex_lock(&ctl_lock);
    int err = snapshot_read(n, h, size, (off_t)h->given, out);
    h->given += out->len;
    pthread_mutex_unlock(&ctl_lock);
    return err;
}

static int ctl_truncate(struct node *n, struct handle *h, off_t size)
{
    (void)n;
    (void)h;
    (void)size;
    return 0;
}

const struct node_ops ctl_ops = {
    .path = ".amdahl/ctl",
    .direct_io = true,
    .stat = ctl_stat,
    .read = ctl_read,
    .write = ctl_write,
    .truncate = ctl_truncate,
};

/* ---- batch: a handle that may be written is a batch (workspace/batch.h) ------------ */

static int batch_open(struct node *n, struct handle *h)
{
    if ((h->flags & O_ACCMODE) == O_RDONLY)
        return 0; /* of a program that looks into every file */
    return workspace_batch_begin(n->fs->ws, h->opener, &h->batch);
}

static void batch_close(struct node *n, struct handle *h)
{
    if (h && h->batch)
        workspace_batch_end(n->fs->ws, h->batch);
}

static int batch_write(struct node *n, struct handle *h, const char *data, size_t size,
                       off_t off, struct wait *w)
{
    (void)off;
    cleanup_free char *line = command_line(data, size);
    if (!line || strcmp(line, "commit") != 0)
        return -EINVAL;
    return workspace_batch_commit(n->fs->ws, h->batch, w);
}

/* As ctl: what is new since the last read, whatever the offset. */
static int batch_read(struct node *n, struct handle *h, size_t size, off_t off,
                      struct buf *out)
{
    (void)off;
    pthread_mutex_lock(&ctl_lock);
    text_replace(&h->snapshot,
                 h->batch ? workspace_batch_words(n->fs->ws, h->batch) : NULL);
    int err = snapshot_read(n, h, size, (off_t)h->given, out);
    h->given += out->len;
    pthread_mutex_unlock(&ctl_lock);
    return err;
}

const struct node_ops batch_ops = {
    .path = ".amdahl/batch",
    .direct_io = true,
    .stat = ctl_stat,
    .open = batch_open,
    .close = batch_close,
    .read = batch_read,
    .write = batch_write,
    .truncate = ctl_truncate,
};

/* ---- changes: a stream (stream.h) -------------------------------------------------- */

static int changes_stat(struct node *n, struct stat *ret)
{
    uint64_t size;
    stat_fixed(n->fs, ret, INO_REPORTS + (uint64_t)n->key.which, S_IFREG | 0444);
    spool_size(workspace_changes(n->fs->ws), &size, &ret->st_mtim);
    ret->st_size = (off_t)size;
    ret->st_ctim = ret->st_atim = ret->st_mtim;
    return 0;
}

static struct spool *changes_spool(struct node *n)
{
    return workspace_changes(n->fs->ws);
}

static int changes_open(struct node *n, struct handle *h)
{
    if ((h->flags & O_ACCMODE) != O_RDONLY)
        return -EACCES;
    workspace_follow(n->fs->ws);
    return 0;
}

static void changes_close(struct node *n, struct handle *h)
{
    (void)h;
    workspace_unfollow(n->fs->ws);
}

const struct node_ops changes_ops = {
    .path = ".amdahl/changes",
    .entry_timeout = FS_KEPT,
    .direct_io = true,
    .stat = changes_stat,
    .open = changes_open,
    .close = changes_close,
    .spool = changes_spool,
};
