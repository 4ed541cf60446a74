#include "ctl/report.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "ctl/ctl.h"
#include "ctl/mount.h"
#include "json/json.h"

int report_find_mount(const char *path, char **ret_root)
{
    int err = mount_find(path, ret_root);
    const char *where = path ? path : "the current directory";
    if (!err)
        return 0;
    if (err == -ENOTCONN)
        ctl_error("the mount at %s is dead: its driver has ended; mount it again", where);
    else if (err == -ENOENT)
        ctl_error("%s is not in a mount of amdahlfs", where);
    else
        ctl_error("%s: %s", where, strerror(-err));
    return CTL_CONNECTION;
}

int report_find_page(int argc, char **argv, char **ret_root, char **ret_page)
{
    const char *where = argc > 1 ? argv[1] : mount_is_path(argv[0]) ? argv[0] : NULL;
    int status = report_find_mount(where, ret_root);
    if (status || mount_page(*ret_root, argv[0], ret_page) == 0)
        return status;
    ctl_error("'%s' is no page of the mount at %s", argv[0], *ret_root);
    return CTL_USAGE;
}

bool report_is_connection(int err)
{
    static const int numbers[] = {ENETUNREACH, EHOSTUNREACH, ECONNREFUSED, ETIMEDOUT,
                                  ECONNRESET,  ENOTCONN,     ECONNABORTED, EBUSY};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (numbers[i] == -err)
            return true;
    return false;
}

void report_json_answer(struct buf *out, bool ok, const char *message)
{
    buf_printf(out, "{\"ok\": %s, \"message\": ", ok ? "true" : "false");
    json_quotes(out, json_utf8_valid(message, strlen(message), NULL) ? message : "");
    buf_puts(out, "}\n");
}
