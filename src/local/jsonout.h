/* jsonout.h - text of any origin as a JSON string. */
#ifndef LOCAL_JSONOUT_H
#define LOCAL_JSONOUT_H

#include <stddef.h>

#include "base/buf.h"

/* Appends s[0..len) quoted; each byte that is not part of valid UTF-8 becomes U+FFFD.
 * (json_quote() wants UTF-8, and data need not be.) */
void json_out_text(struct buf *out, const char *s, size_t len);
void json_out_string(struct buf *out, const char *s);
/* Appends `"key":value` with a comma before it unless it is the first of its object. */
void json_out_key(struct buf *out, const char *key);

#endif
