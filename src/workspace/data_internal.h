/* data_internal.h - what the files of data/ share (data.c: names; data_run.c: answers). */
#ifndef WORKSPACE_DATA_INTERNAL_H
#define WORKSPACE_DATA_INTERNAL_H

#include "workspace/data.h"
#include "workspace/model.h"

enum { DATA_KEPT_MAX = 256 << 20 }; /* bytes of answers in memory */

struct data_params {
    atomic_uint refs;
    struct workspace *ws;
    char *name; /* the directory's */
    struct text *json;
    UT_hash_handle hh; /* in data.params; weak */
};

/* One request under way. */
struct data_run {
    struct dataset *set; /* a reference */
    struct text *sql;
    struct wait *waits;
};

struct dataset {
    atomic_uint refs;
    struct workspace *ws;
    char *key;                  /* "top.sql", "region=emea/top.sql"; "" is the schema */
    char *file;                 /* "top.sql"; NULL: the schema */
    struct data_params *params; /* a reference; NULL: none */
    uint64_t number;            /* inode, and behind it those of its forms */
    UT_hash_handle hh;          /* in data.sets; weak */

    /* Guarded by workspace.lock. */
    struct data_run *run; /* the newest, while it is under way */
    struct text *sql;     /* that was answered; NULL: never */
    int64_t at_ms;        /* when */
    struct timespec mtime;
    /* The answer; text NULL: none, or it left the memory. The schema's is what is shown. */
    struct data_answer {
        struct text *text;
        struct json_span rows;
    } answer;
    bool truncated;
    int err;                    /* -EPROTO: it was refused */
    char *error;                /* of the last attempt; NULL: it went well */
    uint64_t sizes[DATA_FORMS]; /* of the last answer */
    bool sized[DATA_FORMS];     /* that is known */
    bool held;                  /* in data.held; a reference */
    struct dataset *held_prev, *held_next;
};

struct data {
    struct dataset *sets;
    struct data_params *params;
    struct dataset *held; /* with an answer in memory, oldest first; references */
    size_t held_bytes;
    struct loop_timer trim;
    bool trimming;
};

/* Made when it is needed first. Lock held. */
struct data *data_of(struct workspace *ws);
/* The bytes of an answer leave the memory; what it was is known still. Lock held; the
 * reference that falls is the caller's to drop, with no lock held. */
struct dataset *data_let_go(struct dataset *d);

#endif
