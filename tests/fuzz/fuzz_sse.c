/* Any bytes as a stream of events: the same events and the same end however they are cut,
 * and never more held than the limit allows. The first byte chooses the limit and the
 * cuts. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/table.h"
#include "http/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* What came of a stream. */
struct outcome {
    struct sse sse;
    unsigned hash, events;
    int err;
};

static int on_event(void *arg, const struct sse_event *event)
{
    struct outcome *o = arg;
    const char *id = sse_last_id(&o->sse);
    require(event->len <= o->sse.max);
    require(event->data[event->len] == '\0' && !strchr(event->data, '\r'));
    require(event->type[0] && !strpbrk(event->type, "\r\n") && !strpbrk(id, "\r\n"));
    o->events++;
    o->hash = o->hash * 31 + table_hash(event->data, event->len);
    o->hash = o->hash * 31 + table_hash(event->type, strlen(event->type));
    o->hash = o->hash * 31 + table_hash(id, strlen(id));
    return 0;
}

/* In pieces of `step` bytes. Each is a copy of its own, so that ASan sees a read too far. */
static void run(const uint8_t *data, size_t size, size_t max, size_t step,
                struct outcome *ret)
{
    *ret = (struct outcome){.hash = 0};
    sse_init(&ret->sse, max, on_event, ret);
    for (size_t at = 0; at < size && !ret->err; at += step) {
        size_t n = size - at < step ? size - at : step;
        cleanup_free char *piece = xmalloc(n);
        memcpy(piece, data + at, n);
        ret->err = sse_feed(&ret->sse, piece, n);
        require(ret->sse.line.len + ret->sse.data.len <= max);
    }
    require(ret->err == 0 || ret->err == -EFBIG);
}

static void require_same(const struct outcome *a, const struct outcome *b)
{
    require(a->err == b->err && a->events == b->events && a->hash == b->hash);
    require(sse_retry_ms(&a->sse) == sse_retry_ms(&b->sse));
    require(strcmp(sse_last_id(&a->sse), sse_last_id(&b->sse)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole;
    if (size == 0)
        return 0;
    size_t max = data[0] & 0x80 ? 16 : 4096;
    size_t steps[] = {1, 2, 3, (data[0] & 0x7f) + 4u};
    run(data + 1, size - 1, max, size, &whole);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct outcome cut;
        run(data + 1, size - 1, max, steps[i], &cut);
        require_same(&whole, &cut);
        sse_finish(&cut.sse);
    }
    sse_finish(&whole.sse);
    return 0;
}
