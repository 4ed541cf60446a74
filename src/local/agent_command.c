#include "local/agent_command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/log.h"
#include "json/json.h"
#include "local/agent_answer.h"
#include "local/agent_script.h"
#include "local/agents_internal.h"
#include "local/jsonout.h"
#include "local/program.h"
#include "local/store.h"

enum { SHOWN_LINE = 200, LINE_DEPTH = 200, TYPE_MAX = 100 };

/* A session's program. Everything here is the loop's thread's alone. */
struct agent_run {
    struct agent_command *command;
    char id[AGENT_ID_TEXT];
    struct program *program;
    struct agent_script script;
    struct agent_change change; /* what has come since the last commit */
    bool awaits;                /* it has asked and has no answer */
    struct buf ask;    /* the question that the change is to store; empty: none */
    struct buf result; /* its last word; empty: not yet */
    struct buf error;  /* likewise */
    size_t bytes, lines;
    struct agent_run *prev, *next;
    UT_hash_handle hh;
};

struct agent_command {
    struct agents *agents;
    char *text;
    struct agent_run *runs;    /* hash by id, owned */
    struct agent_run *waiting; /* for a place; owned */
};

/* ---- what becomes of a run -------------------------------------------------------- */

static void run_fail(struct agent_run *run, const char *code, const char *message,
                     const char *detail, size_t detail_len)
{
    if (run->error.len || run->result.len)
        return;
    buf_printf(&run->error, "{\"code\":\"%s\",\"message\":", code);
    json_out_string(&run->error, message);
    if (detail && detail_len) {
        json_out_key(&run->error, "detail");
        json_out_text(&run->error, detail,
                      detail_len < SHOWN_LINE * 10 ? detail_len : SHOWN_LINE * 10);
    }
    buf_putc(&run->error, '}');
}

static void apply(struct agent_run *run, struct agent_session *s)
{
    if (run->ask.len)
        agents_await(s, &run->change, run->ask.data);
    if (run->result.len || run->error.len) {
        run->change.done_step = 1;
        s->turns++;
    }
    if (run->error.len)
        agents_end_failed(s, &run->change, run->error.data);
    else if (run->result.len)
        agents_end_complete(s, &run->change, run->result.data);
}

/* Stores what has come; a session that has ended meanwhile takes nothing. */
static void run_commit(struct agent_run *run)
{
    struct agents *a = run->command->agents;
    cleanup_agent_session struct agent_session s = {0};
    if (!run->change.event_count && !run->ask.len && !run->result.len && !run->error.len)
        return;
    pthread_mutex_lock(&a->lock);
    int r = a->store->ops->agent_get(a->store, run->id, &s);
    if (r >= 0 && !agent_status_ended(s.status)) {
        apply(run, &s);
        r = agents_commit(a, &s, &run->change);
    }
    pthread_mutex_unlock(&a->lock);
    if (r < 0)
        log_error("agent %s: %s", run->id, strerror(-r));
    agent_change_finish(&run->change);
    buf_clear(&run->ask);
    if (run->result.len || run->error.len || r < 0)
        program_kill(run->program);
}

/* ---- its lines -------------------------------------------------------------------- */

static void give_answer(struct agent_run *run, const char *answer)
{
    cleanup_free char *line = xasprintf("{\"type\":\"input\",\"input\":%s}\n", answer);
    run->awaits = false;
    program_write(run->program, line, strlen(line));
}

/* A pause. One that was there before has its answer already. */
static void on_ask(struct agent_run *run, const char *data)
{
    cleanup_free char *known =
        xasprintf("{\"status\":\"awaiting_input\",\"request\":%s}", data);
    cleanup_free char *answer = NULL;
    if (run->awaits) {
        run_fail(run, "agent_command_protocol", "it asked again before it had an answer",
                 NULL, 0);
        return;
    }
    run->awaits = true;
    if (!agent_script_match(&run->script, "session.awaiting_input", known))
        buf_puts(&run->ask, data);
    else if ((answer = agent_script_answer(&run->script)))
        give_answer(run, answer);
}

static void on_end(struct agent_run *run, const char *data, bool good)
{
    cleanup_free char *message = agent_member_text(data, "message");
    struct json_span root, value;
    if (!good) {
        run_fail(run, "agent_failed", message ? message : "the agent says that it failed",
                 data, strlen(data));
        return;
    }
    json_check(data, strlen(data), &JSON_LIMITS_WIRE, &root, NULL);
    if (json_member(data, root, "result", &value))
        json_compact(&run->result, data, value);
    else
        buf_puts(&run->result, data);
}

static void on_event(struct agent_run *run, const char *type, const char *data)
{
    const struct buf text = {(char *)(uintptr_t)data, strlen(data), 0};
    if (agent_script_match(&run->script, type, data))
        return;
    if (++run->lines > AGENT_EVENTS_MAX)
        run_fail(run, "too_much_output",
                 "it has sent more events than a session may have", NULL, 0);
    else
        agent_change_event(&run->change, type, &text);
}

/* By its type; "session." is the server's to say. */
static bool on_message(struct agent_run *run, const char *type, const char *data)
{
    if (!strncmp(type, "session.", 8))
        type += 8;
    else if (strchr(type, '.') ||
             (strcmp(type, "awaiting_input") != 0 && strcmp(type, "completed") != 0 &&
              strcmp(type, "failed") != 0)) {
        on_event(run, type, data);
        return true;
    }
    if (!strcmp(type, "awaiting_input"))
        on_ask(run, data);
    else if (!strcmp(type, "completed") || !strcmp(type, "failed"))
        on_end(run, data, *type == 'c');
    else
        return false;
    return true;
}

/* {"type": "...", "data": {...}}; data may be left out. */
static bool parse_line(const char *text, size_t len, char **ret_type,
                       struct buf *ret_data)
{
    static const struct json_limits limits = {AGENT_LINE_MAX, LINE_DEPTH, false};
    struct json_span root, value;
    if (json_check(text, len, &limits, &root, NULL) < 0 ||
        !json_member(text, root, "type", &value))
        return false;
    *ret_type = json_string_dup(text, value);
    if (!*ret_type || !**ret_type || strlen(*ret_type) > TYPE_MAX)
        return false;
    if (!json_member(text, root, "data", &value))
        buf_puts(ret_data, "{}");
    else
        json_compact(ret_data, text, value);
    return true;
}

static void on_line(void *arg, const char *text, size_t len)
{
    struct agent_run *run = arg;
    cleanup_free char *type = NULL;
    cleanup_buf struct buf data = BUF_INIT;
    run->bytes += len;
    if (run->error.len || run->result.len || (text && !len))
        return; /* it has said its last word; or a blank line */
    if (!text || run->bytes > AGENT_OUTPUT_MAX)
        run_fail(run, "too_much_output", "its output is larger than a session's may be",
                 NULL, 0);
    else if (!parse_line(text, len, &type, &data) || !on_message(run, type, data.data))
        run_fail(run, "agent_command_protocol",
                 "it wrote a line that is no event: {\"type\":\"...\",\"data\":{...}}",
                 text, len < SHOWN_LINE ? len : SHOWN_LINE);
    if (run->error.len || run->result.len)
        run_commit(run);
}

static void on_pause(void *arg)
{
    run_commit(arg);
}

/* ---- its end ---------------------------------------------------------------------- */

static void start_next(struct agent_command *c);

static void run_free(struct agent_run *run)
{
    program_free(run->program);
    agent_script_finish(&run->script);
    agent_change_finish(&run->change);
    buf_finish(&run->ask);
    buf_finish(&run->result);
    buf_finish(&run->error);
    free(run);
}

/* Without a last word, its exit status is one. */
static void on_ended(void *arg, int status)
{
    struct agent_run *run = arg;
    struct agent_command *c = run->command;
    const char *complaint = program_complaint(run->program);
    cleanup_free char *why =
        WIFEXITED(status) ? xasprintf("it ended with status %d", WEXITSTATUS(status))
                          : xasprintf("it was killed by signal %d", WTERMSIG(status));
    if (!run->error.len && !run->result.len) {
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            run_fail(run, "agent_command_failed", why, complaint, strlen(complaint));
        else if (run->awaits)
            run_fail(run, "agent_command_failed", "it ended while it awaited an answer",
                     complaint, strlen(complaint));
        else
            buf_puts(&run->result, "null");
        run_commit(run);
    }
    HASH_DEL(c->runs, run);
    run_free(run);
    start_next(c);
}

/* ---- its start -------------------------------------------------------------------- */

static void put_start(const struct agent_session *s, size_t events, struct buf *out)
{
    buf_printf(out, "{\"type\":\"start\",\"session_id\":\"%s\",\"profile_id\":", s->id);
    json_out_string(out, s->profile);
    json_out_key(out, "task");
    json_out_string(out, s->task);
    buf_printf(out, ",\"input_params\":%s,\"turn_budget\":%lld,\"events_before\":%zu}\n",
               s->params, (long long)s->turn_budget, events);
}

static int run_start(struct agent_run *run, const struct agent_session *s)
{
    static const struct program_ops ops = {on_line, on_pause, on_ended};
    struct agents *a = run->command->agents;
    cleanup_buf struct buf request = BUF_INIT;
    struct agent_event *events = NULL;
    size_t count = 0;
    int r = a->store->ops->agent_events(a->store, s->id, 0, &events, &count);
    agent_script_init(&run->script, events, count);
    if (r >= 0)
        r = program_start(a->loop, run->command->text, AGENT_LINE_MAX, &ops, run,
                          &run->program);
    if (r < 0)
        return r;
    put_start(s, run->script.count, &request);
    program_write(run->program, request.data, request.len);
    return 0;
}

/* A session whose program cannot be started has failed. */
static void start_failed(struct agent_run *run, struct agent_session *s, int error)
{
    struct agents *a = run->command->agents;
    log_error("agent command: %s", strerror(-error));
    run_fail(run, "agent_command_failed", "the agent command could not be started", NULL,
             0);
    pthread_mutex_lock(&a->lock);
    agents_end_failed(s, &run->change, run->error.data);
    agents_commit(a, s, &run->change);
    pthread_mutex_unlock(&a->lock);
}

static void start(struct agent_run *run)
{
    struct agent_command *c = run->command;
    struct agents *a = c->agents;
    cleanup_agent_session struct agent_session s = {0};
    int r = a->store->ops->agent_get(a->store, run->id, &s);
    if (r < 0 || s.status != AGENT_RUNNING) {
        run_free(run);
        return;
    }
    r = run_start(run, &s);
    if (r < 0) {
        start_failed(run, &s, r);
        run_free(run);
        return;
    }
    HASH_ADD_STR(c->runs, id, run);
}

static void start_next(struct agent_command *c)
{
    while (c->waiting && HASH_COUNT(c->runs) < AGENT_PROGRAMS_MAX) {
        struct agent_run *run = c->waiting;
        DL_DELETE(c->waiting, run);
        start(run);
    }
}

/* ---- from other threads ----------------------------------------------------------- */

struct request {
    struct agent_command *command;
    char id[AGENT_ID_TEXT];
};

static struct agent_run *find_waiting(struct agent_command *c, const char *id)
{
    struct agent_run *run;
    DL_FOREACH (c->waiting, run)
        if (!strcmp(run->id, id))
            break;
    return run;
}

/* The answer leaves the session's record: it is with the program, and in the events. */
static void pass_answer(struct agent_run *run)
{
    struct agents *a = run->command->agents;
    cleanup_agent_session struct agent_session s = {0};
    cleanup_agent_change struct agent_change none = {0};
    cleanup_free char *answer = NULL;
    pthread_mutex_lock(&a->lock);
    if (a->store->ops->agent_get(a->store, run->id, &s) >= 0 && s.input) {
        answer = steal_ptr(s.input);
        agents_commit(a, &s, &none);
    }
    pthread_mutex_unlock(&a->lock);
    if (answer && run->awaits)
        give_answer(run, answer);
}

static void on_run(void *arg)
{
    struct request *rq = arg;
    struct agent_command *c = rq->command;
    struct agent_run *run = NULL;
    HASH_FIND_STR(c->runs, rq->id, run);
    if (run) {
        pass_answer(run);
    } else if (!find_waiting(c, rq->id)) {
        run = xcalloc(1, sizeof *run);
        run->command = c;
        agent_id_set(run->id, rq->id);
        DL_APPEND(c->waiting, run);
        start_next(c);
    }
    free(rq);
}

static void on_cancel(void *arg)
{
    struct request *rq = arg;
    struct agent_run *run = NULL;
    HASH_FIND_STR(rq->command->runs, rq->id, run);
    if (run)
        program_kill(run->program);
    free(rq);
}

static void post(struct agent_command *c, const char *id, loop_fn *fn)
{
    struct request *rq = xcalloc(1, sizeof *rq);
    rq->command = c;
    agent_id_set(rq->id, id);
    loop_post(c->agents->loop, fn, rq);
}

void agent_command_run(struct agent_command *c, const char *id)
{
    post(c, id, on_run);
}

void agent_command_cancel(struct agent_command *c, const char *id)
{
    post(c, id, on_cancel);
}

struct agent_command *agent_command_create(struct agents *a, const char *command)
{
    struct agent_command *c = xcalloc(1, sizeof *c);
    c->agents = a;
    c->text = xstrdup(command);
    return c;
}

void agent_command_destroy(struct agent_command *c)
{
    struct agent_run *run;
    struct agent_run *tmp;
    if (!c)
        return;
    HASH_ITER (hh, c->runs, run, tmp) {
        HASH_DEL(c->runs, run);
        run_free(run);
    }
    DL_FOREACH_SAFE (c->waiting, run, tmp) {
        DL_DELETE(c->waiting, run);
        run_free(run);
    }
    free(c->text);
    free(c);
}
