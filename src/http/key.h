/* key.h - where the API key comes from, and nothing else knows the key.
 *
 * Sources, in the order tried: an explicit file, an explicit command,
 * $CREDENTIALS_DIRECTORY/amdahl-key (systemd), AMDAHL_API_KEY, API_KEY. A file must be
 * readable by its owner alone. The environment's copies are wiped once read. */
#ifndef HTTP_KEY_H
#define HTTP_KEY_H

#include <stdbool.h>

struct http_key;

/* file and command may be NULL. 0; -EACCES (mode or owner of the file), -ENOENT (no key
 * anywhere), -EINVAL (empty, or bytes that no header can hold), -errno; *ret_reason
 * (malloc'ed) in words, never with the key in it. */
int http_key_open(const char *file, const char *command, struct http_key **ret_key,
                  char **ret_reason);
/* Reads the source again (a rotated key). 1: it changed; 0: it is the same; -errno. */
int http_key_reload(struct http_key *k);
/* A copy, malloc'ed; give it back to http_key_wipe(). */
char *http_key_value(struct http_key *k);
void http_key_wipe(char *value);
/* 16 hex digits of SHA-256 of the key: tells keys apart without showing them. */
void http_key_fingerprint(struct http_key *k, char ret_hex[17]);
void http_key_close(struct http_key *k);

#endif
