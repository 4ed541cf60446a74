#include "local/page_json.h"

#include "base/clock.h"
#include "json/json.h"

/* The form that the platform documents; "local" stands for the workspace. */
#define CONSOLE_URL "https://console.amdahl.co/local/pages/"

static void print_time(struct buf *out, const char *name, int64_t ms)
{
    char text[CLOCK_TEXT];
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    buf_printf(out, ",\"%s\":\"%s\"", name, clock_format(ts, text));
}

void page_print(const struct page *p, enum page_form form, struct buf *out)
{
    buf_printf(out, "{\"id\":\"%s\",\"name\":", p->id);
    json_quotes(out, p->name);
    buf_puts(out, ",\"description\":");
    if (p->description)
        json_quotes(out, p->description);
    else
        buf_puts(out, "null");
    buf_puts(out, ",\"tags\":");
    buf_puts(out, p->tags);
    buf_printf(out, ",\"status\":\"%s\",\"version\":%lld", page_status_name(p->status),
               (long long)p->version);
    buf_printf(out, ",\"has_custom_nodes\":%s", p->has_custom_nodes ? "true" : "false");
    print_time(out, "created_at", p->created_ms);
    print_time(out, "updated_at", p->updated_ms);
    if (p->status != PAGE_ARCHIVED)
        buf_printf(out, ",\"console_url\":\"" CONSOLE_URL "%s\"", p->id);
    if (form == PAGE_FORM_FULL) {
        buf_puts(out, ",\"spec\":");
        buf_puts(out, p->spec);
        buf_puts(out, ",\"declared_queries\":");
        buf_puts(out, p->queries);
    }
    buf_puts(out, "}");
}
