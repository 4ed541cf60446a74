/* Paths as verifiers write them: a.b[1]['odd key'], and JSON pointers. */
#include "json/json_lex.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

/* One step of a path: a key, which may also serve as an index into an array. */
struct path_step {
    struct buf name;
    bool is_index; /* [3]: never a key */
};

/* Behind the quoted name that begins at p; NULL when it is not closed. */
static const char *path_read_quoted(const char *p, struct buf *name)
{
    char quote = *p++;
    for (; *p && *p != quote; p++) {
        if (*p == '\\' && p[1])
            p++;
        buf_putc(name, *p);
    }
    return *p ? p + 1 : NULL;
}

/* "[3]", "['a']", "["a"]": behind the bracket, or NULL. */
static const char *path_read_bracket(const char *p, struct path_step *step)
{
    p++;
    step->is_index = *p != '\'' && *p != '"';
    if (step->is_index)
        for (; isdigit((unsigned char)*p); p++)
            buf_putc(&step->name, *p);
    else
        p = path_read_quoted(p, &step->name);
    return p && *p == ']' ? p + 1 : NULL;
}

static const char *path_read_dotted(const char *p, struct path_step *step)
{
    if (*p == '[')
        return path_read_bracket(p, step);
    if (*p == '.')
        p++;
    size_t n = strcspn(p, ".[");
    buf_append(&step->name, p, n);
    return p + n;
}

/* "/a~1b": ~0 is a tilde and ~1 a slash (RFC 6901). */
static const char *path_read_pointer(const char *p, struct path_step *step)
{
    for (p++; *p && *p != '/'; p++) {
        bool escaped = *p == '~' && (p[1] == '0' || p[1] == '1');
        buf_putc(&step->name, !escaped ? *p : p[1] == '0' ? '~' : '/');
        p += escaped;
    }
    return p;
}

static bool path_index(const struct buf *name, size_t *ret_index)
{
    size_t index = 0;
    if (!name->len || name->len > 9)
        return false;
    for (size_t i = 0; i < name->len; i++) {
        if (!isdigit((unsigned char)name->data[i]))
            return false;
        index = index * 10 + (size_t)(name->data[i] - '0');
    }
    *ret_index = index;
    return true;
}

static bool path_follow(const char *text, struct json_span from,
                        const struct path_step *step, struct json_span *ret)
{
    size_t index;
    if (from.type == JSON_ARRAY)
        return path_index(&step->name, &index) && json_element(text, from, index, ret);
    return !step->is_index &&
           json_member_bytes(text, from, step->name.data, step->name.len, ret);
}

/* "$" alone or before a step stands for the start; "$ref" is a key. */
static const char *path_skip_root(const char *path)
{
    bool root = path[0] == '$' && (!path[1] || path[1] == '.' || path[1] == '[');
    return root ? path + 1 : path;
}

bool json_path(const char *text, struct json_span from, const char *path,
               struct json_span *ret)
{
    const char *p = path_skip_root(path);
    bool pointer = *p == '/';
    bool found = true;
    struct path_step step = {.name = BUF_INIT};
    *ret = from;
    while (found && *p) {
        buf_clear(&step.name);
        step.is_index = false;
        p = pointer ? path_read_pointer(p, &step) : path_read_dotted(p, &step);
        found = p && path_follow(text, *ret, &step, ret);
    }
    buf_finish(&step.name);
    return found;
}
