/* floor.c - floor [--threads N] DIR MOUNTPOINT: what a mount costs at the least.
 *
 * Reads the tree below DIR into memory once and serves it, read-only: names and times
 * that the kernel may keep for an hour, READDIRPLUS, no OPENDIR (ENOSYS: the kernel then
 * keeps listings too), no FLUSH, and an OPEN that lets the page cache stay. That OPEN is
 * all it is asked once the kernel knows the tree: what a mount is to be compared with
 * that must hear of opens. In the foreground, until unmounted. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FUSE_USE_VERSION FUSE_MAKE_VERSION(3, 12)
#include <fuse3/fuse_lowlevel.h>

#define HOUR 3600.0

struct entry {
    char *name;
    struct stat st;         /* st_ino: this entry's place in the table */
    char *data;             /* a file's bytes, a link's target */
    size_t first, children; /* of a directory: they stand together, sorted by name */
};

static struct {
    struct entry *entries; /* entries[1] is the root: FUSE_ROOT_ID */
    size_t count, cap;
} table;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- reading the tree -------------------------------------------------------- */

static void table_add(const char *name)
{
    if (table.count == table.cap) {
        table.cap = table.cap ? table.cap * 2 : 1024;
        table.entries = realloc(table.entries, table.cap * sizeof *table.entries);
        if (!table.entries)
            die("realloc");
    }
    table.entries[table.count++] = (struct entry){.name = strdup(name)};
}

static void load_file(const char *path, struct entry *e)
{
    size_t size = (size_t)e->st.st_size;
    int fd = open(path, O_RDONLY);
    e->data = malloc(size + 1);
    if (fd < 0 || !e->data || read(fd, e->data, size) != (ssize_t)size)
        die(path);
    close(fd);
}

static void load_link(const char *path, struct entry *e)
{
    e->data = calloc(1, PATH_MAX);
    if (!e->data || readlink(path, e->data, PATH_MAX - 1) < 0)
        die(path);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static void load(const char *path, size_t index);

static void load_names(const char *path, size_t index)
{
    DIR *dir = opendir(path);
    struct dirent *d;
    if (!dir)
        die(path);
    size_t first = table.count;
    while ((d = readdir(dir)))
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            table_add(d->d_name);
    closedir(dir);
    size_t n = table.count - first;
    qsort(table.entries + first, n, sizeof *table.entries, by_name);
    table.entries[index].first = first;
    table.entries[index].children = n;
}

static void load_dir(const char *path, size_t index)
{
    load_names(path, index);
    size_t first = table.entries[index].first;
    size_t end = table.count;
    for (size_t i = first; i < end; i++) {
        char child[PATH_MAX];
        snprintf(child, sizeof child, "%s/%s", path, table.entries[i].name);
        load(child, i);
    }
}

/* The table may move: nothing keeps a pointer into it across load_dir(). */
static void load(const char *path, size_t index)
{
    struct entry *e = &table.entries[index];
    if (lstat(path, &e->st) < 0)
        die(path);
    e->st.st_ino = index;
    if (S_ISDIR(e->st.st_mode))
        load_dir(path, index);
    else if (S_ISREG(e->st.st_mode))
        load_file(path, e);
    else if (S_ISLNK(e->st.st_mode))
        load_link(path, e);
}

/* ---- operations -------------------------------------------------------------- */

static struct fuse_entry_param entry_param(const struct entry *e)
{
    return (struct fuse_entry_param){
        .ino = e->st.st_ino, .attr = e->st, .attr_timeout = HOUR, .entry_timeout = HOUR};
}

static void floor_init(void *data, struct fuse_conn_info *conn)
{
    (void)data;
    conn->want |= conn->capable & (FUSE_CAP_READDIRPLUS | FUSE_CAP_NO_OPENDIR_SUPPORT |
                                   FUSE_CAP_CACHE_SYMLINKS | FUSE_CAP_SPLICE_WRITE);
}

static void floor_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    const struct entry *dir = &table.entries[parent];
    const struct entry key = {.name = (char *)(uintptr_t)name};
    struct fuse_entry_param e = {.entry_timeout = HOUR}; /* "there is no such name" */
    const struct entry *found = bsearch(&key, table.entries + dir->first, dir->children,
                                        sizeof *table.entries, by_name);
    if (found)
        e = entry_param(found);
    fuse_reply_entry(req, &e);
}

static void floor_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)fi;
    fuse_reply_attr(req, &table.entries[ino].st, HOUR);
}

static void floor_readlink(fuse_req_t req, fuse_ino_t ino)
{
    fuse_reply_readlink(req, table.entries[ino].data);
}

static void floor_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    (void)fi;
    fuse_reply_err(req, ENOSYS);
}

static void readdir_into(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                         bool plus)
{
    const struct entry *dir = &table.entries[ino];
    char *out = malloc(size);
    size_t len = 0;
    for (size_t i = (size_t)off; i < dir->children; i++) {
        const struct entry *e = &table.entries[dir->first + i];
        struct fuse_entry_param p = entry_param(e);
        size_t need = plus ? fuse_add_direntry_plus(req, out + len, size - len, e->name,
                                                    &p, (off_t)i + 1)
                           : fuse_add_direntry(req, out + len, size - len, e->name,
                                               &e->st, (off_t)i + 1);
        if (need > size - len)
            break;
        len += need;
    }
    fuse_reply_buf(req, out, len);
    free(out);
}

static void floor_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                          struct fuse_file_info *fi)
{
    (void)fi;
    readdir_into(req, ino, size, off, false);
}

static void floor_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                              struct fuse_file_info *fi)
{
    (void)fi;
    readdir_into(req, ino, size, off, true);
}

static void floor_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    fi->keep_cache = 1;
    fi->noflush = 1;
    fuse_reply_open(req, fi);
}

static void floor_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                       struct fuse_file_info *fi)
{
    const struct entry *e = &table.entries[ino];
    size_t have = off < e->st.st_size ? (size_t)(e->st.st_size - off) : 0;
    (void)fi;
    fuse_reply_buf(req, e->data + (have ? off : 0), have < size ? have : size);
}

static const struct fuse_lowlevel_ops floor_ops = {
    .init = floor_init,
    .lookup = floor_lookup,
    .getattr = floor_getattr,
    .readlink = floor_readlink,
    .opendir = floor_opendir,
    .readdir = floor_readdir,
    .readdirplus = floor_readdirplus,
    .open = floor_open,
    .read = floor_read,
};

/* ---- start ------------------------------------------------------------------- */

static int serve(const char *mountpoint, unsigned threads)
{
    char *argv[] = {(char[]){"floor"}, (char[]){"-oro,fsname=floor,subtype=floor"}, NULL};
    struct fuse_args args = FUSE_ARGS_INIT(2, argv);
    struct fuse_session *se = fuse_session_new(&args, &floor_ops, sizeof floor_ops, NULL);
    if (!se || fuse_set_signal_handlers(se) != 0 ||
        fuse_session_mount(se, mountpoint) != 0)
        return 1;
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    fuse_loop_cfg_set_max_threads(config, threads);
    fuse_loop_cfg_set_idle_threads(config, threads);
    int rc = threads > 1 ? fuse_session_loop_mt(se, config) : fuse_session_loop(se);
    fuse_loop_cfg_destroy(config);
    fuse_session_unmount(se);
    fuse_remove_signal_handlers(se);
    fuse_session_destroy(se);
    return rc < 0;
}

int main(int argc, char **argv)
{
    unsigned threads = 1;
    if (argc == 5 && !strcmp(argv[1], "--threads")) {
        threads = (unsigned)atoi(argv[2]);
        argv += 2;
        argc -= 2;
    }
    if (argc != 3) {
        fputs("usage: floor [--threads N] DIR MOUNTPOINT\n", stderr);
        return 2;
    }
    table_add(""); /* 0 is no inode */
    table_add("");
    load(argv[1], FUSE_ROOT_ID);
    return serve(argv[2], threads);
}
