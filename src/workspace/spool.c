#include "workspace/spool.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "workspace/model.h"

struct spool {
    atomic_uint refs;
    struct loop *loop;
    size_t cap;
    pthread_mutex_t lock; /* a leaf; guards the rest, and all readers */
    struct buf data;      /* whole lines */
    uint64_t floor;       /* where data begins */
    size_t newest;        /* where its last line does, in data */
    struct timespec when;
    bool ended;
    bool woken; /* spool_wake() is posted */
    struct wait *waits;
    struct spool_reader *readers;
};

struct spool_reader {
    struct spool *spool; /* a reference */
    uint64_t after;      /* the reader's offset behind its last read */
    uint64_t missed;     /* so much less it has been given than has come before that */
    bool inside;         /* what it was given last is no whole line */
    struct wait *watch;
    struct spool_reader *prev, *next;
};

void spool_create(struct loop *loop, size_t cap, struct spool **ret_spool)
{
    struct spool *s = xcalloc(1, sizeof *s);
    atomic_init(&s->refs, 1);
    s->loop = loop;
    s->cap = cap;
    s->when = clock_now();
    pthread_mutex_init(&s->lock, NULL);
    *ret_spool = s;
}

struct spool *spool_ref(struct spool *s)
{
    if (s)
        atomic_fetch_add(&s->refs, 1);
    return s;
}

void spool_unref(struct spool *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    buf_finish(&s->data);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* ---- what comes ------------------------------------------------------------------ */

/* On the loop's thread. Who waits for more than has come waits again. */
static void spool_run(void *arg)
{
    struct spool *s = arg;
    struct spool_reader *r;
    pthread_mutex_lock(&s->lock);
    s->woken = false;
    struct wait *waits = wait_take(&s->waits);
    DL_FOREACH (s->readers, r)
        wait_add(&waits, steal_ptr(r->watch));
    pthread_mutex_unlock(&s->lock);
    wait_run(waits, 0);
    spool_unref(s);
}

/* Lock held. */
static void spool_wake(struct spool *s)
{
    if (s->woken)
        return;
    s->woken = true;
    loop_post(s->loop, spool_run, spool_ref(s));
}

/* Not at every line: what is left is moved. */
static void spool_trim(struct spool *s)
{
    if (s->data.len <= s->cap)
        return;
    size_t drop = s->data.len - s->cap / 4 * 3;
    if (drop < s->newest) {
        const char *end = memchr(s->data.data + drop - 1, '\n', s->newest - drop + 1);
        drop = end ? (size_t)(end - s->data.data) + 1 : s->newest;
    } else {
        drop = s->newest;
    }
    memmove(s->data.data, s->data.data + drop, s->data.len - drop);
    buf_resize(&s->data, s->data.len - drop);
    s->floor += drop;
    s->newest -= drop;
}

void spool_add(struct spool *s, const char *line, size_t len)
{
    pthread_mutex_lock(&s->lock);
    if (!s->ended) {
        s->newest = s->data.len;
        buf_append(&s->data, line, len);
        buf_putc(&s->data, '\n');
        s->when = clock_now();
        spool_trim(s);
        spool_wake(s);
    }
    pthread_mutex_unlock(&s->lock);
}

void spool_end(struct spool *s)
{
    pthread_mutex_lock(&s->lock);
    s->ended = true;
    spool_wake(s);
    pthread_mutex_unlock(&s->lock);
}

void spool_size(struct spool *s, uint64_t *ret_size, struct timespec *ret_when)
{
    pthread_mutex_lock(&s->lock);
    *ret_size = s->floor + s->data.len;
    *ret_when = s->when;
    pthread_mutex_unlock(&s->lock);
}

/* ---- readers --------------------------------------------------------------------- */

struct spool_reader *spool_open(struct spool *s)
{
    struct spool_reader *r = xcalloc(1, sizeof *r);
    r->spool = spool_ref(s);
    pthread_mutex_lock(&s->lock);
    DL_APPEND(s->readers, r);
    pthread_mutex_unlock(&s->lock);
    return r;
}

struct wait *spool_close(struct spool_reader *r)
{
    if (!r)
        return NULL;
    struct spool *s = r->spool;
    pthread_mutex_lock(&s->lock);
    DL_DELETE(s->readers, r);
    struct wait *watch = r->watch;
    pthread_mutex_unlock(&s->lock);
    spool_unref(s);
    free(r);
    return watch;
}

/* Where in the spool that is. Who does not go on where the last read ended has moved by
 * itself, to an offset as the file's size counts it. */
static uint64_t reader_at(const struct spool_reader *r, uint64_t off)
{
    if (off == SPOOL_HERE)
        off = r->after;
    return off == r->after ? off + r->missed : off;
}

static bool reader_has(const struct spool_reader *r, uint64_t off)
{
    const struct spool *s = r->spool;
    return s->ended || reader_at(r, off) < s->floor + s->data.len;
}

int spool_wait(struct spool_reader *r, uint64_t off, struct wait *w)
{
    int err = 0;
    pthread_mutex_lock(&r->spool->lock);
    if (!reader_has(r, off)) {
        wait_add(&r->spool->waits, w);
        err = -EINPROGRESS;
    }
    pthread_mutex_unlock(&r->spool->lock);
    return err;
}

bool spool_cancel(struct spool_reader *r, struct wait *w)
{
    struct wait *at;
    pthread_mutex_lock(&r->spool->lock);
    DL_FOREACH (r->spool->waits, at)
        if (at == w)
            break;
    if (at)
        DL_DELETE(r->spool->waits, w);
    pthread_mutex_unlock(&r->spool->lock);
    return at != NULL;
}

int spool_watch(struct spool_reader *r, struct wait *w, struct wait **ret_before)
{
    pthread_mutex_lock(&r->spool->lock);
    bool has = reader_has(r, SPOOL_HERE);
    *ret_before = steal_ptr(r->watch);
    if (!has)
        r->watch = w;
    pthread_mutex_unlock(&r->spool->lock);
    return has ? 0 : -EINPROGRESS;
}

bool spool_has_ended(struct spool_reader *r)
{
    pthread_mutex_lock(&r->spool->lock);
    bool ended = r->spool->ended;
    pthread_mutex_unlock(&r->spool->lock);
    return ended;
}

/* Up to the floor; the line that it was in ends there. */
static void reader_skip(struct spool_reader *r, uint64_t *at, size_t size,
                        struct buf *out)
{
    if (r->inside && size) {
        buf_putc(out, '\n');
        r->missed--;
    }
    r->missed += r->spool->floor - *at;
    *at = r->spool->floor;
}

void spool_read(struct spool_reader *r, uint64_t off, size_t size, struct buf *out)
{
    struct spool *s = r->spool;
    size_t before = out->len;
    pthread_mutex_lock(&s->lock);
    uint64_t at = reader_at(r, off);
    if (at == off) {
        r->missed = 0;
        r->inside = r->inside && off == r->after;
    }
    if (at < s->floor)
        reader_skip(r, &at, size, out);
    size_t from = (size_t)(at - s->floor);
    size -= out->len - before;
    if (from < s->data.len)
        buf_append(out, s->data.data + from,
                   s->data.len - from < size ? s->data.len - from : size);
    r->after = off + (out->len - before);
    if (out->len > before)
        r->inside = out->data[out->len - 1] != '\n';
    pthread_mutex_unlock(&s->lock);
}
