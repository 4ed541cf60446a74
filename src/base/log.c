#include "base/log.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "base/alloc.h"
#include "base/clock.h"

enum { LOG_LINES = 1000, LOG_LINE_MAX = 1024 };

static struct {
    pthread_mutex_t lock; /* leaf lock: nothing is called under it */
    const char *program;
    _Atomic enum log_level level; /* read without the lock: debug lines are many */
    enum log_sink sink;
    char *lines[LOG_LINES]; /* ring; owned */
    unsigned next;
} the_log = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .program = "amdahlfs", .level = LOG_LEVEL_INFO};

static const struct {
    const char *name;
    int priority;
} log_levels[] = {
    [LOG_LEVEL_ERROR] = {"error", LOG_ERR},
    [LOG_LEVEL_WARNING] = {"warning", LOG_WARNING},
    [LOG_LEVEL_INFO] = {"info", LOG_INFO},
    [LOG_LEVEL_DEBUG] = {"debug", LOG_DEBUG},
};

void log_setup(const char *program, enum log_level level, enum log_sink sink)
{
    pthread_mutex_lock(&the_log.lock);
    the_log.program = program;
    the_log.level = level;
    the_log.sink = sink;
    pthread_mutex_unlock(&the_log.lock);
    if (sink == LOG_SINK_SYSLOG)
        openlog(program, LOG_PID, LOG_DAEMON);
}

/* A line is one line: what came from outside cannot forge another. */
static void log_flatten(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = ' ';
}

static enum log_sink log_keep(enum log_level level, const char *message, bool *ret_print)
{
    char when[CLOCK_TEXT];
    char *line = xasprintf("%s %s: %s", clock_format(clock_now(), when),
                           log_levels[level].name, message);
    pthread_mutex_lock(&the_log.lock);
    unsigned slot = the_log.next++ % LOG_LINES;
    char *old = the_log.lines[slot];
    the_log.lines[slot] = line;
    *ret_print = level <= the_log.level;
    enum log_sink sink = the_log.sink;
    pthread_mutex_unlock(&the_log.lock);
    free(old);
    return sink;
}

void log_write(enum log_level level, const char *fmt, ...)
{
    char message[LOG_LINE_MAX];
    bool print;
    va_list ap;
    if (level == LOG_LEVEL_DEBUG && the_log.level < LOG_LEVEL_DEBUG)
        return;
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    log_flatten(message);
    enum log_sink sink = log_keep(level, message, &print);
    if (!print || sink == LOG_SINK_NONE)
        return;
    if (sink == LOG_SINK_SYSLOG)
        syslog(log_levels[level].priority, "%s", message);
    else
        fprintf(stderr, "%s: %s: %s\n", the_log.program, log_levels[level].name, message);
}

void log_snapshot(struct buf *out)
{
    pthread_mutex_lock(&the_log.lock);
    for (unsigned i = 0; i < LOG_LINES; i++) {
        const char *line = the_log.lines[(the_log.next + i) % LOG_LINES];
        if (line) {
            buf_puts(out, line);
            buf_putc(out, '\n');
        }
    }
    pthread_mutex_unlock(&the_log.lock);
}
