#include "jansson_opinion.h"

#include <jansson.h>

enum { READ_FLAGS = JSON_DECODE_ANY | JSON_ALLOW_NUL };

enum jansson_opinion jansson_check(const char *text, size_t len, bool refuse_duplicates)
{
    json_error_t error;
    json_t *root = json_loadb(
        text, len, READ_FLAGS | (refuse_duplicates ? JSON_REJECT_DUPLICATES : 0), &error);
    if (root) {
        json_decref(root);
        return JANSSON_ACCEPTS;
    }
    enum json_error_code code = json_error_code(&error);
    bool less =
        code == json_error_numeric_overflow || code == json_error_null_byte_in_key;
    return less ? JANSSON_ABSTAINS : JANSSON_REFUSES;
}

char *jansson_rewrite(const char *text, size_t len)
{
    json_t *root = json_loadb(text, len, READ_FLAGS, NULL);
    size_t escapes = len % 2 ? JSON_ENSURE_ASCII : 0;
    char *dump =
        root ? json_dumps(root, JSON_ENCODE_ANY | JSON_SORT_KEYS | escapes) : NULL;
    json_decref(root);
    return dump;
}
