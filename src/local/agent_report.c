#include "local/agent_report.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "local/agent_answer.h"

struct finding {
    const char *text;
    struct json_span root, rows;
    char *title, *sql, *label, *value, *error; /* owned */
};

static char *member(const struct finding *f, const char *name)
{
    struct json_span value;
    return json_member(f->text, f->root, name, &value) ? json_string_dup(f->text, value)
                                                       : NULL;
}

static bool finding_read(const char *text, struct finding *ret)
{
    *ret = (struct finding){.text = text};
    if (json_check(text, strlen(text), &JSON_LIMITS_WIRE, &ret->root, NULL) < 0)
        return false;
    ret->title = member(ret, "title");
    ret->sql = member(ret, "sql");
    ret->label = member(ret, "label");
    ret->value = member(ret, "value");
    ret->error = member(ret, "error");
    if (!json_member(text, ret->root, "rows", &ret->rows))
        ret->rows = (struct json_span){0, 0, JSON_NULL};
    return true;
}

static void finding_finish(struct finding *f)
{
    free(f->title);
    free(f->sql);
    free(f->label);
    free(f->value);
    free(f->error);
}
#define cleanup_finding __attribute__((__cleanup__(finding_finish)))

void report_text(const char *text, struct buf *out)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (strchr("\\`*_|<>[]", c))
            buf_putc(out, '\\');
        buf_putc(out, c < ' ' || c == 0x7f ? ' ' : *text);
    }
}

/* A cell by its own letters; a NULL is empty. */
static void put_value(const char *text, struct json_span value, struct buf *out)
{
    cleanup_buf struct buf string = BUF_INIT;
    if (value.type == JSON_NULL)
        return;
    if (value.type != JSON_STRING) {
        buf_append(out, text + value.start, value.end - value.start);
        return;
    }
    json_string_decode(text, value, &string);
    report_text(string.data ? string.data : "", out);
}

static void put_named(const struct finding *f, struct json_span row, const char *name,
                      struct buf *out)
{
    struct json_span value;
    if (json_member(f->text, row, name, &value))
        put_value(f->text, value, out);
}

static size_t ends_of_rows(const struct finding *f, struct json_span *ret_first,
                           struct json_span *ret_last)
{
    struct json_iter it;
    size_t count = 0;
    if (f->rows.type != JSON_ARRAY)
        return 0;
    json_iter_init(&it, f->text, f->rows);
    while (json_iter_next(&it)) {
        if (count++ == 0)
            *ret_first = it.value;
        *ret_last = it.value;
    }
    return count;
}

/* The rows come ranked: the first is the highest. */
static bool put_sentence(const struct finding *f, struct buf *out)
{
    struct json_span first, last;
    size_t count = ends_of_rows(f, &first, &last);
    if (!count || !f->label || !*f->label || !f->value || !*f->value)
        return false;
    report_text(f->title ? f->title : "Rows", out);
    buf_puts(out, count > 1 ? ": **" : ": there is only **");
    put_named(f, first, f->label, out);
    buf_puts(out, count > 1 ? "** has the highest " : "**, with ");
    report_text(f->value, out);
    buf_putc(out, ' ');
    put_named(f, first, f->value, out);
    if (count > 1) {
        buf_puts(out, ", **");
        put_named(f, last, f->label, out);
        buf_puts(out, "** the lowest of those shown, ");
        put_named(f, last, f->value, out);
    }
    buf_puts(out, ".");
    return true;
}

bool report_sentence(const char *text, struct buf *out)
{
    cleanup_finding struct finding f = {0};
    return finding_read(text, &f) && put_sentence(&f, out);
}

static void put_head(const struct finding *f, struct json_span row, struct buf *out)
{
    struct json_iter it;
    size_t columns = 0;
    json_iter_init(&it, f->text, row);
    buf_putc(out, '|');
    while (json_iter_next(&it)) {
        buf_putc(out, ' ');
        put_value(f->text, it.key, out);
        buf_puts(out, " |");
        columns++;
    }
    buf_puts(out, "\n|");
    while (columns-- > 0)
        buf_puts(out, " --- |");
    buf_putc(out, '\n');
}

static void put_row(const struct finding *f, struct json_span row, struct buf *out)
{
    struct json_iter it;
    json_iter_init(&it, f->text, row);
    buf_putc(out, '|');
    while (json_iter_next(&it)) {
        buf_putc(out, ' ');
        put_value(f->text, it.value, out);
        buf_puts(out, " |");
    }
    buf_putc(out, '\n');
}

static void put_table(const struct finding *f, struct buf *out)
{
    struct json_iter it;
    if (f->rows.type != JSON_ARRAY)
        return;
    json_iter_init(&it, f->text, f->rows);
    while (json_iter_next(&it)) {
        if (it.index == 0)
            put_head(f, it.value, out);
        put_row(f, it.value, out);
    }
}

void report_table(const char *text, struct buf *out)
{
    cleanup_finding struct finding f = {0};
    if (finding_read(text, &f))
        put_table(&f, out);
}

void report_section(const char *text, bool with_sql, struct buf *out)
{
    cleanup_finding struct finding f = {0};
    struct json_span first, last;
    if (!finding_read(text, &f) || (!f.error && f.rows.type != JSON_ARRAY))
        return; /* a step that was skipped */
    buf_puts(out, "\n## ");
    report_text(f.title ? f.title : "A query", out);
    buf_puts(out, "\n\n");
    if (f.error) {
        buf_puts(out, "The query failed: ");
        report_text(f.error, out);
        buf_puts(out, "\n");
    } else if (ends_of_rows(&f, &first, &last) == 0) {
        buf_puts(out, "No rows.\n");
    } else {
        if (put_sentence(&f, out))
            buf_puts(out, "\n\n");
        put_table(&f, out);
    }
    if (with_sql && f.sql)
        buf_printf(out, "\n```sql\n%s\n```\n", f.sql);
}
