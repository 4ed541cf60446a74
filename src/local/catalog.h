/* catalog.h - the closed set of component types and what is known of their props. */
#ifndef LOCAL_CATALOG_H
#define LOCAL_CATALOG_H

#include <stdbool.h>
#include <stddef.h>

enum prop_kind {
    PROP_ANY,     /* known by name alone */
    PROP_TEXT,    /* a string, or one value by $value */
    PROP_LITERAL, /* a string that stands for itself: no binding */
    PROP_INTEGER, /* min..max */
    PROP_WORD,    /* one of words */
    PROP_SCALAR,  /* $value, or a literal string, number, boolean or null */
    PROP_ROWS,    /* $query and nothing else */
    PROP_LIST,    /* $query, or a literal array */
    PROP_COLUMN,  /* the name of a column of the node's rows, or an array of such names */
    PROP_COLUMNS, /* an array of column names */
    PROP_REFUSED, /* the platform refuses it; hint says what to write instead */
};

struct catalog_prop {
    const char *name; /* NULL ends a list */
    enum prop_kind kind;
    bool required;
    int min, max;
    const char *const *words; /* NULL-terminated */
    const char *hint;
};

struct catalog_type {
    const char *name;
    const struct catalog_prop *props; /* NULL: none is known. Unknown ones are accepted */
    const char *const *children;      /* the types allowed, NULL-terminated; NULL: any */
    bool is_custom;
};

extern const struct catalog_type catalog_types[];
extern const size_t catalog_type_count;

/* NULL: no such type. */
const struct catalog_type *catalog_find(const char *name);
/* The type whose name is nearest to a misspelt one; NULL when none is near. */
const struct catalog_type *catalog_nearest(const char *name);
/* NULL: nothing is known of this prop. */
const struct catalog_prop *catalog_prop(const struct catalog_type *type,
                                        const char *name);

#endif
