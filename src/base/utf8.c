#include "base/utf8.h"

#include "base/alloc.h"

/* By the lead byte: how long, which of its bits count, and the smallest code that needs
 * this length. */
static const struct utf8_form {
    unsigned char mask, lead, length;
    uint32_t least;
} utf8_forms[] = {
    {0x80, 0x00, 1, 0},
    {0xe0, 0xc0, 2, 0x80},
    {0xf0, 0xe0, 3, 0x800},
    {0xf8, 0xf0, 4, 0x10000},
};

static bool utf8_read(const struct utf8_form *form, const unsigned char *s,
                      uint32_t *ret_code)
{
    uint32_t code = s[0] & (unsigned char)~form->mask;
    for (size_t i = 1; i < form->length; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return false;
        code = code << 6 | (s[i] & 0x3f);
    }
    if (code < form->least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return false;
    *ret_code = code;
    return true;
}

size_t utf8_decode(const char *s, size_t len, uint32_t *ret_code)
{
    const unsigned char *u = (const unsigned char *)s;
    for (size_t i = 0; len && i < ARRAY_LEN(utf8_forms); i++) {
        const struct utf8_form *form = &utf8_forms[i];
        if ((u[0] & form->mask) == form->lead)
            return form->length <= len && utf8_read(form, u, ret_code) ? form->length : 0;
    }
    return 0;
}

size_t utf8_cut(const char *s, size_t len, size_t max)
{
    if (len <= max)
        return len;
    /* Back over the tail of a character that would be cut: its lead is at most 3 away. */
    for (size_t back = 0; back < 4 && back <= max; back++) {
        uint32_t code;
        size_t n = utf8_decode(s + max - back, len - (max - back), &code);
        if (n > back)
            return max - back;
    }
    return max;
}

bool utf8_is_control(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     /* C0, DEL, C1 */
        {0x2028, 0x2029},                   /* line and paragraph separator */
        {0x202a, 0x202e}, {0x2066, 0x2069}, /* bidirectional controls */
    };
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}
