/* render.h - a page's declared queries, run. */
#ifndef LOCAL_RENDER_H
#define LOCAL_RENDER_H

#include "base/buf.h"
#include "json/json.h"

struct sqlgate;

/* Appends {"results":{"<name>":{"rows":[..]},"<name>":{"rows":[],"error":".."}}} for an
 * array of declared queries that once verified (queries_text NULL, or null: no queries).
 * A query that fails fills its own error and no other's. params is the object of runtime
 * params; params_text NULL: none. */
void render_queries(struct sqlgate *gate, const char *queries_text,
                    struct json_span queries, const char *params_text,
                    struct json_span params, struct buf *out);

#endif
