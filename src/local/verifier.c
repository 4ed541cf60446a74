/* verifier.c - the verdict: how errors are gathered and printed. */
#include "local/verifier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "local/jsonout.h"
#include "local/verify_internal.h"

#define PATH_BYTES_MAX 2000
#define BOUNDS_MAX 10000

static const char *const stage_names[VERIFY_STAGES] = {"compile", "query", "bind"};

/* ---- errors ----------------------------------------------------------------------- */

/* Takes message. */
static void add_error(struct verdict *v, enum verify_stage stage, const char *field,
                      char *message, unsigned line, unsigned column)
{
    v->failed[stage] = true;
    if (v->error_count > VERIFY_ERRORS_MAX) {
        free(message);
        return;
    }
    if (v->error_count == VERIFY_ERRORS_MAX) {
        free(message);
        message = xstrdup("there are more errors; mend these first");
        line = column = 0;
    }
    v->errors = xrealloc(v->errors, (v->error_count + 1) * sizeof(v->errors[0]));
    v->errors[v->error_count++] =
        (struct verify_error){stage, message, xstrdup(field), line, column};
}

void verify_fail(struct verify_ctx *ctx, enum verify_stage stage, const char *fmt, ...)
{
    struct buf message = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&message, fmt, ap);
    va_end(ap);
    add_error(ctx->verdict, stage, ctx->path.data, buf_steal(&message), 0, 0);
}

void verify_fail_key(struct verify_ctx *ctx, enum verify_stage stage, const char *key,
                     const char *message)
{
    size_t mark = path_enter_key(ctx, key);
    verify_fail(ctx, stage, "%s", message);
    path_leave(ctx, mark);
}

void verify_fail_sql(struct verify_ctx *ctx, const struct sqlgate_error *e)
{
    add_error(ctx->verdict, VERIFY_QUERY, ctx->path.data, xstrdup(e->message), e->line,
              e->column);
}

/* ---- the path --------------------------------------------------------------------- */

static bool is_plain_key(const char *key)
{
    return *key && strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "0123456789_-$") == strlen(key);
}

/* Keys may be as long as documents are, and paths are kept by the thousand: what is too
 * long is left out, and the path then leads to something around the value. */
static bool path_has_room(const struct verify_ctx *ctx, size_t len)
{
    return ctx->path.len + len < PATH_BYTES_MAX;
}

size_t path_enter_key(struct verify_ctx *ctx, const char *key)
{
    size_t mark = ctx->path.len;
    if (!path_has_room(ctx, strlen(key))) {
        return mark;
    } else if (is_plain_key(key)) {
        buf_printf(&ctx->path, mark ? ".%s" : "%s", key);
    } else {
        buf_putc(&ctx->path, '[');
        json_quotes(&ctx->path, key);
        buf_putc(&ctx->path, ']');
    }
    return mark;
}

size_t path_enter_index(struct verify_ctx *ctx, size_t index)
{
    size_t mark = ctx->path.len;
    if (path_has_room(ctx, 20))
        buf_printf(&ctx->path, "[%zu]", index);
    return mark;
}

void path_leave(struct verify_ctx *ctx, size_t mark)
{
    buf_resize(&ctx->path, mark);
}

void verify_bound_add(struct verify_ctx *ctx, enum bound_kind kind, const char *query,
                      const char *column)
{
    if (ctx->bound_count == BOUNDS_MAX) {
        verify_fail(ctx, VERIFY_BIND, "there are too many bindings");
        return;
    }
    ctx->bounds = xrealloc(ctx->bounds, (ctx->bound_count + 1) * sizeof(ctx->bounds[0]));
    ctx->bounds[ctx->bound_count++] =
        (struct bound){kind, xstrdup(ctx->path.data), xstrdup(query), xstrdup(column)};
}

/* ---- the whole -------------------------------------------------------------------- */

static void ctx_finish(struct verify_ctx *ctx)
{
    for (size_t i = 0; i < ctx->bound_count; i++) {
        free(ctx->bounds[i].field);
        free(ctx->bounds[i].query);
        free(ctx->bounds[i].column);
    }
    for (size_t i = 0; i < ctx->query_count; i++) {
        free(ctx->queries[i].name);
        sqlgate_columns_finish(&ctx->queries[i].columns);
    }
    free(ctx->bounds);
    free(ctx->queries);
    buf_finish(&ctx->path);
}

void verify_page(struct sqlgate *gate, const struct verify_input *in,
                 struct verdict *ret_verdict)
{
    struct verdict v = {0};
    struct verify_ctx ctx = {.in = in, .gate = gate, .verdict = &v};
    buf_resize(&ctx.path, 0);
    verify_compile(&ctx);
    verify_queries(&ctx);
    verify_bind(&ctx);
    ctx_finish(&ctx);
    *ret_verdict = v;
}

void verdict_finish(struct verdict *v)
{
    for (size_t i = 0; i < v->error_count; i++) {
        free(v->errors[i].message);
        free(v->errors[i].field);
    }
    free(v->errors);
    *v = (struct verdict){0};
}

static void print_error(const struct verify_error *e, struct buf *out)
{
    buf_putc(out, '{');
    json_out_key(out, "stage");
    json_out_string(out, stage_names[e->stage]);
    json_out_key(out, "message");
    json_out_string(out, e->message);
    json_out_key(out, "field");
    json_out_string(out, e->field);
    if (e->line)
        buf_printf(out, ",\"line\":%u,\"column\":%u", e->line, e->column);
    buf_putc(out, '}');
}

void verdict_print(const struct verdict *v, struct buf *out)
{
    buf_printf(out, "{\"ok\":%s,\"stages\":{", verdict_ok(v) ? "true" : "false");
    for (int s = 0; s < VERIFY_STAGES; s++)
        buf_printf(out, "%s\"%s\":%s", s ? "," : "", stage_names[s],
                   v->failed[s] ? "false" : "true");
    buf_puts(out, "},\"errors\":[");
    for (size_t i = 0; i < v->error_count; i++) {
        if (i)
            buf_putc(out, ',');
        print_error(&v->errors[i], out);
    }
    buf_printf(out, "],\"has_custom_nodes\":%s}", v->has_custom_nodes ? "true" : "false");
}
