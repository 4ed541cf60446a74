/* render.h - what a page's queries give: render.json, and render/ with the rows of each
 * query as csv, ndjson and json, for the params of params.json or for those that a directory
 * of it names.
 *
 *   render   a page and a set of params: one answer, which all its files show. Known by its
 *            directory's name below render/; "" is that of params.json
 *   file     one query's rows in one form, or the answer as it came (render.json)
 *
 * One POST makes the answer, for all who ask while it is made and, for render_ttl, for all
 * who ask after that; a save of the page, a change of it elsewhere and `amdahlctl refresh`
 * end that. The answer leaves the memory a while later (open files keep theirs), the oldest
 * first also where all of them are more than RENDERS_BYTES.
 *
 * Names of files: the query's name with the form's ending. What cannot be a file's name is
 * made safe and gets '~' and a hash of the name; of two that are the same then, the second
 * gets "~2". Two queries of one name have one answer, and one file. "render" is not safe:
 * render.json is taken.
 *
 * Names of directories: KEY=VALUE[,KEY=VALUE...], percent-encoded where it must be, a key
 * once. What is no such name is not there. A value is sent as the type that the queries'
 * `params` give its key: a number (where it is one), true or false, else a string. The params
 * of params.json that are not named stand. */
#ifndef WORKSPACE_RENDER_H
#define WORKSPACE_RENDER_H

#include "workspace/workspace.h"

enum { RENDERS_BYTES = 256 << 20, RENDERS_A_PAGE = 64 };

struct render;
struct render_file;
struct render_reader;

/* Is render/ there? listed: in a listing. */
bool page_has_render(struct page *p, bool listed);
uint64_t page_render_number(const struct page *p);
/* mkdir in a page that is only here: a copy's, whose files are thrown away. */
int page_render_make(struct page *p);
/* The name is gone until it is restored; nothing is sent. */
int page_render_rmdir(struct page *p, pid_t tgid);

/* The set of params of a directory's name; "": of params.json. NULL: no such name can be, or
 * of a page that is only here none was made. Holds the page. */
struct render *page_render_set(struct page *p, const char *name);
void render_unref(struct render *r);
bool render_is_default(const struct render *r);
int render_stat(struct render *r, struct stat *ret);
struct page *render_page(const struct render *r); /* borrowed */
/* Can this be a file's name? */
bool render_file_may_be(const char *name);
/* Which queries there are is known. */
int render_names_ready(struct render *r, struct wait *w);
/* A reference, which holds the render; NULL: no query has this file. */
struct render_file *render_find(struct render *r, const char *name);
/* Files, and for the default set the directories whose answers are here. fn must not call
 * back. */
void render_each(struct render *r, item_visit_fn *fn, void *arg);
int render_unlink(struct render *r, const char *name, pid_t tgid);
/* A directory of a set, or a file in one, of a page that is only here. -EACCES: it is not,
 * or the name is none of a set. */
int render_make_set(struct render *of, const char *name);
int render_make_file(struct render *r, const char *name, struct render_file **ret_file);

/* Once false, it is to be looked up anew. */
bool render_file_is_there(struct render_file *f);
/* Those that anybody has, or had: for an observer, with the lock held. */
typedef void render_visit_fn(void *arg, struct render *r);
typedef void render_file_visit_fn(void *arg, struct render_file *f);
void page_render_each(struct page *p, render_visit_fn *set, render_file_visit_fn *file,
                      void *arg);
void render_file_unref(struct render_file *f);
struct page *render_file_page(const struct render_file *f); /* borrowed */
int render_file_stat(struct render_file *f, struct stat *ret);
/* A fresh answer is here; runs the queries where there is none. */
int render_file_ready(struct render_file *f, struct wait *w);
/* One consistent answer. -EAGAIN: it is not here (any more); -EIO: the query failed, and
 * render_file_error() says how; -EFBIG: more columns than a table can have. */
int render_file_open(struct render_file *f, struct render_reader **ret_reader);
/* Any thread, by several at once. */
void render_read(struct render_reader *reader, size_t size, off_t off, struct buf *out);
void render_close(struct render_reader *reader); /* NULL is allowed */
/* What the last answer says of the query; malloc'ed. NULL: nothing. */
char *render_file_error(struct render_file *f);

#endif
