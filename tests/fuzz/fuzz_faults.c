/* Any verdict against any texts: one clean line that points into the text it names.
 *
 * The input, parted by NUL bytes: spec, queries, field, stage, message, and two bytes for
 * the verdict's line and column. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "workspace/faults.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PART_SPEC, PART_QUERIES, PART_FIELD, PART_STAGE, PART_MESSAGE, PART_COUNT };

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Cuts the next part off; "" where there is none. malloc'ed. */
static char *take_part(const uint8_t **data, size_t *size)
{
    const uint8_t *nul = *size ? memchr(*data, '\0', *size) : NULL;
    size_t len = nul ? (size_t)(nul - *data) : *size;
    char *part = xstrndup(len ? (const char *)*data : "", len);
    *data += len + (nul ? 1 : 0);
    *size -= len + (nul ? 1 : 0);
    return part;
}

static void require_clean(const char *line, size_t len)
{
    while (len) {
        uint32_t code;
        size_t n = utf8_decode(line, len, &code);
        require(n && !utf8_is_control(code));
        line += n;
        len -= n;
    }
}

/* The position is one that the text has (1:1 of a text that is not there). */
static void require_inside(const char *text, unsigned line, unsigned column)
{
    for (; line > 1; line--) {
        text = strchr(text, '\n');
        require(text);
        text++;
    }
    require(line == 1 && column >= 1 && column <= strcspn(text, "\n") + 1);
}

static void require_line(const struct buf *out, char *const *parts)
{
    unsigned line;
    unsigned column;
    char file[16];
    require(out->len > 1 && out->len <= 1001 && out->data[out->len - 1] == '\n');
    require_clean(out->data, out->len - 1);
    require(sscanf(out->data, "%15[a-z.]:%u:%u: error: ", file, &line, &column) == 3);
    require(!strcmp(file, "spec.json") || !strcmp(file, "queries.json"));
    require_inside(parts[*file == 's' ? PART_SPEC : PART_QUERIES], line, column);
}

static void try_verdict(char *const *parts, unsigned line, unsigned column)
{
    cleanup_text struct text *spec = text_from_string(parts[PART_SPEC]);
    cleanup_text struct text *queries = text_from_string(parts[PART_QUERIES]);
    cleanup_buf struct buf out = BUF_INIT;
    struct platform_fault fault = {.stage = parts[PART_STAGE],
                                   .message = parts[PART_MESSAGE],
                                   .field = parts[PART_FIELD],
                                   .line = line,
                                   .column = column};
    const struct platform_verdict verdict = {.faults = &fault, .fault_count = 1};
    faults_print_verdict(&out, "spec.json", &verdict,
                         &(struct faults_texts){spec, queries, false});
    require_line(&out, parts);
}

static void try_json(char *const *parts)
{
    cleanup_buf struct buf out = BUF_INIT;
    faults_print_json(&out, "page.json", 1, 1, parts[PART_STAGE], parts[PART_MESSAGE]);
    require(!json_check(out.data, out.len, &JSON_LIMITS_WIRE, NULL, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *parts[PART_COUNT];
    for (size_t i = 0; i < PART_COUNT; i++)
        parts[i] = take_part(&data, &size);
    try_verdict(parts, size > 0 ? data[0] : 0, size > 1 ? data[1] : 0);
    try_json(parts);
    for (size_t i = 0; i < PART_COUNT; i++)
        free(parts[i]);
    return 0;
}
