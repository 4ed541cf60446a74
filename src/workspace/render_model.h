/* render_model.h - the structs behind render.h, for the files render*.c alone. All guarded by
 * workspace.lock unless said otherwise.
 *
 * A page owns its sets, a set its files. Whoever has a set or a file holds a reference on the
 * page, and counts in `users`; a set that nobody uses may go. One that has an answer is held
 * by the workspace's list of those. */
#ifndef WORKSPACE_RENDER_MODEL_H
#define WORKSPACE_RENDER_MODEL_H

#include "workspace/model.h"
#include "workspace/render.h"
#include "workspace/render_names.h"

enum render_form { RENDER_CSV, RENDER_NDJSON, RENDER_JSON, RENDER_WHOLE };

struct render_file {
    struct render
        *render; /* constant, as are the next four: a name says which query it is */
    char *name;
    struct buf query; /* decoded; unused of RENDER_WHOLE */
    enum render_form form;
    bool copy; /* what is written to it is thrown away */
    bool hidden;
    pid_t unlinker;
    uint64_t size, size_of; /* of the answer of that number */
    UT_hash_handle hh;
};

struct render {
    struct page *page; /* constant; weak: see above */
    char *name;        /* constant; "": of params.json */
    uint64_t ino;      /* constant */
    atomic_uint users;
    struct render *newer, *older; /* in renders.sets, the last used first */
    struct render_file *files;
    struct render_file *copies; /* of a page that was only here */
    bool made;                  /* by mkdir, in such a page */

    struct text *answer;
    uint64_t number; /* of the last answer; counts */
    size_t size;     /* same: its length */
    struct timespec mtime;
    int64_t at_ms;
    bool dropped;        /* not fresh, however young */
    bool running, again; /* again: who joined wants what was saved meanwhile */
    uint64_t epoch; /* p->epoch when the run of `answer`, or the one under way, began */
    struct wait *waits;
    struct render *prev, *next; /* in workspace.rendered, when it has an answer */
};

struct renders {
    struct render *sets;
    unsigned count;
    struct render_names names;
    bool names_known;
    const struct text *names_of; /* weak, to be compared alone, with the time of it */
    struct timespec names_time;
    struct timespec touched; /* when a name came or went */
    bool hidden, made;       /* render/ itself */
    pid_t unlinker;
};

/* Lock held, all of these. */
struct renders *page_renders(struct page *p);
/* A reference; made where it is missing. */
struct render *render_intern(struct page *p, const char *name);
struct render *render_ref(struct render *r);
/* The page's names as of now. */
const struct render_names *page_render_names(struct page *p);
int render_run(struct render *r, struct wait *w);
void renders_touch(struct page *p);

/* The page goes: no lock, nobody has it any more. */
void renders_free(struct page *p);
/* What nobody has in hand goes, as long as nothing of it must be remembered. */
void renders_trim(struct page *p);
/* What the page's queries gave is not fresh any more. */
void renders_drop(struct page *p);
/* What rm took away comes back; tgid 0: whoever took it. */
void renders_restore(struct page *p, pid_t tgid);
/* All answers go. */
void renders_close(struct workspace *ws);

#endif
