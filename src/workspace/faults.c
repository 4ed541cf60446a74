#include "workspace/faults.h"

#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "workspace/faults_place.h"

enum { LINE_MAX_BYTES = 1000, LINES_MAX = 1000 };

/* Appends s as text of one line, at most max bytes, cut at a character: controls become
 * blanks, what is no UTF-8 a question mark. */
static void put_clean(struct buf *out, const char *s, size_t max)
{
    size_t left = strlen(s);
    for (size_t n; left; s += n, left -= n) {
        uint32_t code;
        size_t len = utf8_decode(s, left, &code);
        bool replaced = !len || utf8_is_control(code);
        n = len ? len : 1;
        if ((replaced ? 1 : n) > max)
            return;
        max -= replaced ? 1 : n;
        if (replaced)
            buf_putc(out, len ? ' ' : '?');
        else
            buf_append(out, s, n);
    }
}

/* "file:line:column: error: [stage] message suffix\n". The suffix (ours, short) is never
 * cut off: the message makes room for it. */
static void put_line(struct buf *out, const struct faults_place *place, const char *stage,
                     const char *message, const char *suffix)
{
    enum { FILE_MAX = 300, STAGE_MAX = 40 };
    size_t start = out->len;
    put_clean(out, place->file, FILE_MAX);
    buf_printf(out, ":%u:%u: error: ", place->line, place->column);
    if (stage && *stage) {
        buf_putc(out, '[');
        put_clean(out, stage, STAGE_MAX);
        buf_puts(out, "] ");
    }
    put_clean(out, message, LINE_MAX_BYTES - (out->len - start) - strlen(suffix));
    buf_puts(out, suffix);
    buf_putc(out, '\n');
}

/* What the verdict said of a line and column, for the end of the message. */
static void put_suffix(struct buf *out, const struct platform_fault *fault,
                       enum faults_inner inner)
{
    if (inner == FAULTS_INNER_NONE)
        return;
    buf_puts(out, inner == FAULTS_INNER_SQL ? " (SQL " : " (");
    buf_printf(out, "line %u", fault->line ? fault->line : 1);
    if (fault->column)
        buf_printf(out, ", column %u", fault->column);
    buf_putc(out, ')');
}

static void put_fault(struct buf *out, const struct faults_docs *docs, const char *file,
                      const struct platform_fault *fault)
{
    cleanup_buf struct buf suffix = BUF_INIT;
    struct faults_place place;
    faults_place_find(docs, file, fault, &place);
    put_suffix(&suffix, fault, place.inner);
    put_line(out, &place, fault->stage, fault->message, suffix.len ? suffix.data : "");
}

void faults_print_verdict(struct buf *out, const char *file,
                          const struct platform_verdict *verdict,
                          const struct faults_texts *texts)
{
    struct faults_docs docs;
    if (!verdict->ok && !verdict->fault_count) {
        faults_print_one(out, file, 1, 1, "",
                         "refused by the platform, without a reason");
        return;
    }
    faults_docs_init(&docs, texts);
    for (size_t i = 0; i < verdict->fault_count && i < LINES_MAX; i++)
        put_fault(out, &docs, file, &verdict->faults[i]);
    faults_docs_finish(&docs);
}

void faults_print_one(struct buf *out, const char *file, unsigned line, unsigned column,
                      const char *stage, const char *message)
{
    const struct faults_place place = {.file = file, .line = line, .column = column};
    put_line(out, &place, stage, message, "");
}

static void put_json_member(struct buf *json, const char *key, const char *value)
{
    cleanup_buf struct buf clean = BUF_INIT;
    put_clean(&clean, value, LINE_MAX_BYTES);
    buf_printf(json, "\"%s\":", key);
    json_quote(json, clean.data, clean.len);
    buf_putc(json, ',');
}

void faults_print_json(struct buf *out, const char *file, unsigned line, unsigned column,
                       const char *stage, const char *message)
{
    cleanup_buf struct buf json = BUF_INIT;
    buf_puts(&json, "{\"ok\":false,\"stages\":{\"compile\":false,\"query\":false,"
                    "\"bind\":false},\"errors\":[{");
    put_json_member(&json, "stage", stage ? stage : "");
    put_json_member(&json, "message", message);
    put_json_member(&json, "file", file);
    buf_printf(&json, "\"line\":%u,\"column\":%u}]}", line, column);
    json_reindent(out, json.data, (struct json_span){0, json.len, JSON_OBJECT});
}
