/* buf.h - a byte buffer that grows. Always NUL-terminated once written to, the NUL not
 * counted in len, so that `buf.data` serves as a C string where no NUL is inside. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

struct buf {
    char *data; /* owned; NULL while nothing was ever written */
    size_t len;
    size_t cap;
};

#define BUF_INIT                                                                         \
    {                                                                                    \
        NULL, 0, 0                                                                       \
    }

void buf_finish(struct buf *b);
#define cleanup_buf __attribute__((__cleanup__(buf_finish)))

void buf_clear(struct buf *b);
/* Room for `more` bytes after len without another allocation. */
void buf_reserve(struct buf *b, size_t more);
void buf_append(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0), nonnull(1, 2)));
/* Cut to len, or grow to it with zero bytes. */
void buf_resize(struct buf *b, size_t len);
/* The bytes as a malloc'ed C string (never NULL); the buffer is empty afterwards. */
char *buf_steal(struct buf *b) __attribute__((warn_unused_result));

#endif
