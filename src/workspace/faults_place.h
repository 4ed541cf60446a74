/* faults_place.h - private to faults.c: where in the user's own texts a fault of the
 * verifier is. */
#ifndef WORKSPACE_FAULTS_PLACE_H
#define WORKSPACE_FAULTS_PLACE_H

#include "platform/platform.h"
#include "workspace/faults.h"
#include "workspace/queries.h"

/* A text that a verdict speaks of, checked; data NULL: none, or no JSON. */
struct faults_doc {
    const char *file;
    const char *data;
    size_t len;
    struct json_span root;
};

struct faults_docs {
    struct faults_doc spec, queries;
    struct queries sql; /* its files, where faults are told by them; else empty */
};

enum faults_inner {
    FAULTS_INNER_NONE, /* the verdict said no line, or it is the position itself */
    FAULTS_INNER_SQL,  /* its line and column were the SQL's; the position is there */
    FAULTS_INNER_LOST, /* it said a line and column of something that was not found */
};

struct faults_place {
    const char *file;
    unsigned line, column; /* from 1 */
    enum faults_inner inner;
    char sql_file[300]; /* what file is where it is one of sql/ */
};

void faults_docs_init(struct faults_docs *docs, const struct faults_texts *texts);
void faults_docs_finish(struct faults_docs *docs);
/* file: what to name when the fault does not say. */
void faults_place_find(const struct faults_docs *docs, const char *file,
                       const struct platform_fault *fault, struct faults_place *ret);

#endif
