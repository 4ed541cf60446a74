/* validate.c - amdahlctl validate: the verifier's word on files, nothing saved. */
#include "ctl/ctl.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "ctl/ask.h"
#include "ctl/draft.h"
#include "json/json.h"
#include "workspace/faults.h"

/* What became of one page. */
struct result {
    struct draft *draft;
    struct buf lines;   /* "dir/spec.json:12:7: error: ..." */
    struct buf verdict; /* the platform's own object; empty: it gave none */
    char *failure;      /* why it could not be asked; NULL: it was */
    int status;         /* enum ctl_exit */
};

static void result_finish(struct result *r)
{
    buf_finish(&r->lines);
    buf_finish(&r->verdict);
    free(r->failure);
}

/* ---- the answer ------------------------------------------------------------------- */

static void take_verdict(struct result *r, const struct platform_verdict *verdict)
{
    const struct faults_texts texts = {r->draft->spec, r->draft->queries, false};
    cleanup_buf struct buf faults = BUF_INIT;
    if (verdict->text)
        json_compact(&r->verdict, verdict->text->data, verdict->object);
    if (verdict->ok)
        return;
    faults_print_verdict(&faults, "spec.json", verdict, &texts);
    draft_append_lines(r->draft, &r->lines, faults.len ? faults.data : "");
    r->status = CTL_NO;
}

/* Refused without a verdict: a bad argument, as it sees it. */
static void take_refusal(struct result *r, const char *message)
{
    cleanup_buf struct buf fault = BUF_INIT;
    faults_print_one(&fault, "spec.json", 1, 1, "",
                     *message ? message : "refused by the platform, without a reason");
    draft_append_lines(r->draft, &r->lines, fault.data);
    r->status = CTL_NO;
}

static void on_verdict(void *arg, const struct platform_answer *answer)
{
    struct result *r = arg;
    if (answer->verdict) {
        take_verdict(r, answer->verdict);
    } else if (answer->err == -EPROTO || answer->err == -EFBIG) {
        take_refusal(r, answer->message);
    } else {
        const char *why = answer->err ? strerror(-answer->err) : "it gave no verdict";
        r->failure = xstrdup(*answer->message ? answer->message : why);
        r->status = CTL_CONNECTION;
    }
}

/* *ask is opened for the first page that the platform is needed for. */
static void judge(const struct ctl *ctl, struct ask **ask, struct result *r)
{
    int err = draft_load(r->draft, &r->lines);
    if (err == -EPROTO)
        r->status = CTL_NO;
    else if (err)
        r->status = CTL_USAGE;
    else if (!*ask)
        r->status = ask_open(ctl, ask);
    if (r->status == CTL_OK)
        ask_verdict(*ask, r->draft->spec, r->draft->queries, on_verdict, r);
}

/* ---- printing --------------------------------------------------------------------- */

static void print_lines(const struct ctl *ctl, const struct result *r)
{
    const char *line = r->lines.len ? r->lines.data : "";
    while (*line) {
        size_t len = strcspn(line, "\n");
        cleanup_free char *one = xstrndup(line, len);
        fputs(ctl->colour ? "\033[31m" : "", stdout);
        ctl_print_clean(stdout, one);
        puts(ctl->colour ? "\033[0m" : "");
        line += len + (line[len] == '\n');
    }
    if (r->failure)
        ctl_error("%sspec.json: %s", r->draft->dir, r->failure);
}

/* A string that may hold what JSON cannot: a file name is any bytes. */
static void put_string(struct buf *out, const char *s)
{
    if (json_utf8_valid(s, strlen(s), NULL))
        json_quotes(out, s);
    else
        buf_puts(out, "null");
}

static void put_result(struct buf *out, const struct result *r)
{
    const char *line = r->lines.len ? r->lines.data : "";
    const char *comma = "";
    buf_puts(out, "{\"directory\":");
    put_string(out, *r->draft->dir ? r->draft->dir : "./");
    buf_printf(out, ",\"ok\":%s,\"errors\":[", r->status == CTL_OK ? "true" : "false");
    for (size_t len; *line; line += len + (line[len] == '\n'), comma = ",") {
        len = strcspn(line, "\n");
        cleanup_free char *one = xstrndup(line, len);
        buf_puts(out, comma);
        put_string(out, one);
    }
    buf_puts(out, "],\"failure\":");
    put_string(out, r->failure ? r->failure : "");
    buf_puts(out, ",\"verdict\":");
    buf_puts(out, r->verdict.len ? r->verdict.data : "null");
    buf_putc(out, '}');
}

/* ---- the command ------------------------------------------------------------------ */

/* The first page's failure to be asked ends it: the next ones' would be the same. */
static int judge_all(const struct ctl *ctl, struct draft *drafts, size_t count,
                     struct buf *json)
{
    struct ask *ask = NULL;
    int status = CTL_OK;
    for (size_t i = 0; i < count && status < CTL_USAGE; i++) {
        struct result r = {.draft = &drafts[i]};
        judge(ctl, &ask, &r);
        if (ctl->json) {
            buf_puts(json, i ? "," : "");
            put_result(json, &r);
        } else {
            print_lines(ctl, &r);
        }
        status = r.status > status ? r.status : status;
        result_finish(&r);
    }
    ask_close(ask);
    return status;
}

int validate_run(const struct ctl *ctl, int argc, char **argv)
{
    cleanup_buf struct buf json = BUF_INIT;
    cleanup_buf struct buf out = BUF_INIT;
    struct draft *drafts;
    size_t count;
    if (drafts_find(argc, argv, &drafts, &count) != 0)
        return CTL_USAGE;
    buf_putc(&json, '[');
    int status = judge_all(ctl, drafts, count, &json);
    buf_putc(&json, ']');
    if (ctl->json) {
        json_reindent(&out, json.data, (struct json_span){0, json.len, JSON_ARRAY});
        fputs(out.data, stdout);
    }
    drafts_free(drafts, count);
    return status;
}
