/* Any answer of any platform: what is read out of it lies inside it, and what is said of
 * it is one clean line. The same bytes are a header line and a URL too. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "http/head.h"
#include "http/url.h"
#include "platform/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void require_inside(const struct text *t, struct json_span span)
{
    require(span.start <= span.end && span.end <= t->len);
}

static void require_clean(const char *line)
{
    size_t len = strlen(line);
    require(len > 0 && len < 2000);
    while (len) {
        uint32_t code;
        size_t n = utf8_decode(line, len, &code);
        require(n && !utf8_is_control(code));
        line += n;
        len -= n;
    }
}

static void read_page(struct text *t, struct json_span value)
{
    struct platform_page page;
    if (!page_read(t, value, "id", &page))
        return;
    require_inside(t, page.object);
    require_inside(t, page.spec);
    require_inside(t, page.queries);
    require_inside(t, page.tags);
    page_finish(&page);
}

static void read_list(struct text *t, struct json_span root)
{
    struct envelope_list list;
    struct json_iter it;
    if (!envelope_read_list(t->data, root, &list))
        return;
    require(list.items.type == JSON_ARRAY);
    require_inside(t, list.items);
    require(!list.next_cursor || *list.next_cursor);
    json_iter_init(&it, t->data, list.items);
    while (json_iter_next(&it))
        read_page(t, it.value);
    envelope_list_finish(&list);
}

static void read_failure(struct text *t, struct json_span root)
{
    struct platform_error error;
    struct platform_verdict verdict;
    bool found = verdict_find(t, root, &verdict);
    error_read(t->data, root, &error);
    cleanup_free char *words = error_words(422, &error, found ? &verdict : NULL);
    require_clean(words);
    require(error_from_code(error.code) < 0);
    error_is_failure(t->data, root);
    if (found) {
        require_inside(t, verdict.object);
        for (size_t i = 0; i < verdict.fault_count; i++)
            require(verdict.faults[i].message && verdict.faults[i].stage);
        verdict_finish(&verdict);
    }
    error_finish(&error);
}

static void read_as_header(struct text *t)
{
    struct head head;
    head_init(&head);
    head_line(&head, t->data, t->len);
    head_end(&head, INT64_C(1760000000000));
    require(head.wait_ms >= -1 && head.news.reset_ms >= -1 && head.news.limit >= -1 &&
            head.news.remaining >= -1);
}

static void read_as_url(struct text *t)
{
    struct url url;
    char *reason = NULL;
    if (url_parse(t->data, &url, &reason) == 0)
        url_finish(&url);
    free(reason);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_text struct text *t = text_new(data, size);
    struct json_span root;
    read_as_header(t);
    read_as_url(t);
    require(head_body_wait(t->data, t->len) >= 0);
    if (json_check(t->data, t->len, &JSON_LIMITS_WIRE, &root, NULL))
        return 0;
    read_page(t, root);
    read_list(t, root);
    read_failure(t, root);
    return 0;
}
