/* Numbers by value, exactly: no number is ever converted to one of C's. Each is brought
 * into a canonical text, [-]DIGITSeEXPONENT for 0.DIGITS * 10^EXPONENT with no zero at
 * either end of DIGITS, and the texts are compared. The exponent can be of any length. */
#include "json/json_lex.h"

#include <inttypes.h>
#include <string.h>

/* The parts of a number's text. */
struct number_parts {
    bool negative;
    const char *digits; /* whole and fraction, the point still between them */
    size_t digits_len;
    size_t whole_len;
    bool exponent_negative;
    const char *exponent; /* its digits without leading zeros */
    size_t exponent_len;
};

/* Digits of more than this many places are added to as text. */
enum { EXPONENT_PLACES = 18 };

static size_t number_count_digits(const char *s, size_t len)
{
    size_t n = 0;
    while (n < len && s[n] >= '0' && s[n] <= '9')
        n++;
    return n;
}

static struct number_parts number_split(const char *s, size_t len)
{
    struct number_parts p = {.negative = len && *s == '-'};
    const char *end = s + len;
    p.digits = s + p.negative;
    p.whole_len = number_count_digits(p.digits, (size_t)(end - p.digits));
    p.digits_len = p.whole_len;
    if (p.digits + p.digits_len < end && p.digits[p.digits_len] == '.') {
        const char *fraction = p.digits + p.digits_len + 1;
        p.digits_len += 1 + number_count_digits(fraction, (size_t)(end - fraction));
    }
    const char *e = p.digits + p.digits_len;
    if (e >= end)
        return p;
    e++;
    p.exponent_negative = e < end && *e == '-';
    if (e < end && (*e == '-' || *e == '+'))
        e++;
    while (e < end && *e == '0')
        e++;
    p.exponent = e;
    p.exponent_len = (size_t)(end - e);
    return p;
}

/* Appends the significant digits; *ret_shift is the place of the point in front of them,
 * counted from the point in the text. False: the number is zero. */
static bool number_put_digits(struct buf *out, const struct number_parts *p,
                              int64_t *ret_shift)
{
    size_t first = 0;
    size_t last = p->digits_len;
    while (first < last && (p->digits[first] == '0' || p->digits[first] == '.'))
        first++;
    while (last > first && (p->digits[last - 1] == '0' || p->digits[last - 1] == '.'))
        last--;
    if (first == last)
        return false;
    size_t upto = p->whole_len > first && p->whole_len < last ? p->whole_len : last;
    buf_append(out, p->digits + first, upto - first);
    if (upto < last)
        buf_append(out, p->digits + upto + 1, last - upto - 1);
    *ret_shift = first < p->whole_len ? (int64_t)(p->whole_len - first)
                                      : -(int64_t)(first - p->whole_len - 1);
    return true;
}

/* Appends a decimal of more than EXPONENT_PLACES places with `add` added to it: |add| is
 * far smaller, so the result keeps its sign and only a carry or borrow runs through. */
static void number_put_sum(struct buf *out, const char *digits, size_t len, int64_t add)
{
    cleanup_buf struct buf sum = BUF_INIT;
    buf_putc(&sum, '0'); /* room for the carry */
    buf_append(&sum, digits, len);
    for (size_t i = sum.len; i-- > 0 && add;) {
        int64_t place = sum.data[i] - '0' + add % 10;
        add /= 10;
        if (place < 0 || place > 9) {
            int carry = place < 0 ? -1 : 1;
            place -= carry * 10;
            add += carry;
        }
        sum.data[i] = (char)('0' + place);
    }
    size_t zeros = strspn(sum.data, "0");
    buf_append(out, sum.data + zeros, sum.len - zeros);
}

static void number_put_exponent(struct buf *out, const struct number_parts *p,
                                int64_t shift)
{
    int64_t value = 0;
    if (p->exponent_len > EXPONENT_PLACES) {
        if (p->exponent_negative)
            buf_putc(out, '-');
        number_put_sum(out, p->exponent, p->exponent_len,
                       p->exponent_negative ? -shift : shift);
        return;
    }
    for (size_t i = 0; i < p->exponent_len; i++)
        value = value * 10 + (p->exponent[i] - '0');
    buf_printf(out, "%" PRId64, (p->exponent_negative ? -value : value) + shift);
}

static void number_canonical(struct buf *out, const char *text, struct json_span number)
{
    struct number_parts p = number_split(text + number.start, number.end - number.start);
    int64_t shift;
    if (p.negative)
        buf_putc(out, '-');
    if (number_put_digits(out, &p, &shift)) {
        buf_putc(out, 'e');
        number_put_exponent(out, &p, shift);
        return;
    }
    buf_clear(out); /* all zeros are one, -0 and 0e99 too */
    buf_putc(out, '0');
}

bool json_number_same(const char *a, struct json_span a_span, const char *b,
                      struct json_span b_span)
{
    size_t len = a_span.end - a_span.start;
    cleanup_buf struct buf ca = BUF_INIT;
    cleanup_buf struct buf cb = BUF_INIT;
    if (len == b_span.end - b_span.start &&
        !memcmp(a + a_span.start, b + b_span.start, len))
        return true;
    number_canonical(&ca, a, a_span);
    number_canonical(&cb, b, b_span);
    return ca.len == cb.len && !memcmp(ca.data, cb.data, ca.len);
}
