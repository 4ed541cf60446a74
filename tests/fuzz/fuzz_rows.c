/* Any answer's text: each form of its rows ends, its size is what a read gives, a piece is
 * the same as in the whole, and json is json_reindent()'s. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json/rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* An array of documents, a line each. */
static void require_lines(const char *text, struct json_span array, const struct buf *out)
{
    struct json_iter it;
    const char *line = out->data;
    json_iter_init(&it, text, array);
    while (json_iter_next(&it)) {
        struct json_span root;
        const char *end = memchr(line, '\n', (size_t)(out->data + out->len - line));
        require(end &&
                !json_check(line, (size_t)(end - line), &JSON_LIMITS_WIRE, &root, NULL));
        require(json_same_tokens(line, root, text, it.value));
        line = end + 1;
    }
    require(line == out->data + out->len);
}

static void try_form(enum rows_form form, const char *text, struct json_span root)
{
    cleanup_buf struct buf whole = BUF_INIT;
    cleanup_buf struct buf piece = BUF_INIT;
    struct rows *r = NULL;
    int err = rows_new(form, text, root, &r);
    require(err == 0 || err == -EPROTO || (err == -EFBIG && form == ROWS_CSV));
    require((err == -EPROTO) == (root.type != JSON_ARRAY && root.type != JSON_NULL));
    if (err)
        return;
    buf_puts(&whole, "");
    rows_read(r, 0, SIZE_MAX, &whole);
    require(rows_size(r) == whole.len);
    size_t off = whole.len / 2;
    rows_read(r, off, 7, &piece);
    require(piece.len == (whole.len - off < 7 ? whole.len - off : 7));
    require(!piece.len || !memcmp(piece.data, whole.data + off, piece.len));
    if (form == ROWS_NDJSON && root.type == JSON_ARRAY)
        require_lines(text, root, &whole);
    if (form == ROWS_JSON && root.type == JSON_ARRAY) {
        cleanup_buf struct buf other = BUF_INIT;
        json_reindent(&other, text, root);
        require(other.len == whole.len && !memcmp(other.data, whole.data, whole.len));
    }
    rows_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct json_span root;
    if (json_check(text, size, &JSON_LIMITS_WIRE, &root, NULL))
        return 0;
    for (enum rows_form form = ROWS_CSV; form <= ROWS_JSON; form++)
        try_form(form, text, root);
    return 0;
}
