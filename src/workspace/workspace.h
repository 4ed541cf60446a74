/* workspace.h - the pages of a workspace as this machine knows them: what the mount
 * shows.
 *
 * No FUSE, no curl: everything here runs and is tested without a kernel. One lock guards
 * the whole model; it is held for memory work only, never across a request, a reply or a
 * callback. What needs the platform takes a struct wait and returns -EINPROGRESS; the
 * wait's done() is called later on the engine's thread with no lock held, exactly once.
 * 0 and other negative errnos are final at once, and the wait is then not kept.
 *
 *   page   a directory below pages/ (or templates/): a summary from the list, a body that
 * is fetched once when first needed, four documents, and the scratch files beside them
 *   doc    a document of a page that people write: spec, queries, page, params
 *   view   a file of a page that is made here or by the platform: info, verdict, errors,
 * render
 *   item   a file, directory or link: a document (in memory), or a real file of the overlay
 *          (overlay.h). A rename moves items between names and between the two, so what
 *          editors do with temporary files and backups needs no special case: an inode is
 *          an item for life
 */
#ifndef WORKSPACE_WORKSPACE_H
#define WORKSPACE_WORKSPACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

#include "base/loop.h"
#include "base/text.h"
#include "http/http.h"
#include "platform/platform.h"

struct workspace;
struct page;
struct item;
struct item_files;
struct archived;

struct wait {
    void (*done)(struct wait *w, int err);
    struct wait *prev, *next;
    int tid;          /* the thread that waits; 0: nobody in particular */
    atomic_bool left; /* whoever waited is gone: done() is called all the same */
};

struct spool;

struct workspace_config {
    struct loop *loop;
    struct http *http;
    struct platform *platform;
    int64_t refresh_ms;     /* the list is read again when used after this long */
    int64_t ttl_ms;         /* bodies, where the platform's list has no change token */
    int64_t render_ttl_ms;  /* what queries gave is good for so long */
    unsigned read_ahead;    /* pages of a walk that are asked for at once */
    unsigned archive_limit; /* pages one process may archive a minute */
    bool runtime_hidden;    /* views are not listed */
    bool watched;           /* changes elsewhere are wanted as they come */
    const char *state_dir;  /* where state.db and overlay/ are */
    const char *cache_dir;  /* where cache.db is; NULL: nowhere */
    uint64_t cache_bytes;   /* of bodies in it */
};

/* -EIO, -EPROTONOSUPPORT, -errno: what is in state_dir cannot be used; *ret_reason
 * (malloc'ed) says why. */
int workspace_create(const struct workspace_config *config, struct workspace **ret_ws,
                     char **ret_reason);
/* Waits until all that was changed is on the disk. After http_stop() and the last call
 * from outside, before loop_stop(). */
void workspace_stop(struct workspace *ws);
/* After loop_stop(): nothing is on its way any more, no item or page is referenced. NULL
 * is allowed. */
void workspace_destroy(struct workspace *ws);
/* What changed by itself, for whoever keeps what it was told: not by a call from outside
 * on just that. Called on any thread and with the lock held: it must not call back, but
 * may take references. */
enum workspace_change { CHANGE_FILE, CHANGE_CAME, CHANGE_GONE };
struct workspace_observer {
    void (*file)(void *arg, struct item *it);        /* bytes or attributes */
    void (*page)(void *arg, struct page *p);         /* its directory, and its views */
    void (*sql)(void *arg, struct page *p);          /* its sql/ */
    void (*pages)(void *arg);                        /* pages/ and by-id/ */
    void (*archived)(void *arg, struct archived *a); /* it, and archived/ */
    /* Somebody else's doing: a file of p ("spec.json"), or p itself, at this name in
     * pages/. Of a workspace that is watched alone. */
    void (*elsewhere)(void *arg, enum workspace_change change, struct page *p,
                      const char *name);
};
/* NULL: nobody, any more. While nothing else runs. */
void workspace_observe(struct workspace *ws, const struct workspace_observer *observer,
                       void *arg);
/* What GET /me said (NULL: nothing): kept for me.json; its scopes decide what is
 * writable. */
void workspace_set_me(struct workspace *ws, struct text *me);
/* Is there a list of pages to show: out of the cache, or read already? */
bool workspace_has_list(struct workspace *ws);
/* The kernel has forgotten files: what was kept for it alone may go. Any thread. */
void workspace_forgot(struct workspace *ws);
/* The platform was asked for /me and is away: it is asked again when it is back. */
void workspace_begin_offline(struct workspace *ws);

/* ---- pages/ ------------------------------------------------------------------ */

/* 0 once the list was read for the first time, or came out of the cache; reads it behind
 * when it is old. */
int workspace_pages_ready(struct workspace *ws, struct wait *w);
/* Somebody uses it: reads it behind when it is old and was read before. */
void workspace_pages_used(struct workspace *ws);
/* 0 once a sweep of this mount has told which pages are gone; else as the sweep. */
int workspace_archived_ready(struct workspace *ws, struct wait *w);
/* A name in pages/ is not there. While the list is out of the cache alone, the first sweep
 * may bring it: waits for that, unless it would take long or nobody answers. Always 0 in the
 * end. */
int workspace_pages_settle(struct workspace *ws, const char *name, struct wait *w);
/* Reads the list now and waits for it. */
int workspace_refresh(struct workspace *ws, struct wait *w);

/* Names and pages in no particular order; fn is called with the lock held and must not
 * call back. page_ref() is allowed. */
typedef void page_visit_fn(void *arg, const char *name, struct page *page);
void workspace_each_page(struct workspace *ws, page_visit_fn *fn, void *arg);
/* The same with ids as names; pages that are only on this machine have none. */
void workspace_each_id(struct workspace *ws, page_visit_fn *fn, void *arg);
/* A reference, or NULL. */
struct page *workspace_find_page(struct workspace *ws, const char *name);
struct page *workspace_find_id(struct workspace *ws, const char *id);

/* mkdir pages/<name>: a draft on this machine. -EEXIST, -EACCES (key cannot write),
 * -EINVAL: no name, or not UTF-8. */
int workspace_page_make(struct workspace *ws, const char *name, struct page **ret_page);
/* rmdir pages/<name>: -ENOENT, -ENOTEMPTY while documents or scratch are left in it,
 * -EPERM when the brake holds (and what tgid unlinked elsewhere comes back). In a batch
 * it is out of the tree at once, and archived with the batch. */
int workspace_page_archive(struct workspace *ws, const char *name, pid_t tgid,
                           struct wait *w);
/* rename pages/<from> pages/<to>: PATCHes the name. -EEXIST, -ENOTEMPTY. */
int workspace_page_rename(struct workspace *ws, const char *from, const char *to,
                          struct wait *w);
/* So many more archives pass the brake, whoever asks: amdahlctl allow-archive. */
void workspace_allow_archive(struct workspace *ws, unsigned count);

/* ---- archived/ --------------------------------------------------------------- */

/* A page that the platform lists no more, and the files that stood beside its documents:
 * they are in a directory of its name, until it comes back. Known after
 * workspace_pages_ready(). */
struct archived;
/* As workspace_each_page(). */
typedef void archived_visit_fn(void *arg, const char *name, struct archived *a);
void workspace_each_archived(struct workspace *ws, archived_visit_fn *fn, void *arg);
/* A reference, or NULL. */
struct archived *workspace_find_archived(struct workspace *ws, const char *name);
/* rmdir archived/<name>; nothing is sent. -ENOENT, -ENOTEMPTY while files are in it. */
int workspace_archived_rmdir(struct workspace *ws, const char *name);
/* When an entry last came or went; 0: not yet. */
struct timespec workspace_archived_time(struct workspace *ws);

struct archived *archived_ref(struct archived *a);
void archived_unref(struct archived *a);
/* Its inode number, that of the page's directory. Constant. */
uint64_t archived_number(const struct archived *a);
int archived_stat(struct archived *a, struct stat *ret); /* -ESTALE: it is none now */
/* Where its files are; borrowed, the same for its life. The names of a page's documents and
 * views are nobody's there (-EACCES): it may come back. */
struct item *archived_place(struct archived *a);

/* ---- templates/ -------------------------------------------------------------- */

int workspace_templates_ready(struct workspace *ws, struct wait *w);
void workspace_each_template(struct workspace *ws, page_visit_fn *fn, void *arg);
struct page *workspace_find_template(struct workspace *ws, const char *name);

/* ---- a page ------------------------------------------------------------------ */

enum page_file {
    PAGE_ERRORS,
    PAGE_INFO,
    PAGE_PARAMS,
    PAGE_RENDER,
    PAGE_VERDICT,
    PAGE_PAGE,
    PAGE_QUERIES,
    PAGE_SPEC, /* last: `cp -r` follows the listing, and a copy is complete with its spec
                */
    PAGE_FILES,
    PAGE_SQL = PAGE_FILES /* of a document in its sql/: no file of the directory itself */
};
bool page_file_is_doc(enum page_file which);
const char *page_file_name(enum page_file which);
/* -1 when name is none of them. */
int page_file_find(const char *name);

struct page *page_ref(struct page *p);
void page_unref(struct page *p);
/* Its directory's name now; malloc'ed. */
char *page_dir(struct page *p);
char *page_dir_locked(struct page *p); /* for an observer */
/* Its directory's inode number, that of its file `which` (constant). Any thread, lock or
 * not. */
uint64_t page_number(const struct page *p);
uint64_t page_file_number(const struct page *p, enum page_file which);
/* Directory times and inode number; nlink 2. Never waits. -ESTALE: it is gone for good. */
int page_stat(struct page *p, struct stat *ret);
/* Was it given another name elsewhere? Once true. */
bool page_has_moved(struct page *p);
/* The body is here (or the page is only on this machine). -ENOENT: it vanished. */
int page_ready(struct page *p, struct wait *w);
/* The same for somebody who may ask for it next: behind all who wait for a page now, and an
 * hour is not too long. 0: it was here. */
int page_fetch(struct page *p, struct wait *w);
/* Runs the queries, or joins a run on its way, unless there is a fresh answer; it is then
 * page_view(PAGE_RENDER) (render.h). */
int page_render(struct page *p, struct wait *w);
/* Is this file there to be seen now? listed: in a listing (rather than by name). */
bool page_has(struct page *p, enum page_file which, bool listed);
/* The item bound to a doc (made on first use); NULL while the name is gone. */
struct item *page_doc(struct page *p, enum page_file which);
/* The text of a view as of now; a reference. Render: the last answer, or "". NULL: it is of
 * the body, and left the memory: page_view_ready(), and once more. */
int page_view_ready(struct page *p, enum page_file which, struct wait *w);
struct text *page_view(struct page *p, enum page_file which);
void page_view_stat(struct page *p, enum page_file which, struct stat *ret);
/* May tgid write to this view (and have it thrown away)? Only while the page is a draft
 * here: `cp -r pages/a pages/b` copies views too. */
bool page_view_is_sink(struct page *p);
/* The directory of its scratch items; borrowed, lives as long as the page. */
struct item *page_local(struct page *p);
/* sql/ (sql.h). listed: in a listing. */
bool page_has_sql(struct page *p, bool listed);
uint64_t page_sql_number(const struct page *p);
int page_sql_stat(struct page *p, struct stat *ret); /* -ESTALE: the page is gone */
/* Which queries there are is known; whether one has this name is. */
int page_sql_ready(struct page *p, struct wait *w);
int page_sql_stat_ready(struct page *p,
                        struct wait *w); /* where they were listed before */
int page_sql_settle(struct page *p, const char *name, struct wait *w);
bool page_sql_may_be(const char *name); /* a query's file */
/* As item_holds_ms(). */
int64_t page_sql_holds_ms(struct page *p);
/* As page_sql_ready(), and it stays known for a while. */
int page_sql_rename_ready(struct page *p, struct wait *w);
/* A reference. -ENOENT: no query's file. -EAGAIN: what was ready is gone again. */
int page_sql_find(struct page *p, const char *name, struct item **ret_item);
/* Where its scratch is; borrowed, lives as long as the page. make false: NULL where there is
 * none. */
struct item *page_sql_place(struct page *p, bool make);
/* Of the queries alone; as place_each(), but fn must not call back. -EAGAIN as before. */
typedef void item_visit_fn(void *arg, const char *name, uint64_t ino, mode_t type);
int page_sql_each(struct page *p, item_visit_fn *fn, void *arg);
/* mkdir and rmdir of sql/ itself. -EEXIST, -EROFS; -ENOENT, -ENOTEMPTY. */
int page_sql_make(struct page *p);
int page_sql_rmdir(struct page *p, pid_t tgid);
/* user.amdahl.<name>: "id", "url", "updated_at", "state", "error". malloc'ed; NULL: none.
 */
char *page_attribute(struct page *p, const char *name);

/* ---- items ------------------------------------------------------------------- */

enum item_type { ITEM_FILE, ITEM_DIR, ITEM_LINK };

struct item *item_ref(struct item *it);
void item_unref(struct item *it);
enum item_type item_type(const struct item *it);
/* The page whose document this item is (a reference), or NULL. */
struct page *item_page(struct item *it);
/* Its page's body must be here before its size and bytes are known; 0 for scratch. */
int item_ready(struct item *it, struct wait *w);
/* The size alone: that is known of pages whose bytes are not in memory. */
int item_stat_ready(struct item *it, struct wait *w);
/* -EAGAIN: its bytes have left the memory: item_ready(). What is here stays while it is
 * open. */
int item_here(struct item *it);
/* Is it a file that went by itself, whose name is to be looked up anew? */
bool item_is_lost(struct item *it);
/* -ESTALE: the file is gone. */
int item_stat(struct item *it, struct stat *ret);

/* A file that is open in the mount, by so many handles, has a descriptor. -EACCES, ... */
int item_open(struct item *it, bool write);
void item_close(struct item *it);
/* The descriptor of a real file, for pread and pwrite; give it back. -ENODATA: this is
 * none (any more): item_read(), item_write(). */
struct item_fd {
    struct item_files *files;
    int fd;
};
int item_borrow(struct item *it, bool write, struct item_fd *ret);
void item_return(struct item_fd *fd);

/* -EAGAIN as item_here(), also of one that was opened without item_ready(). */
int item_read(struct item *it, size_t size, off_t off, struct buf *out);
enum { WRITE_AT_END = -1 }; /* an offset, for O_APPEND */
/* -EFBIG above the limit of a document; -EACCES where the key cannot write it; -EAGAIN as
 * item_here(). */
int item_write(struct item *it, const char *data, size_t size, off_t off);
int item_truncate(struct item *it, off_t size);
/* A document's mode is fixed, and no error. */
int item_set_mode(struct item *it, mode_t mode);
/* times: atime and mtime, as utimensat(2) has them. */
int item_set_times(struct item *it, const struct timespec times[2]);
/* Of scratch: on the disk. Of a directory too. */
int item_sync(struct item *it, bool datasync);
/* A link's target; malloc'ed. NULL: it is gone. */
char *item_target(struct item *it);
/* For how long what item_stat() says holds, if nothing is observed: milliseconds; 0: only
 * now (the page's body is not here), INT64_MAX: for ever. */
int64_t item_holds_ms(struct item *it);
/* Counts the changes that were told to the observer. */
uint64_t item_turns(struct item *it);
/* -EACCES, or 0: may this be opened for writing? */
int item_may_write(struct item *it);
/* How a real file's inode number is shown: apart from those of pages and of the mount. */
uint64_t item_ino_shown(uint64_t ino);

/* Extended attributes, "user.*" only: a real file's on the disk, a document's for as long
 * as the mount. 0, -ENODATA, -ENOTSUP, -EEXIST, -E2BIG, ... */
int item_xattr_get(struct item *it, const char *name, struct buf *out);
int item_xattr_set(struct item *it, const char *name, const void *value, size_t size,
                   int flags);
int item_xattr_remove(struct item *it, const char *name);
int item_xattr_list(struct item *it, struct buf *out);

/* ---- places: directories in which names are made ----------------------------- */

/* Every such directory is its item; a page's own directory is page_local(). The names of
 * a page's documents and views come first there, scratch after. */
struct item *workspace_root_local(struct workspace *ws);  /* borrowed */
struct item *workspace_pages_local(struct workspace *ws); /* borrowed */

/* type: S_IFREG, S_IFDIR or S_IFLNK. May call back. */
int place_each(struct item *dir, item_visit_fn *fn, void *arg);
/* A scratch item by name; a reference. -ENOENT, ... */
int place_find(struct item *dir, const char *name, struct item **ret_item);
/* A new file: a document's, when dir is a page's and the name is one. It is open: one
 * item_close() is due. tid: the thread that makes it. -EEXIST, -EACCES, and what the disk
 * says. */
int place_create(struct item *dir, const char *name, mode_t mode, pid_t tid,
                 struct item **ret_item);
int place_mkdir(struct item *dir, const char *name, mode_t mode, struct item **ret_item);
int place_symlink(struct item *dir, const char *name, const char *target,
                  struct item **ret_item);
/* Another name for a scratch file. -EPERM: a document's is its only one. */
int place_link(struct item *it, struct item *dir, const char *name);
/* Documents and views: the name is gone until written again; nothing is sent. */
int place_unlink(struct item *dir, const char *name, pid_t tgid);
int place_rmdir(struct item *dir, const char *name);
/* flags: RENAME_NOREPLACE, or between scratch names RENAME_EXCHANGE. Onto a document's
 * name this is a save: its verdict is the answer, and on a refusal both names stay as they
 * were. -EXDEV between pages, and for a file of several names onto a document's. */
int place_rename(struct item *from, const char *name, struct item *to,
                 const char *to_name, unsigned flags, pid_t tgid, struct wait *w);
/* The file system on which scratch is kept. */
int workspace_statfs(struct workspace *ws, struct statvfs *ret);
/* How often the list is read at most, in milliseconds. */
int64_t workspace_refresh_ms(const struct workspace *ws);
/* When a page last came or went in pages/. */
struct timespec workspace_pages_time(struct workspace *ws);

/* ---- saving (save.h has the rules) ------------------------------------------- */

enum save_why { SAVE_FLUSH, SAVE_FSYNC, SAVE_RELEASE };

/* A process opened it for reading: what it saves later is based on what it was given. */
void item_opened(struct item *it, pid_t tgid);
/* Who closes or syncs a file. */
struct committer {
    pid_t tgid;                 /* the process that opened it, and saves; 0: unknown */
    bool opener;                /* and closes it now */
    const atomic_uint *writers; /* how many may write to it now; NULL: nobody */
};
/* A commit point. 0 when there is nothing to save; the same answer again for the same
 * bytes; -ENOENT for what was written after its page had vanished; -ESTALE: somebody else
 * changed what the saver began from. w may be NULL (SAVE_RELEASE). */
int item_commit(struct item *it, enum save_why why, const struct committer *by,
                struct wait *w);

/* ---- batches (batch.h has the rules) ------------------------------------------ */

/* What tgid and its descendants save and remove is staged from now on. -EACCES: this key
 * cannot write. */
int workspace_batch_begin(struct workspace *ws, pid_t tgid, uint64_t *ret_number);
/* Sends it. 0: there was nothing; -EINPROGRESS, and then the first page's verdict that was
 * none; -EALREADY: it was sent before. */
int workspace_batch_commit(struct workspace *ws, uint64_t number, struct wait *w);
/* A line of JSON for each page that was answered so far; a reference. */
struct text *workspace_batch_words(struct workspace *ws, uint64_t number);
/* Its handle is closed. What was not sent by then is drafts. */
void workspace_batch_end(struct workspace *ws, uint64_t number);

/* ---- .amdahl/changes --------------------------------------------------------- */

/* {"time", "change": "changed" | "came" | "gone", "page", "file", "by": "elsewhere" |
 * "here"}, a line each (spool.h). "file" is null of a page as a whole, and where nobody has
 * read it, so that it is not known which file changed. Borrowed, the same for ever. */
struct spool *workspace_changes(struct workspace *ws);
/* Somebody follows it, and no more. As long as anybody does the list is read every
 * refresh_ms, and with it those pages that changed and were read before. */
void workspace_follow(struct workspace *ws);
void workspace_unfollow(struct workspace *ws);
/* Who follows a stream reaches its end: before http_stop(). NULL is allowed. */
void workspace_end_streams(struct workspace *ws);

/* ---- .amdahl/ ---------------------------------------------------------------- */

struct text *workspace_status(struct workspace *ws);
struct text *workspace_me(struct workspace *ws);
struct text *workspace_metrics(struct workspace *ws); /* the text format of Prometheus */
struct text *
workspace_requests(struct workspace *ws); /* those on their way, a line each */
/* Runs one command line of .amdahl/ctl. 0 or -errno; -EINVAL: unknown. *ret_words: what
 * is read back (a reference), set before anything is waited for. */
int workspace_command(struct workspace *ws, const char *line, struct text **ret_words,
                      struct wait *w);

#endif
