/* cache.h - what the platform said, kept beyond the mount: cache.db in the cache
 * directory.
 *
 * The bodies of pages, by id and with the change token they were read under, and the
 * summaries of the last list. Nothing in it is needed: it may be deleted at any time, also
 * while it is open (the mount goes on with what it has, the next one begins anew), and a
 * file of another version, one that is no database and one that is damaged are begun anew
 * without a word to the user. What is read carries a checksum, so that damage is a miss
 * and never another text.
 *
 * Bodies are bounded by their bytes; the least recently used go first. Summaries are not
 * counted.
 *
 * Written and read by a thread of its own. Changes and questions are handed in from any
 * thread, also under the workspace's lock, and are carried out in that order, but for the
 * list's changes, which let the bodies pass. Answers come on the loop's thread. NULL for
 * the cache (none can be kept) is allowed where something is changed: it is lost. */
#ifndef WORKSPACE_CACHE_H
#define WORKSPACE_CACHE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/loop.h"
#include "base/text.h"

struct cache;
struct cache_list;

/* DIR/cache.db (0600), held against a second mount. max_bytes: of all bodies together.
 * NULL: no cache can be kept there; the reason is in the log. */
struct cache *cache_open(const char *dir, uint64_t max_bytes, struct loop *loop);
/* Carries out what was handed in; what comes later is lost, or answered with nothing.
 * Before loop_stop(); not on the loop's thread. Idempotent. */
void cache_stop(struct cache *c);
/* After cache_stop(). */
void cache_close(struct cache *c);

/* ---- bodies ------------------------------------------------------------------ */

struct cache_body {
    struct text *text;  /* the page's own object, as it came */
    const char *token;  /* the list's change token when it was asked for; NULL: none */
    struct timespec at; /* wall time of its coming */
};

void cache_put_body(struct cache *c, const char *id, const struct cache_body *body);
void cache_drop_body(struct cache *c, const char *id);
/* done is called once, on the loop's thread; body (NULL: none) is borrowed for the call.
 * c is not NULL here. */
typedef void cache_body_fn(void *arg, const struct cache_body *body);
void cache_read_body(struct cache *c, const char *id, cache_body_fn *done, void *arg);
/* What the list said of it: the same, without a token. */
void cache_read_summary(struct cache *c, const char *id, cache_body_fn *done, void *arg);

/* ---- the list ---------------------------------------------------------------- */

/* The changes that a sweep brought. */
struct cache_list *cache_list_begin(struct cache *c);
/* The file was begun anew since the summaries were put last: all are wanted again. */
bool cache_list_is_anew(const struct cache_list *list);
/* Takes a reference. */
void cache_list_put(struct cache_list *list, const char *id, struct text *summary);
/* Its body too. */
void cache_list_drop(struct cache_list *list, const char *id);
/* Hands in what has come so far. Of a list that is put anew what was there before is gone by
 * that: there is no complete one until its end. */
void cache_list_flush(struct cache *c, struct cache_list *list);
/* Hands in the rest; takes list over. `at`: the list was complete then; NULL: these are not
 * all of a list's. */
void cache_list_end(struct cache *c, struct cache_list *list, const struct timespec *at);
/* What GET /me said. */
void cache_put_me(struct cache *c, struct text *me);

/* What was there at the start; before the first change. True: a complete list was there
 * and was given, a summary a call (borrowed); it was complete at *ret_at. False: there is
 * none, though some summaries may have been given.
 * *ret_me: a reference, or NULL. */
typedef void cache_summary_fn(void *arg, const char *id, struct text *summary);
bool cache_load(struct cache *c, cache_summary_fn *each, void *arg,
                struct timespec *ret_at, struct text **ret_me);

/* A checksum that tells two texts apart (64 bit, FNV-1a); of a text and what it is called.
 */
uint64_t cache_sum(const char *id, const void *data, size_t len);

#endif
