#include "ctl/object.h"

#include "base/alloc.h"

char *object_string(struct object o, const char *key)
{
    struct json_span value;
    if (!json_member(o.text, o.span, key, &value))
        return NULL;
    if (value.type == JSON_NUMBER)
        return xstrndup(o.text + value.start, value.end - value.start);
    return json_string_dup(o.text, value);
}

struct object object_inner(struct object o, const char *key)
{
    struct object inner = {o.text, {0, 0, JSON_NULL}};
    json_member(o.text, o.span, key, &inner.span);
    return inner;
}

bool object_flag(struct object o, const char *key)
{
    return object_inner(o, key).span.type == JSON_TRUE;
}
