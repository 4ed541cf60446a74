/* file.h - small files, whole. */
#ifndef LOCAL_FILE_H
#define LOCAL_FILE_H

#include <stddef.h>

#include "base/buf.h"

/* Appends the file's bytes. 0, -EFBIG when there are more than max, or -errno. */
int file_read(const char *path, size_t max, struct buf *out);
/* Makes the file, mode 0600, whole and on the disk, or not at all. 0 or -errno. */
int file_write_private(const char *path, const void *data, size_t len);

#endif
