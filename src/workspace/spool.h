/* spool.h - lines that come one after another, kept in memory, and who follows them.
 *
 * What a stream file (.amdahl/changes) is made of. Bytes are counted from the spool's
 * beginning, for ever; the newest `cap` bytes are kept, by whole lines, and a reader below
 * them goes on at the first whole line that is left: nobody is given two halves of different
 * lines as one. A reader has offsets of its own (those of its file position), which what it
 * missed does not count in.
 *
 * Nobody waits by a thread: who finds nothing leaves a struct wait, which is completed on the
 * loop's thread when something came, wherever in the spool, or at the spool's end. Any
 * thread, any lock held: the spool's own is a leaf. */
#ifndef WORKSPACE_SPOOL_H
#define WORKSPACE_SPOOL_H

#include <sys/stat.h>

#include "workspace/workspace.h"

struct spool;
struct spool_reader;

/* loop: runs the waits' done(). One reference. */
void spool_create(struct loop *loop, size_t cap, struct spool **ret_spool);
struct spool *spool_ref(struct spool *s); /* NULL is allowed in both */
void spool_unref(struct spool *s);

/* Adds a line; its newline is not in `line`. Nothing, after the end. The newest line is kept
 * however long it is. */
void spool_add(struct spool *s, const char *line, size_t len);
/* No more comes: who waits, and who asks from now on, has reached the end of the file. */
void spool_end(struct spool *s);
/* How much has come in all, and when the last of it did (the spool's beginning, if none). */
void spool_size(struct spool *s, uint64_t *ret_size, struct timespec *ret_when);

/* ---- readers --------------------------------------------------------------------- */

/* Stands at the beginning. Holds a reference to the spool. */
struct spool_reader *spool_open(struct spool *s);
/* Its watch (below), if one is set, is the caller's again. NULL is allowed. */
struct wait *spool_close(struct spool_reader *r);

/* An offset: where the reader's last read ended. */
#define SPOOL_HERE UINT64_MAX
/* 0: there is something at this offset, or the spool has ended; -EINPROGRESS: w will be
 * completed, with 0, when it is worth asking again. */
int spool_wait(struct spool_reader *r, uint64_t off, struct wait *w);
/* Takes w back: true, it will not be completed; false: it was, or is about to be. */
bool spool_cancel(struct spool_reader *r, struct wait *w);
/* Appends what is there, up to `size` bytes. */
void spool_read(struct spool_reader *r, uint64_t off, size_t size, struct buf *out);
/* As spool_wait() at SPOOL_HERE, for poll(2): a reader has one such wait, and the one set
 * before comes back (NULL: none, or it is being completed). NULL for w takes it off. 0: there
 * is something, and w is not kept. */
int spool_watch(struct spool_reader *r, struct wait *w, struct wait **ret_before);
bool spool_has_ended(struct spool_reader *r);

#endif
