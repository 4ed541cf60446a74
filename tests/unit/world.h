/* world.h - a workspace without a kernel: amdahl-local in a directory of its own, the
 * counting door before it (proxy.h), and the model that amdahlfs shows. Waiting is done
 * here; what goes wrong on the way fails the test. */
#ifndef UNIT_WORLD_H
#define UNIT_WORLD_H

#include <sys/types.h>

#include "proxy.h"
#include "workspace/workspace.h"

struct world {
    char dir[64];
    pid_t server;
    struct proxy *proxy;
    struct http_key *key;
    struct loop *loop;
    struct http *http;
    struct platform *platform;
    struct workspace *ws;
};

/* cmocka's setup and teardown of one test; *state is the world. The list has been read,
 * and the proxy has forgotten it. One process may archive two pages a minute. */
int world_setup(void **state);
int world_teardown(void **state);

/* A call that takes a wait, and its final answer: inside the call the wait is `the_wait`.
 */
struct pending;
struct pending *pending_new(void);
struct wait *pending_wait(struct pending *p);
/* The final answer: err itself unless it is -EINPROGRESS. Frees p. */
int pending_end(struct pending *p, int err);
#define WAIT_FOR(call)                                                                   \
    ({                                                                                   \
        struct pending *pending_ = pending_new();                                        \
        struct wait *the_wait = pending_wait(pending_);                                  \
        pending_end(pending_, (call));                                                   \
    })

/* A page with its body here; a reference. */
struct page *world_page(struct world *w, const char *dir);
/* A file beside its documents; a reference, or NULL. */
struct item *world_scratch(struct page *p, const char *name);
/* What a file of a page holds now; malloc'ed. */
char *world_text(struct page *p, enum page_file which);
/* A field of the page as the platform has it now ("spec", "declared_queries", "name",
 * "status"), without blanks; malloc'ed. One GET. */
char *world_stored(struct world *w, const char *id, const char *field);

/* Truncates, writes and commits as a program's open, write and close would. */
int world_save(struct page *p, enum page_file which, const char *text);
/* The same without the commit. */
void world_write(struct page *p, enum page_file which, const char *text);
int world_commit(struct page *p, enum page_file which, enum save_why why, bool by_opener);

/* Texts of documents: good ones, unless a name in them is wrong. */
#define HEADING(text)                                                                    \
    "{\"version\": 1, \"root\": {\"type\": \"Heading\", \"props\": {\"text\": \"" text   \
    "\", \"level\": 1}}}\n"
#define TABLE_OF(query)                                                                  \
    "{\"version\": 1, \"root\": {\"type\": \"Table\", \"props\": {\"data\": "            \
    "{\"$query\": \"" query "\"}}}}\n"
#define QUERY(name)                                                                      \
    "[{\"name\": \"" name "\", \"source\": \"sql\", \"sql\": "                           \
    "\"SELECT COUNT(*) AS n FROM interactions\"}]\n"

void assert_text(struct page *p, enum page_file which, const char *want);
void assert_contains(struct page *p, enum page_file which, const char *want);
/* Does the field, as the platform has it, contain this? */
void assert_stored(struct world *w, struct page *p, const char *field, const char *want);

#endif
