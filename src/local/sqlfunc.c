/* sqlfunc.c - the functions that queries may call, and the few that we add. */
#include "local/sqlfunc.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/alloc.h"

/* In strcmp() order, for bsearch(). Left out on purpose: what reads or writes files,
 * loads code, tells of the connection or the build, or answers differently on every call.
 */
static const char *const allowed[] = {
    "->",
    "->>",
    "abs",
    "avg",
    "ceil",
    "ceiling",
    "char",
    "coalesce",
    "concat",
    "concat_ws",
    "count",
    "cume_dist",
    "current_date",
    "current_time",
    "current_timestamp",
    "date",
    "date_part",
    "date_trunc",
    "datetime",
    "dense_rank",
    "exp",
    "first_value",
    "floor",
    "format",
    "glob",
    "group_concat",
    "hex",
    "ifnull",
    "iif",
    "instr",
    "json",
    "json_array",
    "json_array_length",
    "json_extract",
    "json_group_array",
    "json_group_object",
    "json_object",
    "json_type",
    "json_valid",
    "julianday",
    "lag",
    "last_value",
    "lead",
    "length",
    "like",
    "likely",
    "ln",
    "log",
    "log10",
    "log2",
    "lower",
    "ltrim",
    "max",
    "median",
    "min",
    "mod",
    "now",
    "nth_value",
    "ntile",
    "nullif",
    "octet_length",
    "percent_rank",
    "pow",
    "power",
    "printf",
    "quote",
    "rank",
    "replace",
    "round",
    "row_number",
    "rtrim",
    "sign",
    "sqrt",
    "strftime",
    "string_agg",
    "substr",
    "substring",
    "sum",
    "time",
    "timediff",
    "total",
    "trim",
    "trunc",
    "typeof",
    "unicode",
    "unixepoch",
    "unlikely",
    "upper",
};

static int name_compare(const void *name, const void *entry)
{
    return strcasecmp(name, *(const char *const *)entry);
}

bool sqlfunc_is_allowed(const char *name)
{
    return bsearch(name, allowed, ARRAY_LEN(allowed), sizeof(allowed[0]), name_compare) !=
           NULL;
}

/* ---- times as text ---------------------------------------------------------------- */

struct time_text {
    struct tm tm;
    bool has_clock; /* not just a date */
};

static bool time_read(const char *s, struct time_text *ret)
{
    struct time_text t = {0};
    int used = 0;
    if (!s || sscanf(s, "%4d-%2d-%2d%n", &t.tm.tm_year, &t.tm.tm_mon, &t.tm.tm_mday,
                     &used) != 3)
        return false;
    t.has_clock = s[used] == ' ' || s[used] == 'T';
    if (t.has_clock && sscanf(s + used + 1, "%2d:%2d:%2d", &t.tm.tm_hour, &t.tm.tm_min,
                              &t.tm.tm_sec) < 2)
        return false;
    t.tm.tm_year -= 1900;
    t.tm.tm_mon -= 1;
    *ret = t;
    return true;
}

static void time_result(sqlite3_context *ctx, struct time_text *t)
{
    char text[64];
    time_t secs = timegm(&t->tm); /* carries what is out of range */
    struct tm tm;
    if (!gmtime_r(&secs, &tm) || tm.tm_year < -1900 || tm.tm_year > 8099) {
        sqlite3_result_error(ctx, "time out of range", -1);
        return;
    }
    strftime(text, sizeof(text), t->has_clock ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%d", &tm);
    sqlite3_result_text(ctx, text, -1, SQLITE_TRANSIENT);
}

/* ---- x -> '-90 days' -------------------------------------------------------------- */

struct time_unit {
    const char *name; /* singular */
    int months;
    int seconds;
};
static const struct time_unit units[] = {
    {"second", 0, 1},    {"minute", 0, 60}, {"hour", 0, 3600}, {"day", 0, 86400},
    {"week", 0, 604800}, {"month", 1, 0},   {"quarter", 3, 0}, {"year", 12, 0},
};

static const struct time_unit *unit_find(const char *name, size_t len)
{
    if (len > 1 && (name[len - 1] | 0x20) == 's')
        len--;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (strlen(units[i].name) == len && strncasecmp(units[i].name, name, len) == 0)
            return &units[i];
    }
    return NULL;
}

/* The same day of another month, or that month's last day where it is shorter. */
static void shift_months(struct tm *tm, long months)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    long total = tm->tm_year * 12L + tm->tm_mon + months;
    tm->tm_mon = (int)((total % 12 + 12) % 12);
    tm->tm_year = (int)((total - tm->tm_mon) / 12);
    int year = tm->tm_year + 1900;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    int last = days[tm->tm_mon] + (tm->tm_mon == 1 && leap);
    if (tm->tm_mday > last)
        tm->tm_mday = last;
}

/* Applies "1 month 2 days" with the given sign. False: no interval. */
static bool shift_apply(struct time_text *t, const char *s, int sign)
{
    int terms = 0;
    for (s += strspn(s, " "); *s; s += strspn(s, " "), terms++) {
        char *end;
        long n = strtol(s, &end, 10);
        const char *name = end + strspn(end, " ");
        size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
        const struct time_unit *unit = unit_find(name, len);
        if (end == s || !unit || labs(n) > 1000000)
            return false;
        if (unit->months)
            shift_months(&t->tm, sign * n * unit->months);
        time_t secs = timegm(&t->tm) + (time_t)sign * n * unit->seconds;
        gmtime_r(&secs, &t->tm);
        t->has_clock = t->has_clock || (unit->seconds && unit->seconds < 86400);
        s = name + len;
    }
    return terms > 0;
}

static void fn_shift(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    const char *time = (const char *)sqlite3_value_text(argv[0]);
    const char *shift = (const char *)sqlite3_value_text(argv[1]);
    struct time_text t;
    if (!time || !shift)
        return;
    if (shift[0] != '-' && shift[0] != '+')
        sqlite3_result_error(ctx, "for JSON use ->> or json_extract()", -1);
    else if (!time_read(time, &t))
        return; /* NULL, as SQLite's own functions answer to what is no time */
    else if (!shift_apply(&t, shift + 1, shift[0] == '-' ? -1 : 1))
        sqlite3_result_error(ctx, "not an interval such as '90 days'", -1);
    else
        time_result(ctx, &t);
}

/* ---- NOW, DATE_TRUNC, DATE_PART --------------------------------------------------- */

static void fn_now(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    struct time_text t = {.has_clock = true};
    time_t now = time(NULL);
    gmtime_r(&now, &t.tm);
    time_result(ctx, &t);
}

/* (unit, time); false when an argument is NULL or no time, or an error was set. */
static bool unit_and_time(sqlite3_context *ctx, sqlite3_value **argv,
                          const struct time_unit **ret_unit, struct time_text *ret_time)
{
    const char *name = (const char *)sqlite3_value_text(argv[0]);
    const char *time = (const char *)sqlite3_value_text(argv[1]);
    if (!name || !time)
        return false;
    *ret_unit = unit_find(name, strlen(name));
    if (!*ret_unit) {
        sqlite3_result_error(ctx,
                             "the unit is second, minute, hour, day, week, month, "
                             "quarter or year",
                             -1);
        return false;
    }
    if (!time_read(time, ret_time))
        return false;
    timegm(&ret_time->tm); /* sets tm_wday */
    return true;
}

static void fn_date_trunc(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    const struct time_unit *unit;
    struct time_text t;
    if (!unit_and_time(ctx, argv, &unit, &t))
        return;
    if (unit->months) {
        t.tm.tm_mday = 1;
        t.tm.tm_mon = unit->months == 12 ? 0 : t.tm.tm_mon - t.tm.tm_mon % unit->months;
    }
    if (unit->seconds == 604800) /* to its Monday */
        t.tm.tm_mday -= (t.tm.tm_wday + 6) % 7;
    if (unit->seconds != 1)
        t.tm.tm_sec = 0;
    if (unit->months || unit->seconds > 60)
        t.tm.tm_min = 0;
    if (unit->months || unit->seconds > 3600) {
        t.tm.tm_hour = 0;
        t.has_clock = false;
    }
    time_result(ctx, &t);
}

static void fn_date_part(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    const struct time_unit *unit;
    struct time_text t;
    char week[8];
    if (!unit_and_time(ctx, argv, &unit, &t))
        return;
    strftime(week, sizeof(week), "%V", &t.tm);
    const int parts[] = {t.tm.tm_sec,         t.tm.tm_min,        t.tm.tm_hour,
                         t.tm.tm_mday,        atoi(week),         t.tm.tm_mon + 1,
                         t.tm.tm_mon / 3 + 1, t.tm.tm_year + 1900};
    _Static_assert(ARRAY_LEN(parts) == ARRAY_LEN(units), "one part for each unit");
    sqlite3_result_int(ctx, parts[unit - units]);
}

int sqlfunc_register(sqlite3 *db)
{
    static const struct {
        const char *name;
        int argc;
        int flags;
        void (*fn)(sqlite3_context *, int, sqlite3_value **);
    } own[] = {
        {"->", 2, SQLITE_DETERMINISTIC, fn_shift},
        {"now", 0, 0, fn_now},
        {"date_trunc", 2, SQLITE_DETERMINISTIC, fn_date_trunc},
        {"date_part", 2, SQLITE_DETERMINISTIC, fn_date_part},
    };
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        if (sqlite3_create_function_v2(db, own[i].name, own[i].argc,
                                       SQLITE_UTF8 | own[i].flags, NULL, own[i].fn, NULL,
                                       NULL, NULL) != SQLITE_OK)
            return -EIO;
    }
    return 0;
}
