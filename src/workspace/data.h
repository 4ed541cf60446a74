/* data.h - data/: SQL in files of this machine, and what the platform answers to it.
 *
 *   data/top.sql                        an ordinary local file
 *   data/{top.csv,top.ndjson,top.json}  its result, made when it is opened
 *   data/region=emea,n=5/top.csv        the same with params (data_params.h)
 *   data/schema.json                    what there is to query
 *
 * A result is there while its .sql is. What one file of SQL gives with one set of params is
 * a dataset: one request serves its three forms, for -o render_ttl and as long as the SQL is
 * the same, and everybody who asks meanwhile. A refusal (-EPROTO) is kept as an answer is.
 * Nothing here is asked for unless somebody opens a result.
 *
 * As all of workspace/: one lock, nobody waits, struct wait for what needs the platform. */
#ifndef WORKSPACE_DATA_H
#define WORKSPACE_DATA_H

#include "workspace/data_reader.h"
#include "workspace/workspace.h"

enum {
    DATA_FORMS = ROWS_JSON + 1,
    DATA_SQL_MAX = 1 << 20, /* bytes of a file of SQL */
};

struct dataset;
struct data_params; /* a directory data/<k>=<v>,.../ */

/* Where its names are made; borrowed. */
struct item *workspace_data_local(struct workspace *ws);

/* The dataset that gives this name, and in which form; a reference. NULL: the name is no
 * result. params NULL: in data/ itself. */
struct dataset *data_find(struct workspace *ws, struct data_params *params,
                          const char *name, enum rows_form *ret_form);
/* Is this name in data/ a result's? */
bool data_is_result(struct workspace *ws, const char *name);
/* Whether this name is one may change by itself, when SQL comes or goes beside it. */
bool data_name_is_fleeting(const char *name);
/* Every name of data/: results (unless they are hidden) and what is local. In a directory
 * of params results alone. fn as in place_each(). */
int data_each(struct workspace *ws, struct data_params *params, item_visit_fn *fn,
              void *arg);

/* ---- a dataset ----------------------------------------------------------------------- */

struct dataset *dataset_ref(struct dataset *d);
void dataset_unref(struct dataset *d);
/* 0: there is an answer that is fresh. -EPROTO: it was refused, or the file holds nothing
 * that could be sent; -ENOENT: its SQL is gone; -EAGAIN, of the wait alone: the SQL was
 * changed meanwhile, once more; else what came of the request. */
int dataset_ready(struct dataset *d, struct wait *w);
/* The last answer in that form, owned by the caller: *ret_reader, or of the schema *ret_text (a
 * reference). -EAGAIN: it has left the memory, or none came: dataset_ready(), once more. */
int dataset_open(struct dataset *d, enum rows_form form, struct data_reader **ret_reader,
                 struct text **ret_text);
/* The size is that of the last answer, 0 before the first; the time 0 of a schema that was
 * never asked for. */
void dataset_stat(struct dataset *d, enum rows_form form, struct stat *ret);
/* user.amdahl.<name>: "error", of the last attempt; "truncated", "true" where the platform
 * said so of the last answer. malloc'ed; NULL: none. */
char *dataset_attribute(struct dataset *d, const char *name);

/* ---- data/<k>=<v>,.../ --------------------------------------------------------------- */

/* A reference. NULL: the name says no params. */
struct data_params *data_params_find(struct workspace *ws, const char *name);
struct data_params *data_params_ref(struct data_params *p);
void data_params_unref(struct data_params *p);
uint64_t data_params_number(const struct data_params *p);

/* ---- for workspace/ ------------------------------------------------------------------ */

/* What was answered is asked for anew. Takes the lock. */
void data_drop(struct workspace *ws);
/* At the end. */
void data_free(struct workspace *ws);

#endif
