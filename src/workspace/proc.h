/* proc.h - what /proc says of the process behind a request. FUSE gives the id of the
 * calling thread (FIELD.md section 2: "the pid in the request header is a TID"). */
#ifndef WORKSPACE_PROC_H
#define WORKSPACE_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The process (thread group) of a thread; the tid itself when /proc does not know it. */
pid_t proc_tgid(pid_t tid);
/* Is SIGKILL pending for it, or is it gone? (A fatal signal of any kind becomes a pending
 * SIGKILL for every thread of the process: kernel/signal.c, complete_signal.) */
bool proc_is_dying(pid_t tid);
/* When it began, and now, in milliseconds since the machine started: one clock that no
 * number of a process outlives. began: rounded down to a step; -1 when unknown. */
enum { PROC_STEP_MS = 10 };
int64_t proc_began_ms(pid_t pid);
int64_t proc_now_ms(void);
/* Its parent and when it itself began, by one look; 0 and -1 when it is gone. */
pid_t proc_parent(pid_t pid, int64_t *ret_began_ms);
/* The command's name, at most 15 bytes; "" when unknown. */
void proc_comm(pid_t tid, char ret_name[16]);

#endif
