#include "http/sse.h"

#include <errno.h>
#include <string.h>

static const char sse_mark[] = "\xef\xbb\xbf";
/* A wait of more digits is none: a day has eight. */
enum { SSE_RETRY_DIGITS = 9 };

struct span {
    const char *data;
    size_t len;
};

void sse_init(struct sse *s, size_t max, sse_event_fn *event, void *arg)
{
    *s = (struct sse){.event = event, .arg = arg, .max = max, .retry_ms = -1};
}

void sse_finish(struct sse *s)
{
    buf_finish(&s->line);
    buf_finish(&s->data);
    buf_finish(&s->type);
    buf_finish(&s->id);
    buf_finish(&s->last_id);
}

static void sse_set(struct buf *b, struct span value)
{
    buf_clear(b);
    buf_append(b, value.data, value.len);
}

static const char *sse_text(const struct buf *b)
{
    return b->len ? b->data : "";
}

static void sse_drop_event(struct sse *s)
{
    buf_clear(&s->data);
    buf_clear(&s->type);
}

/* A blank line: the event is complete. Its id counts also when it has no data. */
static int sse_dispatch(struct sse *s)
{
    sse_set(&s->last_id, (struct span){sse_text(&s->id), s->id.len});
    int r = 0;
    if (s->data.len) {
        buf_resize(&s->data, s->data.len - 1);
        r = s->event(s->arg, &(struct sse_event){
                                 .type = s->type.len ? s->type.data : "message",
                                 .data = sse_text(&s->data),
                                 .len = s->data.len,
                             });
    }
    sse_drop_event(s);
    return r;
}

static void sse_on_data(struct sse *s, struct span value)
{
    buf_append(&s->data, value.data, value.len);
    buf_putc(&s->data, '\n');
}

/* Handed on as a C string: a NUL would hide what follows it. */
static void sse_on_type(struct sse *s, struct span value)
{
    sse_set(&s->type, (struct span){value.data, strnlen(value.data, value.len)});
}

static void sse_on_id(struct sse *s, struct span value)
{
    if (!memchr(value.data, '\0', value.len))
        sse_set(&s->id, value);
}

static void sse_on_retry(struct sse *s, struct span value)
{
    int64_t ms = 0;
    if (value.len == 0 || value.len > SSE_RETRY_DIGITS)
        return;
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return;
        ms = ms * 10 + (value.data[i] - '0');
    }
    s->retry_ms = ms;
}

static const struct {
    const char *name;
    void (*take)(struct sse *s, struct span value);
} sse_fields[] = {
    {"data", sse_on_data},
    {"event", sse_on_type},
    {"id", sse_on_id},
    {"retry", sse_on_retry},
};

/* A comment is a field without a name, and nobody's. */
static void sse_field(struct sse *s, struct span line)
{
    const char *colon = memchr(line.data, ':', line.len);
    size_t name_len = colon ? (size_t)(colon - line.data) : line.len;
    struct span value = {"", 0};
    if (colon) {
        value = (struct span){colon + 1, line.len - name_len - 1};
        if (value.len && value.data[0] == ' ')
            value = (struct span){value.data + 1, value.len - 1};
    }
    for (size_t i = 0; i < sizeof sse_fields / sizeof *sse_fields; i++)
        if (strlen(sse_fields[i].name) == name_len &&
            memcmp(sse_fields[i].name, line.data, name_len) == 0)
            sse_fields[i].take(s, value);
}

static int sse_line(struct sse *s, struct span line)
{
    size_t mark = sizeof sse_mark - 1;
    if (!s->started && line.len >= mark && memcmp(line.data, sse_mark, mark) == 0)
        line = (struct span){line.data + mark, line.len - mark};
    s->started = true;
    if (line.len == 0)
        return sse_dispatch(s);
    sse_field(s, line);
    return 0;
}

/* What is held is checked before anything is added to it. */
static bool sse_fits(const struct sse *s, size_t more)
{
    size_t held = s->line.len + s->data.len;
    return held <= s->max && more <= s->max - held;
}

/* A whole line, which may have begun in bytes fed before. */
static int sse_end_line(struct sse *s, struct span rest)
{
    if (s->line.len == 0)
        return sse_line(s, rest);
    buf_append(&s->line, rest.data, rest.len);
    int r = sse_line(s, (struct span){s->line.data, s->line.len});
    buf_clear(&s->line);
    return r;
}

static size_t sse_find_end(const char *data, size_t len)
{
    size_t i = 0;
    while (i < len && data[i] != '\n' && data[i] != '\r')
        i++;
    return i;
}

/* One line, or what there is of it. Returns how many bytes that were. */
static size_t sse_step(struct sse *s, const char *data, size_t len)
{
    if (s->after_cr) {
        s->after_cr = false;
        if (data[0] == '\n')
            return 1;
    }
    size_t n = sse_find_end(data, len);
    if (!sse_fits(s, n)) {
        s->err = -EFBIG;
        return len;
    }
    if (n == len) {
        buf_append(&s->line, data, n);
        return len;
    }
    s->after_cr = data[n] == '\r';
    s->err = sse_end_line(s, (struct span){data, n});
    return n + 1;
}

int sse_feed(struct sse *s, const char *data, size_t len)
{
    size_t at = 0;
    while (at < len && !s->err)
        at += sse_step(s, data + at, len - at);
    return s->err;
}

void sse_restart(struct sse *s)
{
    buf_clear(&s->line);
    sse_drop_event(s);
    sse_set(&s->id, (struct span){sse_text(&s->last_id), s->last_id.len});
    s->started = false;
    s->after_cr = false;
    s->err = 0;
}

const char *sse_last_id(const struct sse *s)
{
    return sse_text(&s->last_id);
}

int64_t sse_retry_ms(const struct sse *s)
{
    return s->retry_ms;
}
