/* stream.h - files that grow while they are read: a read at the end waits.
 *
 * A stream is a regular file, which can be seeked, whose size is what has arrived and which
 * is read past the page cache: cat, tail -f, less +F and line readers all follow that, and no
 * other form (a pipe, a file without a size, one that ends where it is) that was tried. An
 * open waits until there is something: `tail -f` of an empty file would read it to its end
 * before it prints anything. With O_NONBLOCK neither waits; the end is an end of file then,
 * which is how `grep -r` opens what it finds.
 *
 * A wait is a waiter and no thread. An interrupted one is taken back from the spool, since
 * nothing may ever come there. */
#ifndef FS_STREAM_H
#define FS_STREAM_H

#include "fs/internal.h"

/* Handlers, for nodes that have a spool. */
void stream_open(fuse_req_t req, struct node *n, const struct fuse_file_info *fi);
void stream_read(fuse_req_t req, size_t size, off_t off, const struct fuse_file_info *fi);
/* At the end of a handle, of whatever node. */
void stream_close(struct handle *h);

#endif
