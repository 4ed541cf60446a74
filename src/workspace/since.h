/* since.h - sweeps that ask for what has changed alone (updated_at_gte). Everything here wants
 * the lock held.
 *
 * No document says that the platform's list honours that filter, so it is used only where it
 * can be seen to work, each time: it asks from a minute before the newest change that is
 * known, so that at least one known page must come, and none from before that moment. Where
 * a page is missing, an older one comes, or the request is refused, a whole sweep follows:
 * what such an answer lacks is not gone, also where it looks like the whole list. The filter
 * is not used again then while this mount lives, unless the missing page turns out to be gone.
 *
 * What such a sweep cannot tell is seen by the next whole one: that a page is gone, or that
 * its time went back. So each tenth minute is a whole one's, and so is every sweep somebody
 * waits for, and where the list is one request anyway. */
#ifndef WORKSPACE_SINCE_H
#define WORKSPACE_SINCE_H

#include "workspace/model.h"

/* A sweep begins. The moment from which it asks, by its letters: borrowed until the next
 * one; NULL: it asks for all. */
const char *since_begin(struct workspace *ws, enum http_class class);
/* Pages have come, and are not taken in yet. */
void since_look(struct workspace *ws, const struct platform_page *pages, size_t count);

enum since_end {
    SINCE_WHOLE, /* it asked for all */
    SINCE_PART,
    SINCE_DOUBT, /* the answer is not what was asked for: ask for all now */
};
/* All that came is taken in; err: the sweep failed by that. */
enum since_end since_end(struct workspace *ws, int err);
/* Somebody waits for the sweep that is under way: it must be a whole one. */
void since_want_whole(struct workspace *ws);
/* At the end of the workspace. */
void since_finish(struct workspace *ws);

#endif
