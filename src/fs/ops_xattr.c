/* ops_xattr.c - extended attributes. ENODATA and ENOTSUP, never ENOSYS: one such answer
 * switches the call off for the whole mount. */
#include <errno.h>
#include <string.h>

#include "fs/ops.h"

void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
    struct node *n = req_node(req, ino);
    cleanup_buf struct buf value = BUF_INIT;
    int err = n->key.ops->xattr_get ? n->key.ops->xattr_get(n, name, &value) : -ENODATA;
    if (err)
        reply_err(req, err);
    else
        reply_xattr(req, &value, size);
}

void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
                 size_t size, int flags)
{
    struct node *n = req_node(req, ino);
    int err = -ENOTSUP;
    if (n->key.ops->xattr_set && strncmp(name, "user.amdahl.", 12) != 0)
        err = n->key.ops->xattr_set(n, name, value, size, flags);
    reply_err(req, err);
}

void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
    struct node *n = req_node(req, ino);
    cleanup_buf struct buf names = BUF_INIT;
    int err = n->key.ops->xattr_list ? n->key.ops->xattr_list(n, &names) : 0;
    if (err)
        reply_err(req, err);
    else
        reply_xattr(req, &names, size);
}

void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
    struct node *n = req_node(req, ino);
    reply_err(req,
              n->key.ops->xattr_remove ? n->key.ops->xattr_remove(n, name) : -ENODATA);
}

/* ---- user.amdahl.* of a page and of what is in it ---------------------------- */

static const char *const page_attributes[] = {"id", "url", "updated_at", "state",
                                              "error"};
static const char xattr_prefix[] = "user.amdahl.";

int page_xattr_get(struct page *p, const char *name, struct buf *out)
{
    size_t skip = sizeof xattr_prefix - 1;
    if (strncmp(name, xattr_prefix, skip) != 0)
        return -ENODATA;
    cleanup_free char *value = page_attribute(p, name + skip);
    if (!value)
        return -ENODATA;
    buf_puts(out, value);
    return 0;
}

void page_xattr_list(struct page *p, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(page_attributes); i++) {
        cleanup_free char *value = page_attribute(p, page_attributes[i]);
        if (!value)
            continue;
        buf_puts(out, xattr_prefix);
        buf_append(out, page_attributes[i], strlen(page_attributes[i]) + 1);
    }
}
