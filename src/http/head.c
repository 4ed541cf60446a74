#include "http/head.h"

#include <ctype.h>
#include <curl/curl.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "json/json.h"

enum { HEAD_VALUE_MAX = 200, HEAD_BODY_MAX = 64 << 10 };

void head_init(struct head *h)
{
    *h = (struct head){.news = BUDGET_NO_NEWS,
                       .wait_ms = -1,
                       .reset = -1,
                       .retry_at_ms = -1,
                       .date_ms = -1};
}

/* The number a value begins with ("100, 100;w=60" is 100); -1: none. */
static double head_number(const char *value)
{
    char *end;
    if (!isdigit((unsigned char)*value))
        return -1;
    double v = strtod(value, &end);
    return end == value || !isfinite(v) || v < 0 ? -1 : v;
}

static void head_limit(struct head *h, const char *value)
{
    double v = head_number(value);
    if (v >= 0)
        h->news.limit = v > 1e6 ? 1000000 : (long)v;
}

static void head_remaining(struct head *h, const char *value)
{
    double v = head_number(value);
    if (v >= 0)
        h->news.remaining = v > 1e6 ? 1000000 : (long)v;
}

static int64_t head_moment(const char *value)
{
    time_t when = curl_getdate(value, NULL);
    return when < 0 ? -1 : (int64_t)when * 1000;
}

static void head_reset(struct head *h, const char *value)
{
    h->reset = head_number(value);
    if (h->reset < 0 && head_moment(value) > 0)
        h->reset = (double)head_moment(value) / 1000;
}

static void head_date(struct head *h, const char *value)
{
    h->date_ms = head_moment(value);
}

static void head_retry_after(struct head *h, const char *value)
{
    double seconds = head_number(value);
    if (seconds >= 0)
        h->wait_ms = seconds > 1e6 ? 1000000000 : (int64_t)(seconds * 1000);
    else
        h->retry_at_ms = head_moment(value);
}

static const struct {
    const char *name;
    void (*take)(struct head *h, const char *value);
} head_fields[] = {
    {"x-ratelimit-limit", head_limit},
    {"x-ratelimit-remaining", head_remaining},
    {"x-ratelimit-reset", head_reset},
    {"retry-after", head_retry_after},
    {"date", head_date},
};

void head_line(struct head *h, const char *line, size_t len)
{
    char value[HEAD_VALUE_MAX];
    const char *colon = memchr(line, ':', len);
    if (!colon)
        return;
    size_t name_len = (size_t)(colon - line);
    const char *start = colon + 1;
    const char *end = line + len;
    while (start < end && isspace((unsigned char)*start))
        start++;
    while (end > start && isspace((unsigned char)end[-1]))
        end--;
    size_t value_len = (size_t)(end - start);
    if (value_len >= sizeof value)
        return;
    memcpy(value, start, value_len);
    value[value_len] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(head_fields); i++)
        if (strlen(head_fields[i].name) == name_len &&
            !strncasecmp(head_fields[i].name, line, name_len))
            head_fields[i].take(h, value);
}

static int64_t head_until(int64_t moment_ms, int64_t now_ms)
{
    return moment_ms > now_ms ? moment_ms - now_ms : 0;
}

/* Nobody says in which unit the reset comes; the sizes do not overlap. */
static int64_t head_reset_ms(double v, int64_t now_ms)
{
    if (v < 0 || v > 1e15)
        return -1;
    if (v <= 86400)
        return (int64_t)(v * 1000); /* seconds from now */
    if (v < 1e9)
        return (int64_t)v; /* milliseconds from now */
    /* An epoch second may have been rounded down: better a second late than refused. */
    return head_until((int64_t)(v < 1e11 ? v * 1000 + 1000 : v), now_ms);
}

void head_end(struct head *h, int64_t epoch_ms)
{
    int64_t now_ms = h->date_ms >= 0 ? h->date_ms : epoch_ms;
    h->news.reset_ms = head_reset_ms(h->reset, now_ms);
    if (h->retry_at_ms >= 0)
        h->wait_ms = head_until(h->retry_at_ms, now_ms);
}

static int64_t head_wait_in(const char *body, struct json_span object)
{
    static const char *const names[] = {"retry_after", "retry_after_seconds"};
    struct json_span span;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char digits[32] = "";
        if (!json_member(body, object, names[i], &span))
            continue;
        if (span.type == JSON_STRING)
            span.start++, span.end--;
        else if (span.type != JSON_NUMBER)
            continue;
        if (span.end - span.start < sizeof digits)
            memcpy(digits, body + span.start, span.end - span.start);
        double seconds = head_number(digits);
        if (seconds > 0)
            return seconds > 1e6 ? 1000000000 : (int64_t)(seconds * 1000);
    }
    return 0;
}

int64_t head_body_wait(const char *body, size_t len)
{
    static const char *const places[] = {
        "",     "error",      "details",           "error.details",
        "data", "data.error", "data.error.details"};
    struct json_span root;
    struct json_span at;
    if (len > HEAD_BODY_MAX || json_check(body, len, &JSON_LIMITS_WIRE, &root, NULL))
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        if (!json_path(body, root, places[i], &at))
            continue;
        int64_t wait = head_wait_in(body, at);
        if (wait)
            return wait;
    }
    return 0;
}
