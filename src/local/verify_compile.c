/* verify_compile.c - the spec's shape and its tree of nodes. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "local/catalog.h"
#include "local/verify_internal.h"

#define NODE_DEPTH_MAX 100

static void fail(struct verify_ctx *ctx, const char *message)
{
    verify_fail(ctx, VERIFY_COMPILE, "%s", message);
}

static void fail_key(struct verify_ctx *ctx, const char *key, const char *message)
{
    verify_fail_key(ctx, VERIFY_COMPILE, key, message);
}

/* ---- nodes ------------------------------------------------------------------------ */

static void verify_node(struct verify_ctx *ctx, struct json_span node,
                        const struct catalog_type *parent, unsigned depth);

static void fail_unknown_type(struct verify_ctx *ctx, const char *name)
{
    const struct catalog_type *near = catalog_nearest(name);
    verify_fail(ctx, VERIFY_COMPILE, "unknown component type %s%s%s", name,
                near ? "; did you mean " : "", near ? near->name : "");
}

static bool child_is_allowed(const struct catalog_type *parent, const char *name)
{
    if (!parent || !parent->children)
        return true;
    for (size_t i = 0; parent->children[i]; i++) {
        if (strcmp(parent->children[i], name) == 0)
            return true;
    }
    return false;
}

/* The node's type, or NULL after an error. */
static const struct catalog_type *verify_type(struct verify_ctx *ctx,
                                              struct json_span node,
                                              const struct catalog_type *parent)
{
    struct json_span value;
    if (!json_member(ctx->text, node, "type", &value)) {
        fail(ctx, "a node needs a type");
        return NULL;
    }
    size_t mark = path_enter_key(ctx, "type");
    cleanup_free char *name = json_string_dup(ctx->text, value);
    const struct catalog_type *type = name ? catalog_find(name) : NULL;
    if (!name)
        fail(ctx, "type must be a string");
    else if (!type)
        fail_unknown_type(ctx, name);
    else if (type->is_custom)
        ctx->verdict->has_custom_nodes = true;
    if (type && !child_is_allowed(parent, type->name))
        verify_fail(ctx, VERIFY_COMPILE, "%s takes only %s as a child", parent->name,
                    parent->children[0]);
    path_leave(ctx, mark);
    return type;
}

static void verify_children(struct verify_ctx *ctx, struct json_span children,
                            const struct catalog_type *type, unsigned depth)
{
    struct json_iter it;
    size_t mark = path_enter_key(ctx, "children");
    if (children.type != JSON_ARRAY) {
        fail(ctx, "children must be an array of nodes");
    } else {
        json_iter_init(&it, ctx->text, children);
        if (type && type->children && !type->children[0] && json_iter_next(&it)) {
            verify_fail(ctx, VERIFY_COMPILE, "%s takes no children", type->name);
            type = NULL; /* said once, not for each child */
        }
        json_iter_init(&it, ctx->text, children);
        while (json_iter_next(&it)) {
            size_t inner = path_enter_index(ctx, it.index);
            verify_node(ctx, it.value, type, depth);
            path_leave(ctx, inner);
        }
    }
    path_leave(ctx, mark);
}

/* Keys that are none of a node's. In a bare spec they are props and looked at as such. */
static void verify_node_keys(struct verify_ctx *ctx, struct json_span node)
{
    struct json_iter it;
    json_iter_init(&it, ctx->text, node);
    while (json_iter_next(&it)) {
        cleanup_free char *key = json_string_dup(ctx->text, it.key);
        if (!key) {
            fail(ctx, "a key holds a NUL character");
        } else if (!ctx->is_bare && strcmp(key, "type") && strcmp(key, "props") &&
                   strcmp(key, "children")) {
            size_t mark = path_enter_key(ctx, key);
            verify_fail(ctx, VERIFY_COMPILE,
                        "a node has type, props and children: %s belongs in props", key);
            path_leave(ctx, mark);
        }
    }
}

static void verify_node(struct verify_ctx *ctx, struct json_span node,
                        const struct catalog_type *parent, unsigned depth)
{
    struct json_span props, children;
    if (node.type != JSON_OBJECT) {
        fail(ctx, "a node must be an object");
        return;
    }
    if (depth > NODE_DEPTH_MAX) {
        fail(ctx, "nodes are nested too deep");
        return;
    }
    const struct catalog_type *type = verify_type(ctx, node, parent);
    verify_node_keys(ctx, node);
    bool has_props = json_member(ctx->text, node, "props", &props);
    if (has_props && props.type != JSON_OBJECT)
        fail_key(ctx, "props", "props must be an object");
    verify_props(ctx, type, node, has_props ? props : (struct json_span){0});
    if (json_member(ctx->text, node, "children", &children))
        verify_children(ctx, children, type, depth + 1);
}

/* ---- the spec --------------------------------------------------------------------- */

static void verify_version(struct verify_ctx *ctx, struct json_span spec)
{
    static const struct json_span one = {0, 1, JSON_NUMBER};
    struct json_span version;
    if (!json_member(ctx->text, spec, "version", &version))
        fail_key(ctx, "version", "version is missing: it must be 1");
    else if (!json_same_value(ctx->text, version, "1", one))
        fail_key(ctx, "version", "version must be 1");
}

static void verify_layout(struct verify_ctx *ctx, struct json_span layout)
{
    static const char *const layouts[] = {"dashboard", "single", "document"};
    for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
        if (json_string_is(ctx->text, layout, layouts[i]))
            return;
    }
    fail_key(ctx, "layout", "layout must be dashboard, single or document");
}

static void verify_spec_keys(struct verify_ctx *ctx, struct json_span spec)
{
    struct json_iter it;
    size_t roots = 0;
    json_iter_init(&it, ctx->text, spec);
    while (json_iter_next(&it)) {
        cleanup_free char *key = json_string_dup(ctx->text, it.key);
        roots += json_string_is(ctx->text, it.key, "root");
        if (!key ||
            (strcmp(key, "version") && strcmp(key, "root") && strcmp(key, "layout")))
            fail_key(ctx, key ? key : "", "a spec has version, root and layout");
    }
    if (roots != 1)
        fail_key(ctx, "root", roots ? "there must be one root" : "root is missing");
}

static void verify_document(struct verify_ctx *ctx, struct json_span spec)
{
    struct json_span value;
    verify_version(ctx, spec);
    verify_spec_keys(ctx, spec);
    if (json_member(ctx->text, spec, "layout", &value))
        verify_layout(ctx, value);
    if (json_member(ctx->text, spec, "root", &value)) {
        size_t mark = path_enter_key(ctx, "root");
        verify_node(ctx, value, NULL, 1);
        path_leave(ctx, mark);
    }
}

void verify_compile(struct verify_ctx *ctx)
{
    struct json_span spec = ctx->in->spec, ignored;
    ctx->text = ctx->in->spec_text;
    size_t mark = path_enter_key(ctx, "spec");
    if (!ctx->text) {
        fail(ctx, "spec is missing");
    } else if (spec.type != JSON_OBJECT) {
        fail(ctx, "spec must be an object");
    } else {
        /* One of the platform's own guides sends a bare node as the spec. */
        ctx->is_bare = json_member(ctx->text, spec, "type", &ignored) &&
                       !json_member(ctx->text, spec, "root", &ignored);
        if (ctx->is_bare)
            verify_node(ctx, spec, NULL, 1);
        else
            verify_document(ctx, spec);
    }
    path_leave(ctx, mark);
}
