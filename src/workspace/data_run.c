/* data_run.c - asking: when an answer is fresh, who shares a request, how long it is kept. */
#include "workspace/data_internal.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "workspace/overlay.h"

enum { DATA_TRIM_MS = 1000 }; /* an answer is in memory for so long at least */

/* ---- memory ------------------------------------------------------------------------ */

static void dataset_forget_answer(struct dataset *d)
{
    d->ws->data->held_bytes -= d->answer.text ? d->answer.text->len : 0;
    text_replace(&d->answer.text, NULL);
}

struct dataset *data_let_go(struct dataset *d)
{
    dataset_forget_answer(d);
    DL_DELETE2(d->ws->data->held, d, held_prev, held_next);
    d->held = false;
    return d;
}

static void dataset_hold(struct dataset *d)
{
    struct data *data = d->ws->data;
    if (d->held)
        DL_DELETE2(data->held, d, held_prev, held_next);
    else
        dataset_ref(d);
    d->held = true;
    DL_APPEND2(data->held, d, held_prev, held_next);
}

/* The oldest one that is to go: too old, or too much with the others. Lock held. */
static struct dataset *held_next_to_go(struct data *data, int64_t older_ms)
{
    struct dataset *d = data->held;
    if (!d ||
        (d->at_ms > older_ms && (data->held_bytes <= DATA_KEPT_MAX || !d->held_next)))
        return NULL;
    return data_let_go(d);
}

static void data_trim(struct workspace *ws, int64_t older_ms)
{
    struct dataset *d;
    do {
        ws_lock(ws);
        d = held_next_to_go(ws->data, older_ms);
        ws_unlock(ws);
        dataset_unref(d);
    } while (d);
}

static int64_t kept_ms(const struct workspace *ws)
{
    int64_t ttl = ws->config.render_ttl_ms;
    return ttl > DATA_TRIM_MS ? ttl : DATA_TRIM_MS;
}

static void data_trim_due(void *arg);

/* Lock held. */
static void data_trim_later(struct workspace *ws)
{
    if (ws->data->trimming || !ws->data->held)
        return;
    int64_t delay = ws->data->held->at_ms + kept_ms(ws) - clock_ms();
    ws->data->trimming = true;
    loop_timer_set(ws->config.loop, &ws->data->trim, delay > 0 ? delay + 1 : 1,
                   data_trim_due, ws);
}

static void data_trim_due(void *arg)
{
    struct workspace *ws = arg;
    data_trim(ws, clock_ms() - kept_ms(ws));
    ws_lock(ws);
    ws->data->trimming = false;
    data_trim_later(ws);
    ws_unlock(ws);
}

void data_drop(struct workspace *ws)
{
    struct dataset *d;
    struct dataset *tmp;
    ws_lock(ws);
    HASH_ITER (hh, data_of(ws)->sets, d, tmp) {
        text_replace(&d->sql, NULL); /* no SQL is this one */
        d->run = NULL;
    }
    ws_unlock(ws);
}

void data_free(struct workspace *ws)
{
    if (!ws->data)
        return;
    data_trim(ws, INT64_MAX);
    free(ws->data);
    ws->data = NULL;
}

/* ---- what came --------------------------------------------------------------------- */

/* "data/top.sql:3:8: no such column: nope"; malloc'ed. */
static char *error_line(const struct dataset *d, const struct platform_answer *answer)
{
    unsigned line, column;
    if (!d->file)
        return xasprintf("data/schema.json: %s", answer->message);
    platform_sql_place(answer, &line, &column);
    if (!line)
        return xasprintf("data/%s: %s", d->file, answer->message);
    return xasprintf("data/%s:%u:%u: %s", d->file, line, column, answer->message);
}

static void dataset_set_error(struct dataset *d, char *taken)
{
    free(d->error);
    d->error = taken;
    if (taken)
        log_warning("%s", taken);
}

static struct text *schema_shown(const struct text *value)
{
    struct buf out = BUF_INIT;
    json_reindent(&out, value->data, (struct json_span){0, value->len, JSON_OBJECT});
    return text_from_buf(&out);
}

/* Lock held. */
static void dataset_take(struct dataset *d, struct text *sql,
                         const struct platform_answer *answer)
{
    text_replace(&d->sql, text_ref(sql));
    d->at_ms = clock_ms();
    d->err = answer->err;
    dataset_forget_answer(d);
    if (answer->err)
        return;
    memset(d->sizes, 0, sizeof d->sizes);
    memset(d->sized, 0, sizeof d->sized);
    d->mtime = clock_now();
    d->truncated = answer->rows && answer->rows->truncated;
    if (answer->rows)
        d->answer = (struct data_answer){text_ref(answer->body), answer->rows->rows};
    else
        d->answer.text = schema_shown(answer->value);
    d->ws->data->held_bytes += d->answer.text->len;
    dataset_hold(d);
    data_trim_later(d->ws);
    if (d->truncated)
        log_warning("data/%s: the platform left rows out (truncated)", d->file);
}

static void answered(void *arg, const struct platform_answer *answer)
{
    struct data_run *run = arg;
    struct dataset *d = run->set;
    struct workspace *ws = d->ws;
    int err = answer->err;
    ws_lock(ws);
    if (d->run != run) { /* the SQL was changed meanwhile, or what is known dropped */
        err = err ? err : -EAGAIN;
    } else {
        d->run = NULL;
        dataset_set_error(d, answer->err ? error_line(d, answer) : NULL);
        if (!answer->err || answer->err == -EPROTO)
            dataset_take(d, run->sql, answer);
    }
    struct wait *waits = wait_take(&run->waits);
    ws_unlock(ws);
    wait_run(waits, err);
    data_trim(ws, INT64_MIN); /* too much in memory is too much now */
    text_unref(run->sql);
    dataset_unref(d);
    free(run);
}

/* ---- asking ------------------------------------------------------------------------ */

/* Lock held. */
static void dataset_start(struct dataset *d, struct text *sql, struct wait *w)
{
    struct data_run *run = xcalloc(1, sizeof *run);
    run->set = dataset_ref(d);
    run->sql = text_ref(sql);
    wait_add(&run->waits, w);
    d->run = run;
    struct platform_call call = {HTTP_RENDER, 0, answered, run, wait_who(run->waits)};
    if (d->file)
        platform_data_query(d->ws->config.platform, sql->data,
                            d->params ? d->params->json : NULL, &call);
    else
        platform_data_explore(d->ws->config.platform, &call);
}

static bool dataset_is_fresh(const struct dataset *d, const struct text *sql)
{
    return d->sql && text_equal(d->sql, sql) && (d->answer.text || d->err) &&
           clock_ms() - d->at_ms < d->ws->config.render_ttl_ms;
}

/* What cannot be sent is refused here. */
static const char *sql_fault(const struct text *sql)
{
    size_t offset;
    if (strspn(sql->data, " \t\r\n") == sql->len)
        return "there is no SQL in it";
    if (strlen(sql->data) != sql->len)
        return "there is a NUL byte in it";
    return json_utf8_valid(sql->data, sql->len, &offset) ? NULL : "it is not UTF-8";
}

static int read_sql(struct dataset *d, struct text **ret_sql)
{
    struct item *it = NULL;
    if (!d->file) {
        *ret_sql = text_from_string("");
        return 0;
    }
    int err = place_find(workspace_data_local(d->ws), d->file, &it);
    if (!err)
        err = overlay_read_text(it, DATA_SQL_MAX, ret_sql);
    item_unref(it);
    return err;
}

int dataset_ready(struct dataset *d, struct wait *w)
{
    cleanup_text struct text *sql = NULL;
    int err = read_sql(d, &sql);
    if (err)
        return err;
    const char *fault = d->file ? sql_fault(sql) : NULL;
    ws_lock(d->ws);
    if (fault) {
        dataset_set_error(d, xasprintf("data/%s: %s", d->file, fault));
        err = -EPROTO;
    } else if (dataset_is_fresh(d, sql)) {
        err = d->err;
    } else {
        if (d->run && text_equal(d->run->sql, sql))
            wait_add(&d->run->waits, w);
        else
            dataset_start(d, sql, w);
        err = -EINPROGRESS;
    }
    ws_unlock(d->ws);
    return err;
}

/* ---- reading ----------------------------------------------------------------------- */

/* The answer (its text a reference); false: there is none in memory. */
static bool dataset_answer(struct dataset *d, struct data_answer *ret)
{
    ws_lock(d->ws);
    *ret = d->answer;
    text_ref(ret->text);
    ws_unlock(d->ws);
    return ret->text;
}

int dataset_open(struct dataset *d, enum rows_form form, struct data_reader **ret_reader,
                 struct text **ret_text)
{
    struct data_answer answer;
    if (!dataset_answer(d, &answer))
        return -EAGAIN;
    if (d->file)
        *ret_reader = data_reader_new(form, answer.text, answer.rows);
    else
        *ret_text = text_ref(answer.text);
    text_unref(answer.text);
    return 0;
}

static uint64_t rows_length(const struct data_answer *answer, enum rows_form form)
{
    struct data_reader *r = data_reader_new(form, answer->text, answer->rows);
    uint64_t size = data_reader_size(r);
    data_reader_free(r);
    return size;
}

/* Counted once an answer, without the lock: it may be large. */
static uint64_t dataset_size(struct dataset *d, enum rows_form form)
{
    struct data_answer answer;
    ws_lock(d->ws);
    uint64_t size = d->sizes[form];
    bool known = d->sized[form];
    ws_unlock(d->ws);
    if (known || !dataset_answer(d, &answer))
        return size;
    size = d->file ? rows_length(&answer, form) : answer.text->len;
    ws_lock(d->ws);
    if (d->answer.text == answer.text) {
        d->sizes[form] = size;
        d->sized[form] = true;
    }
    ws_unlock(d->ws);
    text_unref(answer.text);
    return size;
}

/* Before the first answer it is as old as its SQL. */
static struct timespec dataset_time(struct dataset *d)
{
    struct stat st = {0};
    struct item *it = NULL;
    ws_lock(d->ws);
    struct timespec when = d->mtime;
    ws_unlock(d->ws);
    if (when.tv_sec || !d->file ||
        place_find(workspace_data_local(d->ws), d->file, &it) != 0)
        return when;
    int err = item_stat(it, &st);
    item_unref(it);
    return err ? when : st.st_mtim;
}

void dataset_stat(struct dataset *d, enum rows_form form, struct stat *ret)
{
    struct timespec when = dataset_time(d);
    uint64_t size = dataset_size(d, form);
    *ret = (struct stat){
        .st_ino = d->number + 1 + (uint64_t)form,
        .st_mode = S_IFREG | 0444,
        .st_nlink = 1,
        .st_size = (off_t)size,
        .st_blksize = 4096,
        .st_blocks = (blkcnt_t)((size + 511) / 512),
        .st_mtim = when,
        .st_ctim = when,
        .st_atim = when,
    };
}

char *dataset_attribute(struct dataset *d, const char *name)
{
    char *value = NULL;
    ws_lock(d->ws);
    if (!strcmp(name, "error"))
        value = xstrdup(d->error);
    else if (!strcmp(name, "truncated") && d->truncated)
        value = xstrdup("true");
    ws_unlock(d->ws);
    return value;
}
