/* names.h - directory names for pages. Names from the platform are untrusted: whatever
 * comes, the result is one ordinary path component. Pure functions. */
#ifndef WORKSPACE_NAMES_H
#define WORKSPACE_NAMES_H

#include <stdbool.h>

enum { NAME_SLUG_MAX = 80, NAME_COMPONENT_MAX = 255 };

/* The wanted directory name of a page called `name` (NULL is ""): ASCII lower case; runs
 * of blanks, '/', and control characters (NUL cannot be in a C string; invalid UTF-8
 * bytes count as one too) become one '-'; other UTF-8 kept; no leading dots or
 * leading/trailing
 * '-'; at most NAME_SLUG_MAX bytes, cut at a character; empty becomes "page".
 * malloc'ed. "Weekly sentiment" -> "weekly-sentiment". */
char *name_slug(const char *name) __attribute__((warn_unused_result));
/* slug, '~' and the first eight bytes of id that are safe in a name (others become '-').
 * malloc'ed. */
char *name_slug_unique(const char *slug, const char *id)
    __attribute__((warn_unused_result));
/* May this string stand as one path component: 1..255 bytes, no '/', not "." or "..",
 * no control characters? */
bool name_is_component(const char *name);

#endif
