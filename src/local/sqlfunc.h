/* sqlfunc.h - the SQL functions that queries may call. */
#ifndef LOCAL_SQLFUNC_H
#define LOCAL_SQLFUNC_H

#include <stdbool.h>

struct sqlite3;

/* Is the function, one of SQLite's own or of ours, on the allow-list? */
bool sqlfunc_is_allowed(const char *name);

/* Registers NOW(), DATE_TRUNC(unit, time), DATE_PART(unit, time) and `time -> shift`, the
 * operator that INTERVAL is rewritten to (sqltext.h). It hides SQLite's own ->, of which
 * ->> and json_extract() do the same work. 0 or -EIO. */
int sqlfunc_register(struct sqlite3 *db);

#endif
