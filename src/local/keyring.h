/* keyring.h - who may do what: the three keys of DIR/keys.json and their scopes.
 *
 * The file is the truth: a JSON object {"admin": "...", "author": "...", "reader": "..."}
 * of plain strings, 0600, written with random keys on the first start. To change a key,
 * change the file and start anew. */
#ifndef LOCAL_KEYRING_H
#define LOCAL_KEYRING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum scope {
    SCOPE_PAGES_READ,
    SCOPE_PAGES_WRITE,
    SCOPE_PAGES_DELETE,
    SCOPE_PAGES_ADMIN,
    SCOPE_DATA_READ,
    SCOPE_WORKFLOWS_READ,
    SCOPE_WORKFLOWS_WRITE,
    SCOPE_WEBHOOKS_WRITE,
    SCOPE_KEYS_MANAGE,
    SCOPE_COUNT,
    SCOPE_NONE = SCOPE_COUNT, /* any valid key will do */
};

enum key_role { KEY_ADMIN, KEY_AUTHOR, KEY_READER, KEY_ROLES };

struct api_key {
    enum key_role role;
    char *secret; /* owned */
};

struct keyring {
    struct api_key keys[KEY_ROLES];
};

/* Reads the file, or writes a new one when there is none. 0 or -errno (logged). */
int keyring_open(struct keyring *k, const char *path);
void keyring_finish(struct keyring *k);

/* The key with this secret; NULL: none. Takes the same time for every wrong one of a
 * length. */
const struct api_key *keyring_find(const struct keyring *k, const char *secret);

bool key_has(const struct api_key *key, enum scope scope);
const char *scope_name(enum scope scope);
/* "admin", "author", "reader". */
const char *key_name(const struct api_key *key);
/* The platform's word for it: owner, editor, viewer. */
const char *key_role_name(const struct api_key *key);
/* A UUID, the same in every workspace. */
const char *key_user_id(const struct api_key *key);
/* Appends the key's scopes as a JSON array. */
void key_print_scopes(const struct api_key *key, struct buf *out);

#endif
