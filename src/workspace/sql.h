/* sql.h - pages/<page>/sql/: each declared query's SQL as a file of its own. For the files
 * of workspace/; lock held in everything here.
 *
 * There is one truth, the text of queries.json: the draft that its file holds, else what it
 * shows. A file of sql/ is a document (struct doc, PAGE_SQL) whose value lies inside that
 * one. What is shown is worked out of it when somebody looks and it is another than the last
 * time (sql_refresh()); until then the kernel is told that all is unsure (sql_unsure()), once.
 * While the text is no JSON, sql/ shows the queries as they last were.
 *
 *   written    bytes are the item's own, as those of any document that is being written
 *   committed  close, fsync, the last release: they are put into the text of queries.json in
 *              the place of the string, or as a new element (queries.h), by which that file
 *              is written to; then *its* commit point comes, with the same process behind it.
 *              From there on all is a save of queries.json: state.db has the draft before
 *              anything is sent, the verdict, conflicts, batches, `queries.json` in status.
 *              The SQL file is clean again, and shows what was refused as that one does
 *   based on   what its process was last given of queries.json, as ever (conflict.h); but where
 *              another one here saved another query meanwhile, whose text this one goes into,
 *              that is no conflict (sql_rebase())
 *   sticky     a later close of the same writes is answered as the commit point of that
 *              change of queries.json was (sql_file.via)
 *   renamed    onto a name here: a save of the text with that string in it, which the file
 *              of queries.json gets only when the platform has it (save_beside()); so both
 *              names stay as they were when it is refused. From one query's name to
 *              another's: the query's name, or its SQL in the place of the other's
 *   removed    the name is gone here, as for any document, and nothing is sent
 *
 * What cannot be put there at all (no UTF-8, an empty file, queries.json that is no JSON) is
 * EPROTO; the text stays in the file, and beside it as <name>.rejected, since queries.json
 * cannot keep it.
 *
 * Names that no query can have are scratch, in the directory sql/ of the page's overlay. In a
 * page that is not made yet sql/ is there once somebody makes it, and shows what is written
 * there: `cp -r pages/a pages/b` makes each of its files anew, and finds none there already. */
#ifndef WORKSPACE_SQL_H
#define WORKSPACE_SQL_H

#include "workspace/conflict.h"
#include "workspace/queries.h"

/* One that somebody has in hand, or that is otherwise than queries.json has it. */
struct sql_file {
    struct doc doc; /* PAGE_SQL */
    char *file;     /* its name; constant */
    bool declared;  /* queries.json has it */
    /* What its last text was put into, and the change of it; a reference. NULL: nothing */
    struct item *via;
    uint64_t via_seq;
    /* What it held when queries.json last was no draft, and since when. */
    struct text *good;
    struct timespec good_mtime;
    UT_hash_handle hh;
};

/* A text of queries.json that was saved from here, and what was written for it. */
struct sql_sent {
    struct text *queries, *sql; /* NULL: none */
    char *file;
};

struct sql_dir {
    struct page *page;      /* weak; constant */
    struct item *place;     /* of its scratch; NULL: not needed yet */
    struct queries queries; /* as last read; its text NULL: not yet */
    bool broken;            /* what there is now is no JSON */
    struct json_error error;
    struct sql_file *files;
    struct timespec mtime; /* a name came or went */
    bool listed;           /* somebody may have kept its names */
    bool unsure;           /* that was told, and nobody has looked since */
    bool removed;          /* rmdir */
    pid_t remover;
    bool bare; /* of a new page: only what is made there is there */
    /* Of what `queries` was read. */
    struct {
        const struct item *file;
        uint64_t seq;
        bool present, dirty;
        struct text *shown; /* a reference */
    } seen;
    struct sql_sent sent, refused; /* the last; the last that was refused, before it */
    struct item *moved; /* the last that was renamed onto a name; a reference */
    uint64_t moved_seq;
    struct timespec moved_mtime;
    int moved_err;
};

struct sql_dir *sql_dir_of(struct page *p); /* made when there is none */
/* What a document holds is another text, or about to be: of queries.json the files here are
 * to be asked for anew. */
void sql_unsure(struct doc *d);
/* Looks at what queries.json holds now. NULL is allowed. */
void sql_refresh(struct sql_dir *dir);
/* Its scratch; made: the item is, and the directory on the disk when it is needed. NULL:
 * there is none on the disk, and none was asked for. */
struct item *sql_place(struct page *p, bool make);
void sql_touch(struct page *p); /* a name came or went */

/* A document of that name: one that is there, was there or may be made. NULL: it can be
 * none; make false: or is none yet. */
struct doc *sql_doc(struct page *p, const char *name, bool make);
struct sql_file *sql_file_of(struct doc *d); /* PAGE_SQL */
uint64_t sql_file_number(struct doc *d);
/* The time of a file that nobody has looked at yet. */
struct timespec sql_queries_mtime(struct page *p);
/* It is nothing any more that queries.json does not say. */
void sql_file_drop(struct sql_file *f);

/* observe.c: a file's attributes may be others, of its bytes that is not known yet (NULL: it
 * has none); the directory's are. */
void item_unsure(struct item *it);
void page_sql_changed(struct page *p);

/* ---- for pages ---------------------------------------------------------------- */

void sql_free(struct page *p);
void sql_detach(struct page *p);
bool sql_may_shed(const struct page *p);
void sql_shed(struct page *p);
void sql_trim(struct page *p);
/* Names that tgid (0: anybody) took away come back. */
void sql_restore(struct page *p, pid_t tgid);
/* What could not be put into queries.json is given up. */
unsigned sql_discard(struct page *p);
void sql_put_errors(const struct page *p, struct buf *out);
struct text *sql_verdict(const struct page *p); /* borrowed; NULL: nothing is wrong */
/* The page's scratch has no directory for this any more, if that was empty. */
void sql_clear_place(struct page *p);

/* ---- saving (sql_save.c, sql_move.c) ------------------------------------------- */

/* Was this text of queries.json saved from here? */
bool sql_is_sent(const struct page *p, const struct text *queries);
/* The document queries.json puts what was refused beside itself; it is saved. */
void sql_keep_rejected(struct doc *queries);
void sql_remove_rejected(struct doc *queries);
/* item_commit() of such a file; takes the lock itself. */
int sql_commit(struct item *it, enum save_why why, const struct committer *by,
               struct wait *w);

/* Text for queries.json with `text` as this file's SQL; a reference. -EPROTO with *ret_error,
 * -EBUSY: the page's texts are not here. */
int sql_weave(struct sql_file *f, const struct text *text, struct text **ret_queries,
              struct json_error *ret_error);
/* The saver's query is as it was given: then it knows the others as they are now. */
void sql_rebase(struct sql_file *f, const struct saver *by);
/* Puts the text into the file queries.json, which is a draft then; borrowed. */
struct item *sql_put_queries(struct page *p, const struct text *text,
                             struct timespec mtime);
/* Notes what was refused here, and keeps it beside the file. */
void sql_refuse(struct sql_file *f, struct text *text, const struct json_error *e);
void sql_sent_forget(struct sql_sent *sent);
void sql_note_sent(struct sql_file *f, struct text *queries, struct text *sql);
void sql_put_rejected(struct page *p, const char *file, const struct text *sql);
/* The file is clean now, holding text. */
void sql_settle(struct sql_file *f, struct text *text);

/* A scratch file is renamed onto this name: what n holds is taken over. */
int sql_take_newcomer(struct doc *d, struct newcomer *n, const struct saver *by,
                      struct wait *w);
/* One of these files is renamed to another name here. */
int sql_rename(struct doc *from, struct doc *to, unsigned flags, const struct saver *by,
               struct wait *w);

#endif
