/* kind_control.c - .amdahl/: what the mount says of itself, and ctl. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "fs/internal.h"

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
    {"metrics", &report_ops, workspace_metrics},
    {"requests", &report_ops, workspace_requests},
};

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
        *ret_child = node_get(n->fs, control_entries[i].ops, NULL, (intptr_t)i);
        return 0;
    }
    return -ENOENT;
}

static int control_list(struct node *n, struct listing *out)
{
    (void)n;
    for (size_t i = 0; i < ARRAY_LEN(control_entries); i++)
        listing_add(out, control_entries[i].name, INO_REPORTS + i, S_IFREG);
    return 0;
}

const struct node_ops control_ops = {
    .path = ".amdahl/",
    .attr_timeout = 1.0,
    .entry_timeout = 1.0,
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
    .path = ".amdahl/{status.json,me.json,metrics,requests,log}",
    .entry_timeout = 1.0,
    .direct_io = true,
    .stat = report_stat,
    .open = report_open,
    .read = snapshot_read,
};

/* ---- ctl: one command a write; the errno is the answer, its words are read back ---- */

static int ctl_stat(struct node *n, struct stat *ret)
{
    stat_fixed(n->fs, ret, INO_REPORTS + (uint64_t)n->key.which, S_IFREG | 0600);
    return 0;
}

/* Guards the words of every ctl handle: one may be read by a thread while another one
 * writes the next command. Taken before the workspace's lock, held for memory work. */
static pthread_mutex_t ctl_lock = PTHREAD_MUTEX_INITIALIZER;

static int ctl_write(struct node *n, struct handle *h, const char *data, size_t size,
                     off_t off, struct wait *w)
{
    if (size > 4096)
        return -E2BIG;
    cleanup_free char *line = xstrndup(data, size);
    line[strcspn(line, "\n")] = '\0';
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
    .entry_timeout = 1.0,
    .direct_io = true,
    .stat = ctl_stat,
    .read = ctl_read,
    .write = ctl_write,
    .truncate = ctl_truncate,
};
