/* state_sql.h - the statements of state.db. For state.c and state_sql.c. */
#ifndef WORKSPACE_STATE_SQL_H
#define WORKSPACE_STATE_SQL_H

#include <sqlite3.h>

#include "workspace/state.h"

enum state_statement {
    SQL_PUT_PAGE,
    SQL_DROP_PAGE,
    SQL_DROP_PAGE_DRAFTS,
    SQL_DROP_PAGE_TEXTS,
    SQL_PUT_DRAFT,
    SQL_MARK_DRAFT,
    SQL_DROP_DRAFT,
    SQL_PUT_TEXT,
    SQL_PUT_REPLACED,
    SQL_PRUNE,
    SQL_READ_TEXTS,
    SQL_READ_REPLACED,
    SQL_COUNT
};

/* A parameter: a string, a text's bytes, or a number. */
struct state_value {
    enum { VALUE_NULL, VALUE_STRING, VALUE_TEXT, VALUE_NUMBER } type;
    char *string;
    struct text *text;
    int64_t number;
};

enum { STATE_VALUES_MAX = 9 };
struct state_step {
    enum state_statement which;
    struct state_value values[STATE_VALUES_MAX];
    unsigned count;
    struct state_step *next;
};
void state_step_free(struct state_step *step);

struct state_db {
    sqlite3 *db;
    sqlite3_stmt *statements[SQL_COUNT];
};

/* As state_open(). */
int state_db_open(struct state_db *d, const char *path, char **ret_reason);
void state_db_close(struct state_db *d);
/* One transaction. 0 or -errno, with the reason in the log. */
int state_db_run(struct state_db *d, const struct state_step *steps);
/* The rows of a question; owned by the caller (state_rows_free). */
int state_db_ask(struct state_db *d, const struct state_step *step,
                 struct state_text **ret_rows, size_t *ret_count);
void state_rows_free(struct state_text *rows, size_t count);
int state_db_load(struct state_db *d, const struct state_visitor *visitor, void *arg);

int64_t state_time(struct timespec ts);
/* As they stand in the file. */
const char *state_slot_word(enum state_slot slot);
const char *state_stage_word(enum state_stage stage);

#endif
