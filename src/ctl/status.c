/* status.c - amdahlctl status: .amdahl/status.json for people. */
#include "ctl/ctl.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "ctl/mount.h"
#include "ctl/report.h"
#include "json/json.h"

/* ---- reading ---------------------------------------------------------------------- */

/* An object of status.json. */
struct object {
    const char *text;
    struct json_span span;
};

/* A member's string, or a number's letters; malloc'ed, NULL when it is neither. */
static char *get(struct object o, const char *key)
{
    struct json_span value;
    if (!json_member(o.text, o.span, key, &value))
        return NULL;
    if (value.type == JSON_NUMBER)
        return xstrndup(o.text + value.start, value.end - value.start);
    return json_string_dup(o.text, value);
}

static struct object get_object(struct object o, const char *key)
{
    struct object inner = {o.text, {0, 0, JSON_NULL}};
    json_member(o.text, o.span, key, &inner.span);
    return inner;
}

static bool get_flag(struct object o, const char *key)
{
    return get_object(o, key).span.type == JSON_TRUE;
}

static size_t count_drafts(struct object o)
{
    struct object drafts = get_object(o, "drafts");
    struct json_iter it;
    size_t count = 0;
    if (drafts.span.type != JSON_ARRAY)
        return 0;
    json_iter_init(&it, drafts.text, drafts.span);
    while (json_iter_next(&it))
        count++;
    return count;
}

/* ---- printing --------------------------------------------------------------------- */

enum paint { PAINT_PLAIN, PAINT_GOOD, PAINT_WAIT, PAINT_BAD };

static void print_painted(const struct ctl *ctl, enum paint paint, const char *s)
{
    static const char *const codes[] = {"", "\033[32m", "\033[33m", "\033[31m"};
    bool on = ctl->colour && paint != PAINT_PLAIN;
    fputs(on ? codes[paint] : "", stdout);
    ctl_print_clean(stdout, s);
    fputs(on ? "\033[0m" : "", stdout);
}

static void print_label(const char *label)
{
    printf("%-12s", label);
}

static void print_member(struct object o, const char *key, const char *after)
{
    cleanup_free char *value = get(o, key);
    ctl_print_clean(stdout, value ? value : "?");
    fputs(after, stdout);
}

static void print_connection(const struct ctl *ctl, struct object o)
{
    bool online = get_flag(o, "online");
    cleanup_free char *ago = get(o, "last_answer_seconds_ago");
    cleanup_free char *error = get(o, "last_error");
    cleanup_free char *since = get(o, "offline_since");
    cleanup_free char *pause = get(o, "paused_until");
    print_label("platform");
    print_member(o, "host", ", ");
    print_painted(ctl, online ? PAINT_GOOD : PAINT_BAD,
                  online ? "reachable" : "not reachable");
    if (since)
        printf(" since %s", since);
    if (ago)
        printf(", last answer %s s ago", ago);
    putchar('\n');
    if (pause)
        printf("%-12snothing is sent until %s: the platform asks for that\n", "", pause);
    if (!online && error) {
        print_label("error");
        ctl_print_clean(stdout, error);
        putchar('\n');
    }
}

static void print_requests(struct object o)
{
    struct object requests = get_object(o, "requests");
    struct object budget = get_object(o, "budget");
    print_label("requests");
    print_member(requests, "sent", " sent, ");
    print_member(requests, "errors", " failed, ");
    print_member(requests, "in_flight", " on their way, ");
    print_member(requests, "queued", " waiting\n");
    print_label("budget");
    if (get_object(budget, "limit").span.type != JSON_NUMBER) {
        puts("no limit is known");
        return;
    }
    print_member(budget, "remaining", " of ");
    print_member(budget, "limit", " requests a minute left, ");
    print_member(budget, "reserve", " of them for saves\n");
}

static void print_pages(struct object o)
{
    cleanup_free char *ago = get(o, "list_seconds_ago");
    print_label("pages");
    print_member(o, "pages", "");
    if (ago)
        printf(", listed %s s ago", ago);
    puts(get_flag(o, "writable") ? "" : ", read only: the key cannot write");
}

static enum paint state_paint(const char *state)
{
    return !strcmp(state, "refused") || !strcmp(state, "conflict") ? PAINT_BAD
                                                                   : PAINT_WAIT;
}

static void print_draft(const struct ctl *ctl, struct object draft)
{
    cleanup_free char *state = get(draft, "state");
    cleanup_free char *error = get(draft, "error");
    if (!state)
        state = xstrdup("draft");
    printf("  ");
    print_painted(ctl, state_paint(state), state);
    printf("%*s", (int)(10 - (strlen(state) < 10 ? strlen(state) : 9)), "");
    print_member(draft, "page", "/");
    print_member(draft, "file", "\n");
    if (error) {
        printf("            ");
        ctl_print_clean(stdout, error);
        putchar('\n');
    }
}

static void print_drafts(const struct ctl *ctl, struct object o)
{
    struct object drafts = get_object(o, "drafts");
    size_t count = count_drafts(o);
    struct json_iter it;
    print_label("unsent");
    if (!count) {
        print_painted(ctl, PAINT_GOOD, "nothing");
        putchar('\n');
        return;
    }
    printf("%zu file%s\n", count, count == 1 ? "" : "s");
    json_iter_init(&it, drafts.text, drafts.span);
    while (json_iter_next(&it))
        if (it.value.type == JSON_OBJECT)
            print_draft(ctl, (struct object){drafts.text, it.value});
}

static void print_status(const struct ctl *ctl, const char *root, struct object o)
{
    print_label("mount");
    ctl_print_clean(stdout, root);
    printf(", amdahlfs ");
    print_member(o, "version", "\n");
    print_connection(ctl, o);
    print_requests(o);
    print_pages(o);
}

int status_run(const struct ctl *ctl, int argc, char **argv)
{
    cleanup_free char *root = NULL;
    cleanup_buf struct buf text = BUF_INIT;
    struct json_limits limits = JSON_LIMITS_WIRE;
    struct object o;
    int status = report_find_mount(argc > 0 ? argv[0] : NULL, &root);
    if (status)
        return status;
    int err = mount_read(root, "status.json", &text);
    if (!err)
        err = json_check(text.data ? text.data : "", text.len, &limits, &o.span, NULL);
    if (err) {
        ctl_error("%s/.amdahl/status.json: %s", root, strerror(-err));
        return CTL_CONNECTION;
    }
    o.text = text.data;
    if (ctl->json) {
        fwrite(text.data, 1, text.len, stdout);
    } else {
        print_status(ctl, root, o);
        print_drafts(ctl, o);
    }
    return count_drafts(o) ? CTL_NO : CTL_OK;
}
