/* place.c - names that are made, found and listed in directories of this machine. */
#include "workspace/batch.h"
#include "workspace/data.h"
#include "workspace/keep.h"
#include "workspace/overlay.h"
#include "workspace/sql.h"

#include <errno.h>
#include <string.h>

int place_each(struct item *dir, item_visit_fn *fn, void *arg)
{
    return overlay_each(dir, fn, arg);
}

int place_find(struct item *dir, const char *name, struct item **ret_item)
{
    return overlay_find(dir, name, ret_item);
}

/* A name in it came or went: the directory of a page has times of its own. */
void place_touch(struct item *dir)
{
    ws_lock(dir->ws);
    if (dir->page)
        page_touch(dir->page);
    if (dir->sql_of)
        sql_touch(dir->sql_of);
    ws_unlock(dir->ws);
}

void place_lost(struct item *dir, const char *name)
{
    ws_lock(dir->ws);
    keep_scratch_gone(dir, name);
    ws_unlock(dir->ws);
    place_touch(dir);
}

bool scratch_is_name(const char *name)
{
    return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
           !strchr(name, '/');
}

struct doc *place_doc(struct item *dir, const char *name, bool make)
{
    int which = dir->page ? page_file_find(name) : -1;
    if (dir->sql_of)
        return sql_doc(dir->sql_of, name, make);
    return which >= 0 ? page_doc_of(dir->page, (enum page_file)which) : NULL;
}

/* May scratch have this name here? */
static int place_check(struct item *dir, const char *name)
{
    int err = scratch_is_name(name) ? 0 : -EINVAL;
    ws_lock(dir->ws);
    if (!err && dir->orphan)
        err = -ENOENT;
    else if (!err && dir->page && dir->page->is_template)
        err = -EROFS;
    else if (!err && (dir->page || dir->archived) && page_file_find(name) >= 0)
        err = -EACCES; /* a view, or what must be a file */
    else if (!err && (dir->page || dir->archived) && !strcmp(name, "render"))
        err = -EACCES;
    else if (!err && dir->page && !strcmp(name, "sql"))
        err = -EACCES;
    else if (!err && dir->sql_of && sql_doc(dir->sql_of, name, true))
        err = -EACCES;
    ws_unlock(dir->ws);
    if (!err && dir == workspace_data_local(dir->ws) && data_is_result(dir->ws, name))
        err = -EACCES;
    return err;
}

/* A document's name that is free gets a new item: an empty draft. */
static int place_create_doc(struct doc *d, struct item **ret_item)
{
    struct page *p = d->page;
    if (p->is_template)
        return -EROFS;
    if (d->present)
        return -EEXIST;
    if (!p->listed)
        return -ENOENT; /* the page vanished; somebody still stands in its directory */
    if (p->archiving)
        return -EBUSY; /* its answer is on the way */
    if (!p->ws->writable && d->which != PAGE_PARAMS)
        return workspace_refuse(p->ws, p->dir);
    struct item *it = item_new(p->ws, ITEM_FILE, 0644);
    doc_bind(d, it);
    sql_touch(p);
    if (!p->id)
        page_changed(p); /* with its first file there are views */
    *ret_item = it;
    return item_open(it, true);
}

int place_create(struct item *dir, const char *name, mode_t mode, pid_t tid,
                 struct item **ret_item)
{
    ws_lock(dir->ws);
    struct doc *doc = place_doc(dir, name, true);
    int err = doc ? place_create_doc(doc, ret_item) : 0;
    ws_unlock(dir->ws);
    if (doc)
        return err;
    err = place_check(dir, name);
    if (!err)
        err = overlay_create(dir, name, mode, ret_item);
    if (!err) {
        place_touch(dir);
        batch_name_made(dir, name, tid);
    }
    return err;
}

int place_mkdir(struct item *dir, const char *name, mode_t mode, struct item **ret_item)
{
    int err = place_check(dir, name);
    if (!err)
        err = overlay_mkdir(dir, name, mode, ret_item);
    if (!err)
        place_touch(dir);
    return err;
}

int place_symlink(struct item *dir, const char *name, const char *target,
                  struct item **ret_item)
{
    int err = place_check(dir, name);
    if (!err)
        err = overlay_symlink(dir, name, target, ret_item);
    if (!err)
        place_touch(dir);
    return err;
}

int place_link(struct item *it, struct item *dir, const char *name)
{
    int err = place_check(dir, name);
    if (!err)
        err = overlay_link(it, dir, name);
    if (!err)
        place_touch(dir);
    return err;
}
