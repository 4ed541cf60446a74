#include "workspace/names.h"

#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/utf8.h"

static bool is_separator(uint32_t code)
{
    return code == ' ' || code == '/' || code == 0xa0 || utf8_is_control(code);
}

static void strip_dashes(struct buf *b)
{
    while (b->len && b->data[b->len - 1] == '-')
        buf_resize(b, b->len - 1);
}

/* A slug in the making: a dash is due only once something follows it. */
struct slug {
    struct buf text;
    bool dash_due;
};

static void slug_separate(struct slug *slug)
{
    strip_dashes(&slug->text);
    slug->dash_due = true;
}

static void slug_add(struct slug *slug, const char *character, size_t len)
{
    bool dash = *character == '-';
    if (dash && slug->dash_due) /* "a - b" is a-b, while "a--b" stays */
        return;
    if (!slug->text.len && (dash || *character == '.'))
        return;
    if (slug->dash_due && slug->text.len)
        buf_putc(&slug->text, '-');
    slug->dash_due = false;
    buf_append(&slug->text, character, len);
    if (*character >= 'A' && *character <= 'Z')
        slug->text.data[slug->text.len - 1] = (char)(*character - 'A' + 'a');
}

char *name_slug(const char *name)
{
    const char *p = name ? name : "";
    struct slug slug = {.text = BUF_INIT};
    while (*p && slug.text.len <= NAME_SLUG_MAX) {
        uint32_t code;
        size_t n = utf8_decode(p, strnlen(p, 4), &code);
        if (!n || is_separator(code))
            slug_separate(&slug);
        else
            slug_add(&slug, p, n);
        p += n ? n : 1;
    }
    if (slug.text.len)
        buf_resize(&slug.text, utf8_cut(slug.text.data, slug.text.len, NAME_SLUG_MAX));
    strip_dashes(&slug.text);
    if (!slug.text.len)
        buf_puts(&slug.text, "page");
    return buf_steal(&slug.text);
}

enum { UNIQUE_ID_BYTES = 8 };

char *name_slug_unique(const char *slug, const char *id)
{
    struct buf out = BUF_INIT;
    size_t room = NAME_COMPONENT_MAX - 1 - UNIQUE_ID_BYTES;
    buf_append(&out, slug, utf8_cut(slug, strlen(slug), room));
    buf_putc(&out, '~');
    for (size_t i = 0; id && id[i] && i < UNIQUE_ID_BYTES; i++) {
        unsigned char c = (unsigned char)id[i];
        bool safe = c < 0x80 && (isalnum(c) || c == '_' || c == '.');
        buf_putc(&out, safe ? (char)c : '-');
    }
    return buf_steal(&out);
}

/* Ids differ; their first eight bytes may not, so a counter has the last word. */
char *name_unused(const char *slug, const char *id, name_taken_fn *taken, void *arg)
{
    char *name = xstrdup(slug);
    for (unsigned n = 2; taken(arg, name); n++) {
        cleanup_free char *tried = name;
        cleanup_free char *unique = name_slug_unique(slug, id);
        name = n == 2 ? steal_ptr(unique) : xasprintf("%s-%u", unique, n);
        (void)tried;
    }
    return name;
}

bool name_is_component(const char *name)
{
    size_t len = strnlen(name, NAME_COMPONENT_MAX + 1);
    if (!len || len > NAME_COMPONENT_MAX || !strcmp(name, ".") || !strcmp(name, ".."))
        return false;
    for (const char *p = name; *p; p++)
        if (*p == '/' || (unsigned char)*p < 0x20 || *p == 0x7f)
            return false;
    return true;
}

/* FNV-1a. */
uint64_t name_order(const char *name)
{
    uint64_t h = 14695981039346656037u;
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 1099511628211u;
    return h >> 2;
}
