/* report.h - failures told in one way by every command. */
#ifndef CTL_REPORT_H
#define CTL_REPORT_H

#include <stdbool.h>

#include "base/buf.h"

/* mount_find(), with the reason on standard error: 0 or the exit status. */
int report_find_mount(const char *path, char **ret_root);
/* PAGE [MOUNT] or PAGE/FILE [MOUNT], of which a path says by itself which mount it means:
 * the mount's root and the name as mount_page() gives it, both malloc'ed. 0, or the exit
 * status with the reason on standard error. */
int report_find_page(int argc, char **argv, char **ret_root, char **ret_page);
/* Is this the errno of a mount or a platform that could not be reached? */
bool report_is_connection(int err);
/* Appends {"ok": ..., "message": ...} as a line. */
void report_json_answer(struct buf *out, bool ok, const char *message);

#endif
