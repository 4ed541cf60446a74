/* object.h - what the mount says, an object of JSON at a time. */
#ifndef CTL_OBJECT_H
#define CTL_OBJECT_H

#include <stdbool.h>

#include "json/json.h"

/* An object within a text; borrowed. */
struct object {
    const char *text;
    struct json_span span;
};

/* A member's string, or a number's letters; malloc'ed, NULL when it is neither. */
char *object_string(struct object o, const char *key);
/* A member that is an object or array; of type JSON_NULL when there is none. */
struct object object_inner(struct object o, const char *key);
bool object_flag(struct object o, const char *key);

#endif
