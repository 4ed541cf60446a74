/* store_sqlite_agents.c - agents' sessions, their steps and events. */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "local/store_sqlite.h"

const char store_agents_schema[] =
    "CREATE TABLE IF NOT EXISTS agent_sessions ("
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
    "  parent_id TEXT, profile_id TEXT NOT NULL, user_id TEXT NOT NULL,"
    "  task TEXT NOT NULL, input_params TEXT NOT NULL, status TEXT NOT NULL,"
    "  turns INTEGER NOT NULL, turn_budget INTEGER NOT NULL, finishing INTEGER NOT NULL,"
    "  awaited TEXT, input TEXT, result TEXT, error TEXT,"
    "  created_ms INTEGER NOT NULL, started_ms INTEGER NOT NULL,"
    "  updated_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL,"
    "  event_count INTEGER NOT NULL, step_count INTEGER NOT NULL,"
    "  steps_done INTEGER NOT NULL);"
    "CREATE INDEX IF NOT EXISTS agent_sessions_status ON agent_sessions (status, seq);"
    "CREATE INDEX IF NOT EXISTS agent_sessions_parent ON agent_sessions (parent_id, seq);"
    "CREATE TABLE IF NOT EXISTS agent_steps ("
    "  session_id TEXT NOT NULL, step INTEGER NOT NULL, kind TEXT NOT NULL,"
    "  title TEXT NOT NULL, input TEXT NOT NULL, output TEXT,"
    "  PRIMARY KEY (session_id, step)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS agent_events ("
    "  session_id TEXT NOT NULL, seq INTEGER NOT NULL, type TEXT NOT NULL,"
    "  data TEXT NOT NULL, created_ms INTEGER NOT NULL,"
    "  PRIMARY KEY (session_id, seq)) WITHOUT ROWID;";

#define SESSION_COLUMNS                                                                  \
    "seq, id, parent_id, profile_id, user_id, task, input_params, status, turns,"        \
    " turn_budget, finishing, awaited, input, result, error, created_ms, started_ms,"    \
    " updated_ms, ended_ms, event_count, step_count, steps_done"
#define SESSION_FILTER                                                                   \
    " FROM agent_sessions WHERE (?1 IS NULL OR status = ?1)"                             \
    " AND (?2 IS NULL OR parent_id = ?2) AND (?3 IS NULL OR profile_id = ?3)"            \
    " AND created_ms BETWEEN ?4 AND ?5"

const char *store_agents_sql(enum statement which)
{
    static const char *const sql[STMT_COUNT] = {
        [STMT_AGENT_INSERT] =
            "INSERT INTO agent_sessions (id, parent_id, profile_id, user_id, task,"
            " input_params, status, turns, turn_budget, finishing, created_ms, "
            "started_ms,"
            " updated_ms, ended_ms, event_count, step_count, steps_done)"
            " VALUES (?1, nullif(?2, ''), ?3, ?4, ?5, ?6, ?7, 0, ?8, 0, ?9, 0, ?9, 0, 0,"
            " 0, 0)",
        [STMT_AGENT_UPDATE] =
            "UPDATE agent_sessions SET status = ?2, turns = ?3, turn_budget = ?4,"
            " finishing = ?5, awaited = ?6, input = ?7, result = ?8, error = ?9,"
            " started_ms = ?10, updated_ms = ?11, ended_ms = ?12, event_count = ?13,"
            " step_count = ?14, steps_done = ?15 WHERE id = ?1",
        [STMT_AGENT_GET] = "SELECT " SESSION_COLUMNS " FROM agent_sessions WHERE id = ?1",
        [STMT_AGENT_LIST] = "SELECT " SESSION_COLUMNS SESSION_FILTER
                            " AND (?6 = 0 OR seq < ?6) ORDER BY seq DESC"
                            " LIMIT ?7 OFFSET ?8",
        [STMT_AGENT_COUNT] = "SELECT count(*)" SESSION_FILTER,
        [STMT_STEP_INSERT] = "INSERT INTO agent_steps (session_id, step, kind, title,"
                             " input) VALUES (?1, ?2, ?3, ?4, ?5)",
        [STMT_STEP_DONE] = "UPDATE agent_steps SET output = ?3 WHERE session_id = ?1"
                           " AND step = ?2",
        [STMT_STEP_LIST] = "SELECT step, kind, title, input, output FROM agent_steps"
                           " WHERE session_id = ?1 ORDER BY step",
        [STMT_EVENT_INSERT] = "INSERT INTO agent_events (session_id, seq, type, data,"
                              " created_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
        [STMT_EVENT_LIST] = "SELECT seq, type, data, created_ms FROM agent_events"
                            " WHERE session_id = ?1 AND seq > ?2 ORDER BY seq",
    };
    return sql[which];
}

static int64_t now_ms(void)
{
    struct timespec ts = clock_now();
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- reading ---------------------------------------------------------------------- */

static char *column_dup(sqlite3_stmt *stmt, int column)
{
    return xstrdup((const char *)sqlite3_column_text(stmt, column));
}

/* The columns of SESSION_COLUMNS, in their order. */
static void read_session(sqlite3_stmt *stmt, struct agent_session *ret)
{
    *ret = (struct agent_session){
        .seq = sqlite3_column_int64(stmt, 0),
        .profile = column_dup(stmt, 3),
        .user_id = column_dup(stmt, 4),
        .task = column_dup(stmt, 5),
        .params = column_dup(stmt, 6),
        .turns = sqlite3_column_int64(stmt, 8),
        .turn_budget = sqlite3_column_int64(stmt, 9),
        .finishing = sqlite3_column_int(stmt, 10),
        .awaited = column_dup(stmt, 11),
        .input = column_dup(stmt, 12),
        .result = column_dup(stmt, 13),
        .error = column_dup(stmt, 14),
        .created_ms = sqlite3_column_int64(stmt, 15),
        .started_ms = sqlite3_column_int64(stmt, 16),
        .updated_ms = sqlite3_column_int64(stmt, 17),
        .ended_ms = sqlite3_column_int64(stmt, 18),
        .event_count = sqlite3_column_int64(stmt, 19),
        .step_count = sqlite3_column_int64(stmt, 20),
        .steps_done = sqlite3_column_int64(stmt, 21),
    };
    agent_id_set(ret->id, (const char *)sqlite3_column_text(stmt, 1));
    agent_id_set(ret->parent_id, (const char *)sqlite3_column_text(stmt, 2));
    agent_status_parse((const char *)sqlite3_column_text(stmt, 7), &ret->status);
}

static int read_steps(struct store_sqlite *s, struct agent_session *session)
{
    sqlite3_stmt *stmt = store_statement(s, STMT_STEP_LIST);
    if (!stmt)
        return -EIO;
    sqlite3_bind_text(stmt, 1, session->id, -1, SQLITE_STATIC);
    session->steps = xcalloc((size_t)session->step_count + 1, sizeof *session->steps);
    int r;
    while ((r = store_step(s, stmt)) > 0 &&
           (int64_t)session->loaded_steps < session->step_count)
        session->steps[session->loaded_steps++] = (struct agent_step){
            .index = sqlite3_column_int64(stmt, 0),
            .kind = column_dup(stmt, 1),
            .title = column_dup(stmt, 2),
            .input = column_dup(stmt, 3),
            .output = column_dup(stmt, 4),
        };
    return r < 0 ? r : 0;
}

int store_sqlite_agent_get(struct store *base, const char *id, struct agent_session *ret)
{
    struct store_sqlite *s = store_sqlite(base);
    cleanup_agent_session struct agent_session session = {0};
    int r = store_begin_read(s);
    sqlite3_stmt *stmt = r < 0 ? NULL : store_statement(s, STMT_AGENT_GET);
    if (!stmt)
        return store_end_read(s, -EIO);
    sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC);
    r = store_step(s, stmt);
    if (r > 0) {
        read_session(stmt, &session);
        r = read_steps(s, &session);
    } else if (r == 0) {
        r = -ENOENT;
    }
    if (r >= 0) {
        *ret = session;
        session = (struct agent_session){0};
    }
    return store_end_read(s, r);
}

static void bind_filter(sqlite3_stmt *stmt, const struct agent_filter *f)
{
    sqlite3_bind_text(stmt, 1, f->has_status ? agent_status_name(f->status) : NULL, -1,
                      SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, f->parent_id, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 3, f->profile, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 4, f->created_gte);
    sqlite3_bind_int64(stmt, 5, f->created_lte);
}

static int count_sessions(struct store_sqlite *s, const struct agent_filter *f,
                          int64_t *ret_total)
{
    sqlite3_stmt *stmt = store_statement(s, STMT_AGENT_COUNT);
    if (!stmt)
        return -EIO;
    bind_filter(stmt, f);
    int r = store_step(s, stmt);
    if (r > 0)
        *ret_total = sqlite3_column_int64(stmt, 0);
    return r < 0 ? r : 0;
}

static int select_sessions(struct store_sqlite *s, const struct agent_filter *f,
                           struct agent_list *l)
{
    sqlite3_stmt *stmt = store_statement(s, STMT_AGENT_LIST);
    if (!stmt)
        return -EIO;
    bind_filter(stmt, f);
    sqlite3_bind_int64(stmt, 6, f->after_seq);
    sqlite3_bind_int64(stmt, 7, f->limit + 1);
    sqlite3_bind_int64(stmt, 8, f->offset);
    int r;
    l->items = xcalloc((size_t)f->limit, sizeof *l->items);
    while ((r = store_step(s, stmt)) > 0 && (int64_t)l->count < f->limit)
        read_session(stmt, &l->items[l->count++]);
    l->more = r > 0;
    return r < 0 ? r : 0;
}

int store_sqlite_agent_list(struct store *base, const struct agent_filter *f,
                            struct agent_list *ret)
{
    struct store_sqlite *s = store_sqlite(base);
    cleanup_agent_list struct agent_list l = {0};
    int r = store_begin_read(s);
    if (r >= 0)
        r = count_sessions(s, f, &l.total);
    if (r >= 0)
        r = select_sessions(s, f, &l);
    r = store_end_read(s, r);
    if (r >= 0) {
        *ret = l;
        l = (struct agent_list){0};
    }
    return r;
}

static int select_events(struct store_sqlite *s, const char *id, int64_t after_seq,
                         struct agent_event **events, size_t *count)
{
    sqlite3_stmt *stmt = store_statement(s, STMT_EVENT_LIST);
    size_t room = 0;
    int r;
    if (!stmt)
        return -EIO;
    sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, after_seq);
    while ((r = store_step(s, stmt)) > 0) {
        if (*count == room)
            *events = xrealloc(*events, (room = room * 2 + 16) * sizeof **events);
        (*events)[(*count)++] = (struct agent_event){
            .seq = sqlite3_column_int64(stmt, 0),
            .type = column_dup(stmt, 1),
            .data = column_dup(stmt, 2),
            .created_ms = sqlite3_column_int64(stmt, 3),
        };
    }
    return r;
}

int store_sqlite_agent_events(struct store *base, const char *id, int64_t after_seq,
                              struct agent_event **ret_events, size_t *ret_count)
{
    struct store_sqlite *s = store_sqlite(base);
    *ret_events = NULL;
    *ret_count = 0;
    int r = store_begin_read(s);
    if (r >= 0)
        r = select_events(s, id, after_seq, ret_events, ret_count);
    return store_end_read(s, r);
}

/* ---- writing ---------------------------------------------------------------------- */

static int insert_session(struct store_sqlite *s, struct agent_session *session)
{
    sqlite3_stmt *stmt = store_statement(s, STMT_AGENT_INSERT);
    if (!stmt)
        return -EIO;
    session->created_ms = session->updated_ms = now_ms();
    if (!session->id[0])
        agent_id_make(session->created_ms, session->id);
    sqlite3_bind_text(stmt, 1, session->id, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, session->parent_id, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 3, session->profile, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 4, session->user_id, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 5, session->task, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 6, session->params, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 7, agent_status_name(session->status), -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 8, session->turn_budget);
    sqlite3_bind_int64(stmt, 9, session->created_ms);
    int r = store_run(s, stmt);
    session->seq = sqlite3_last_insert_rowid(s->db);
    return r;
}

static int update_session(struct store_sqlite *s, const struct agent_session *session)
{
    sqlite3_stmt *stmt = store_statement(s, STMT_AGENT_UPDATE);
    if (!stmt)
        return -EIO;
    sqlite3_bind_text(stmt, 1, session->id, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, agent_status_name(session->status), -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 3, session->turns);
    sqlite3_bind_int64(stmt, 4, session->turn_budget);
    sqlite3_bind_int(stmt, 5, session->finishing);
    sqlite3_bind_text(stmt, 6, session->awaited, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 7, session->input, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 8, session->result, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 9, session->error, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 10, session->started_ms);
    sqlite3_bind_int64(stmt, 11, session->updated_ms);
    sqlite3_bind_int64(stmt, 12, session->ended_ms);
    sqlite3_bind_int64(stmt, 13, session->event_count);
    sqlite3_bind_int64(stmt, 14, session->step_count);
    sqlite3_bind_int64(stmt, 15, session->steps_done);
    return store_run(s, stmt);
}

static int insert_step(struct store_sqlite *s, struct agent_session *session,
                       struct agent_step *step)
{
    sqlite3_stmt *stmt = store_statement(s, STMT_STEP_INSERT);
    if (!stmt)
        return -EIO;
    step->index = ++session->step_count;
    sqlite3_bind_text(stmt, 1, session->id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, step->index);
    sqlite3_bind_text(stmt, 3, step->kind, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 4, step->title, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 5, step->input, -1, SQLITE_STATIC);
    return store_run(s, stmt);
}

static int finish_step(struct store_sqlite *s, struct agent_session *session,
                       const struct agent_change *c)
{
    sqlite3_stmt *stmt = store_statement(s, STMT_STEP_DONE);
    if (!stmt)
        return -EIO;
    session->steps_done++;
    sqlite3_bind_text(stmt, 1, session->id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, c->done_step);
    sqlite3_bind_text(stmt, 3, c->output ? c->output : "{}", -1, SQLITE_STATIC);
    return store_run(s, stmt);
}

static int insert_event(struct store_sqlite *s, struct agent_session *session,
                        struct agent_event *event)
{
    sqlite3_stmt *stmt = store_statement(s, STMT_EVENT_INSERT);
    if (!stmt)
        return -EIO;
    event->seq = ++session->event_count;
    event->created_ms = session->updated_ms;
    sqlite3_bind_text(stmt, 1, session->id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, event->seq);
    sqlite3_bind_text(stmt, 3, event->type, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 4, event->data, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 5, event->created_ms);
    return store_run(s, stmt);
}

/* All but the children. */
static int write_change(struct store_sqlite *s, struct agent_session *session,
                        struct agent_change *c)
{
    int r = c->done_step ? finish_step(s, session, c) : 0;
    for (size_t i = 0; r >= 0 && i < c->step_count; i++)
        r = insert_step(s, session, &c->steps[i]);
    for (size_t i = 0; r >= 0 && i < c->event_count; i++)
        r = insert_event(s, session, &c->events[i]);
    return r < 0 ? r : update_session(s, session);
}

static int create_in(struct store_sqlite *s, struct agent_session *session,
                     struct agent_change *c)
{
    int r = insert_session(s, session);
    return r < 0 ? r : write_change(s, session, c);
}

int store_sqlite_agent_create(struct store *base, struct agent_session *session,
                              struct agent_change *c)
{
    struct store_sqlite *s = store_sqlite(base);
    int r = store_begin_write(s);
    if (r >= 0)
        r = create_in(s, session, c);
    return store_end_write(s, r);
}

int store_sqlite_agent_change(struct store *base, struct agent_session *session,
                              struct agent_change *c)
{
    struct store_sqlite *s = store_sqlite(base);
    int64_t now = now_ms();
    session->updated_ms = now > session->updated_ms ? now : session->updated_ms + 1;
    int r = store_begin_write(s);
    for (size_t i = 0; r >= 0 && i < c->child_count; i++)
        r = create_in(s, &c->children[i], &c->child_changes[i]);
    if (r >= 0)
        r = write_change(s, session, c);
    return store_end_write(s, r);
}
