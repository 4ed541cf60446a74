/* Any bytes as JSON: whatever json_check() accepts must survive everything json/ does
 * with a text. What stands behind the last NUL byte of the input is taken as a path. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static struct json_span recheck(const struct buf *b)
{
    struct json_limits limits = {SIZE_MAX, 1000, false};
    struct json_span root = {0};
    require(json_check(b->data, b->len, &limits, &root, NULL) == 0);
    return root;
}

static void try_print(const char *text, struct json_span root)
{
    cleanup_buf struct buf indented = BUF_INIT;
    cleanup_buf struct buf again = BUF_INIT;
    cleanup_buf struct buf compact = BUF_INIT;
    json_reindent(&indented, text, root);
    struct json_span indented_root = recheck(&indented);
    json_reindent(&again, indented.data, indented_root);
    require(again.len == indented.len && !memcmp(again.data, indented.data, again.len));
    json_compact(&compact, text, root);
    require(compact.len <= root.end - root.start);
    struct json_span compact_root = recheck(&compact);
    require(json_same_tokens(indented.data, indented_root, compact.data, compact_root));
    require(json_same_value(text, root, compact.data, compact_root));
}

static void try_string(const char *text, struct json_span string)
{
    cleanup_buf struct buf decoded = BUF_INIT;
    cleanup_buf struct buf quoted = BUF_INIT;
    json_string_decode(text, string, &decoded);
    require(json_utf8_valid(decoded.len ? decoded.data : "", decoded.len, NULL));
    json_quote(&quoted, decoded.data, decoded.len);
    require(json_same_tokens(text, string, quoted.data, recheck(&quoted)));
    require(json_string_offset(text, string, decoded.len) == string.end - 1);
    require(json_string_offset(text, string, 0) == string.start + 1);
    free(json_string_dup(text, string));
}

/* The members or elements of one level. */
static void try_walk(const char *text, struct json_span container)
{
    struct json_iter it;
    struct json_span found;
    json_iter_init(&it, text, container);
    while (json_iter_next(&it)) {
        require(it.value.start >= container.start && it.value.end <= container.end);
        require(it.value.start < it.value.end);
        if (it.is_object)
            try_string(text, it.key);
        else if (it.index < 8)
            require(json_element(text, container, it.index, &found) &&
                    found.start == it.value.start);
        if (it.value.type == JSON_STRING)
            try_string(text, it.value);
    }
}

static void try_path(const char *text, struct json_span root, const uint8_t *data,
                     size_t size)
{
    struct json_span at;
    const uint8_t *nul = size ? memrchr(data, '\0', size) : NULL;
    size_t from = nul ? (size_t)(nul - data) + 1 : 0;
    cleanup_free char *path = xstrndup((const char *)data + from, nul ? size - from : 0);
    json_path(text, root, path, &at);
    require(at.start >= root.start && at.end <= root.end);
    try_walk(text, at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const uint8_t *nul = size ? memrchr(data, '\0', size) : NULL;
    size_t len = nul ? (size_t)(nul - data) : size;
    struct json_limits limits = {1 << 20, 500, false};
    struct json_span root;
    struct json_error error = {.message = ""};
    json_check(text, size, &JSON_LIMITS_USER, NULL, &error);
    if (json_check(text, len, &limits, &root, &error) < 0) {
        require(error.message[0] && error.line && error.column && error.offset <= len);
        return 0;
    }
    try_print(text, root);
    try_walk(text, root);
    try_path(text, root, data, size);
    return 0;
}
