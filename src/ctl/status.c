/* status.c - amdahlctl status: .amdahl/status.json for people. */
#include "ctl/ctl.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "ctl/mount.h"
#include "ctl/object.h"
#include "ctl/report.h"

static size_t count_drafts(struct object o)
{
    struct object drafts = object_inner(o, "drafts");
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

static void print_label(const char *label)
{
    printf("%-12s", label);
}

static void print_member(struct object o, const char *key, const char *after)
{
    cleanup_free char *value = object_string(o, key);
    ctl_print_clean(stdout, value ? value : "?");
    fputs(after, stdout);
}

static void print_connection(const struct ctl *ctl, struct object o)
{
    bool online = object_flag(o, "online");
    cleanup_free char *ago = object_string(o, "last_answer_seconds_ago");
    cleanup_free char *error = object_string(o, "last_error");
    cleanup_free char *since = object_string(o, "offline_since");
    cleanup_free char *pause = object_string(o, "paused_until");
    print_label("platform");
    print_member(o, "host", ", ");
    ctl_print_painted(ctl, online ? PAINT_GOOD : PAINT_BAD,
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
    struct object requests = object_inner(o, "requests");
    struct object budget = object_inner(o, "budget");
    print_label("requests");
    print_member(requests, "sent", " sent, ");
    print_member(requests, "errors", " failed, ");
    print_member(requests, "in_flight", " on their way, ");
    print_member(requests, "queued", " waiting\n");
    print_label("budget");
    if (object_inner(budget, "limit").span.type != JSON_NUMBER) {
        puts("no limit is known");
        return;
    }
    print_member(budget, "remaining", " of ");
    print_member(budget, "limit", " requests a minute left, ");
    print_member(budget, "reserve", " of them for saves\n");
}

static void print_pages(struct object o)
{
    cleanup_free char *ago = object_string(o, "list_seconds_ago");
    print_label("pages");
    print_member(o, "pages", "");
    if (ago)
        printf(", listed %s s ago", ago);
    puts(object_flag(o, "writable") ? "" : ", read only: the key cannot write");
}

/* Of each: how many pages, whose it is, and whether it is on its way. */
static void print_batches(const struct ctl *ctl, struct object o)
{
    struct object batches = object_inner(o, "batches");
    struct json_iter it;
    if (batches.span.type != JSON_ARRAY)
        return;
    json_iter_init(&it, batches.text, batches.span);
    while (json_iter_next(&it)) {
        struct object batch = {batches.text, it.value};
        print_label("batch");
        print_member(batch, "pages", " pages of ");
        printf("%s ", object_flag(batch, "git") ? "git, process" : "process");
        print_member(batch, "process", ", ");
        ctl_print_painted(ctl, PAINT_WAIT,
                          object_flag(batch, "sending") ? "being sent" : "open");
        putchar('\n');
    }
}

static enum paint state_paint(const char *state)
{
    return !strcmp(state, "refused") || !strcmp(state, "conflict") ? PAINT_BAD
                                                                   : PAINT_WAIT;
}

static void print_draft(const struct ctl *ctl, struct object draft)
{
    cleanup_free char *state = object_string(draft, "state");
    cleanup_free char *error = object_string(draft, "error");
    if (!state)
        state = xstrdup("draft");
    printf("  ");
    ctl_print_painted(ctl, state_paint(state), state);
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
    struct object drafts = object_inner(o, "drafts");
    size_t count = count_drafts(o);
    struct json_iter it;
    print_label("unsent");
    if (!count) {
        ctl_print_painted(ctl, PAINT_GOOD, "nothing");
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
        print_batches(ctl, o);
        print_drafts(ctl, o);
    }
    return count_drafts(o) ? CTL_NO : CTL_OK;
}
