/* render_names.c - names below render/, and the params that they stand for. */
#include "workspace/render_names.h"

#include <ctype.h>
#include <string.h>

#include "base/table.h"
#include "base/utf8.h"
#include "workspace/names.h"

enum { STEM_MAX = NAME_COMPONENT_MAX - 7 /* ".ndjson" */ };

/* ---- files ------------------------------------------------------------------- */

static bool stem_is_plain(const char *name, size_t len)
{
    size_t pos = 0;
    uint32_t code;
    if (!len || len > STEM_MAX || *name == '.' || *name == '#' ||
        (len == 6 && !memcmp(name, "render", 6)))
        return false;
    while (pos < len) {
        size_t n = utf8_decode(name + pos, len - pos, &code);
        if (!n || code == '/' || utf8_is_control(code))
            return false;
        pos += n;
    }
    return true;
}

static bool stem_is_taken(const struct render_names *n, const char *stem)
{
    for (size_t i = 0; i < n->count; i++)
        if (n->queries[i].stem && !strcmp(n->queries[i].stem, stem))
            return true;
    return false;
}

static bool query_is_known(const struct render_names *n, const struct buf *name)
{
    for (size_t i = 0; i < n->count; i++)
        if (n->queries[i].name.len == name->len &&
            !memcmp(n->queries[i].name.data, name->data, name->len))
            return true;
    return false;
}

static char *stem_made_safe(const struct render_names *n, const struct buf *name)
{
    cleanup_free char *slug = name_slug(name->data);
    const char *rest = slug + strspn(slug, "#");
    char *stem = xasprintf("%s~%08x", name->len && *rest ? rest : "query",
                           table_hash(name->data, name->len));
    for (unsigned i = 2; stem_is_taken(n, stem); i++) {
        free(stem);
        stem = xasprintf("%s~%08x~%u", name->len && *rest ? rest : "query",
                         table_hash(name->data, name->len), i);
    }
    return stem;
}

static void names_add_query(struct render_names *n, const char *text,
                            struct json_span query)
{
    struct json_span span;
    struct buf name = BUF_INIT;
    buf_puts(&name, "");
    if (json_member(text, query, "name", &span) && span.type == JSON_STRING)
        json_string_decode(text, span, &name);
    if (n->count == RENDER_NAMES_MAX || query_is_known(n, &name)) {
        buf_finish(&name);
        return;
    }
    n->queries = xrealloc(n->queries, (n->count + 1) * sizeof *n->queries);
    n->queries[n->count++] = (struct render_query){NULL, name};
}

/* Those that can have their own name do, whatever stands before them. */
static void names_give_stems(struct render_names *n)
{
    for (size_t i = 0; i < n->count; i++) {
        struct buf *name = &n->queries[i].name;
        if (stem_is_plain(name->data, name->len))
            n->queries[i].stem = xstrdup(name->data);
    }
    for (size_t i = 0; i < n->count; i++)
        if (!n->queries[i].stem)
            n->queries[i].stem = stem_made_safe(n, &n->queries[i].name);
}

/* ---- types ------------------------------------------------------------------- */

static char hint_type(const char *text, struct json_span hint)
{
    static const char *const numbers[] = {"int",     "float",  "num",      "double",
                                          "decimal", "bigint", "smallint", "real"};
    if (hint.type == JSON_OBJECT && !json_member(text, hint, "type", &hint))
        return 's';
    if (hint.type == JSON_NUMBER)
        return 'n'; /* a default */
    if (hint.type == JSON_TRUE || hint.type == JSON_FALSE)
        return 'b';
    cleanup_free char *word = json_string_dup(text, hint);
    if (!word)
        return 's';
    for (char *c = word; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (!strncmp(word, numbers[i], strlen(numbers[i])) &&
            strcmp(word, "interval") != 0)
            return 'n';
    return strncmp(word, "bool", 4) != 0 ? 's' : 'b';
}

static const struct render_hint *hint_find(const struct render_names *n, const char *key,
                                           size_t len)
{
    for (size_t i = 0; i < n->hint_count; i++)
        if (n->hints[i].key.len == len && !memcmp(n->hints[i].key.data, key, len))
            return &n->hints[i];
    return NULL;
}

static void names_add_hint(struct render_names *n, const char *text, struct json_span key,
                           struct json_span hint)
{
    struct render_hint made = {BUF_INIT, hint_type(text, hint)};
    buf_puts(&made.key, "");
    json_string_decode(text, key, &made.key);
    if (n->hint_count == RENDER_NAMES_MAX || hint_find(n, made.key.data, made.key.len)) {
        buf_finish(&made.key);
        return;
    }
    n->hints = xrealloc(n->hints, (n->hint_count + 1) * sizeof *n->hints);
    n->hints[n->hint_count++] = made;
}

/* {"region": "string"}, or [{"name": "region", "type": "string"}]. */
static void names_add_params(struct render_names *n, const char *text,
                             struct json_span query)
{
    struct json_span params;
    struct json_span name;
    struct json_iter it;
    if (!json_member(text, query, "params", &params))
        return;
    json_iter_init(&it, text, params);
    while (json_iter_next(&it)) {
        if (it.is_object)
            names_add_hint(n, text, it.key, it.value);
        else if (json_member(text, it.value, "name", &name) && name.type == JSON_STRING)
            names_add_hint(n, text, name, it.value);
    }
}

void render_names_read(const struct text *queries, struct render_names *ret)
{
    struct json_limits limits = JSON_LIMITS_WIRE;
    struct json_span root;
    struct json_iter it;
    *ret = (struct render_names){0};
    if (json_check(queries->data, queries->len, &limits, &root, NULL) ||
        root.type != JSON_ARRAY)
        return;
    json_iter_init(&it, queries->data, root);
    while (json_iter_next(&it)) {
        if (it.value.type != JSON_OBJECT)
            continue;
        names_add_query(ret, queries->data, it.value);
        names_add_params(ret, queries->data, it.value);
    }
    names_give_stems(ret);
}

bool render_names_same_files(const struct render_names *a, const struct render_names *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = !strcmp(a->queries[i].stem, b->queries[i].stem);
    return same;
}

void render_names_finish(struct render_names *n)
{
    for (size_t i = 0; i < n->count; i++) {
        free(n->queries[i].stem);
        buf_finish(&n->queries[i].name);
    }
    for (size_t i = 0; i < n->hint_count; i++)
        buf_finish(&n->hints[i].key);
    free(n->queries);
    free(n->hints);
    *n = (struct render_names){0};
}

/* ---- params ------------------------------------------------------------------ */

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = c ? strchr(digits, tolower((unsigned char)c)) : NULL;
    return found ? (int)(found - digits) : -1;
}

static bool percent_decode(const char *s, size_t len, struct buf *out)
{
    buf_clear(out);
    buf_puts(out, "");
    for (size_t i = 0; i < len; i++) {
        if (s[i] != '%') {
            buf_putc(out, s[i]);
            continue;
        }
        int high = len - i > 2 ? hex_digit(s[i + 1]) : -1;
        int low = high < 0 ? -1 : hex_digit(s[i + 2]);
        if (low < 0)
            return false;
        buf_putc(out, (char)(high * 16 + low));
        i += 2;
    }
    return json_utf8_valid(out->data, out->len, NULL);
}

/* The next pair of a name; *pos is behind the one before. 1; 0 at the end; -1: it is none. */
static int params_next(const char *name, size_t *pos, struct buf *key, struct buf *value)
{
    if (*pos > strlen(name))
        return 0;
    const char *s = name + *pos;
    size_t len = strcspn(s, ",");
    const char *equals = memchr(s, '=', len);
    *pos += len + 1;
    if (!equals || equals == s)
        return -1;
    size_t key_len = (size_t)(equals - s);
    return percent_decode(s, key_len, key) &&
                   percent_decode(equals + 1, len - key_len - 1, value)
               ? 1
               : -1;
}

/* Does the name give this key, before byte `end`? */
static bool params_have(const char *name, size_t end, const char *key, size_t len)
{
    cleanup_buf struct buf other = BUF_INIT;
    cleanup_buf struct buf value = BUF_INIT;
    size_t pos = 0;
    while (pos < end && params_next(name, &pos, &other, &value) == 1)
        if (other.len == len && !memcmp(other.data, key, len))
            return true;
    return false;
}

bool render_params_valid(const char *name)
{
    cleanup_buf struct buf key = BUF_INIT;
    cleanup_buf struct buf value = BUF_INIT;
    size_t pos = 0;
    size_t at = 0;
    int r;
    while ((r = params_next(name, &pos, &key, &value)) == 1) {
        if (params_have(name, at, key.data, key.len))
            return false;
        at = pos;
    }
    return r == 0 && at;
}

static void params_put_value(char type, const struct buf *value, struct buf *out)
{
    struct json_limits limits = JSON_LIMITS_WIRE;
    struct json_span root;
    bool plain = type == 'n' &&
                 !json_check(value->data, value->len, &limits, &root, NULL) &&
                 root.type == JSON_NUMBER && root.end - root.start == value->len;
    if (type == 'b' && (!strcmp(value->data, "true") || !strcmp(value->data, "false")))
        plain = strlen(value->data) == value->len;
    if (plain)
        buf_append(out, value->data, value->len);
    else
        json_quote(out, value->data, value->len);
}

static void params_put_defaults(const char *name, const struct text *defaults,
                                struct buf *out)
{
    cleanup_buf struct buf key = BUF_INIT;
    struct json_limits limits = JSON_LIMITS_WIRE;
    struct json_span root;
    struct json_iter it;
    if (!defaults || json_check(defaults->data, defaults->len, &limits, &root, NULL) ||
        root.type != JSON_OBJECT)
        return;
    json_iter_init(&it, defaults->data, root);
    while (json_iter_next(&it)) {
        buf_clear(&key);
        buf_puts(&key, "");
        json_string_decode(defaults->data, it.key, &key);
        if (params_have(name, SIZE_MAX, key.data, key.len))
            continue;
        buf_puts(out, out->len > 1 ? "," : "");
        buf_append(out, defaults->data + it.key.start, it.key.end - it.key.start);
        buf_putc(out, ':');
        buf_append(out, defaults->data + it.value.start, it.value.end - it.value.start);
    }
}

void render_params_make(const struct render_names *n, const char *name,
                        const struct text *defaults, struct buf *out)
{
    cleanup_buf struct buf key = BUF_INIT;
    cleanup_buf struct buf value = BUF_INIT;
    size_t pos = 0;
    buf_clear(out);
    buf_putc(out, '{');
    params_put_defaults(name, defaults, out);
    while (params_next(name, &pos, &key, &value) == 1) {
        const struct render_hint *hint = hint_find(n, key.data, key.len);
        buf_puts(out, out->len > 1 ? "," : "");
        json_quote(out, key.data, key.len);
        buf_putc(out, ':');
        params_put_value(hint ? hint->type : 's', &value, out);
    }
    buf_putc(out, '}');
}
