#include "ctl/draft.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "ctl/ctl.h"
#include "json/json.h"
#include "workspace/faults.h"

/* ---- arguments -------------------------------------------------------------------- */

static bool is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The directory an argument means, as struct draft has it; NULL, after saying why. */
static char *argument_dir(const char *argument)
{
    size_t len = strlen(argument);
    if (is_directory(argument)) {
        while (len && argument[len - 1] == '/')
            len--;
        if (len == 1 && *argument == '.')
            return xstrdup("");
        return xasprintf("%.*s/", (int)len, argument);
    }
    const char *slash = strrchr(argument, '/');
    const char *name = slash ? slash + 1 : argument;
    if (!strcmp(name, "spec.json") || !strcmp(name, "queries.json"))
        return xstrndup(argument, (size_t)(name - argument));
    ctl_error("%s: neither a directory nor a spec.json or queries.json", argument);
    return NULL;
}

/* "./x" and "x" are one. */
static const char *plain(const char *dir)
{
    while (!strncmp(dir, "./", 2))
        dir += 2 + strspn(dir + 2, "/");
    return dir;
}

static bool is_known(const struct draft *drafts, size_t count, const char *dir)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(plain(drafts[i].dir), plain(dir)))
            return true;
    return false;
}

int drafts_find(int argc, char **argv, struct draft **ret_drafts, size_t *ret_count)
{
    struct draft *drafts = xcalloc((size_t)argc, sizeof *drafts);
    size_t count = 0;
    for (int i = 0; i < argc; i++) {
        char *dir = argument_dir(argv[i]);
        if (!dir) {
            drafts_free(drafts, count);
            return -EINVAL;
        }
        if (is_known(drafts, count, dir))
            free(dir);
        else
            drafts[count++].dir = dir;
    }
    *ret_drafts = drafts;
    *ret_count = count;
    return 0;
}

void drafts_free(struct draft *drafts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(drafts[i].dir);
        text_unref(drafts[i].spec);
        text_unref(drafts[i].queries);
    }
    free(drafts);
}

/* ---- files ------------------------------------------------------------------------ */

static int read_text(const char *path, struct text **ret)
{
    const size_t max = JSON_LIMITS_USER.max_bytes;
    cleanup_buf struct buf bytes = BUF_INIT;
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    char part[65536];
    ssize_t n;
    if (fd < 0)
        return -errno;
    while ((n = read(fd, part, sizeof part)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (bytes.len + (size_t)n > max)
            return -EFBIG;
        buf_append(&bytes, part, (size_t)n);
    }
    *ret = text_from_buf(&bytes);
    return 0;
}

static int load_file(struct draft *d, const char *name, struct buf *lines,
                     struct text **ret)
{
    const struct json_limits limits = JSON_LIMITS_USER;
    cleanup_free char *path = xasprintf("%s%s", d->dir, name);
    cleanup_buf struct buf fault = BUF_INIT;
    struct json_error error;
    int err = read_text(path, ret);
    if (err == -ENOENT && strcmp(name, "queries.json") == 0)
        return 0; /* a page may have none */
    if (err) {
        ctl_error("%s: %s", path, strerror(-err));
        return err;
    }
    if (json_check((*ret)->data, (*ret)->len, &limits, NULL, &error) == 0)
        return 0;
    faults_print_one(&fault, name, error.line, error.column, "json", error.message);
    draft_append_lines(d, lines, fault.data);
    return -EPROTO;
}

int draft_load(struct draft *d, struct buf *lines)
{
    int err = load_file(d, "spec.json", lines, &d->spec);
    int other =
        err && err != -EPROTO ? 0 : load_file(d, "queries.json", lines, &d->queries);
    return other ? other : err;
}

void draft_append_lines(const struct draft *d, struct buf *lines, const char *faults)
{
    while (*faults) {
        size_t len = strcspn(faults, "\n");
        buf_puts(lines, d->dir);
        buf_append(lines, faults, len);
        buf_putc(lines, '\n');
        faults += len + (faults[len] == '\n');
    }
}
