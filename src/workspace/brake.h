/* brake.h - how many pages one process may archive (DESIGN rule 9). A slip of `rm -rf`
 * costs a handful of pages, all reversible, and then an error. Pure: time is passed in,
 * the caller locks. */
#ifndef WORKSPACE_BRAKE_H
#define WORKSPACE_BRAKE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct archiver;

enum { BRAKE_WINDOW_MS = 60000 };

/* Counts one archive by tgid against `limit` a minute. False: it would be one too many.
 */
bool brake_take(struct archiver **list, pid_t tgid, unsigned limit, int64_t now_ms);
/* Takes the newest count of tgid back: the archive did not happen. */
void brake_give_back(struct archiver *list, pid_t tgid);
void brake_free(struct archiver *list);

#endif
