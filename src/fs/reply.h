/* reply.h - the one door by which every request is answered, and logged. err is 0 or a
 * negative errno, as everywhere inside; here it becomes FUSE's positive one. */
#ifndef FS_REPLY_H
#define FS_REPLY_H

#include "fs/internal.h"

void reply_err(fuse_req_t req, int err);
/* child's reference is taken over. A kernel reference is counted, and undone when the
 * reply fails. kept: the name does not come or go by itself. */
void reply_entry(fuse_req_t req, struct node *child, bool kept);
/* There is no such name, and will not be for so long unless the kernel makes it. */
void reply_absent(fuse_req_t req, double seconds);
/* What the kernel is told of a child, which it holds then once more. 0 or -errno. Behind
 * the reply, and in any case, answer_end(). */
int node_entry(struct node *child, struct fuse_entry_param *ret,
               unsigned long long *ret_begun);
void reply_create(fuse_req_t req, struct node *child, struct handle *h,
                  struct fuse_file_info *fi);
void reply_attr(fuse_req_t req, struct node *n);
/* The handle is the kernel's from here on; on failure its reference falls. */
void reply_open(fuse_req_t req, struct handle *h, struct fuse_file_info *fi);
void reply_buf(fuse_req_t req, const struct buf *data);
/* The bytes of a file, from where they are. */
void reply_fd(fuse_req_t req, int fd, size_t size, off_t off);
void reply_seek(fuse_req_t req, off_t off);
void reply_poll(fuse_req_t req, unsigned events);
void reply_write(fuse_req_t req, size_t size);
void reply_readlink(fuse_req_t req, const char *target);
/* Extended attributes: size 0 asks for the size, else -ERANGE when it is too small. */
void reply_xattr(fuse_req_t req, const struct buf *value, size_t size);
void reply_statfs(fuse_req_t req, const struct statvfs *st);
void reply_none(fuse_req_t req);

struct handle *handle_new(struct node *n, fuse_req_t req, int flags);
struct handle *handle_ref(struct handle *h); /* NULL is allowed in both */
void handle_unref(struct handle *h);
/* The kernel closes it (its reference stays). True: it was the last one that may write to
 * its node. */
bool handle_close(struct handle *h);
/* At the end, when nothing uses one any more: those that no RELEASE came for. */
void handle_drop_all(struct fs *fs);

#endif
