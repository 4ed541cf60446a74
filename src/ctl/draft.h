/* draft.h - a page in files: what `validate` is pointed at. */
#ifndef CTL_DRAFT_H
#define CTL_DRAFT_H

#include "base/buf.h"
#include "base/text.h"

struct draft {
    char *dir;            /* "" for the current directory; else ends with "/" */
    struct text *spec;    /* NULL while not loaded */
    struct text *queries; /* NULL: the directory has none */
};

/* The pages that FILE|DIR arguments mean, each once, in the order given. A file must be
 * called spec.json or queries.json, a directory hold a spec.json. 0; -EINVAL or -errno
 * after saying on standard error what is wrong with which argument. */
int drafts_find(int argc, char **argv, struct draft **ret_drafts, size_t *ret_count);
void drafts_free(struct draft *drafts, size_t count);

/* Reads the files and parses them. 0; -EPROTO: no JSON, and `lines` has got why; -errno
 * after saying why on standard error. */
int draft_load(struct draft *d, struct buf *lines);
/* Appends lines of faults.h with the directory before each. */
void draft_append_lines(const struct draft *d, struct buf *lines, const char *faults);

#endif
