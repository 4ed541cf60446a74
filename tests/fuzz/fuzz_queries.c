/* Any text as queries.json, and any bytes as a query's SQL: file names that are one path
 * component each, and edits that change one string and not a byte beside it. The input,
 * parted by a NUL byte: the text, the SQL. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "workspace/names.h"
#include "workspace/queries.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void read_again(struct text *text, struct queries *ret)
{
    require(text && queries_read(text, ret, NULL) == 0);
}

static void try_set(const struct queries *q, const struct query *query, const char *sql,
                    size_t len)
{
    struct queries again = {0};
    cleanup_text struct text *now = queries_set_sql(q, query, sql, len);
    read_again(now, &again);
    const struct query *same = queries_find(&again, query->file);
    require(same && same->sql.start == query->sql.start &&
            now->len - same->sql.end == q->text->len - query->sql.end);
    require(!memcmp(now->data, q->text->data, same->sql.start) &&
            !memcmp(now->data + same->sql.end, q->text->data + query->sql.end,
                    now->len - same->sql.end));
    cleanup_buf struct buf shown = BUF_INIT;
    queries_show(&again, same, &shown);
    cleanup_text struct text *back =
        queries_set_sql(&again, same, shown.len ? shown.data : "", shown.len);
    require(back == now);
    queries_finish(&again);
}

static void try_rest(const struct queries *q, const char *sql, size_t len)
{
    struct queries again = {0};
    cleanup_text struct text *more = queries_add(q, "new", sql, len);
    read_again(more, &again);
    require(again.count == q->count + 1);
    cleanup_text struct text *less = queries_remove(&again, &again.list[q->count]);
    queries_finish(&again);
    read_again(less, &again);
    require(again.count == q->count);
    queries_finish(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *part = size ? memchr(data, '\0', size) : NULL;
    cleanup_text struct text *text =
        text_new(size ? (const char *)data : "", part ? (size_t)(part - data) : size);
    const char *sql = part ? (const char *)part + 1 : "SELECT 1\n";
    size_t len = part ? size - text->len - 1 : strlen(sql);
    struct queries q = {0};
    if (!json_utf8_valid(sql, len, NULL) || queries_read(text, &q, NULL) != 0)
        return 0;
    for (size_t i = 0; i < q.count && i < 16; i++) {
        require(name_is_component(q.list[i].file));
        require(queries_find(&q, q.list[i].file) == &q.list[i]);
        try_set(&q, &q.list[i], sql, len);
    }
    try_rest(&q, sql, len);
    queries_finish(&q);
    return 0;
}
