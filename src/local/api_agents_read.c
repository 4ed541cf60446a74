/* api_agents_read.c - which agents there are, and which have run. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "local/agent_json.h"
#include "local/agent_turn.h"
#include "local/app.h"
#include "local/exchange.h"
#include "local/jsonout.h"
#include "local/store.h"

enum { LIST_LIMIT_DEFAULT = 50, LIST_LIMIT_MAX = 200, CHILDREN_MAX = 200 };

/* ---- profiles --------------------------------------------------------------------- */

static void print_profile(const struct agent_profile *p, struct buf *out)
{
    buf_puts(out, "{\"id\":");
    json_out_string(out, p->id);
    json_out_key(out, "name");
    json_out_string(out, p->name);
    json_out_key(out, "description");
    json_out_string(out, p->description);
    json_out_key(out, "producesArtifactType");
    if (p->produces)
        json_out_string(out, p->produces);
    else
        buf_puts(out, "null");
    buf_printf(out, ",\"turnBudget\":%d,\"inputParamsSchema\":%s}", p->turn_budget,
               p->schema);
}

void api_agent_profiles(struct app *app, struct request *rq, struct reply *rp)
{
    (void)app;
    (void)rq;
    rp->status = 200;
    buf_puts(&rp->body, "{\"items\":[");
    for (size_t i = 0; i < agent_profile_count; i++) {
        if (i)
            buf_putc(&rp->body, ',');
        print_profile(&agent_profiles[i], &rp->body);
    }
    buf_printf(&rp->body,
               "],\"limit\":%zu,\"offset\":0,\"total\":%zu,\"has_more\":false,"
               "\"next_cursor\":null}",
               agent_profile_count, agent_profile_count);
}

/* ---- the list of runs ------------------------------------------------------------- */

static bool parse_cursor(const struct request *rq, struct agent_filter *f,
                         struct reply *rp)
{
    const char *text = request_arg(rq, "cursor");
    char *end = NULL;
    if (!text || !*text)
        return true;
    f->after_seq = strtoll(text, &end, 16);
    if (!*end && f->after_seq > 0)
        return true;
    reply_invalid(rp, "cursor", "the cursor was not made by this server");
    return false;
}

static bool parse_status(const struct request *rq, struct agent_filter *f,
                         struct reply *rp)
{
    const char *status = request_arg(rq, "status");
    if (!status || !*status)
        return true;
    f->has_status = agent_status_parse(status, &f->status);
    if (!f->has_status)
        reply_invalid(rp, "status",
                      "status must be queued, running, awaiting_input, complete, failed "
                      "or canceled");
    return f->has_status;
}

static bool parse_filter(const struct request *rq, struct agent_filter *f,
                         struct reply *rp)
{
    *f = (struct agent_filter){.created_gte = INT64_MIN, .created_lte = INT64_MAX};
    f->profile = request_arg(rq, "profile_id");
    f->parent_id = request_arg(rq, "parent_session_id");
    return request_arg_number(rq, "limit", 1, LIST_LIMIT_MAX, LIST_LIMIT_DEFAULT,
                              &f->limit, rp) &&
           request_arg_number(rq, "offset", 0, INT32_MAX, 0, &f->offset, rp) &&
           request_arg_time(rq, "created_at_gte", &f->created_gte, rp) &&
           request_arg_time(rq, "created_at_lte", &f->created_lte, rp) &&
           parse_status(rq, f, rp) && parse_cursor(rq, f, rp);
}

static void print_items(const struct agent_list *l, struct buf *out)
{
    buf_putc(out, '[');
    for (size_t i = 0; i < l->count; i++) {
        buf_puts(out, i ? ",{" : "{");
        agent_session_members(&l->items[i], out);
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}

void api_agent_runs(struct app *app, struct request *rq, struct reply *rp)
{
    struct agent_filter f;
    cleanup_agent_list struct agent_list l = {0};
    if (!parse_filter(rq, &f, rp))
        return;
    int r = app->store->ops->agent_list(app->store, &f, &l);
    if (r < 0) {
        reply_failure(rp, r);
        return;
    }
    rp->status = 200;
    buf_puts(&rp->body, "{\"items\":");
    print_items(&l, &rp->body);
    buf_printf(&rp->body,
               ",\"limit\":%" PRId64 ",\"offset\":%" PRId64 ",\"total\":%" PRId64
               ",\"has_more\":%s,\"next_cursor\":",
               f.limit, f.offset, l.total, l.more ? "true" : "false");
    if (l.more)
        buf_printf(&rp->body, "\"%" PRIx64 "\"}", (uint64_t)l.items[l.count - 1].seq);
    else
        buf_puts(&rp->body, "null}");
}

/* ---- one run, whole --------------------------------------------------------------- */

static int print_events(struct app *app, const char *id, struct buf *out)
{
    struct agent_event *events = NULL;
    size_t count = 0;
    int r = app->store->ops->agent_events(app->store, id, 0, &events, &count);
    buf_puts(out, ",\"events\":[");
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_putc(out, ',');
        agent_event_print(&events[i], id, out);
        agent_event_finish(&events[i]);
    }
    free(events);
    buf_putc(out, ']');
    return r;
}

static int print_children(struct app *app, const char *id, struct buf *out)
{
    const struct agent_filter f = {.parent_id = id,
                                   .created_gte = INT64_MIN,
                                   .created_lte = INT64_MAX,
                                   .limit = CHILDREN_MAX};
    cleanup_agent_list struct agent_list l = {0};
    int r = app->store->ops->agent_list(app->store, &f, &l);
    buf_puts(out, ",\"sub_agents\":");
    print_items(&l, out);
    return r;
}

static void print_steps(const struct agent_session *s, struct buf *out)
{
    buf_puts(out, ",\"steps\":[");
    for (size_t i = 0; i < s->loaded_steps; i++) {
        if (i)
            buf_putc(out, ',');
        agent_step_print(&s->steps[i], out);
    }
    buf_putc(out, ']');
}

/* No language model is at work: no tokens were used. */
void api_agent_run_get(struct app *app, struct request *rq, struct reply *rp)
{
    cleanup_agent_session struct agent_session s = {0};
    int r = app->store->ops->agent_get(app->store, rq->param, &s);
    if (r >= 0) {
        buf_putc(&rp->body, '{');
        agent_session_members(&s, &rp->body);
        buf_printf(&rp->body, ",\"input_params\":%s", s.params);
        print_steps(&s, &rp->body);
        r = print_events(app, s.id, &rp->body);
    }
    if (r >= 0)
        r = print_children(app, s.id, &rp->body);
    if (r < 0) {
        api_agent_failure(rp, r);
        return;
    }
    buf_puts(&rp->body, ",\"token_usage\":{\"input_tokens\":0,\"output_tokens\":0}}");
    rp->status = 200;
}
