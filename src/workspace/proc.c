#include "workspace/proc.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"

/* The lines of /proc/PID/status that are asked for here. */
struct proc_status {
    pid_t tgid;
    char state; /* R, S, D, T, Z, X, ... */
    uint64_t pending;
};

static FILE *proc_open(pid_t tid, const char *file)
{
    cleanup_free char *path = xasprintf("/proc/%d/%s", (int)tid, file);
    return fopen(path, "re");
}

/* Behind "Key:\t" when the line is that one, else NULL. */
static const char *line_value(const char *line, const char *key)
{
    size_t n = strlen(key);
    return !strncmp(line, key, n) && line[n] == ':'
               ? line + n + 1 + strspn(line + n + 1, "\t ")
               : NULL;
}

static void status_take_line(struct proc_status *status, const char *line)
{
    const char *value;
    if ((value = line_value(line, "State")))
        status->state = *value;
    else if ((value = line_value(line, "Tgid")))
        status->tgid = (pid_t)strtol(value, NULL, 10);
    else if ((value = line_value(line, "SigPnd")))
        status->pending = strtoull(value, NULL, 16);
}

/* 0, or -errno. By lines of any length: the list of groups may have 65,536 of them. */
static int proc_status_read(pid_t tid, struct proc_status *ret_status)
{
    struct proc_status status = {0};
    FILE *f = proc_open(tid, "status");
    if (!f)
        return -errno;
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, f) > 0)
        status_take_line(&status, line);
    free(line);
    fclose(f);
    if (!status.tgid) /* it ended between open and read */
        return -ESRCH;
    *ret_status = status;
    return 0;
}

/* Most processes have one thread, whose id is theirs: one call without a file tells (it is
 * refused with EPERM for others' processes, but with ESRCH for a thread of another group). */
static bool proc_is_leader(pid_t tid)
{
    return tid > 0 && (tgkill(tid, tid, 0) == 0 || errno == EPERM);
}

pid_t proc_tgid(pid_t tid)
{
    struct proc_status status;
    if (proc_is_leader(tid))
        return tid;
    return tid > 0 && !proc_status_read(tid, &status) ? status.tgid : tid;
}

bool proc_is_dying(pid_t tid)
{
    struct proc_status status;
    if (tid <= 0)
        return false;
    /* /proc may hide other users' processes; kill() tells hidden from gone. */
    if (proc_status_read(tid, &status) < 0)
        return kill(tid, 0) < 0 && errno == ESRCH;
    return status.state == 'Z' || status.state == 'X' ||
           (status.pending & UINT64_C(1) << (SIGKILL - 1));
}

int64_t proc_now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Behind the command's name in /proc/PID/stat, which stands in parentheses and may hold
 * anything, a parenthesis too: " S 1234 ...", the third field on. False: it is gone. */
static bool proc_stat_read(pid_t pid, char *line, size_t size, char **ret_fields)
{
    FILE *f = pid > 0 ? proc_open(pid, "stat") : NULL;
    if (!f)
        return false;
    size_t n = fread(line, 1, size - 1, f);
    fclose(f);
    line[n] = '\0';
    char *end = strrchr(line, ')');
    *ret_fields = end ? end + 1 : NULL;
    return end != NULL;
}

/* The n-th field of the line; the first behind the name is the third. 0: none. */
static int64_t stat_field(char *fields, int n)
{
    char *at = fields;
    for (int field = 3; at && field < n; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoll(at, NULL, 10) : 0;
}

static int64_t stat_began_ms(char *fields)
{
    int64_t ticks = stat_field(fields, 22); /* of which user space sees 100 a second */
    return ticks * 1000 / sysconf(_SC_CLK_TCK);
}

int64_t proc_began_ms(pid_t pid)
{
    char line[1024];
    char *fields;
    return proc_stat_read(pid, line, sizeof line, &fields) ? stat_began_ms(fields) : -1;
}

pid_t proc_parent(pid_t pid, int64_t *ret_began_ms)
{
    char line[1024];
    char *fields;
    if (!proc_stat_read(pid, line, sizeof line, &fields)) {
        *ret_began_ms = -1;
        return 0;
    }
    *ret_began_ms = stat_began_ms(fields);
    return (pid_t)stat_field(fields, 4);
}

void proc_comm(pid_t tid, char ret_name[16])
{
    memset(ret_name, 0, 16);
    FILE *f = tid > 0 ? proc_open(tid, "comm") : NULL;
    if (!f)
        return;
    size_t n = fread(ret_name, 1, 15, f);
    fclose(f);
    if (n && ret_name[n - 1] == '\n')
        ret_name[n - 1] = '\0';
    /* A process names itself; what it chose goes into a log. */
    for (char *p = ret_name; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
}
