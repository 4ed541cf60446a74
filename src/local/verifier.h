/* verifier.h - is this a page? All that is wrong with a spec and its queries, at once.
 *
 * Three stages, as the contract names them:
 *   compile  the spec alone: version, one root, known component types, props, bindings'
 * shape query    the declared queries alone: names, sources, SQL prepared by the gate
 *   bind     the two together: bound names are declared, bound columns exist
 * What verifies can be stored: POST /pages/validate and storing ask the same function.
 */
#ifndef LOCAL_VERIFIER_H
#define LOCAL_VERIFIER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "json/json.h"

struct sqlgate;

enum verify_stage { VERIFY_COMPILE, VERIFY_QUERY, VERIFY_BIND, VERIFY_STAGES };

struct verify_error {
    enum verify_stage stage;
    char *message; /* owned, as is field */
    char *field;   /* "spec.root.children[1].props.data", "declared_queries[0].sql" */
    unsigned line; /* within the SQL, from 1; 0: not known */
    unsigned column;
};

#define VERIFY_ERRORS_MAX 200 /* a last error says that there were more */

struct verdict {
    struct verify_error *errors; /* owned */
    size_t error_count;
    bool failed[VERIFY_STAGES];
    bool has_custom_nodes;
};

/* The user's own text, checked by json_check(). NULL text: not sent. A spec that was not
 * sent is an error; queries not sent, or null, are none. */
struct verify_input {
    const char *spec_text;
    struct json_span spec;
    const char *queries_text;
    struct json_span queries;
};

/* Always gives a verdict; verdict_finish() it. */
void verify_page(struct sqlgate *gate, const struct verify_input *in,
                 struct verdict *ret_verdict);
void verdict_finish(struct verdict *v);
#define cleanup_verdict __attribute__((__cleanup__(verdict_finish)))

static inline bool verdict_ok(const struct verdict *v)
{
    return v->error_count == 0;
}
/* Appends {"ok":..,"stages":{..},"errors":[..],"has_custom_nodes":..}. */
void verdict_print(const struct verdict *v, struct buf *out);

#endif
