/* store.h - where the workspace lives: pages with their versions, small facts, the
 * `interactions` table and the documents. One interface; SQLite is its first implementation, PostgreSQL
 * will be the second, so nothing above speaks SQL or knows a type of either.
 *
 * Every operation may be called from any thread. Each is one transaction: it happened
 * whole, and durably, or not at all. All return 0 or -errno: -EIO is the database's own
 * trouble (logged where it happened), -ENOENT an id or a name that is not there.
 */
#ifndef LOCAL_STORE_H
#define LOCAL_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "local/uuid.h"

enum page_status { PAGE_DRAFT, PAGE_ARCHIVED };
/* "draft", "archived". */
const char *page_status_name(enum page_status status);
bool page_status_parse(const char *name, enum page_status *ret);

/* A page. The JSON fields are the texts that were sent, byte for byte. */
struct page {
    char id[UUID_TEXT];
    char *name;        /* UTF-8, owned, as everything here */
    char *description; /* NULL: none */
    char *tags;        /* a JSON array of strings */
    char *spec;        /* JSON; NULL in a list */
    char *queries;     /* a JSON array; NULL in a list */
    enum page_status status;
    bool has_custom_nodes;
    int64_t version;    /* 1, 2, … */
    int64_t created_ms; /* since the epoch */
    int64_t updated_ms; /* grows with every write of the page, even within one ms */
    int64_t seq;        /* order of creation, the tie-breaker of created_ms */
};
void page_finish(struct page *p);
#define cleanup_page __attribute__((__cleanup__(page_finish)))

/* What a list is asked for; newest created first. */
struct page_filter {
    enum page_status status;
    const char *q; /* part of the name or the description, in any case; NULL: all */
    int64_t created_gte, created_lte, updated_gte, updated_lte; /* ms, inclusive */
    int64_t limit, offset;
    bool has_after; /* go on behind the page with these two (a cursor) */
    int64_t after_created, after_seq;
};
#define PAGE_FILTER_INIT                                                                 \
    ((struct page_filter){.created_gte = INT64_MIN,                                      \
                          .updated_gte = INT64_MIN,                                      \
                          .created_lte = INT64_MAX,                                      \
                          .updated_lte = INT64_MAX})

struct page_list {
    struct page *items; /* summaries */
    size_t count;
    int64_t total; /* that the filter matches, cursor, offset and limit aside */
    bool more;     /* there are some behind the last item */
};
void page_list_finish(struct page_list *l);
#define cleanup_page_list __attribute__((__cleanup__(page_list_finish)))

/* ---- the data table --------------------------------------------------------------- */

enum data_type {
    DATA_NULL,
    DATA_INTEGER,
    DATA_REAL,
    DATA_DATE,
    DATA_TIMESTAMP,
    DATA_TEXT
};

struct data_column {
    const char *name; /* [a-z_][a-z0-9_]* */
    enum data_type type;
};

struct data_value {
    enum data_type type; /* DATA_NULL, or how to read the rest */
    int64_t integer;
    double real;
    const char *text; /* dates too: ISO 8601 */
};

/* Fills one row of as many values as there are columns: 1, 0 at the end, or -errno. The
 * texts need to live until the next call only. */
typedef int data_next_fn(void *arg, struct data_value *row);

/* ---- documents -------------------------------------------------------------------- */

/* One of the knowledge base. */
struct document {
    const char *id;    /* "doc_..." */
    const char *title; /* UTF-8, as all of it */
    const char *kind;  /* a word: "guide", "battlecard", ... */
    const char *body;  /* Markdown */
    int64_t updated_ms;
};

/* ---- the operations --------------------------------------------------------------- */

struct store;

struct store_ops {
    void (*close)(struct store *);

    /* Small facts by name. */
    int (*meta_get)(struct store *, const char *name, char **ret_value);
    int (*meta_set)(struct store *, const char *name, const char *value);

    int (*page_list)(struct store *, const struct page_filter *, struct page_list *ret);
    int (*page_get)(struct store *, const char *id, struct page *ret);
    /* Sets id (unless it is given), version, seq and both times in *page. */
    int (*page_create)(struct store *, struct page *page);
    /* Writes all fields of *page over the version that it was read as: -ESTALE, and
     * nothing changed, when the stored one is another by now. Sets version, updated_ms.
     */
    int (*page_update)(struct store *, struct page *page);
    /* For good, with all versions. */
    int (*page_delete)(struct store *, const char *id);

    /* Replaces `interactions`, and the index by which its texts are searched. A negative
     * answer of next() ends it, leaves the table as it was and is returned. */
    int (*data_replace)(struct store *, const struct data_column *columns, size_t count,
                        data_next_fn *next, void *arg);
    /* Replaces the knowledge base, with its index. */
    int (*documents_replace)(struct store *, const struct document *documents,
                             size_t count);
};

struct store {
    const struct store_ops *ops;
};

/* Opens or makes the file. */
int store_sqlite_open(const char *path, struct store **ret_store);

static inline void store_close(struct store *s)
{
    if (s)
        s->ops->close(s);
}

#endif
