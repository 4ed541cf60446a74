/* verify_bind.c - the spec's bindings against the declared queries. */
#include <string.h>

#include "base/buf.h"
#include "local/verify_internal.h"

static void fail_undeclared(struct verify_ctx *ctx, const struct bound *b)
{
    if (b->kind == BOUND_COLUMN)
        return; /* the node's data has said it */
    verify_fail(ctx, VERIFY_BIND, "binding `%s: %s` names an undeclared query",
                b->kind == BOUND_VALUE ? "$value" : "$query", b->query);
}

static void fail_column(struct verify_ctx *ctx, const struct bound *b,
                        const struct declared_query *q)
{
    cleanup_buf struct buf columns = BUF_INIT;
    for (size_t i = 0; i < q->columns.count && columns.len < 200; i++)
        buf_printf(&columns, "%s%s", i ? ", " : "", q->columns.names[i]);
    if (b->kind == BOUND_VALUE)
        buf_puts(&ctx->path, ".$value.field");
    verify_fail(ctx, VERIFY_BIND, "query %s has no column %s; it has %.250s", q->name,
                b->column, columns.data);
}

void verify_bind(struct verify_ctx *ctx)
{
    for (size_t i = 0; i < ctx->bound_count; i++) {
        const struct bound *b = &ctx->bounds[i];
        const struct declared_query *q = verify_query_find(ctx, b->query);
        buf_clear(&ctx->path);
        buf_puts(&ctx->path, b->field);
        if (!q)
            fail_undeclared(ctx, b);
        else if (b->column && q->knows_columns &&
                 !sqlgate_columns_has(&q->columns, b->column))
            fail_column(ctx, b, q);
    }
}
