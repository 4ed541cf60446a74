#include "base/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

int64_t clock_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct timespec clock_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return ts;
}

/* Exactly n digits at *s, moved behind them. */
static bool clock_read_digits(const char **s, int n, int *ret)
{
    int v = 0;
    for (; n; n--, ++*s) {
        if (!isdigit((unsigned char)**s))
            return false;
        v = v * 10 + (**s - '0');
    }
    *ret = v;
    return true;
}

/* ".123456", or nothing, to nanoseconds; moves *s behind it. */
static bool clock_read_fraction(const char **s, long *ret_ns)
{
    long ns = 0;
    long unit = 100000000;
    if (**s == '.' || **s == ',') {
        if (!isdigit((unsigned char)*++*s))
            return false;
        for (; isdigit((unsigned char)**s); ++*s, unit /= 10)
            ns += (**s - '0') * unit;
    }
    *ret_ns = ns;
    return true;
}

/* "1760000000", "1760000000.5", "1760000000000" (milliseconds). In integers: what a
 * double makes of .123 prints as .122. */
static bool clock_parse_epoch(const char *s, struct timespec *ret)
{
    int64_t v = 0;
    long ns;
    if (!isdigit((unsigned char)*s))
        return false;
    for (; isdigit((unsigned char)*s); s++) {
        v = v * 10 + (*s - '0');
        if (v > 1000000000000000)
            return false;
    }
    if (!clock_read_fraction(&s, &ns) || *s)
        return false;
    bool is_ms = v > 100000000000;
    ret->tv_sec = (time_t)(is_ms ? v / 1000 : v);
    ret->tv_nsec = is_ms ? (long)(v % 1000) * 1000000 + ns / 1000 : ns;
    return true;
}

/* "", "Z", "+02:00", "-0530", "+02": false when it is something else. */
static bool clock_parse_zone(const char *s, long *ret_seconds)
{
    int h = 0;
    int m = 0;
    char sign = *s;
    *ret_seconds = 0;
    if (!*s || !strcmp(s, "Z") || !strcmp(s, "z"))
        return true;
    s++;
    if ((sign != '+' && sign != '-') || !clock_read_digits(&s, 2, &h))
        return false;
    if (*s == ':')
        s++;
    if (*s && !clock_read_digits(&s, 2, &m))
        return false;
    if (*s || h > 23 || m > 59)
        return false;
    *ret_seconds = (sign == '-' ? -1 : 1) * (h * 3600L + m * 60L);
    return true;
}

/* "2026-04-14T09:30:00"; moves *s behind it. */
static bool clock_read_date(const char **s, struct tm *ret)
{
    static const char marks[][4] = {"-", "-", "Tt ", ":", ":", ""};
    int *const fields[] = {&ret->tm_year, &ret->tm_mon, &ret->tm_mday,
                           &ret->tm_hour, &ret->tm_min, &ret->tm_sec};
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (!clock_read_digits(s, i ? 2 : 4, fields[i]))
            return false;
        if (marks[i][0] && (!**s || !strchr(marks[i], *(*s)++)))
            return false;
    }
    ret->tm_year -= 1900;
    ret->tm_mon -= 1;
    return ret->tm_hour < 24 && ret->tm_min < 60 && ret->tm_sec <= 60;
}

bool clock_parse(const char *s, struct timespec *ret)
{
    struct tm tm = {0};
    const char *rest = s;
    long ns;
    long zone;
    if (!s)
        return false;
    if (!clock_read_date(&rest, &tm))
        return clock_parse_epoch(s, ret);
    if (!clock_read_fraction(&rest, &ns) || !clock_parse_zone(rest, &zone))
        return false;
    struct tm day = {.tm_year = tm.tm_year, .tm_mon = tm.tm_mon, .tm_mday = tm.tm_mday};
    timegm(&day);
    if (day.tm_mon != tm.tm_mon || day.tm_mday != tm.tm_mday)
        return false; /* it was moved: there is no such day */
    ret->tv_sec = timegm(&tm) - zone;
    ret->tv_nsec = ns;
    return true;
}

const char *clock_format(struct timespec ts, char *buf)
{
    struct tm tm = {.tm_mday = 1};
    char seconds[40]; /* the year may have ten places */
    gmtime_r(&ts.tv_sec, &tm);
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(buf, CLOCK_TEXT, "%s.%03ldZ", seconds, ts.tv_nsec / 1000000);
    return buf;
}
