/* names.h - directory names for pages. Names from the platform are untrusted: whatever
 * comes, the result is one ordinary path component. Pure functions. */
#ifndef WORKSPACE_NAMES_H
#define WORKSPACE_NAMES_H

#include <stdbool.h>
#include <stdint.h>

enum { NAME_SLUG_MAX = 80, NAME_COMPONENT_MAX = 255 };

/* The wanted directory name of a page called `name` (NULL is ""): ASCII lower case; runs
 * of blanks, '/' and control characters, with the dashes at their edges, become one '-'
 * ("Q1 - Q2" is q1-q2, "a--b" stays); other UTF-8 kept; no leading dots, no leading or
 * trailing '-'; at most NAME_SLUG_MAX bytes, cut at a character; empty becomes "page".
 * What counts as control: utf8_is_control(), and every byte that is no UTF-8. A slug's
 * slug is itself. malloc'ed. "Weekly sentiment" -> "weekly-sentiment". */
char *name_slug(const char *name) __attribute__((warn_unused_result));
/* slug, '~' and the first eight bytes of id: ASCII letters, digits, '_' and '.' as they
 * are, others as '-'. At most NAME_COMPONENT_MAX bytes (a longer slug is cut). malloc'ed.
 */
char *name_slug_unique(const char *slug, const char *id)
    __attribute__((warn_unused_result));
/* slug, or where that is taken slug made unique by the id, and where that is taken too with
 * a number behind it. malloc'ed. */
typedef bool name_taken_fn(void *arg, const char *name);
char *name_unused(const char *slug, const char *id, name_taken_fn *taken, void *arg)
    __attribute__((warn_unused_result));
/* Directories list their names in this order (fs/listing.h): a number of 62 bits that hangs
 * on the name alone. */
uint64_t name_order(const char *name);
/* May this string stand as one path component: 1..255 bytes, no '/', not "." or "..", no
 * byte below 0x20, no DEL? Bytes that are no UTF-8 may: local files have such names. */
bool name_is_component(const char *name);

#endif
