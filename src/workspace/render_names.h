/* render_names.h - names of files and directories below render/, and the params that they
 * stand for. For the files of workspace/ alone; pure functions. */
#ifndef WORKSPACE_RENDER_NAMES_H
#define WORKSPACE_RENDER_NAMES_H

#include "base/text.h"
#include "json/json.h"

/* The declared queries: what they are called, and their params' types. */
struct render_query {
    char *stem;      /* of its files */
    struct buf name; /* decoded; may hold NUL */
};
struct render_hint {
    struct buf key;
    char type; /* 'n'umber, 'b'oolean, 's'tring */
};
struct render_names {
    struct render_query *queries;
    size_t count;
    struct render_hint *hints;
    size_t hint_count;
};
/* What is no array of objects names none, and none behind the first RENDER_NAMES_MAX. */
enum { RENDER_NAMES_MAX = 4096 };
void render_names_read(const struct text *queries, struct render_names *ret);
void render_names_finish(struct render_names *n); /* zeroed is allowed */
/* Do both name the same files, in the same order? */
bool render_names_same_files(const struct render_names *a, const struct render_names *b);

/* Is this the name of a set of params? */
bool render_params_valid(const char *name);
/* Appends the object that is sent: the members of `defaults` (a JSON object's text; another
 * value counts as {}) that the name does not give, then those of the name. */
void render_params_make(const struct render_names *n, const char *name,
                        const struct text *defaults, struct buf *out);

#endif
