#include "workspace/present.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"

/* What page.json shows besides the id, in its order. */
static const char *const page_members[] = {"name", "tags", "description"};
/* What is in files of its own, or fixed: never in info.json. */
static const char *const info_hides[] = {
    "id", "spec", "declared_queries", "name", "tags", "description", NULL};
static const char *const template_hides[] = {"spec", "declared_queries", NULL};

static bool is_absent(struct json_span span)
{
    return span.start == span.end;
}

static bool is_among(const char *text, struct json_span key, const char *const *names)
{
    while (*names && !json_string_is(text, key, *names))
        names++;
    return *names;
}

/* ---- objects put together from tokens ---------------------------------------- */

static void put_span(struct buf *out, const char *text, struct json_span span)
{
    buf_append(out, text + span.start, span.end - span.start);
}

/* The place of another member, whose key follows. */
static void begin_member(struct buf *object)
{
    if (object->data[object->len - 1] != '{')
        buf_putc(object, ',');
}

static void put_member(struct buf *object, const char *text, struct json_span key,
                       struct json_span value)
{
    begin_member(object);
    put_span(object, text, key);
    buf_putc(object, ':');
    put_span(object, text, value);
}

/* The re-indented text of an object put together in `object`. */
static struct text *finish_object(const struct buf *object)
{
    struct buf out = BUF_INIT;
    json_reindent(&out, object->data, (struct json_span){0, object->len, JSON_OBJECT});
    return text_from_buf(&out);
}

/* ---- a page as files --------------------------------------------------------- */

static struct text *present_value(const struct platform_page *page,
                                  struct json_span value, const char *absent)
{
    struct buf out = BUF_INIT;
    if (!page->text || is_absent(value))
        return text_from_string(absent);
    json_reindent(&out, page->text->data, value);
    return text_from_buf(&out);
}

struct text *present_spec(const struct platform_page *page)
{
    return present_value(page, page->spec, "null\n");
}

struct text *present_queries(const struct platform_page *page)
{
    return present_value(page, page->queries, "[]\n");
}

static bool page_member(const struct platform_page *page, const char *key,
                        struct json_span *ret_value)
{
    return page->text && !is_absent(page->object) &&
           json_member(page->text->data, page->object, key, ret_value);
}

struct text *present_page(const struct platform_page *page)
{
    cleanup_buf struct buf object = BUF_INIT;
    struct json_span value;
    buf_puts(&object, "{\"id\":");
    if (page_member(page, "id", &value))
        put_span(&object, page->text->data, value);
    else
        json_quotes(&object, page->id ? page->id : "");
    for (size_t i = 0; i < ARRAY_LEN(page_members); i++) {
        if (!page_member(page, page_members[i], &value))
            continue;
        buf_printf(&object, ",\"%s\":", page_members[i]);
        put_span(&object, page->text->data, value);
    }
    buf_putc(&object, '}');
    return finish_object(&object);
}

/* The members of the page's object but those named, and but the values that spec.json and
 * queries.json show, under whatever key they came. */
static void put_other_members(struct buf *object, const struct platform_page *page,
                              const char *const *hides)
{
    struct json_iter it;
    if (!page->text || is_absent(page->object))
        return;
    json_iter_init(&it, page->text->data, page->object);
    while (json_iter_next(&it)) {
        bool shown = (!is_absent(page->spec) && it.value.start == page->spec.start) ||
                     (!is_absent(page->queries) && it.value.start == page->queries.start);
        if (!shown && !is_among(page->text->data, it.key, hides))
            put_member(object, page->text->data, it.key, it.value);
    }
}

struct text *present_info(const struct platform_page *page)
{
    cleanup_buf struct buf object = BUF_INIT;
    buf_putc(&object, '{');
    put_other_members(&object, page, info_hides);
    buf_putc(&object, '}');
    return finish_object(&object);
}

struct text *present_template(const struct platform_page *page)
{
    cleanup_buf struct buf object = BUF_INIT;
    buf_puts(&object, "{\"template\":{");
    put_other_members(&object, page, template_hides);
    buf_puts(&object, "}}");
    return finish_object(&object);
}

/* ---- page.json saved --------------------------------------------------------- */

/* The user's text, and where to say what is wrong with it. */
struct page_edit {
    const struct text *now;
    struct json_error *ret_error;
};

static int refuse(const struct page_edit *edit, struct json_span at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Always -EPROTO. */
static int refuse(const struct page_edit *edit, struct json_span at, const char *fmt, ...)
{
    struct json_error *error = edit->ret_error;
    va_list ap;
    if (!error)
        return -EPROTO;
    error->offset = at.start;
    json_position(edit->now->data, edit->now->len, at.start, &error->line,
                  &error->column);
    va_start(ap, fmt);
    vsnprintf(error->message, sizeof error->message, fmt, ap);
    va_end(ap);
    return -EPROTO;
}

static bool is_blank(const char *text, struct json_span string)
{
    cleanup_buf struct buf b = BUF_INIT;
    json_string_decode(text, string, &b);
    size_t pos = 0;
    uint32_t code;
    while (pos < b.len) {
        size_t n = utf8_decode(b.data + pos, b.len - pos, &code);
        if (n && code != ' ' && code != 0xa0 && !utf8_is_control(code))
            return false;
        pos += n ? n : 1;
    }
    return true;
}

static int check_name(const struct page_edit *edit, struct json_span value)
{
    if (value.type != JSON_STRING)
        return refuse(edit, value, "\"name\" must be a string");
    if (is_blank(edit->now->data, value))
        return refuse(edit, value, "\"name\" must not be blank");
    return 0;
}

static int check_tags(const struct page_edit *edit, struct json_span value)
{
    struct json_iter it;
    if (value.type != JSON_ARRAY)
        return refuse(edit, value, "\"tags\" must be an array of strings");
    json_iter_init(&it, edit->now->data, value);
    while (json_iter_next(&it))
        if (it.value.type != JSON_STRING)
            return refuse(edit, it.value, "\"tags\" must be an array of strings");
    return 0;
}

static int check_spec(const struct page_edit *edit, struct json_span value)
{
    return refuse(edit, value, "the spec is saved in spec.json");
}

static int check_queries(const struct page_edit *edit, struct json_span value)
{
    return refuse(edit, value, "the queries are saved in queries.json");
}

static int check_info(const struct page_edit *edit, struct json_span value)
{
    return refuse(edit, value, "this is the platform's own: info.json shows it");
}

static const struct page_rule {
    const char *key;
    int (*check)(const struct page_edit *edit, struct json_span value);
} page_rules[] = {
    {"name", check_name},       {"tags", check_tags},
    {"spec", check_spec},       {"declared_queries", check_queries},
    {"status", check_info},     {"console_url", check_info},
    {"created_at", check_info}, {"updated_at", check_info},
    {"version", check_info},
};

static int check_member(const struct page_edit *edit, struct json_span key,
                        struct json_span value)
{
    for (size_t i = 0; i < ARRAY_LEN(page_rules); i++)
        if (json_string_is(edit->now->data, key, page_rules[i].key))
            return page_rules[i].check(edit, value);
    return 0;
}

/* Ids are strings; one that came as a number is compared by its letters. */
static int check_id(const struct page_edit *edit, struct json_span root, const char *id)
{
    const char *text = edit->now->data;
    struct json_span value;
    if (!id || !json_member(text, root, "id", &value))
        return 0;
    size_t len = value.end - value.start;
    bool same = value.type == JSON_STRING
                    ? json_string_is(text, value, id)
                    : value.type == JSON_NUMBER && strlen(id) == len &&
                          !memcmp(text + value.start, id, len);
    return same ? 0 : refuse(edit, value, "a page keeps its id; this one's is %s", id);
}

/* Has base this member with the same tokens? */
static bool base_has(const struct text *base, const struct json_span *base_root,
                     const char *now, const struct json_iter *member)
{
    cleanup_free char *key = json_string_dup(now, member->key);
    struct json_span value;
    return key && base_root && json_member(base->data, *base_root, key, &value) &&
           json_same_tokens(now, member->value, base->data, value);
}

static int put_changes(struct buf *object, const struct page_edit *edit,
                       struct json_span root, const struct text *base,
                       const struct json_span *base_root)
{
    static const char *const never_sent[] = {"id", "template", NULL};
    const char *now = edit->now->data;
    struct json_iter it;
    json_iter_init(&it, now, root);
    while (json_iter_next(&it)) {
        if (is_among(now, it.key, never_sent) || base_has(base, base_root, now, &it))
            continue;
        int err = check_member(edit, it.key, it.value);
        if (err < 0)
            return err;
        put_member(object, now, it.key, it.value);
    }
    return 0;
}

int present_page_changes(const struct text *now, const struct text *base, const char *id,
                         struct buf *ret_fields, struct json_error *ret_error)
{
    const struct page_edit edit = {now, ret_error};
    cleanup_buf struct buf object = BUF_INIT;
    struct json_span root;
    struct json_span base_root;
    int err = json_check(now->data, now->len, &JSON_LIMITS_USER, &root, ret_error);
    if (!err && root.type != JSON_OBJECT)
        err = refuse(&edit, root, "page.json must be an object");
    if (!err)
        err = check_id(&edit, root, id);
    if (err < 0)
        return err;
    bool based =
        base && !json_check(base->data, base->len, &JSON_LIMITS_WIRE, &base_root, NULL);
    buf_putc(&object, '{');
    err = put_changes(&object, &edit, root, base, based ? &base_root : NULL);
    if (err < 0)
        return err;
    buf_putc(&object, '}');
    buf_append(ret_fields, object.data, object.len);
    return 0;
}
