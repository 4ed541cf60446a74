#include "ctl/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "ctl/mount.h"
#include "ctl/object.h"

enum {
    DRAW_MS = 200,
    LINE_MS = 5000,
    LOOK_MS = 1000,
    SAMPLE_MS = 2000,
    BAR = 24,
    /* Of the budget, in percent, as http/budget.c has it for what somebody may ask for next:
     * the most of a minute, and what is left to readers beside the reserve for saves. */
    BUDGET_MOST = 60,
    BUDGET_LEAVES = 25,
};

void progress_begin(struct progress *p, const char *root, size_t total)
{
    *p = (struct progress){.root = root, .total = total, .started_ms = clock_ms()};
    p->terminal = isatty(STDOUT_FILENO);
    p->shown_ms = p->terminal ? 0 : p->started_ms;
}

/* ---- guesses ---------------------------------------------------------------------- */

static double number(struct object o, const char *key)
{
    cleanup_free char *letters = object_string(o, key);
    return letters ? strtod(letters, NULL) : 0;
}

/* A mount that does not say is one without a limit. */
static void progress_look(struct progress *p, int64_t now)
{
    cleanup_buf struct buf text = BUF_INIT;
    struct json_limits limits = JSON_LIMITS_WIRE;
    struct object o;
    if (p->looked_ms && now - p->looked_ms < LOOK_MS)
        return;
    p->looked_ms = now;
    if (mount_read(p->root, "status.json", &text) != 0 || !text.data ||
        json_check(text.data, text.len, &limits, &o.span, NULL) != 0)
        return;
    o.text = text.data;
    struct object budget = object_inner(o, "budget");
    p->limit = number(budget, "limit");
    p->left = number(budget, "remaining") - number(budget, "reserve") -
              p->limit * BUDGET_LEAVES / 100;
    p->paused_s = (int64_t)number(budget, "paused_seconds");
}

/* Pages a minute, of the last minute. */
static double progress_rate(struct progress *p, size_t fetched, int64_t now)
{
    const size_t ring = ARRAY_LEN(p->past);
    size_t newest = (p->past_count + ring - 1) % ring;
    if (!p->past_count || now - p->past[newest].ms >= SAMPLE_MS) {
        p->past[p->past_count % ring].ms = now;
        p->past[p->past_count++ % ring].fetched = fetched;
    }
    size_t oldest = p->past_count > ring ? p->past_count % ring : 0;
    int64_t ms = now - p->past[oldest].ms;
    if (p->past_count <= ring) {
        ms = now - p->started_ms;
        return ms > 0 ? (double)fetched * 60000 / (double)ms : 0;
    }
    return ms > 0 ? (double)(fetched - p->past[oldest].fetched) * 60000 / (double)ms : 0;
}

/* Minutes. */
static double progress_time(const struct progress *p, size_t todo, double rate)
{
    double by_pace = rate > 0 ? (double)todo / rate : 0;
    double by_budget = 0;
    if (p->limit > 0 && (double)todo > p->left)
        by_budget =
            ((double)todo - (p->left > 0 ? p->left : 0)) / (p->limit * BUDGET_MOST / 100);
    double minutes = by_pace > by_budget ? by_pace : by_budget;
    double paused = (double)p->paused_s / 60;
    return minutes > paused ? minutes : paused;
}

/* ---- showing ---------------------------------------------------------------------- */

static void put_time(struct buf *out, double minutes)
{
    if (minutes <= 0)
        return;
    if (minutes < 1.5)
        buf_printf(out, ", %.0f s left", minutes * 60 < 1 ? 1 : minutes * 60);
    else if (minutes < 90)
        buf_printf(out, ", %.0f min left", minutes);
    else
        buf_printf(out, ", %.1f h left", minutes / 60);
}

static void put_bar(struct buf *out, size_t done, size_t total)
{
    size_t full = total ? done * BAR / total : BAR;
    buf_putc(out, '[');
    for (size_t i = 0; i < BAR; i++)
        buf_putc(out, i < full ? '#' : '.');
    buf_puts(out, "] ");
}

static void put_words(struct buf *out, const struct progress *p, size_t done, double rate)
{
    buf_printf(out, "%zu of %zu pages", done, p->total);
    if (rate > 0)
        buf_printf(out, ", %.0f a minute", rate);
    put_time(out, progress_time(p, p->total - done, rate));
    if (p->paused_s > 0)
        buf_printf(out, "; the platform asks to wait %lld s", (long long)p->paused_s);
    else if (p->limit > 0)
        buf_printf(out, "; %.0f requests a minute", p->limit);
}

/* A line that is too long would not be drawn over. */
static void put_cut(struct buf *out)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 &&
        out->len >= size.ws_col)
        buf_resize(out, size.ws_col - 1u);
}

void progress_show(struct progress *p, size_t done, size_t fetched)
{
    cleanup_buf struct buf line = BUF_INIT;
    int64_t now = clock_ms();
    if (now - p->shown_ms < (p->terminal ? DRAW_MS : LINE_MS))
        return;
    p->shown_ms = now;
    progress_look(p, now);
    if (p->terminal)
        put_bar(&line, done, p->total);
    put_words(&line, p, done, progress_rate(p, fetched, now));
    if (p->terminal)
        put_cut(&line);
    printf(p->terminal ? "\r%s\033[K" : "%s\n", line.data);
    fflush(stdout);
    p->drawn = p->terminal;
}

void progress_clear(struct progress *p)
{
    if (p->drawn)
        fputs("\r\033[K", stdout);
    fflush(stdout);
    p->drawn = false;
}
