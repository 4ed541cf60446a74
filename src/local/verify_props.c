/* verify_props.c - one node's props: their kinds and their bindings. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "local/catalog.h"
#include "local/verify_internal.h"

#define VALUE_DEPTH_MAX 100

static const char query_form[] = "{\"$query\": \"<name>\"}";
static const char value_form[] =
    "{\"$value\": {\"query\": \"<name>\", \"field\": \"<column>\"}}";

/* What a prop's value is, as far as bindings go. */
enum binding { BINDING_NONE, BINDING_ROWS, BINDING_VALUE, BINDING_BROKEN };

/* The prop being looked at. */
struct prop_at {
    const struct catalog_type *type;
    const struct catalog_prop *prop;
    const char *rows_query; /* what the node's data is bound to; NULL: to nothing */
    struct json_span value;
};

/* ---- bindings --------------------------------------------------------------------- */

/* A non-empty string member, malloc'ed; NULL when it is missing or something else. */
static char *member_string(const char *text, struct json_span obj, const char *key)
{
    struct json_span value;
    if (!json_member(text, obj, key, &value))
        return NULL;
    char *s = json_string_dup(text, value);
    if (s && !*s) {
        free(s);
        s = NULL;
    }
    return s;
}

/* Does the object have other keys than these (NULL-terminated)? */
static bool has_other_keys(const char *text, struct json_span obj,
                           const char *const *keys)
{
    struct json_iter it;
    json_iter_init(&it, text, obj);
    while (json_iter_next(&it)) {
        size_t i = 0;
        while (keys[i] && !json_string_is(text, it.key, keys[i]))
            i++;
        if (!keys[i])
            return true;
    }
    return false;
}

static bool is_row_number(const char *text, struct json_span value)
{
    if (value.type != JSON_NUMBER || value.end - value.start > 9)
        return false;
    for (size_t i = value.start; i < value.end; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
    }
    return true;
}

static enum binding broken(struct verify_ctx *ctx, const char *message, const char *form)
{
    verify_fail(ctx, VERIFY_COMPILE, "%s: write %s", message, form);
    return BINDING_BROKEN;
}

static enum binding read_query_binding(struct verify_ctx *ctx, struct json_span obj)
{
    static const char *const keys[] = {"$query", NULL};
    cleanup_free char *name = member_string(ctx->text, obj, "$query");
    if (!name || has_other_keys(ctx->text, obj, keys))
        return broken(ctx, "malformed $query", query_form);
    verify_bound_add(ctx, BOUND_ROWS, name, NULL);
    return BINDING_ROWS;
}

static enum binding read_value_binding(struct verify_ctx *ctx, struct json_span obj)
{
    static const char *const keys[] = {"$value", NULL};
    static const char *const inner_keys[] = {"query", "field", "row", NULL};
    struct json_span inner, row;
    json_member(ctx->text, obj, "$value", &inner);
    if (inner.type != JSON_OBJECT)
        return broken(ctx, "malformed $value", value_form);
    cleanup_free char *query = member_string(ctx->text, inner, "query");
    cleanup_free char *column = member_string(ctx->text, inner, "field");
    if (!query || !column || has_other_keys(ctx->text, obj, keys) ||
        has_other_keys(ctx->text, inner, inner_keys))
        return broken(ctx, "malformed $value", value_form);
    if (json_member(ctx->text, inner, "row", &row) && !is_row_number(ctx->text, row))
        return broken(ctx, "row must be a whole number from 0", value_form);
    verify_bound_add(ctx, BOUND_VALUE, query, column);
    return BINDING_VALUE;
}

/* Reads what may be a binding; a good one is remembered for the bind stage. */
static enum binding read_binding(struct verify_ctx *ctx, struct json_span value)
{
    struct json_iter it;
    if (value.type != JSON_OBJECT)
        return BINDING_NONE;
    json_iter_init(&it, ctx->text, value);
    while (json_iter_next(&it)) {
        if (json_string_is(ctx->text, it.key, "$query"))
            return read_query_binding(ctx, value);
        if (json_string_is(ctx->text, it.key, "$value"))
            return read_value_binding(ctx, value);
        cleanup_free char *key = json_string_dup(ctx->text, it.key);
        if (key && key[0] == '$') {
            verify_fail(ctx, VERIFY_COMPILE,
                        "unknown binding %s: there are $query and "
                        "$value",
                        key);
            return BINDING_BROKEN;
        }
    }
    return BINDING_NONE;
}

/* A value of which nothing is known: each binding in it, however deep, must be sound. */
static void scan_bindings(struct verify_ctx *ctx, struct json_span value, unsigned depth)
{
    struct json_iter it;
    if (value.type != JSON_OBJECT && value.type != JSON_ARRAY)
        return;
    if (depth > VALUE_DEPTH_MAX) {
        verify_fail(ctx, VERIFY_COMPILE, "nested too deep");
        return;
    }
    if (read_binding(ctx, value) != BINDING_NONE)
        return;
    json_iter_init(&it, ctx->text, value);
    while (json_iter_next(&it)) {
        cleanup_free char *key = it.is_object ? json_string_dup(ctx->text, it.key) : NULL;
        size_t mark = it.is_object ? path_enter_key(ctx, key ? key : "")
                                   : path_enter_index(ctx, it.index);
        scan_bindings(ctx, it.value, depth + 1);
        path_leave(ctx, mark);
    }
}

/* ---- kinds ------------------------------------------------------------------------ */

static void fail_kind(struct verify_ctx *ctx, const struct prop_at *at,
                      const char *wanted)
{
    verify_fail(ctx, VERIFY_COMPILE, "%s.%s must be %s", at->type->name, at->prop->name,
                wanted);
}

static void check_text(struct verify_ctx *ctx, const struct prop_at *at)
{
    enum binding b = read_binding(ctx, at->value);
    if (b == BINDING_ROWS || (b == BINDING_NONE && at->value.type != JSON_STRING))
        fail_kind(ctx, at, "a string");
}

static void check_literal(struct verify_ctx *ctx, const struct prop_at *at)
{
    if (at->value.type != JSON_STRING)
        fail_kind(ctx, at, "a string");
}

static void check_integer(struct verify_ctx *ctx, const struct prop_at *at)
{
    cleanup_free char *digits =
        xstrndup(ctx->text + at->value.start, at->value.end - at->value.start);
    char *end = digits;
    long n = at->value.type == JSON_NUMBER ? strtol(digits, &end, 10) : 0;
    if (*end || end == digits || n < at->prop->min || n > at->prop->max)
        verify_fail(ctx, VERIFY_COMPILE, "%s.%s must be a whole number from %d to %d",
                    at->type->name, at->prop->name, at->prop->min, at->prop->max);
}

static void check_word(struct verify_ctx *ctx, const struct prop_at *at)
{
    cleanup_buf struct buf list = BUF_INIT;
    for (size_t i = 0; at->prop->words[i]; i++) {
        if (json_string_is(ctx->text, at->value, at->prop->words[i]))
            return;
        buf_printf(&list, "%s%s", i ? ", " : "one of ", at->prop->words[i]);
    }
    fail_kind(ctx, at, list.data);
}

static void check_scalar(struct verify_ctx *ctx, const struct prop_at *at)
{
    enum binding b = read_binding(ctx, at->value);
    bool is_container = at->value.type == JSON_OBJECT || at->value.type == JSON_ARRAY;
    if (b == BINDING_ROWS || (b == BINDING_NONE && is_container))
        verify_fail(ctx, VERIFY_COMPILE, "%s.%s takes one value%s: write %s",
                    at->type->name, at->prop->name,
                    b == BINDING_ROWS ? ", not the rows of $query" : "", value_form);
}

static void check_rows(struct verify_ctx *ctx, const struct prop_at *at)
{
    enum binding b = read_binding(ctx, at->value);
    bool list_will_do = at->prop->kind == PROP_LIST && at->value.type == JSON_ARRAY;
    if (b == BINDING_NONE && list_will_do)
        scan_bindings(ctx, at->value, 0);
    else if (b == BINDING_VALUE || b == BINDING_NONE)
        verify_fail(ctx, VERIFY_COMPILE, "%s.%s takes rows%s: write %s", at->type->name,
                    at->prop->name, b == BINDING_VALUE ? ", not one $value" : "",
                    query_form);
}

static void note_column(struct verify_ctx *ctx, const struct prop_at *at,
                        struct json_span value)
{
    cleanup_free char *column = json_string_dup(ctx->text, value);
    if (!column)
        fail_kind(ctx, at, "the name of a column");
    else if (at->rows_query)
        verify_bound_add(ctx, BOUND_COLUMN, at->rows_query, column);
}

static void check_columns(struct verify_ctx *ctx, const struct prop_at *at)
{
    struct json_iter it;
    if (at->value.type != JSON_ARRAY) {
        if (at->prop->kind == PROP_COLUMN)
            note_column(ctx, at, at->value);
        else
            fail_kind(ctx, at, "an array of column names");
        return;
    }
    json_iter_init(&it, ctx->text, at->value);
    while (json_iter_next(&it)) {
        size_t mark = path_enter_index(ctx, it.index);
        note_column(ctx, at, it.value);
        path_leave(ctx, mark);
    }
}

static void check_any(struct verify_ctx *ctx, const struct prop_at *at)
{
    scan_bindings(ctx, at->value, 0);
}

static void check_refused(struct verify_ctx *ctx, const struct prop_at *at)
{
    verify_fail(ctx, VERIFY_COMPILE, "%s has no prop %s: %s", at->type->name,
                at->prop->name, at->prop->hint);
}

static void (*const checks[])(struct verify_ctx *, const struct prop_at *) = {
    [PROP_ANY] = check_any,         [PROP_TEXT] = check_text,
    [PROP_LITERAL] = check_literal, [PROP_INTEGER] = check_integer,
    [PROP_WORD] = check_word,       [PROP_SCALAR] = check_scalar,
    [PROP_ROWS] = check_rows,       [PROP_LIST] = check_rows,
    [PROP_COLUMN] = check_columns,  [PROP_COLUMNS] = check_columns,
    [PROP_REFUSED] = check_refused,
};

/* ---- a node's props --------------------------------------------------------------- */

static bool is_node_key(const char *key)
{
    return strcmp(key, "type") == 0 || strcmp(key, "props") == 0 ||
           strcmp(key, "children") == 0;
}

/* Every member of obj; in_node: obj is the node itself, whose own keys are no props. */
static void check_members(struct verify_ctx *ctx, const struct catalog_type *type,
                          const char *rows_query, struct json_span obj, bool in_node)
{
    struct json_iter it;
    json_iter_init(&it, ctx->text, obj);
    while (json_iter_next(&it)) {
        cleanup_free char *key = json_string_dup(ctx->text, it.key);
        if (!key || (in_node && is_node_key(key)))
            continue;
        const struct catalog_prop *prop = type ? catalog_prop(type, key) : NULL;
        const struct prop_at at = {type, prop, rows_query, it.value};
        size_t mark = path_enter_key(ctx, key);
        checks[prop ? prop->kind : PROP_ANY](ctx, &at);
        path_leave(ctx, mark);
    }
}

static bool prop_find(struct verify_ctx *ctx, struct json_span node,
                      struct json_span props, const char *name,
                      struct json_span *ret_value)
{
    return (props.type == JSON_OBJECT &&
            json_member(ctx->text, props, name, ret_value)) ||
           (ctx->is_bare && json_member(ctx->text, node, name, ret_value));
}

static void check_required(struct verify_ctx *ctx, const struct catalog_type *type,
                           struct json_span node, struct json_span props)
{
    struct json_span ignored;
    for (const struct catalog_prop *p = type->props; p && p->name; p++) {
        if (p->required && !prop_find(ctx, node, props, p->name, &ignored))
            verify_fail(ctx, VERIFY_COMPILE, "%s needs the prop %s", type->name, p->name);
    }
}

void verify_props(struct verify_ctx *ctx, const struct catalog_type *type,
                  struct json_span node, struct json_span props)
{
    struct json_span data;
    cleanup_free char *rows_query = NULL;
    if (prop_find(ctx, node, props, "data", &data) && data.type == JSON_OBJECT)
        rows_query = member_string(ctx->text, data, "$query");
    if (props.type == JSON_OBJECT) {
        size_t mark = path_enter_key(ctx, "props");
        check_members(ctx, type, rows_query, props, false);
        path_leave(ctx, mark);
    }
    if (ctx->is_bare)
        check_members(ctx, type, rows_query, node, true);
    if (type)
        check_required(ctx, type, node, props);
}
