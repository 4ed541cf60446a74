/* api_data.h - shared by the handlers of /data. */
#ifndef LOCAL_API_DATA_H
#define LOCAL_API_DATA_H

#include <stdbool.h>
#include <stddef.h>

#include "json/json.h"

struct reply;
struct request;
struct sqlgate_error;

/* The member "limit": a whole number from 1; above max it is max. False: the reply is
 * filled. Not there: *ret_limit stays. */
bool api_data_limit(const struct request *rq, struct json_span root, size_t max,
                    size_t *ret_limit, struct reply *rp);
/* What a gate's error makes of an answer. field: of the body, or NULL. */
void api_data_failed(struct reply *rp, int r, const char *field,
                     const struct sqlgate_error *error);

#endif
