/* model.h - the structs behind workspace.h, for the files of workspace/ alone.
 *
 * All fields are guarded by workspace.lock unless said otherwise. Reference counts are
 * atomic; the last reference may fall on any thread, with or without the lock.
 *
 * Who holds whom: the workspace its pages (one reference each) and local directories;
 * a page its docs' items and its local directory; an item the directories that lead to
 * it; a save its page and item. A doc's item points back at the doc weakly: page_detach()
 * cuts that before a page can go. Real files are overlay.h's; its lock comes second.
 */
#ifndef WORKSPACE_MODEL_H
#define WORKSPACE_MODEL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/strset.h"
#include "base/table.h"
#include "workspace/spool.h"
#include "workspace/state.h"
#include "workspace/workspace.h"

/* What a file can hold; a save takes less (JSON_LIMITS_USER), and keeps the rest as a
 * draft. */
enum { DOC_BYTES_MAX = 64 << 20 };

struct xattr {
    char *name;
    struct buf value;
    struct xattr *next;
};

/* What a real file is: its inode. */
struct item_key {
    uint64_t dev, ino;
};

/* A name that leads to it. */
struct item_link {
    struct item *dir; /* a reference */
    char *name;
    struct item_link *next;
};

/* The descriptors of an open file, for as long as anybody uses them. */
struct item_files {
    atomic_uint refs;
    int fd[2]; /* for reading; for writing, mostly for both. -1: none */
};

struct item {
    atomic_uint refs;
    struct workspace *ws; /* constant */
    enum item_type type;  /* constant */
    /* A real file below the overlay, else a document, or one that lost its name while
     * open. Changed with both locks held: either is enough to read it. */
    bool backed;

    /* Guarded by overlay.lock. */
    struct item_key key;
    UT_hash_handle hh; /* in overlay.by_key, while known */
    bool known, gone;  /* gone: its last name was removed */
    bool lazy;         /* constant: a page's directory, made when it is needed */
    bool pinned;       /* its dir_fd is in use */
    struct item_link *links;
    struct item_files *files; /* while open */
    unsigned opens;
    int dir_fd;               /* O_PATH; -1: none now */
    struct item *prev, *next; /* in overlay.dirs */
    struct item *down;        /* for a walk */

    /* Guarded by workspace.lock. */
    struct page *page;   /* weak; the page whose local directory this is */
    struct page *sql_of; /* weak; the page whose sql/ this is (sql.h) */
    uint64_t ino;        /* of a document's file that lost its name */
    mode_t mode;
    struct timespec mtime, ctime;
    struct doc *doc;    /* the document this file is; NULL: scratch */
    bool dirty;         /* data holds the bytes; else the doc's shown text does */
    bool orphan;        /* of a page that is gone: not saved, nothing is made in it */
    bool archived;      /* the directory of an entry of archived/ */
    bool lost;          /* what it was went by itself: its name is to be looked up anew */
    struct buf data;    /* the bytes of what is not backed */
    uint64_t seq;       /* counts changes of the bytes */
    uint64_t turns;     /* counts those that come from here: item_changed() */
    uint64_t tried_seq; /* the last change a commit was tried for, and its verdict */
    int tried_err;
    struct xattr *xattrs; /* of what is not backed */
};

struct past; /* keep.c */

struct doc {
    struct page *page; /* the page it is embedded in */
    enum page_file which;
    bool present;        /* its name is there */
    struct item *file;   /* bound item; NULL: none was needed yet */
    pid_t unlinker;      /* while absent: who took the name away */
    struct text *remote; /* the platform's value by its own tokens; NULL: none known */
    struct text *shown;  /* what a clean file holds; NULL: not known yet */
    struct timespec mtime;
    struct text *problem; /* its lines in `errors`; NULL: none */
    struct text *verdict; /* for verdict.json, with problem; NULL: none */
    struct text *refused; /* the newest text that was refused, until a good save */
    bool rejected;   /* an editor put the old bytes back: problem is of <name>.rejected */
    bool waiting;    /* a draft that waits for another file, no error */
    uint64_t staged; /* the batch (batch.h) with which the draft is sent; 0: none */
    pid_t staged_by; /* the process that did so: it knows what it wrote; 0: none */

    /* What state.db has (keep.h). */
    bool own; /* shown is the user's own text, not our presentation */
    struct text *kept[STATE_SLOTS]; /* drafts; NULL: none */
    bool moved_held;   /* the file's draft is the one in STATE_MOVED: interrupted there */
    bool interrupted;  /* the file's draft is of an earlier mount, which ended while it
                         * was saved: the platform may have it */
    struct text *base; /* of a draft of an earlier mount: the platform's text before */
    struct past *past; /* how it was shown at the last mount, until its body is here */
    struct text *given;      /* the platform's value at the newest open here */
    struct text *draft_base; /* what a draft that could not be saved began as */
    struct reader *readers;  /* conflict.c: who was given which value */
    struct text *theirs;     /* in a conflict: the platform's value; NULL: in none */
    int64_t conflict_ms;     /* proc_now_ms() of its begin */

    /* Without its texts (shed.h). */
    bool shed, shed_given; /* given: was remote */
    uint64_t shed_sum;     /* of remote */
    size_t size;           /* of shown */
};

struct reader; /* conflict.c */

struct body_fetch; /* body.c */
/* SHED: as READY, but its texts are in cache.db alone (shed.h). */
enum body_state { BODY_NONE, BODY_FETCHING, BODY_READY, BODY_SHED };
enum { PAGE_DOCS = 4 };

struct save;

struct page {
    atomic_uint refs;
    struct workspace *ws;   /* constant */
    bool is_template;       /* constant */
    uint64_t ino;           /* constant; from the key */
    UT_hash_handle hh_name; /* in workspace.by_name or .templates; by dir */
    UT_hash_handle hh_id;   /* in workspace.by_id */
    bool listed;            /* is in by_name */
    bool moved;             /* renamed elsewhere, and nobody has looked it up since */
    bool detached;          /* gone for good: none of its documents is there */
    char *dir;
    char *slug;   /* wanted directory name of the platform's name */
    bool own_dir; /* dir was given here (mkdir, mv): kept while the name stays */

    char *key; /* what it is called in state.db; constant */
    char *id;  /* NULL: only on this machine */
    char *name, *status, *console_url, *updated_at;
    char *token;      /* of the body as known */
    char *list_token; /* as the last sweep had it */
    uint64_t seen;    /* number of the last sweep that had it; 0: none of this mount */
    uint64_t epoch;   /* counts our own changes: older answers about it are dropped */
    struct timespec ctime;

    bool unkept;       /* its place is another than state.db has */
    bool past_read;    /* state.db was asked for its documents' pasts */
    struct text *lost; /* spec of a create that an earlier mount's end interrupted */
    enum body_state body;
    int64_t body_ms; /* when it was fetched */
    bool stale;      /* a sweep saw a newer one while drafts here kept this one */
    bool unsure;     /* shown as it was known, since the platform was away */
    struct wait *body_waits;
    enum http_class body_class;   /* of the most urgent who waits for it */
    bool body_behind;             /* it is wanted though nobody waits */
    struct body_fetch *body_sent; /* the one whose request counts; NULL: none is sent */
    bool ahead;                   /* its body is on its way for a walk */
    bool brought;                 /* it came so, and nobody has looked yet */
    uint64_t summary_sum;         /* of the summary that cache.db has; 0: none */
    struct doc *docs;  /* params, page, queries, spec; NULL: not made yet (page_docs()) */
    struct husk *husk; /* what is to be known of those that are gone again (shed.c) */
    bool ours;         /* what its documents turn out to be now is of our own doing */
    uint64_t changed_in; /* the sweep under way at our last change: it may not know it */
    struct text *info;   /* info.json: of the body, of the summary before there is one */
    struct item *local;
    struct sql_dir *sql; /* sql.h; NULL: nobody has looked */
    unsigned hidden;     /* bit of each view that was unlinked */
    pid_t unlinker;      /* who did it last */

    struct text *verdict; /* of the last good save here; NULL: none */
    struct save *save;    /* running */
    struct save *saves;   /* waiting their turn */

    struct renders *renders; /* render.c; NULL: nobody has looked */
    bool archiving;          /* or being renamed: its directory is about to change */

    struct page *loaded_prev, *loaded_next; /* in workspace.loaded */
    size_t loaded_bytes;                    /* of its texts; 0: not in there */
    size_t info_size;                       /* of info, while that is shed */
    uint64_t info_sum;                      /* same */
    int64_t leased_ms;                      /* when page_ready() was asked last */
};

struct sql_dir;
struct archived; /* archived.c */
struct renders;  /* render.c */
struct data;     /* data_internal.h */
struct archiver; /* brake.c */
struct husk;     /* shed.c */
struct batch;    /* batch.h */
struct arrival;  /* sweep.c */
struct known;    /* keep.c */
struct overlay;  /* overlay.h */

struct cache; /* cache.h, as is the next */
struct cache_list;

struct gone_id {
    char *id;
    struct gone_id *next;
};

/* Who reads page after page (walk.h). */
enum { WALK_ORDERS = 3, WALK_TRAILS = 4 };
struct trail {
    long position[WALK_ORDERS];   /* of the last step */
    unsigned streak[WALK_ORDERS]; /* steps in a row that followed that order */
    size_t window;                /* pages that are asked for ahead of it */
    int64_t at_ms;                /* of the last step; 0: none */
};
struct walks {
    struct page **orders[WALK_ORDERS]; /* weak; NULL: not made */
    size_t count;
    struct trail trails[WALK_TRAILS];
    int64_t last_ms;
    char *first;        /* the page of a step that was alone; NULL: none */
    unsigned under_way; /* bodies */
};

/* Sweeps that ask for what has changed (since.h). */
struct since {
    bool fails;            /* the filter does not do what it says */
    bool asked;            /* the sweep under way asks by it */
    bool ignored;          /* an older page came in it */
    bool whole_wanted;     /* somebody waits for it */
    bool whole_next;       /* the next one asks for all */
    int64_t from_s;        /* from when it asks; wall time of the platform */
    int64_t began_s;       /* when it began; wall time here */
    int64_t known_s;       /* the same of the last good one */
    int64_t whole_ms;      /* when the last whole one ended */
    char *missing;         /* the id of a page that had to come and did not; NULL: none */
    char text[CLOCK_TEXT]; /* from_s */
};

struct workspace {
    struct workspace_config config;            /* constant */
    struct overlay *overlay;                   /* constant */
    const struct workspace_observer *observer; /* constant while anything runs */
    void *observer_arg;
    pthread_mutex_t lock; /* guards everything below and every page and item */
    struct page *by_name, *by_id, *templates;
    uint64_t next_ino;
    struct state *state;        /* NULL: nothing outlives the process */
    struct timespec pages_time; /* when a page came or went */
    struct archived *archived, *archived_by_key;
    struct timespec archived_time; /* when an entry came or went */

    struct text *me;
    bool writable;

    bool listed_once, listing;
    uint64_t sweep;   /* number of the running or last sweep */
    int64_t tried_ms; /* when the newest one began */
    int64_t swept_ms; /* when the last good one ended; 0: never */
    struct wait *list_waits;
    struct loop_timer list_timer; /* of a workspace that is watched */
    unsigned watchers;            /* who wants to know what changes, as it does */
    struct spool *changes;        /* constant */
    struct known *known; /* what state.db says of pages that are not listed yet */
    struct since since;
    struct arrival *arrivals; /* of the list that comes in: no name yet (sweep.c) */
    size_t arrival_count, arrival_cap;
    struct strset arrival_ids;
    struct gone_id
        *gone; /* archived here while a sweep was under way that has them still */

    bool templates_known, templates_listing;
    struct wait *template_waits;

    struct batch *batches;    /* the newest first */
    uint64_t batch_count;     /* there have been so many */
    atomic_uint open_batches; /* no lock */

    struct walks walks;

    struct data *data; /* NULL: nobody has looked */

    struct archiver *archivers;
    unsigned archive_allowance;

    struct page *loaded; /* those with texts, the last used last; references */
    size_t loaded_bytes;
    struct loop_timer trim;
    atomic_bool trimming; /* it is set; no lock */

    struct render *rendered; /* those with an answer, the oldest first; references */
    size_t rendered_bytes;
    struct loop_timer render_timer;

    struct cache *cache;        /* constant; NULL: none */
    struct cache_list *caching; /* while a sweep is under way */
    struct timespec listed_at;  /* wall time of the last complete list, across mounts */
    bool me_is_old;             /* `me` is of another mount: the platform was away */
};

static inline void ws_lock(struct workspace *ws)
{
    pthread_mutex_lock(&ws->lock);
}
static inline void ws_unlock(struct workspace *ws)
{
    pthread_mutex_unlock(&ws->lock);
}

/* ---- telling the observer (observe.c) ------------------------------------------ */

void item_changed(struct item *it); /* NULL: it has no file, and nobody knows it */
void page_changed(struct page *p);
void pages_changed(struct workspace *ws);
void archived_changed(struct archived *a, struct workspace *ws);

/* ---- what others and we ourselves change (changes.c) ----------------------------- */

/* Before the first of these. */
void changes_begin(struct workspace *ws);
/* Somebody else's doing. name: a file of p, or for CHANGE_CAME and CHANGE_GONE its directory.
 */
void page_changed_elsewhere(struct page *p, enum workspace_change change,
                            const char *name);
/* Somebody else changed a page that nobody here has read: which of its files, is not known.
 */
void page_changed_somehow(struct page *p);
/* A sweep has ended: while somebody watches, there will be another one. */
void changes_look_later(struct workspace *ws);
/* The platform took a change of ours. name: the file, or NULL. */
void page_changed_here(struct page *p, enum workspace_change change, const char *name);

/* -EACCES, with the reason in the log. */
int workspace_refuse(struct workspace *ws, const char *what);

/* ---- waits (wait.c) ---------------------------------------------------------- */

/* Lists of waits are taken whole under the lock and run after it. */
void wait_add(struct wait **list, struct wait *w);
struct wait *wait_take(struct wait **list);
/* The process of the one that waits longest, for http_request.who. */
int wait_who(const struct wait *list);
/* Is anybody left who waits? */
bool wait_is_wanted(const struct wait *list);
void wait_run(struct wait *list, int err);

/* ---- pages (page.c) -------------------------------------------------- */

void doc_finish(struct doc *d);
/* Made when they are needed first. How many there are: PAGE_DOCS or none. */
void page_make_docs(struct page *p);
static inline int page_docs(const struct page *p)
{
    return p->docs ? PAGE_DOCS : 0;
}
/* Makes them. NULL: a view. */
struct doc *page_doc_of(struct page *p, enum page_file which);
/* Nothing of it is going to change but by a sweep. */
bool page_is_settled(const struct page *p);
/* key NULL: the id, or for a page without one a new random word. */
struct page *page_new(struct workspace *ws, const char *key, const char *id,
                      bool is_template);
/* Takes over what a summary or a body says of the page as a whole. */
void page_take_fields(struct page *p, const struct platform_page *from);
/* Takes over one document of a body: it is shown anew where its value changed. */
void page_take_doc(struct page *p, enum page_file which,
                   const struct platform_page *from);
/* Takes over a whole body. */
void page_take_body(struct page *p, const struct platform_page *from);
/* Its documents alone, of a body that may be older than the summary. */
void page_take_texts(struct page *p, const struct platform_page *from);
/* page_ready() for an open, which asks item_here() then; or for the sizes alone. */
int page_file_ready(struct page *p, bool texts, struct wait *w);
/* Begins to fetch the body when it is not here. */
void page_want_body(struct page *p);
/* Forgets the body, or notes that it is old while something here depends on it. */
void page_drop_body(struct page *p);
bool page_is_dirty(const struct page *p);
struct item *page_scratch(struct page *p); /* page_local() with the lock held */
/* Its id or, without one, its directory's name has changed: the scratch follows. */
void page_rekey(struct page *p);
/* The name of its scratch on the disk; malloc'ed. */
char *page_key(const struct page *p);
/* The same for what it is made of. kind: "id", with the id as name. */
char *page_key_of(const char *kind, const char *name);
/* The inode number of a page that is called so in state.db. */
uint64_t page_number_of(const char *key);
/* Cuts the items loose; they keep their bytes. */
void page_detach(struct page *p);
void page_touch(struct page *p); /* its directory changed */
/* Takes the text over. */
void page_set_info(struct page *p, struct text *info);

/* One that was removed within a batch: archived; or in the tree again, with its names. */
int page_archive_removed(struct page *p, pid_t tgid, struct wait *w);
void pages_bring_back(struct workspace *ws, struct page *p);

/* All names that were taken away here come back. Takes the lock itself. */
void page_restore_names(struct page *p);

/* ---- the table of names (list.c) --------------------------------------------- */

struct page *pages_find_id(struct workspace *ws, const char *id); /* weak; NULL: none */
/* Is there a page, or a local file, of that name in pages/? */
bool pages_has_name(struct workspace *ws, const char *dir);
/* slug, or with the id behind it where that name is taken. malloc'ed. */
char *pages_free_name(struct workspace *ws, const char *slug, const char *id);
void pages_insert(struct workspace *ws, struct page *p, const char *dir);
void pages_remove(struct workspace *ws, struct page *p);
/* The page is the platform's `id` from now on; another directory of that id goes. */
void pages_set_id(struct workspace *ws, struct page *p, const char *id);
/* A page that the sweep under way may still have is not to come back with it. */
void list_note_gone(struct workspace *ws, const char *id);
void list_forget_gone(struct workspace *ws);
/* Is a sweep worth waiting for that tells what the cached list does not? */
bool list_may_settle(const struct workspace *ws);
/* Begins a sweep unless one is under way. */
void list_sweep(struct workspace *ws, enum http_class class);
/* Is there a directory's name for this id on this machine? */
bool list_has_name(struct workspace *ws, const char *id);
/* Pages of a list that no sweep of this mount has confirmed: each, and the end of them. */
void list_take_cached(struct workspace *ws, const struct platform_page *from);
void list_end_cached(struct workspace *ws);

/* A scratch file that is renamed onto a document's name. */
struct newcomer {
    struct item *it;  /* a reference */
    struct item *dir; /* a reference: where it stands, and as what */
    char *name;
    struct text *text; /* a reference: its bytes */
    struct timespec mtime;
};
void newcomer_finish(struct newcomer *n);

/* ---- documents (doc.c) ------------------------------------------------------- */

struct text *
doc_text(struct doc *d); /* what its file holds now; a reference; NULL: nothing */
struct item *doc_item(struct doc *d); /* bound item, made when missing; NULL: name gone */
void doc_bind(struct doc *d,
              struct item *it); /* takes a reference; the old one is cut loose */
/* A scratch file becomes the document's. What was written to it since it was read is a
 * draft. One that was moved away meanwhile stays what it is: another takes its place.
 * The bound item, a reference. */
struct item *doc_bind_file(struct doc *d, struct newcomer *n);
void doc_unbind(struct doc *d); /* the name is gone; its item keeps the bytes */
/* The file is clean now, holding `text`. */
void doc_settle(struct doc *d, struct text *text);
/* The platform's value is now `remote` (taken over); shown keeps the user's own text
 * while the value is the same, else becomes `fresh` (taken over). */
void doc_take_remote(struct doc *d, struct text *remote, struct text *fresh,
                     struct timespec mtime);
void doc_refuse(struct doc *d, struct text *text, struct buf *lines, struct buf *verdict);
void doc_clear_problem(struct doc *d);
bool text_same_value(const struct text *a, const struct text *b);
/* A local file of this name beside the document: made or replaced; removed. */
void doc_put_beside(struct doc *d, const char *name, const struct text *text);
void doc_remove_beside(struct doc *d, const char *name);
bool doc_has_beside(struct doc *d, const char *name);
/* Puts the refused text beside the document as <name>.rejected. */
void doc_keep_rejected(struct doc *d);
bool doc_has_rejected(struct doc *d);
void doc_remove_rejected(struct doc *d);
/* After a refused rename onto its name: doc_keep_rejected(), and a name that its program
 * had moved away before comes back with the text known here (JetBrains, sed -i.bak). */
void doc_turn_away(struct doc *d);

/* ---- states (doc_state.c) ---------------------------------------------------- */

/* docs/saving.md draws them. ABSENT: its name was taken away here, or never was. */
enum doc_state {
    DOC_ABSENT,
    DOC_SAVED,
    DOC_DRAFT,
    DOC_STAGED,
    DOC_WAITING,
    DOC_REFUSED,
    DOC_CONFLICT,
    DOC_SAVING,
    DOC_STATES,
};
enum doc_state doc_state(const struct doc *d);
bool doc_is_draft(const struct doc *d); /* its file holds bytes of its own */
/* What it is apart from a save that may be under way: never DOC_SAVING. */
enum doc_state doc_standing(const struct doc *d);
const char *doc_state_name(enum doc_state state);
/* The name of something that must always hold of it and does not; NULL: all does. */
const char *doc_broken_invariant(const struct doc *d);
/* The same for a page with its saves (save_machine.c); *ret_doc: whose it is, NULL: of the saves. */
const char *page_broken_invariant(const struct page *p, const struct doc **ret_doc);
/* Without NDEBUG: ends the process with the name of what is broken. p may be NULL. */
void page_check(const struct page *p);

/* ---- items (item.c) ---------------------------------------------------------- */

struct item *item_new(struct workspace *ws, enum item_type type, mode_t mode);
/* What item_unref() does with overlay.lock held; see there. */
void item_drop(struct item *it, struct item **dead);
/* Its bytes become its own: a doc's item that is cut loose. */
void item_materialise(struct item *it);
void item_put_text(struct item *it, const struct text *text);
size_t item_size(const struct item *it);

/* ---- saving (save.c) --------------------------------------------------------- */

struct saver; /* conflict.h */

/* Saves it as the document d; what n holds is taken over. Lock held. */
int save_rename(struct doc *d, struct newcomer *n, const struct saver *by,
                struct wait *w);
/* Saves `text` as d, whose file gets it only when the platform has it: refused, it is put
 * beside the file, as after a rename. */
int save_beside(struct doc *d, struct text *text, struct timespec mtime,
                const struct saver *by, struct wait *w);

#endif
