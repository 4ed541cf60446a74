/* data_params.h - params in a directory's name: "region=emea,since=2026-01-01,n=5".
 *
 * Split at commas, each at its first "="; both parts are percent-decoded then (%2C is a
 * comma in a value, %3D an equals sign in a name, %2F a slash). A value that is a JSON
 * number, or true or false, is sent as that; anything else, "01" and "null" too, is a
 * string. */
#ifndef WORKSPACE_DATA_PARAMS_H
#define WORKSPACE_DATA_PARAMS_H

#include <stdbool.h>

#include "base/buf.h"

/* Appends the JSON object. False: no such name (a part without a name or "=", a name
 * twice, a "%" that is no escape, NUL, not UTF-8). */
bool data_params_parse(const char *name, struct buf *ret_json);

#endif
