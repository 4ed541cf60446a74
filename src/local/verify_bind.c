/* verify_bind.c - the spec's bindings against the declared queries. */
#include <string.h>

#include "base/buf.h"
#include "local/verify_internal.h"

static const struct declared_query *query_find(const struct verify_ctx *ctx,
                                               const char *name)
{
    for (size_t i = 0; i < ctx->query_count; i++) {
        if (ctx->queries[i].name && strcmp(ctx->queries[i].name, name) == 0)
            return &ctx->queries[i];
    }
    return NULL;
}

static void fail_column(struct verify_ctx *ctx, const struct bound *b,
                        const struct declared_query *q)
{
    cleanup_buf struct buf field = BUF_INIT;
    cleanup_buf struct buf columns = BUF_INIT;
    buf_printf(&field, "%s%s", b->field, b->is_value ? ".$value.field" : "");
    for (size_t i = 0; i < q->columns.count && columns.len < 200; i++)
        buf_printf(&columns, "%s%s", i ? ", " : "", q->columns.names[i]);
    verify_fail_field(ctx, VERIFY_BIND, field.data,
                      "query %s has no column %s; it has %.250s", q->name, b->column,
                      columns.data);
}

void verify_bind(struct verify_ctx *ctx)
{
    for (size_t i = 0; i < ctx->bound_count; i++) {
        const struct bound *b = &ctx->bounds[i];
        const struct declared_query *q = query_find(ctx, b->query);
        if (!q && b->is_binding)
            verify_fail_field(ctx, VERIFY_BIND, b->field,
                              "binding `%s: %s` names an undeclared query",
                              b->is_value ? "$value" : "$query", b->query);
        else if (q && b->column && q->knows_columns &&
                 !sqlgate_columns_has(&q->columns, b->column))
            fail_column(ctx, b, q);
    }
}
