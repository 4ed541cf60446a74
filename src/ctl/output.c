/* output.c - what amdahlctl prints. */
#include "ctl/ctl.h"

#include <stdarg.h>
#include <string.h>

#include "base/utf8.h"

void ctl_error(const char *fmt, ...)
{
    va_list ap;
    fputs("amdahlctl: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

void ctl_print_painted(const struct ctl *ctl, enum paint paint, const char *s)
{
    static const char *const codes[] = {"", "\033[32m", "\033[33m", "\033[31m"};
    bool on = ctl->colour && paint != PAINT_PLAIN;
    fputs(on ? codes[paint] : "", stdout);
    ctl_print_clean(stdout, s);
    fputs(on ? "\033[0m" : "", stdout);
}

void ctl_print_clean(FILE *to, const char *s)
{
    size_t left = strlen(s);
    for (size_t n; left; s += n, left -= n) {
        uint32_t code;
        size_t len = utf8_decode(s, left, &code);
        n = len ? len : 1;
        if (!len)
            fputc('?', to);
        else if (utf8_is_control(code))
            fputc(' ', to);
        else
            fwrite(s, 1, n, to);
    }
}
