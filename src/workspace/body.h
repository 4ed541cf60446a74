/* body.h - where a page's body comes from: memory, cache.db, the platform. For the files of
 * workspace/ alone; everything here wants the lock held.
 *
 * A cached body is as good as one that is fetched when the list, as a sweep of this mount
 * saw it, has the change token it was read under; where the list has none, for `ttl`
 * after its coming. A page of a list that came out of the cache too waits for the first
 * sweep, which costs less than the bodies, unless the list is very long: then it is
 * fetched. What cannot be checked because the platform is away is shown as it is known,
 * and looked at again as soon as it answers. */
#ifndef WORKSPACE_BODY_H
#define WORKSPACE_BODY_H

#include "workspace/model.h"

/* The platform gave the whole page: into the cache. list_token: of the list when it was
 * asked; NULL: not known, so that its own token is what counts. */
void body_keep(struct page *p, const struct platform_page *from, const char *list_token);
/* What a change of ours was answered with: into the cache when that is the whole page,
 * else the older one there goes. NULL: nothing. */
void body_keep_changed(struct page *p, const struct platform_page *from);

/* ---- the list (list_cache.c) --------------------------------------------------- */

/* Opens cache.db and shows the pages of the last list. No lock; before the first call. */
void list_cache_open(struct workspace *ws);
/* A sweep: begin, each page that it has or has not any more, end; or it is broken off. */
void list_cache_begin(struct workspace *ws);
void list_cache_flush(struct workspace *ws);
void list_cache_break_off(struct workspace *ws);
uint64_t list_cache_sum(const struct platform_page *from); /* of a summary */
void list_cache_take(struct page *p, const struct platform_page *from);
void list_cache_drop(struct page *p);
void list_cache_end(struct workspace *ws);
/* One page that came or went by a change of ours. */
void list_cache_made(struct page *p, const struct platform_page *from);
void list_cache_gone(struct page *p);
/* Whose key this is, when that was not known because the platform was away. */
void list_ask_me(struct workspace *ws);
/* When the list that is shown was complete; false: there is none. */
bool list_age(struct workspace *ws, int64_t *ret_seconds);

#endif
