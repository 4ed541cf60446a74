#include "base/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* "1760000000", "1760000000.5", "1760000000000" (milliseconds). */
static bool clock_parse_epoch(const char *s, struct timespec *ret)
{
    char *end;
    double v = strtod(s, &end);
    if (end == s || *end || !isdigit((unsigned char)*s) || v < 0 || v > 1e15)
        return false;
    if (v > 1e11)
        v /= 1000;
    ret->tv_sec = (time_t)v;
    ret->tv_nsec = (long)((v - (double)ret->tv_sec) * 1e9);
    return true;
}

/* ".123456" -> nanoseconds; moves *s behind it. */
static long clock_parse_fraction(const char **s)
{
    long ns = 0;
    long unit = 100000000;
    if (**s != '.' && **s != ',')
        return 0;
    for (++*s; isdigit((unsigned char)**s); ++*s, unit /= 10)
        ns += (**s - '0') * unit;
    return ns;
}

/* "", "Z", "+02:00", "-0530": false when it is something else. */
static bool clock_parse_zone(const char *s, long *ret_seconds)
{
    int h = 0;
    int m = 0;
    *ret_seconds = 0;
    if (!*s || !strcmp(s, "Z") || !strcmp(s, "z"))
        return true;
    if (*s != '+' && *s != '-')
        return false;
    if (sscanf(s + 1, "%2d:%2d", &h, &m) < 1 || h > 23 || m > 59)
        return false;
    if (strlen(s) == 5 && sscanf(s + 1, "%2d%2d", &h, &m) != 2)
        return false;
    *ret_seconds = (*s == '-' ? -1 : 1) * (h * 3600L + m * 60L);
    return true;
}

bool clock_parse(const char *s, struct timespec *ret)
{
    struct tm tm = {0};
    int used = 0;
    char sep;
    if (!s)
        return false;
    if (sscanf(s, "%4d-%2d-%2d%c%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
               &sep, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &used) != 7 ||
        !used || !strchr("Tt ", sep))
        return clock_parse_epoch(s, ret);
    const char *rest = s + used;
    long ns = clock_parse_fraction(&rest);
    long zone;
    if (!clock_parse_zone(rest, &zone))
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    ret->tv_sec = timegm(&tm) - zone;
    ret->tv_nsec = ns;
    return true;
}

const char *clock_format(struct timespec ts, char *buf)
{
    struct tm tm;
    char seconds[32];
    gmtime_r(&ts.tv_sec, &tm);
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(buf, CLOCK_TEXT, "%s.%03ldZ", seconds, ts.tv_nsec / 1000000);
    return buf;
}
