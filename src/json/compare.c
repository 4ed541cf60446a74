/* Are two texts the same: token by token, and value by value. */
#include "json/json_lex.h"

#include <string.h>

#include "base/alloc.h"

/* ---- the same tokens -------------------------------------------------------------- */

static bool same_token(char kind, const char *a, struct json_span a_span, const char *b,
                       struct json_span b_span)
{
    size_t len = a_span.end - a_span.start;
    if (len == b_span.end - b_span.start &&
        !memcmp(a + a_span.start, b + b_span.start, len))
        return true;
    return kind == '"' && !json_string_compare(a, a_span, b, b_span);
}

bool json_same_tokens(const char *a, struct json_span a_span, const char *b,
                      struct json_span b_span)
{
    size_t a_pos = a_span.start;
    size_t b_pos = b_span.start;
    struct json_span a_token;
    struct json_span b_token;
    for (;;) {
        char a_kind = json_next_token(a, &a_pos, a_span.end, &a_token);
        char b_kind = json_next_token(b, &b_pos, b_span.end, &b_token);
        if (a_kind != b_kind)
            return false;
        if (!a_kind)
            return true;
        if (!same_token(a_kind, a, a_token, b, b_token))
            return false;
    }
}

/* ---- the same value --------------------------------------------------------------- */

/* The containers of a text in the order in which they open: with `end` and `skip` a walk
 * steps over one at once, so that comparing is linear however deep the text nests. */
struct tree_node {
    uint32_t end;
    uint32_t skip; /* number of the first container that opens behind this one */
};

struct tree {
    const char *text;
    struct tree_node *nodes; /* owned */
    size_t len, cap;
};

static void tree_finish(struct tree *t)
{
    free(t->nodes);
}

static uint32_t tree_add(struct tree *t, uint32_t parent)
{
    if (t->len == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 64;
        t->nodes = xrealloc(t->nodes, t->cap * sizeof *t->nodes);
    }
    t->nodes[t->len] = (struct tree_node){.skip = parent}; /* until it closes */
    return (uint32_t)t->len++;
}

static void tree_build(struct tree *t, const char *text, struct json_span root)
{
    struct json_span token;
    size_t pos = root.start;
    uint32_t open = 0;
    char kind;
    *t = (struct tree){.text = text};
    while ((kind = json_next_token(text, &pos, root.end, &token))) {
        if (kind == '[' || kind == '{')
            open = tree_add(t, open);
        if ((kind != ']' && kind != '}') || !t->len)
            continue;
        uint32_t parent = t->nodes[open].skip;
        t->nodes[open] = (struct tree_node){(uint32_t)pos, (uint32_t)t->len};
        open = parent;
    }
}

/* A value and, if it is a container, its number. */
struct tree_value {
    struct json_span span;
    uint32_t node;
};

struct tree_member {
    struct json_span key;
    struct tree_value value;
};

/* The children of a container, as struct json_iter. */
struct tree_iter {
    const struct tree *tree;
    size_t pos, end;
    uint32_t node; /* the next container's number */
    bool is_object;
};

static struct tree_iter tree_iter_make(const struct tree *t, struct tree_value container)
{
    return (struct tree_iter){t, container.span.start + 1, container.span.end - 1,
                              container.node + 1, container.span.type == JSON_OBJECT};
}

static char tree_next_token(struct tree_iter *it, struct json_span *ret)
{
    char kind;
    do
        kind = json_next_token(it->tree->text, &it->pos, it->end, ret);
    while (kind == ',' || kind == ':');
    return kind;
}

static bool tree_iter_next(struct tree_iter *it, struct tree_member *ret)
{
    if (it->is_object && !tree_next_token(it, &ret->key))
        return false;
    char kind = tree_next_token(it, &ret->value.span);
    ret->value.node = it->node;
    if (kind == '[' || kind == '{') {
        struct tree_node node = it->tree->nodes[it->node];
        ret->value.span.end = it->pos = node.end;
        it->node = node.skip;
    }
    return kind != '\0';
}

/* ---- members in the order of their keys -------------------------------------------- */

struct members {
    struct tree_member *items; /* owned */
    size_t len, cap;
};

static void members_finish(struct members *m)
{
    free(m->items);
}

static int members_order(const void *a, const void *b, void *text)
{
    const struct tree_member *ma = a;
    const struct tree_member *mb = b;
    int order = json_string_compare(text, ma->key, text, mb->key);
    if (order)
        return order;
    return (ma->key.start > mb->key.start) - (ma->key.start < mb->key.start);
}

/* Of the members with one key, which stand together, the last one counts. */
static void members_drop_duplicates(struct members *m, const char *text)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->len; i++) {
        if (kept &&
            !json_string_compare(text, m->items[kept - 1].key, text, m->items[i].key))
            kept--;
        m->items[kept++] = m->items[i];
    }
    m->len = kept;
}

static void members_collect(struct members *m, const struct tree *t,
                            struct tree_value object)
{
    struct tree_iter it = tree_iter_make(t, object);
    struct tree_member member;
    *m = (struct members){0};
    while (tree_iter_next(&it, &member)) {
        if (m->len == m->cap) {
            m->cap = m->cap ? m->cap * 2 : 16;
            m->items = xrealloc(m->items, m->cap * sizeof *m->items);
        }
        m->items[m->len++] = member;
    }
    if (m->len > 1)
        qsort_r(m->items, m->len, sizeof *m->items, members_order,
                (void *)(uintptr_t)t->text);
    members_drop_duplicates(m, t->text);
}

/* ---- the comparison: pairs of containers that are still to be looked into ---------- */

struct comparison {
    struct tree a, b;
    struct pair {
        struct tree_value a, b;
    } * todo; /* owned */
    size_t len, cap;
};

/* Compares two values, containers by their type only: their insides are put off. */
static bool compare_values(struct comparison *c, struct tree_value a, struct tree_value b)
{
    if (a.span.type != b.span.type)
        return false;
    if (a.span.type == JSON_NUMBER)
        return json_number_same(c->a.text, a.span, c->b.text, b.span);
    if (a.span.type == JSON_STRING)
        return !json_string_compare(c->a.text, a.span, c->b.text, b.span);
    if (a.span.type != JSON_ARRAY && a.span.type != JSON_OBJECT)
        return true;
    if (c->len == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 64;
        c->todo = xrealloc(c->todo, c->cap * sizeof *c->todo);
    }
    c->todo[c->len++] = (struct pair){a, b};
    return true;
}

static bool compare_arrays(struct comparison *c, struct pair p)
{
    struct tree_iter ia = tree_iter_make(&c->a, p.a);
    struct tree_iter ib = tree_iter_make(&c->b, p.b);
    struct tree_member ma;
    struct tree_member mb;
    for (;;) {
        bool more = tree_iter_next(&ia, &ma);
        if (more != tree_iter_next(&ib, &mb))
            return false;
        if (!more)
            return true;
        if (!compare_values(c, ma.value, mb.value))
            return false;
    }
}

static bool compare_objects(struct comparison *c, struct pair p)
{
    cleanup(members_finish) struct members ma;
    cleanup(members_finish) struct members mb;
    members_collect(&ma, &c->a, p.a);
    members_collect(&mb, &c->b, p.b);
    if (ma.len != mb.len)
        return false;
    for (size_t i = 0; i < ma.len; i++) {
        if (json_string_compare(c->a.text, ma.items[i].key, c->b.text, mb.items[i].key))
            return false;
        if (!compare_values(c, ma.items[i].value, mb.items[i].value))
            return false;
    }
    return true;
}

bool json_same_value(const char *a, struct json_span a_span, const char *b,
                     struct json_span b_span)
{
    struct comparison c = {.todo = NULL};
    tree_build(&c.a, a, a_span);
    tree_build(&c.b, b, b_span);
    bool same = compare_values(&c, (struct tree_value){a_span, 0},
                               (struct tree_value){b_span, 0});
    while (same && c.len) {
        struct pair p = c.todo[--c.len];
        same =
            p.a.span.type == JSON_ARRAY ? compare_arrays(&c, p) : compare_objects(&c, p);
    }
    free(c.todo);
    tree_finish(&c.a);
    tree_finish(&c.b);
    return same;
}
