/* embedded.h - `--local DIR`: a workspace server of our own, as long as the mount lives.
 */
#ifndef EMBEDDED_H
#define EMBEDDED_H

#include <sys/types.h>

struct embedded {
    pid_t pid;      /* 0: none was started (one is running there already) */
    char *url;      /* unix:DIR/socket */
    char *key_file; /* DIR/admin.key */
};

/* Starts amdahl-local (beside this program, else by PATH) on DIR/socket unless one
 * answers there already; waits until it does. Reasons go to standard error. 0 or -errno.
 * Before any thread exists. */
int embedded_start(struct embedded *e, const char *dir);
/* Ends the server that was started. */
void embedded_stop(struct embedded *e);

#endif
