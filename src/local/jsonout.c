/* jsonout.c - text of any origin as a JSON string. */
#include "local/jsonout.h"

#include <stdint.h>
#include <string.h>

#include "json/json.h"

/* The length of the valid UTF-8 sequence at s, or 0. */
static size_t utf8_length(const unsigned char *s, size_t len)
{
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] < 0x80             ? 1
               : (s[0] & 0xe0) == 0xc0 ? 2
               : (s[0] & 0xf0) == 0xe0 ? 3
               : (s[0] & 0xf8) == 0xf0 ? 4
                                       : 0;
    if (n < 2 || n > len)
        return n == 1;
    uint32_t c = s[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3f);
    }
    return c < lowest[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : n;
}

void json_out_text(struct buf *out, const char *s, size_t len)
{
    cleanup_buf struct buf clean = BUF_INIT;
    const unsigned char *bytes = (const unsigned char *)s;
    size_t good = 0; /* start of what is valid and not yet copied */
    for (size_t i = 0; i < len;) {
        size_t n = utf8_length(bytes + i, len - i);
        if (n) {
            i += n;
            continue;
        }
        buf_append(&clean, s + good, i - good);
        buf_puts(&clean, "\xef\xbf\xbd");
        good = ++i;
    }
    if (good) {
        buf_append(&clean, s + good, len - good);
        s = clean.data;
        len = clean.len;
    }
    json_quote(out, s, len);
}

void json_out_string(struct buf *out, const char *s)
{
    json_out_text(out, s, strlen(s));
}

void json_out_key(struct buf *out, const char *key)
{
    if (out->len && out->data[out->len - 1] != '{')
        buf_putc(out, ',');
    json_out_string(out, key);
    buf_putc(out, ':');
}
