#include "local/keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/log.h"
#include "json/json.h"
#include "local/file.h"
#include "local/uuid.h"

enum { KEY_FILE_MAX = 4096, KEY_RANDOM = 40 };
#define KEY_PREFIX "amdahl_sk_local_"

static const char *const scope_names[SCOPE_COUNT] = {
    [SCOPE_PAGES_READ] = "pages:read",
    [SCOPE_PAGES_WRITE] = "pages:write",
    [SCOPE_PAGES_DELETE] = "pages:delete",
    [SCOPE_PAGES_ADMIN] = "pages:admin",
    [SCOPE_DATA_READ] = "data:read",
    [SCOPE_WORKFLOWS_READ] = "workflows:read",
    [SCOPE_WORKFLOWS_WRITE] = "workflows:write",
    [SCOPE_WEBHOOKS_WRITE] = "webhooks:write",
    [SCOPE_KEYS_MANAGE] = "keys:manage",
};

#define BIT(scope) (1u << (scope))

static const struct {
    const char *name;
    const char *platform_role;
    const char *user_id;
    unsigned scopes;
} roles[KEY_ROLES] = {
    [KEY_ADMIN] = {"admin", "owner", "00000000-0000-4000-8000-000000000001",
                   BIT(SCOPE_COUNT) - 1},
    [KEY_AUTHOR] = {"author", "editor", "00000000-0000-4000-8000-000000000002",
                    BIT(SCOPE_PAGES_READ) | BIT(SCOPE_PAGES_WRITE) |
                        BIT(SCOPE_DATA_READ) | BIT(SCOPE_WORKFLOWS_READ) |
                        BIT(SCOPE_WORKFLOWS_WRITE)},
    [KEY_READER] = {"reader", "viewer", "00000000-0000-4000-8000-000000000003",
                    BIT(SCOPE_PAGES_READ) | BIT(SCOPE_DATA_READ)},
};

const char *scope_name(enum scope scope)
{
    return scope_names[scope];
}

const char *key_name(const struct api_key *key)
{
    return roles[key->role].name;
}

const char *key_role_name(const struct api_key *key)
{
    return roles[key->role].platform_role;
}

const char *key_user_id(const struct api_key *key)
{
    return roles[key->role].user_id;
}

bool key_has(const struct api_key *key, enum scope scope)
{
    return scope == SCOPE_NONE || (roles[key->role].scopes & BIT(scope));
}

void key_print_scopes(const struct api_key *key, struct buf *out)
{
    const char *separator = "[";
    for (size_t i = 0; i < SCOPE_COUNT; i++) {
        if (!key_has(key, (enum scope)i))
            continue;
        buf_printf(out, "%s\"%s\"", separator, scope_names[i]);
        separator = ",";
    }
    buf_puts(out, "]");
}

/* Looks at every byte of the guess whatever the first difference is. */
static bool secret_equal(const char *secret, const char *guess, size_t guess_len)
{
    size_t len = strlen(secret);
    unsigned char difference = len != guess_len;
    for (size_t i = 0; i < guess_len; i++)
        difference |= (unsigned char)(secret[len ? i % len : 0] ^ guess[i]);
    return !difference;
}

const struct api_key *keyring_find(const struct keyring *k, const char *secret)
{
    const struct api_key *found = NULL;
    size_t len = strlen(secret);
    for (size_t i = 0; i < KEY_ROLES; i++)
        if (secret_equal(k->keys[i].secret, secret, len))
            found = &k->keys[i];
    return found;
}

static void keyring_generate(struct buf *text)
{
    char random[KEY_RANDOM + 1];
    buf_puts(text, "{\n");
    for (size_t i = 0; i < KEY_ROLES; i++) {
        random_hex(random, KEY_RANDOM);
        buf_printf(text, "  \"%s\": \"" KEY_PREFIX "%s\"%s\n", roles[i].name, random,
                   i + 1 < KEY_ROLES ? "," : "");
    }
    buf_puts(text, "}\n");
}

static int keyring_parse(struct keyring *k, const struct buf *text, const char *path)
{
    struct json_error error;
    struct json_span root;
    int r = json_check(text->data, text->len, &JSON_LIMITS_USER, &root, &error);
    if (r < 0) {
        log_error("%s:%u:%u: %s", path, error.line, error.column, error.message);
        return r;
    }
    for (size_t i = 0; i < KEY_ROLES; i++) {
        struct json_span value;
        char *secret = NULL;
        if (json_member(text->data, root, roles[i].name, &value))
            secret = json_string_dup(text->data, value);
        if (!secret || !*secret) {
            free(secret);
            log_error("%s: there is no \"%s\" key", path, roles[i].name);
            return -EPROTO;
        }
        k->keys[i] = (struct api_key){(enum key_role)i, secret};
    }
    return 0;
}

int keyring_open(struct keyring *k, const char *path)
{
    cleanup_buf struct buf text = BUF_INIT;
    *k = (struct keyring){0};
    int r = file_read(path, KEY_FILE_MAX, &text);
    if (r == -ENOENT) {
        keyring_generate(&text);
        r = file_write_private(path, text.data, text.len);
    }
    if (r < 0) {
        log_error("%s: %s", path, strerror(-r));
        return r;
    }
    r = keyring_parse(k, &text, path);
    if (r < 0)
        keyring_finish(k);
    return r;
}

void keyring_finish(struct keyring *k)
{
    for (size_t i = 0; i < KEY_ROLES; i++)
        free(k->keys[i].secret);
    *k = (struct keyring){0};
}
