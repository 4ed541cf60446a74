/* page.c - a page out of an answer: strings copied, documents as spans. */
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "platform/internal.h"

/* Names, ids and times are short; what is longer than this is not taken for one. */
enum { PAGE_STRING_MAX = 64 << 10 };

static const struct {
    const char *key;
    size_t offset;
} page_strings[] = {
    {"name", offsetof(struct platform_page, name)},
    {"description", offsetof(struct platform_page, description)},
    {"status", offsetof(struct platform_page, status)},
    {"console_url", offsetof(struct platform_page, console_url)},
    {"created_at", offsetof(struct platform_page, created_at)},
    {"updated_at", offsetof(struct platform_page, updated_at)},
    {"version", offsetof(struct platform_page, version)},
};

static const struct {
    const char *key;
    size_t offset;
} page_documents[] = {
    {"spec", offsetof(struct platform_page, spec)},
    {"declared_queries", offsetof(struct platform_page, queries)},
    {"tags", offsetof(struct platform_page, tags)},
};

/* Whatever of these a summary carries makes the change token. */
static const char *const page_token_keys[] = {
    "updated_at", "version",     "revision",        "etag",
    "updatedAt",  "modified_at", "current_version", "content_hash"};

/* A string decoded, or a number by its letters; NULL for anything else. */
static char *page_scalar(const char *text, struct json_span value)
{
    if (value.end - value.start > PAGE_STRING_MAX)
        return NULL;
    if (value.type == JSON_STRING)
        return json_string_dup(text, value);
    if (value.type == JSON_NUMBER)
        return xstrndup(text + value.start, value.end - value.start);
    return NULL;
}

static void page_set_string(char **slot, const char *text, struct json_span value)
{
    free(*slot); /* of a duplicate key the last one counts */
    *slot = page_scalar(text, value);
}

static void page_take_member(struct platform_page *page, const struct json_iter *it,
                             const char *id_key)
{
    if (json_string_is(it->text, it->key, id_key))
        page_set_string(&page->id, it->text, it->value);
    for (size_t i = 0; i < ARRAY_LEN(page_strings); i++)
        if (json_string_is(it->text, it->key, page_strings[i].key))
            page_set_string((char **)(void *)((char *)page + page_strings[i].offset),
                            it->text, it->value);
    if (it->value.type == JSON_NULL)
        return; /* "spec": null is no spec */
    for (size_t i = 0; i < ARRAY_LEN(page_documents); i++)
        if (json_string_is(it->text, it->key, page_documents[i].key))
            *(struct json_span *)(void *)((char *)page + page_documents[i].offset) =
                it->value;
}

static char *page_token(const char *text, struct json_span object)
{
    cleanup_buf struct buf token = BUF_INIT;
    struct json_span value;
    for (size_t i = 0; i < ARRAY_LEN(page_token_keys); i++) {
        if (!json_member(text, object, page_token_keys[i], &value) ||
            (value.type != JSON_STRING && value.type != JSON_NUMBER) ||
            value.end - value.start > PAGE_STRING_MAX)
            continue;
        buf_printf(&token, "%s=", page_token_keys[i]);
        buf_append(&token, text + value.start, value.end - value.start);
        buf_putc(&token, ';');
    }
    return token.len ? buf_steal(&token) : NULL;
}

/* {"page": {...}} and {"template": {...}}, where the object around it is no page. */
static struct json_span page_inner(const char *text, struct json_span value,
                                   const char *id_key)
{
    static const char *const names[] = {"page", "template", "data"};
    struct json_span inner;
    if (json_member(text, value, id_key, &inner))
        return value;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (json_member(text, value, names[i], &inner) && inner.type == JSON_OBJECT)
            return inner;
    return value;
}

bool page_read(struct text *text, struct json_span value, const char *id_key,
               struct platform_page *ret)
{
    struct json_iter it;
    struct json_span id;
    *ret = (struct platform_page){0};
    value = envelope_unwrap(text->data, value);
    if (value.type != JSON_OBJECT)
        return false;
    value = page_inner(text->data, value, id_key);
    json_iter_init(&it, text->data, value);
    while (json_iter_next(&it))
        page_take_member(ret, &it, id_key);
    if (!ret->id && json_member(text->data, value, "id", &id))
        ret->id = page_scalar(text->data, id);
    ret->token = page_token(text->data, value);
    ret->object = value;
    ret->text = text_ref(text);
    return true;
}

void page_finish(struct platform_page *page)
{
    free(page->id);
    free(page->token);
    for (size_t i = 0; i < ARRAY_LEN(page_strings); i++)
        free(*(char **)(void *)((char *)page + page_strings[i].offset));
    text_unref(page->text);
    *page = (struct platform_page){0};
}

bool platform_page_parse(struct text *text, struct platform_page *ret)
{
    struct json_span root;
    if (json_check(text->data, text->len, &JSON_LIMITS_WIRE, &root, NULL) != 0 ||
        !page_read(text, root, "id", ret))
        return false;
    if (ret->id && *ret->id)
        return true;
    page_finish(ret);
    return false;
}

void platform_page_finish(struct platform_page *page)
{
    page_finish(page);
}
