/* place.c - names that are made, found and listed in directories of this machine. */
#include "workspace/model.h"

#include <errno.h>
#include <string.h>

#include "workspace/names.h"

void place_each(struct item *dir, item_visit_fn *fn, void *arg)
{
    struct item *it;
    struct item *tmp;
    ws_lock(dir->ws);
    HASH_ITER (hh, dir->children, it, tmp)
        fn(arg, it->name, it);
    ws_unlock(dir->ws);
}

struct item *place_find(struct item *dir, const char *name)
{
    ws_lock(dir->ws);
    struct item *it = item_ref(item_child(dir, name));
    ws_unlock(dir->ws);
    return it;
}

/* A document's name that is free gets a new item: an empty draft. */
static int place_create_doc(struct page *p, enum page_file which, struct item **ret_item)
{
    struct doc *d = page_doc_of(p, which);
    if (p->is_template)
        return -EROFS;
    if (d->present)
        return -EEXIST;
    if (!p->listed)
        return -ENOENT; /* the page vanished; somebody still stands in its directory */
    if (p->archiving)
        return -EBUSY; /* its answer is on the way */
    if (!p->ws->writable && which != PAGE_PARAMS)
        return workspace_refuse(p->ws, p->dir);
    struct item *it = item_new(p->ws, ITEM_FILE, 0644);
    doc_bind(d, it);
    *ret_item = it;
    return 0;
}

/* Lock held. */
static int place_add(struct item *dir, const char *name, enum item_type type, mode_t mode,
                     struct item **ret_item)
{
    if (!name_is_component(name))
        return -EINVAL;
    if (dir->orphan)
        return -ENOENT;
    if (item_child(dir, name))
        return -EEXIST;
    struct item *it = item_new(dir->ws, type, mode);
    item_attach(dir, name, item_ref(it));
    *ret_item = it;
    return 0;
}

int place_create(struct item *dir, const char *name, mode_t mode, struct item **ret_item)
{
    int which = page_file_find(name);
    int err;
    ws_lock(dir->ws);
    if (!dir->page || which < 0)
        err = place_add(dir, name, ITEM_FILE, mode, ret_item);
    else if (page_doc_of(dir->page, (enum page_file)which))
        err = place_create_doc(dir->page, (enum page_file)which, ret_item);
    else
        err = -EACCES; /* a view */
    ws_unlock(dir->ws);
    return err;
}

/* Directories and links never take the name of a document or a view. */
static int place_add_other(struct item *dir, const char *name, enum item_type type,
                           mode_t mode, const char *target, struct item **ret_item)
{
    int err = -EACCES;
    ws_lock(dir->ws);
    if (!dir->page || page_file_find(name) < 0)
        err = place_add(dir, name, type, mode, ret_item);
    if (!err && target)
        buf_puts(&(*ret_item)->data, target);
    ws_unlock(dir->ws);
    return err;
}

int place_mkdir(struct item *dir, const char *name, mode_t mode, struct item **ret_item)
{
    return place_add_other(dir, name, ITEM_DIR, mode, NULL, ret_item);
}

int place_symlink(struct item *dir, const char *name, const char *target,
                  struct item **ret_item)
{
    return place_add_other(dir, name, ITEM_LINK, 0777, target, ret_item);
}
