/* present.h - how a page is shown as files: pure functions from the platform's text to
 * the text of spec.json, queries.json, page.json and info.json. Tokens are copied, never
 * re-printed. Every result ends in a newline. */
#ifndef WORKSPACE_PRESENT_H
#define WORKSPACE_PRESENT_H

#include "base/text.h"
#include "platform/platform.h"

/* The value of a field, re-indented; "null\n" for an absent spec, "[]\n" for absent
 * queries. New reference. */
struct text *present_spec(const struct platform_page *page);
struct text *present_queries(const struct platform_page *page);
/* {"id", "name", "tags", "description"}: the id, always and first, and of the others what
 * the page has, in this order, by its own tokens. What PATCH is known to take. New
 * reference. */
struct text *present_page(const struct platform_page *page);
/* Everything else of the page's object (status, console_url, times, versions, every field
 * not known), in the platform's order; without spec, declared_queries and what page.json
 * shows. New reference. */
struct text *present_info(const struct platform_page *page);
/* page.json of a template: {"template": {"slug", "name", "intent", ...}}: all that the
 * template says but its spec and queries. It has no name of its own, so that a copy takes
 * its directory's. New reference. */
struct text *present_template(const struct platform_page *page);

/* What saving page.json means. now and base are JSON texts (base may be NULL: a new
 * page). Appends to *ret_fields a JSON object with the members of `now` that base has not
 * or has with other tokens, by the user's own tokens; "{}" when nothing changed. "id" and
 * "template" are never among them; a member that base has and `now` has not is no change
 * (PATCH cannot unset).
 * -EPROTO or -EFBIG, with *ret_error (may be NULL; position in now), when `now` is no
 * object or no JSON, when its id is not `id` (NULL: any id may stand), or when among the
 * members to send name is no string or blank, tags no array of strings, or spec or
 * declared_queries is there at all: they have files of their own. *ret_fields is
 * untouched on failure. */
int present_page_changes(const struct text *now, const struct text *base, const char *id,
                         struct buf *ret_fields, struct json_error *ret_error);

#endif
