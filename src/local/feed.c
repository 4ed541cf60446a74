#include "local/feed.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/table.h"
#include "local/agent_json.h"
#include "local/agent_record.h"
#include "local/stream.h"

#define PING ": still here\n\n"

struct feed_reader {
    struct stream base;
    struct feed *feed;
    size_t next, offset; /* the frame that is read, and how far */
    bool asleep, ping;   /* under feed->lock, as the list */
    struct feed_reader *prev, *next_reader;
};

struct feed {
    pthread_mutex_t lock; /* guards everything below */
    unsigned refs;
    char *session_id;
    struct buf *frames; /* owned */
    size_t count, room;
    bool ended;
    struct feed_reader *readers;
    size_t reader_count;
};

struct feed *feed_create(const char *session_id)
{
    struct feed *f = xcalloc(1, sizeof *f);
    pthread_mutex_init(&f->lock, NULL);
    f->refs = 1;
    f->session_id = xstrdup(session_id);
    return f;
}

struct feed *feed_ref(struct feed *f)
{
    pthread_mutex_lock(&f->lock);
    f->refs++;
    pthread_mutex_unlock(&f->lock);
    return f;
}

void feed_unref(struct feed *f)
{
    pthread_mutex_lock(&f->lock);
    bool last = --f->refs == 0;
    pthread_mutex_unlock(&f->lock);
    if (!last)
        return;
    for (size_t i = 0; i < f->count; i++)
        buf_finish(&f->frames[i]);
    free(f->frames);
    free(f->session_id);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

/* Under the lock. */
static void wake_all(struct feed *f, bool ping)
{
    struct feed_reader *r;
    DL_FOREACH2(f->readers, r, next_reader)
    {
        if (!r->asleep)
            continue;
        r->asleep = false;
        r->ping = ping;
        stream_wake(&r->base);
    }
}

void feed_append(struct feed *f, const struct agent_event *event)
{
    struct buf frame = BUF_INIT;
    buf_printf(&frame, "id: %lld\ndata: ", (long long)event->seq);
    agent_event_print(event, f->session_id, &frame);
    buf_puts(&frame, "\n\n");
    pthread_mutex_lock(&f->lock);
    if (f->count == f->room)
        f->frames = xrealloc(f->frames, (f->room = f->room * 2 + 16) * sizeof *f->frames);
    f->frames[f->count++] = frame;
    wake_all(f, false);
    pthread_mutex_unlock(&f->lock);
}

void feed_end(struct feed *f)
{
    pthread_mutex_lock(&f->lock);
    f->ended = true;
    wake_all(f, false);
    pthread_mutex_unlock(&f->lock);
}

void feed_ping(struct feed *f)
{
    pthread_mutex_lock(&f->lock);
    wake_all(f, true);
    pthread_mutex_unlock(&f->lock);
}

size_t feed_readers(struct feed *f)
{
    pthread_mutex_lock(&f->lock);
    size_t n = f->reader_count;
    pthread_mutex_unlock(&f->lock);
    return n;
}

/* ---- readers ---------------------------------------------------------------------- */

/* As much of the frames as fits. */
static size_t copy_frames(struct feed_reader *r, char *buf, size_t max)
{
    size_t done = 0;
    while (done < max && r->next < r->feed->count) {
        const struct buf *frame = &r->feed->frames[r->next];
        size_t n = frame->len - r->offset;
        n = n < max - done ? n : max - done;
        memcpy(buf + done, frame->data + r->offset, n);
        done += n;
        r->offset += n;
        if (r->offset == frame->len) {
            r->offset = 0;
            r->next++;
        }
    }
    return done;
}

static ssize_t feed_read(struct stream *s, char *buf, size_t max)
{
    struct feed_reader *r = (struct feed_reader *)s;
    struct feed *f = r->feed;
    pthread_mutex_lock(&f->lock);
    ssize_t n = (ssize_t)copy_frames(r, buf, max);
    if (n == 0 && f->ended) {
        n = -ENODATA;
    } else if (n == 0 && r->ping && max >= strlen(PING)) {
        n = (ssize_t)strlen(PING);
        memcpy(buf, PING, (size_t)n);
    } else if (n == 0) {
        r->asleep = true;
        stream_park(&r->base);
    }
    r->ping = false;
    pthread_mutex_unlock(&f->lock);
    return n;
}

static void feed_close(struct stream *s)
{
    struct feed_reader *r = (struct feed_reader *)s;
    struct feed *f = r->feed;
    pthread_mutex_lock(&f->lock);
    DL_DELETE2(f->readers, r, prev, next_reader);
    f->reader_count--;
    pthread_mutex_unlock(&f->lock);
    feed_unref(f);
    free(r);
}

static const struct stream_ops feed_ops = {.read = feed_read, .close = feed_close};

struct stream *feed_open(struct feed *f, int64_t after)
{
    struct feed_reader *r = xcalloc(1, sizeof *r);
    r->base.ops = &feed_ops;
    r->base.content_type = "text/event-stream";
    r->feed = feed_ref(f);
    pthread_mutex_lock(&f->lock);
    if (after > 0)
        r->next = (uint64_t)after < f->count ? (size_t)after : f->count;
    DL_APPEND2(f->readers, r, prev, next_reader);
    f->reader_count++;
    pthread_mutex_unlock(&f->lock);
    return &r->base;
}
