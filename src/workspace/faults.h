/* faults.h - what is wrong with a page's files, as lines that people and editors read:
 *
 *   spec.json:12:7: error: [bind] unbound query 'deals'
 *
 * The position is that of the offending value in the user's own text: the verdict's field
 * path ("spec.root.children[1].props.data", "declared_queries[0].sql") is followed
 * through the text, as deep as it goes. Where the value is a query and the verdict gives
 * a line and column, these are its SQL's: the position is that place inside the JSON
 * string, through its escapes, and "(SQL line 2, column 14)" ends the message. Lines and
 * columns count from 1, columns in bytes. Pure functions. */
#ifndef WORKSPACE_FAULTS_H
#define WORKSPACE_FAULTS_H

#include "base/text.h"
#include "json/json.h"
#include "platform/platform.h"

/* The texts a verdict speaks of; any may be NULL, or no JSON: then its faults stand at
 * 1:1. */
struct faults_texts {
    const struct text *spec;
    struct text *queries;
    bool
        sql_files; /* it was saved from sql/: a fault of a query's SQL is told with the place
                     * in the file that has it, "sql/deals.sql:3:14" */
};

/* Appends one line a fault (the compilers' format above), and one for a refusal that
 * gives no reason; nothing when all is well. texts may be NULL.
 *
 * What a field means: "spec..." and "root..." are the spec's, "queries..." and
 * "declared_queries..." the queries'; a bare path ("children[1].props") is the spec's
 * when it leads anywhere there. JSON pointers ("/spec/root/children/1") and a leading "$"
 * do as well, both root forms of a spec are found by either's paths, and a query may be
 * meant by name ("declared_queries.deals.sql"). A fault whose field says neither is put
 * at 1:1 of `file` ("spec.json" or "queries.json": the file being saved). A line and
 * column that are of no known SQL end the message as they came.
 *
 * Verdicts are untrusted: control characters become blanks; lines are cut at 1000 bytes
 * (at a character, the end mark kept); at most 1000 lines. */
void faults_print_verdict(struct buf *out, const char *file,
                          const struct platform_verdict *verdict,
                          const struct faults_texts *texts);
/* One line for a refusal that has no verdict: file:line:column: error: [stage] message.
 * stage: NULL or "" is left out. */
void faults_print_one(struct buf *out, const char *file, unsigned line, unsigned column,
                      const char *stage, const char *message);
/* The same as a verdict in JSON, for what was refused here without a request: {"ok":
 * false, "stages": {all three false}, "errors": [{"stage", "message", "file", "line",
 * "column"}]}, two-space indented, newline at the end. */
void faults_print_json(struct buf *out, const char *file, unsigned line, unsigned column,
                       const char *stage, const char *message);

#endif
