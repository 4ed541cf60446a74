/* control.c - the commands that the mount itself carries out, through .amdahl/ctl. */
#include "ctl/ctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "ctl/mount.h"
#include "ctl/report.h"

static void print_answer(const struct ctl *ctl, bool ok, const char *words)
{
    cleanup_buf struct buf out = BUF_INIT;
    size_t len = strlen(words);
    while (len && words[len - 1] == '\n')
        len--;
    cleanup_free char *line = xstrndup(words, len);
    if (ctl->json) {
        report_json_answer(&out, ok, line);
        fputs(out.data, stdout);
    } else if (ok && *line) {
        ctl_print_clean(stdout, line);
        putchar('\n');
    } else if (!ok) {
        ctl_error("%s", line);
    }
}

/* What an errno of ctl means, where strerror() would not say it. `page` may be NULL. */
static char *explain(int err, const char *page, const char *words)
{
    if (page && *words)
        return xstrdup(words);
    switch (-err) {
    case ENODATA:
        return xstrdup("nothing is known that a save replaced");
    case EPROTO:
        if (page)
            return xasprintf("'%s' is refused: its errors say why", page);
        break;
    case ENOENT:
        if (page)
            return xasprintf("there is no page '%s'", page);
        break;
    case EBUSY:
        if (page)
            return xasprintf("'%s' is being saved; try again", page);
        return xstrdup("the platform allows no more requests just now");
    case EINVAL:
        return xasprintf("the mount does not take this%s%s", *words ? ": " : "", words);
    case EACCES:
        return xstrdup("only the user who mounted may do this");
    default:
        break;
    }
    return xstrdup(strerror(-err));
}

/* Sends "verb argument" to the mount at or above `where`. */
static int control_send(const struct ctl *ctl, const char *root, const char *verb,
                        const char *argument, const char *page, const char *done)
{
    cleanup_buf struct buf words = BUF_INIT;
    cleanup_free char *line =
        xasprintf("%s%s%s", verb, argument ? " " : "", argument ? argument : "");
    int err = mount_command(root, line, &words);
    const char *said = words.len ? words.data : "";
    if (!err) {
        print_answer(ctl, true, *said ? said : done);
        return CTL_OK;
    }
    cleanup_free char *why = explain(err, page, said);
    print_answer(ctl, false, why);
    return report_is_connection(err) ? CTL_CONNECTION : CTL_NO;
}

int refresh_run(const struct ctl *ctl, int argc, char **argv)
{
    cleanup_free char *root = NULL;
    int status = report_find_mount(argc > 0 ? argv[0] : NULL, &root);
    return status ? status : control_send(ctl, root, "refresh", NULL, NULL, "");
}

/* [COUNT] [MOUNT]: what is all digits is the count. */
int allow_archive_run(const struct ctl *ctl, int argc, char **argv)
{
    const char *count = "20";
    cleanup_free char *root = NULL;
    if (argc > 0 && argv[0][strspn(argv[0], "0123456789")] == '\0') {
        count = argv[0];
        argc--;
        argv++;
    }
    if (argc > 1 || !*count || strlen(count) > 6 || atoi(count) > 100000) {
        ctl_error("allow-archive wants a count up to 100000, then the mount");
        return CTL_USAGE;
    }
    int status = report_find_mount(argc > 0 ? argv[0] : NULL, &root);
    return status ? status : control_send(ctl, root, "allow-archive", count, NULL, "");
}

/* done: what is said of success where the mount says nothing. */
static int page_command(const struct ctl *ctl, const char *verb, const char *done,
                        int argc, char **argv)
{
    cleanup_free char *root = NULL;
    cleanup_free char *page = NULL;
    int status = report_find_page(argc, argv, &root, &page);
    return status ? status : control_send(ctl, root, verb, page, page, done);
}

int restore_run(const struct ctl *ctl, int argc, char **argv)
{
    return page_command(ctl, "restore", "", argc, argv);
}

int discard_run(const struct ctl *ctl, int argc, char **argv)
{
    return page_command(ctl, "discard", "", argc, argv);
}

int push_run(const struct ctl *ctl, int argc, char **argv)
{
    return page_command(ctl, "push", "saved", argc, argv);
}

int undo_run(const struct ctl *ctl, int argc, char **argv)
{
    return page_command(ctl, "undo", "what the newest save replaced is back", argc, argv);
}
