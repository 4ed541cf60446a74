/* traffic.c - .amdahl/metrics and .amdahl/requests: what goes to the platform. */
#include "workspace/model.h"

#include "workspace/proc.h"

/* ---- metrics: the text format of Prometheus ----------------------------------- */

static void metric_head(struct buf *out, const char *name, const char *type,
                        const char *help)
{
    buf_printf(out, "# HELP amdahlfs_%s %s\n# TYPE amdahlfs_%s %s\n", name, help, name,
               type);
}

static void metric(struct buf *out, const char *name, const char *type, const char *help,
                   double value)
{
    metric_head(out, name, type, help);
    buf_printf(out, "amdahlfs_%s %.15g\n", name, value);
}

/* What is not known is left out: that is how Prometheus says it. */
static void metric_known(struct buf *out, const char *name, const char *help,
                         int64_t value, double unit)
{
    if (value >= 0)
        metric(out, name, "gauge", help, (double)value / unit);
}

static double metric_sent(const struct http_stats *s, unsigned class)
{
    return (double)s->sent[class];
}

static double metric_waited(const struct http_stats *s, unsigned class)
{
    return (double)s->waited_ms[class] / 1000;
}

static double metric_flying(const struct http_stats *s, unsigned class)
{
    return (double)s->flying[class];
}

static double metric_waiting(const struct http_stats *s, unsigned class)
{
    return (double)s->waiting[class];
}

/* One line a class. */
static const struct {
    const char *name, *type, *help;
    double (*of)(const struct http_stats *s, unsigned class);
} class_metrics[] = {
    {"requests_total", "counter",
     "Requests sent to the platform, attempts counted singly.", metric_sent},
    {"request_wait_seconds_total", "counter",
     "Time that requests waited for their turn, all of them together.", metric_waited},
    {"requests_in_flight", "gauge", "Requests sent that have no answer yet.",
     metric_flying},
    {"requests_waiting", "gauge", "Requests that wait for their turn or for a retry.",
     metric_waiting},
};

static void metrics_of_classes(struct buf *out, const struct http_stats *s)
{
    for (size_t i = 0; i < ARRAY_LEN(class_metrics); i++) {
        metric_head(out, class_metrics[i].name, class_metrics[i].type,
                    class_metrics[i].help);
        for (unsigned class = 0; class < HTTP_CLASSES; class ++)
            buf_printf(out, "amdahlfs_%s{class=\"%s\"} %.15g\n", class_metrics[i].name,
                       http_class_name((enum http_class) class),
                       class_metrics[i].of(s, class));
    }
}

static void metrics_of_budget(struct buf *out, const struct http_stats *s)
{
    metric_known(out, "budget_limit", "Requests a minute that are allowed.", s->limit, 1);
    metric_known(out, "budget_remaining", "Requests that are left now.", s->remaining, 1);
    metric_known(out, "budget_reserve", "Of the limit, what saves alone may use.",
                 s->reserve, 1);
    metric_known(out, "budget_reset_seconds", "Until more requests come back.",
                 s->reset_ms, 1000);
    metric_known(out, "budget_paused_seconds",
                 "Until anything is sent, as a 429 of the platform asked.", s->paused_ms,
                 1000);
}

struct text *workspace_metrics(struct workspace *ws)
{
    struct buf out = BUF_INIT;
    struct http_stats s;
    http_get_stats(ws->config.http, &s);
    metrics_of_classes(&out, &s);
    metric(&out, "retries_total", "counter", "Attempts that repeated another one.",
           (double)s.retries);
    metric(&out, "errors_total", "counter", "Requests that came to no answer.",
           (double)s.errors);
    metric(&out, "rate_limited_total", "counter", "Answers 429.", (double)s.rate_limited);
    metrics_of_budget(&out, &s);
    metric(&out, "online", "gauge", "Whether the platform answered last time.", s.online);
    metric_known(&out, "offline_seconds", "Since the platform does not answer.",
                 s.offline_ms, 1000);
    ws_lock(ws);
    unsigned pages = HASH_CNT(hh_name, ws->by_name);
    ws_unlock(ws);
    metric(&out, "pages", "gauge", "Pages in this mount.", pages);
    return text_from_buf(&out);
}

/* ---- requests ------------------------------------------------------------------ */

static void request_line(void *arg, const struct http_pending *r)
{
    struct buf *out = arg;
    char command[16] = "";
    if (r->who)
        proc_comm(r->who, command);
    for (char *c = command; *c; c++)
        if (*c <= ' ' || *c == 127)
            *c = '?'; /* a process names itself as it likes */
    buf_printf(out, "%8.1f  %-11s  %-6s  %8d  %-15s  %s %s\n", (double)r->age_ms / 1000,
               http_class_name(r->class), r->state, r->who, *command ? command : "-",
               r->method, r->path);
}

struct text *workspace_requests(struct workspace *ws)
{
    struct buf out = BUF_INIT;
    buf_printf(&out, "%8s  %-11s  %-6s  %8s  %-15s  %s\n", "SECONDS", "CLASS", "STATE",
               "PID", "COMMAND", "REQUEST");
    http_each_request(ws->config.http, request_line, &out);
    return text_from_buf(&out);
}
