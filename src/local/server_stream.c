#include "local/server_stream.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/table.h"
#include "local/stream.h"

enum { STREAM_BLOCK = 4096 };

struct server_stream {
    struct server_streams *all;
    struct MHD_Connection *connection;
    struct stream *source; /* owned */
    bool parked;           /* under all->lock */
    struct server_stream *prev, *next;
};

void server_streams_init(struct server_streams *s)
{
    *s = (struct server_streams){0};
    pthread_mutex_init(&s->lock, NULL);
}

void server_streams_finish(struct server_streams *s)
{
    pthread_mutex_destroy(&s->lock);
}

/* Under all->lock. */
static void unpark(struct server_stream *st)
{
    if (st->parked)
        MHD_resume_connection(st->connection);
    st->parked = false;
}

void server_streams_stop(struct server_streams *s)
{
    struct server_stream *st;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    DL_FOREACH (s->open, st)
        unpark(st);
    pthread_mutex_unlock(&s->lock);
}

static void on_park(void *arg)
{
    struct server_stream *st = arg;
    pthread_mutex_lock(&st->all->lock);
    if (!st->all->stopping) {
        st->parked = true;
        MHD_suspend_connection(st->connection);
    }
    pthread_mutex_unlock(&st->all->lock);
}

static void on_wake(void *arg)
{
    struct server_stream *st = arg;
    pthread_mutex_lock(&st->all->lock);
    unpark(st);
    pthread_mutex_unlock(&st->all->lock);
}

static ssize_t on_read(void *arg, uint64_t pos, char *buf, size_t max)
{
    struct server_stream *st = arg;
    pthread_mutex_lock(&st->all->lock);
    bool stopping = st->all->stopping;
    pthread_mutex_unlock(&st->all->lock);
    if (stopping)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    ssize_t n = st->source->ops->read(st->source, buf, max);
    if (n == -ENODATA)
        return MHD_CONTENT_READER_END_OF_STREAM;
    return n < 0 ? MHD_CONTENT_READER_END_WITH_ERROR : n;
}

static void on_free(void *arg)
{
    struct server_stream *st = arg;
    st->source->ops->close(st->source);
    pthread_mutex_lock(&st->all->lock);
    DL_DELETE(st->all->open, st);
    pthread_mutex_unlock(&st->all->lock);
    free(st);
}

struct MHD_Response *server_stream_response(struct server_streams *s,
                                            struct MHD_Connection *connection,
                                            struct stream *stream)
{
    struct server_stream *st = xcalloc(1, sizeof *st);
    *st = (struct server_stream){.all = s, .connection = connection, .source = stream};
    stream->park = on_park;
    stream->wake = on_wake;
    stream->arg = st;
    pthread_mutex_lock(&s->lock);
    DL_APPEND(s->open, st);
    pthread_mutex_unlock(&s->lock);
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, STREAM_BLOCK, on_read, st, on_free);
    if (!response)
        on_free(st);
    else
        MHD_add_response_header(response, "Content-Type", stream->content_type);
    return response;
}
