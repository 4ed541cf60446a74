/* proc.h - what /proc says of the process behind a request. FUSE gives the id of the
 * calling thread (FIELD.md section 2: "the pid in the request header is a TID"). */
#ifndef WORKSPACE_PROC_H
#define WORKSPACE_PROC_H

#include <stdbool.h>
#include <sys/types.h>

/* The process (thread group) of a thread; the tid itself when /proc does not know it. */
pid_t proc_tgid(pid_t tid);
/* Is SIGKILL pending for it, or is it gone? (A fatal signal of any kind becomes a pending
 * SIGKILL for every thread of the process: kernel/signal.c, complete_signal.) */
bool proc_is_dying(pid_t tid);
/* The command's name, at most 15 bytes; "" when unknown. */
void proc_comm(pid_t tid, char ret_name[16]);

#endif
