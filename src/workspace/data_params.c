#include "workspace/data_params.h"

#include <ctype.h>
#include <string.h>

#include "json/json.h"

static int hex_value(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* False: a stray %, NUL, or no UTF-8. */
static bool percent_decode(const char *s, size_t len, struct buf *out)
{
    for (size_t i = 0; i < len; i++) {
        int byte = (unsigned char)s[i];
        if (byte == '%') {
            int high = i + 2 < len ? hex_value(s[i + 1]) : -1;
            int low = i + 2 < len ? hex_value(s[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            byte = high * 16 + low;
            i += 2;
        }
        if (byte == 0)
            return false;
        buf_putc(out, (char)byte);
    }
    return json_utf8_valid(out->data ? out->data : "", out->len, NULL);
}

static void print_value(const struct buf *value, struct buf *out)
{
    struct json_span span;
    const char *text = value->data ? value->data : "";
    bool literal =
        json_check(text, value->len, &JSON_LIMITS_USER, &span, NULL) == 0 &&
        span.start == 0 && span.end == value->len &&
        (span.type == JSON_NUMBER || span.type == JSON_TRUE || span.type == JSON_FALSE);
    if (literal)
        buf_append(out, text, value->len);
    else
        json_quote(out, text, value->len);
}

/* One k=v, appended to the object that is begun in out. */
static bool parse_one(const char *s, size_t len, struct buf *out)
{
    cleanup_buf struct buf name = BUF_INIT, value = BUF_INIT, quoted = BUF_INIT;
    const char *equals = memchr(s, '=', len);
    if (!equals || equals == s || !percent_decode(s, (size_t)(equals - s), &name) ||
        !percent_decode(equals + 1, len - (size_t)(equals + 1 - s), &value))
        return false;
    json_quote(&quoted, name.data, name.len);
    buf_putc(&quoted, ':');
    if (out->len > 1)
        buf_putc(out, ',');
    buf_append(out, quoted.data, quoted.len);
    print_value(&value, out);
    return true;
}

bool data_params_parse(const char *name, struct buf *ret_json)
{
    cleanup_buf struct buf out = BUF_INIT;
    buf_putc(&out, '{');
    for (;;) {
        size_t len = strcspn(name, ",");
        if (!parse_one(name, len, &out))
            return false;
        if (!name[len])
            break;
        name += len + 1;
    }
    buf_putc(&out, '}');
    /* A name that is there twice is refused here. */
    if (json_check(out.data, out.len, &JSON_LIMITS_USER, NULL, NULL) != 0)
        return false;
    buf_append(ret_json, out.data, out.len);
    return true;
}
