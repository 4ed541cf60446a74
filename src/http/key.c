#include "http/key.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/sha256.h"
#include "http/command.h"

enum { KEY_MAX = 8192 };

struct http_key {
    char *file;    /* where it is read from again; NULL: not from a file */
    char *command; /* same */
    pthread_mutex_t lock;
    char *value; /* guarded by lock */
};

/* What is read may be longer than the key by blanks around it: "key\n" is usual. */
struct key_bytes {
    char data[KEY_MAX + 2];
    size_t len;
};

static int key_refuse(int err, char **ret_reason, char *reason)
{
    *ret_reason = reason;
    return err;
}

static bool key_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The key without blanks around it; every byte must be one that a header can hold. */
static int key_trim(const struct key_bytes *raw, const char *source, char **ret_value,
                    char **ret_reason)
{
    const char *start = raw->data;
    const char *end = raw->data + raw->len;
    while (start < end && key_is_blank(*start))
        start++;
    while (end > start && key_is_blank(end[-1]))
        end--;
    if (start == end)
        return key_refuse(-EINVAL, ret_reason,
                          xasprintf("the API key from %s is empty", source));
    if (end - start > KEY_MAX)
        return key_refuse(-EINVAL, ret_reason,
                          xasprintf("what %s holds is too long for an API key", source));
    for (const char *p = start; p < end; p++)
        if (*p <= 0x20 || *p >= 0x7f)
            return key_refuse(-EINVAL, ret_reason,
                              xasprintf("the API key from %s holds a byte that no "
                                        "header can carry (more than one line?)",
                                        source));
    *ret_value = xstrndup(start, (size_t)(end - start));
    return 0;
}

static int key_read_fd(int fd, struct key_bytes *raw)
{
    while (raw->len < sizeof raw->data) {
        ssize_t n = read(fd, raw->data + raw->len, sizeof raw->data - raw->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return 0;
        raw->len += (size_t)n;
    }
    return 0;
}

static int key_check_file(int fd, const char *path, char **ret_reason)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return key_refuse(-errno, ret_reason, xasprintf("%s: %s", path, strerror(errno)));
    if (!S_ISREG(st.st_mode))
        return key_refuse(-EACCES, ret_reason,
                          xasprintf("%s is not a regular file", path));
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return key_refuse(-EACCES, ret_reason,
                          xasprintf("%s belongs to somebody else", path));
    if (st.st_mode & 077)
        return key_refuse(-EACCES, ret_reason,
                          xasprintf("%s may be read by others: chmod 600 it", path));
    return 0;
}

static int key_from_file(const char *path, char **ret_value, char **ret_reason)
{
    struct key_bytes raw = {.len = 0};
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return key_refuse(-errno, ret_reason, xasprintf("%s: %s", path, strerror(errno)));
    int err = key_check_file(fd, path, ret_reason);
    if (err)
        return err;
    err = key_read_fd(fd, &raw);
    if (err)
        *ret_reason = xasprintf("%s: %s", path, strerror(-err));
    else
        err = key_trim(&raw, path, ret_value, ret_reason);
    explicit_bzero(&raw, sizeof raw);
    return err;
}

static int key_from_command(const char *command, char **ret_value, char **ret_reason)
{
    struct key_bytes raw = {.len = 0};
    int err = command_output(command, raw.data, sizeof raw.data, &raw.len);
    if (err)
        *ret_reason = xasprintf("the key command failed: %s", strerror(-err));
    else
        err = key_trim(&raw, "the key command", ret_value, ret_reason);
    explicit_bzero(&raw, sizeof raw);
    return err;
}

/* Takes the variable out of the environment, its bytes wiped where they stand: they
 * would otherwise be seen in /proc/PID/environ and by every child. */
static int key_from_env(const char *name, char **ret_value, char **ret_reason)
{
    struct key_bytes raw = {.len = 0};
    char *value = getenv(name);
    if (!value || !*value)
        return -ENOENT;
    size_t len = strlen(value);
    raw.len = len < sizeof raw.data ? len : sizeof raw.data;
    memcpy(raw.data, value, raw.len);
    explicit_bzero(value, len);
    unsetenv(name);
    int err = key_trim(&raw, name, ret_value, ret_reason);
    explicit_bzero(&raw, sizeof raw);
    return err;
}

static char *key_credential_path(void)
{
    const char *dir = getenv("CREDENTIALS_DIRECTORY");
    cleanup_free char *path = dir ? xasprintf("%s/amdahl-key", dir) : NULL;
    return path && access(path, F_OK) == 0 ? steal_ptr(path) : NULL;
}

/* Both variables are always emptied, also the one that is not used. */
static int key_from_environment(char **ret_value, char **ret_reason)
{
    static const char *const names[] = {"AMDAHL_API_KEY", "API_KEY"};
    int result = -ENOENT;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char *value = NULL;
        char *reason = NULL;
        int err = key_from_env(names[i], &value, &reason);
        if (err != -ENOENT && result == -ENOENT) {
            result = err;
            *ret_value = steal_ptr(value);
            *ret_reason = steal_ptr(reason);
        }
        http_key_wipe(value);
        free(reason);
    }
    if (result == -ENOENT)
        *ret_reason = xstrdup("no API key: give --key-file, or set AMDAHL_API_KEY");
    return result;
}

/* The environment is read even where a file is named, so that it is wiped. */
static int key_read_first(struct http_key *k, char **ret_reason)
{
    char *value = NULL;
    char *reason = NULL;
    int err = key_from_environment(&value, &reason);
    if (k->file || k->command) {
        http_key_wipe(steal_ptr(value));
        free(steal_ptr(reason));
        err = k->file ? key_from_file(k->file, &value, &reason)
                      : key_from_command(k->command, &value, &reason);
    }
    k->value = value;
    if (err)
        *ret_reason = reason;
    else
        free(reason);
    return err;
}

int http_key_open(const char *file, const char *command, struct http_key **ret_key,
                  char **ret_reason)
{
    struct http_key *k = xcalloc(1, sizeof *k);
    pthread_mutex_init(&k->lock, NULL);
    k->file = xstrdup(file);
    k->command = file ? NULL : xstrdup(command);
    if (!k->file && !k->command)
        k->file = key_credential_path();
    int err = key_read_first(k, ret_reason);
    if (err) {
        http_key_close(k);
        return err;
    }
    *ret_key = k;
    return 0;
}

int http_key_reload(struct http_key *k)
{
    char *value = NULL;
    cleanup_free char *reason = NULL;
    int err;
    if (!k->file && !k->command)
        return 0;
    err = k->file ? key_from_file(k->file, &value, &reason)
                  : key_from_command(k->command, &value, &reason);
    if (err || !value)
        return err;
    pthread_mutex_lock(&k->lock);
    bool changed = strcmp(value, k->value) != 0;
    char *old = changed ? k->value : value;
    if (changed)
        k->value = value;
    pthread_mutex_unlock(&k->lock);
    http_key_wipe(old);
    return changed;
}

char *http_key_value(struct http_key *k)
{
    pthread_mutex_lock(&k->lock);
    char *copy = xstrdup(k->value);
    pthread_mutex_unlock(&k->lock);
    return copy;
}

void http_key_wipe(char *value)
{
    if (value)
        explicit_bzero(value, strlen(value));
    free(value);
}

void http_key_fingerprint(struct http_key *k, char ret_hex[17])
{
    unsigned char digest[SHA256_BYTES];
    char *value = http_key_value(k);
    sha256(value, strlen(value), digest);
    http_key_wipe(value);
    for (unsigned i = 0; i < 8; i++)
        snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
}

void http_key_close(struct http_key *k)
{
    if (!k)
        return;
    http_key_wipe(k->value);
    free(k->file);
    free(k->command);
    pthread_mutex_destroy(&k->lock);
    free(k);
}
