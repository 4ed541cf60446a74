#include "local/explore.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "local/jsonout.h"
#include "local/sqlgate.h"

static const char *const type_names[] = {
    [EXPLORE_INTEGER] = "integer",     [EXPLORE_REAL] = "real", [EXPLORE_DATE] = "date",
    [EXPLORE_TIMESTAMP] = "timestamp", [EXPLORE_TEXT] = "text",
};

const char *explore_type_name(enum explore_type type)
{
    return type_names[type];
}

/* ---- asking ----------------------------------------------------------------------- */

struct explorer {
    struct sqlgate *gate;
    int64_t deadline_ms;
};

/* The rows as a JSON text (owned by *ret, its span beside it); false: no answer. */
static bool ask(struct explorer *x, const char *sql, struct buf *ret,
                struct json_span *ret_rows)
{
    struct sqlgate_result result;
    struct sqlgate_error error;
    int64_t left = x->deadline_ms - clock_ms();
    if (left <= 0)
        return false;
    const struct sqlgate_query q = {
        .sql = sql, .time_limit_ms = left < SQLGATE_TIME_MS ? left : SQLGATE_TIME_MS};
    if (sqlgate_run(x->gate, &q, &result, &error) < 0)
        return false;
    buf_finish(ret);
    *ret = result.rows;
    result.rows = (struct buf)BUF_INIT;
    sqlgate_result_finish(&result);
    return json_check(ret->data, ret->len, &JSON_LIMITS_WIRE, ret_rows, NULL) == 0;
}

static bool ask_one(struct explorer *x, const char *sql, struct buf *ret,
                    struct json_span *ret_row)
{
    struct json_span rows;
    return ask(x, sql, ret, &rows) && json_element(ret->data, rows, 0, ret_row);
}

/* NUL bytes end it, as in SQL's own functions. */
static struct explore_value value_of(const char *text, struct json_span v)
{
    cleanup_buf struct buf b = BUF_INIT;
    if (v.type == JSON_NULL)
        return (struct explore_value){0};
    if (v.type == JSON_STRING)
        json_string_decode(text, v, &b);
    else
        buf_append(&b, text + v.start, v.end - v.start);
    return (struct explore_value){xstrndup(b.data ? b.data : "", b.len),
                                  v.type != JSON_STRING, 0};
}

static struct explore_value member_value(const char *text, struct json_span row,
                                         const char *key)
{
    struct json_span v;
    return json_member(text, row, key, &v) ? value_of(text, v)
                                           : (struct explore_value){0};
}

static double member_number(const char *text, struct json_span row, const char *key)
{
    struct json_span v;
    return json_member(text, row, key, &v) && v.type == JSON_NUMBER
               ? strtod(text + v.start, NULL)
               : 0;
}

/* ---- SQL -------------------------------------------------------------------------- */

static void quote(struct buf *sql, char mark, const char *s)
{
    buf_putc(sql, mark);
    for (; *s; s++) {
        if (*s == mark)
            buf_putc(sql, mark);
        buf_putc(sql, *s);
    }
    buf_putc(sql, mark);
}

void explore_quote_name(struct buf *sql, const char *name)
{
    quote(sql, '"', name);
}

void explore_quote_value(struct buf *sql, const struct explore_value *value)
{
    if (!value->text)
        buf_puts(sql, "NULL");
    else if (value->is_number)
        buf_puts(sql, value->text);
    else
        quote(sql, '\'', value->text);
}

/* `$c` in the pattern is the column, `$v` the same cut to EXPLORE_TEXT_MAX, `$t` the
 * table. */
static char *make_sql(const char *pattern, const char *table, const char *column)
{
    struct buf sql = BUF_INIT;
    for (; *pattern; pattern++) {
        if (*pattern != '$') {
            buf_putc(&sql, *pattern);
        } else if (*++pattern == 't') {
            explore_quote_name(&sql, table);
        } else if (*pattern == 'c') {
            explore_quote_name(&sql, column);
        } else {
            cleanup_buf struct buf name = BUF_INIT;
            explore_quote_name(&name, column);
            buf_printf(&sql,
                       "CASE WHEN TYPEOF(%s) = 'text' THEN SUBSTR(%s, 1, %d) ELSE %s END",
                       name.data, name.data, EXPLORE_TEXT_MAX, name.data);
        }
    }
    return buf_steal(&sql);
}

/* ---- a column --------------------------------------------------------------------- */

static const char figures_sql[] =
    "SELECT COUNT(*) AS n, COUNT($c) AS filled, COUNT(DISTINCT $c) AS uniques,"
    " SUM(TYPEOF($c) = 'integer') AS integers, SUM(TYPEOF($c) = 'real') AS reals,"
    " SUM($c GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]') AS dates,"
    " SUM($c GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9][ T][0-9][0-9]:*') AS times,"
    " AVG(LENGTH($c) - LENGTH(REPLACE($c, ' ', '')) + 1) AS words FROM $t";
static const char range_sql[] =
    "SELECT MIN($v) AS low, MAX($v) AS high FROM $t WHERE $c IS NOT NULL";
static const char values_sql[] =
    "SELECT $v AS value, COUNT(*) AS n FROM $t WHERE $c IS NOT NULL"
    " GROUP BY value ORDER BY n DESC, value LIMIT 30";
static const char samples_sql[] =
    "SELECT DISTINCT $v AS value, 0 AS n FROM $t WHERE $c IS NOT NULL LIMIT 5";
_Static_assert(EXPLORE_VALUES_MAX == 30 && EXPLORE_SAMPLES_MAX == 5, "as in the SQL");

/* All values decide; a column without any keeps what the table declares. */
static enum explore_type type_by_values(const char *text, struct json_span row,
                                        const struct explore_column *c)
{
    double filled = (double)c->filled;
    double integers = member_number(text, row, "integers");
    double dates = member_number(text, row, "dates");
    if (c->filled == 0)
        return c->type;
    if (integers == filled)
        return EXPLORE_INTEGER;
    if (integers + member_number(text, row, "reals") == filled)
        return EXPLORE_REAL;
    if (dates == filled)
        return EXPLORE_DATE;
    return dates + member_number(text, row, "times") == filled ? EXPLORE_TIMESTAMP
                                                               : EXPLORE_TEXT;
}

static bool column_figures(struct explorer *x, const char *table,
                           struct explore_column *c)
{
    cleanup_free char *figures = make_sql(figures_sql, table, c->name);
    cleanup_free char *range = make_sql(range_sql, table, c->name);
    cleanup_buf struct buf b = BUF_INIT;
    struct json_span row;
    if (!ask_one(x, figures, &b, &row))
        return false;
    c->filled = (int64_t)member_number(b.data, row, "filled");
    c->nulls = (int64_t)member_number(b.data, row, "n") - c->filled;
    c->uniques = (int64_t)member_number(b.data, row, "uniques");
    c->words = member_number(b.data, row, "words");
    c->type = type_by_values(b.data, row, c);
    if (!ask_one(x, range, &b, &row))
        return false;
    c->low = member_value(b.data, row, "low");
    c->high = member_value(b.data, row, "high");
    return true;
}

static bool column_values(struct explorer *x, const char *table, struct explore_column *c)
{
    cleanup_free char *sql = make_sql(
        c->uniques <= EXPLORE_VALUES_MAX ? values_sql : samples_sql, table, c->name);
    cleanup_buf struct buf b = BUF_INIT;
    struct json_span rows;
    struct json_iter it;
    if (!ask(x, sql, &b, &rows))
        return false;
    c->values = xcalloc(EXPLORE_VALUES_MAX, sizeof(c->values[0]));
    json_iter_init(&it, b.data, rows);
    while (json_iter_next(&it) && c->value_count < EXPLORE_VALUES_MAX) {
        struct explore_value v = member_value(b.data, it.value, "value");
        v.count = (int64_t)member_number(b.data, it.value, "n");
        if (v.text)
            c->values[c->value_count++] = v;
    }
    c->is_enumerated = c->uniques <= EXPLORE_VALUES_MAX;
    return true;
}

static enum explore_type type_declared(const char *text, struct json_span column)
{
    struct json_span type;
    if (!json_member(text, column, "type", &type))
        return EXPLORE_TEXT;
    return json_string_is(text, type, "INTEGER") ? EXPLORE_INTEGER
           : json_string_is(text, type, "REAL")  ? EXPLORE_REAL
                                                 : EXPLORE_TEXT;
}

/* ---- a table ---------------------------------------------------------------------- */

static void table_figures(struct explorer *x, struct explore_table *t)
{
    cleanup_free char *count = make_sql("SELECT COUNT(*) AS n FROM $t", t->name, "");
    cleanup_free char *first = make_sql("SELECT * FROM $t LIMIT 3", t->name, "");
    _Static_assert(EXPLORE_SAMPLE_ROWS == 3, "as in the SQL");
    cleanup_buf struct buf b = BUF_INIT;
    struct json_span at;
    t->row_count = -1;
    if (ask_one(x, count, &b, &at))
        t->row_count = (int64_t)member_number(b.data, at, "n");
    if (ask(x, first, &b, &at))
        t->sample_rows = buf_steal(&b);
    for (size_t i = 0; i < t->column_count; i++) {
        struct explore_column *c = &t->columns[i];
        c->known = column_figures(x, t->name, c) && column_values(x, t->name, c);
    }
}

static void read_columns(const char *text, struct json_span columns,
                         struct explore_table *t)
{
    struct json_iter it;
    json_iter_init(&it, text, columns);
    while (json_iter_next(&it)) {
        struct explore_column c = {.type = type_declared(text, it.value)};
        struct explore_value name = member_value(text, it.value, "name");
        if (!name.text)
            continue;
        c.name = name.text;
        t->columns = xrealloc(t->columns, (t->column_count + 1) * sizeof(c));
        t->columns[t->column_count++] = c;
    }
}

void explore_run(struct sqlgate *gate, int64_t time_ms, struct explore *ret)
{
    struct explorer x = {gate, clock_ms() + time_ms};
    struct explore e = {0};
    cleanup_buf struct buf b = BUF_INIT;
    struct json_span tables, columns;
    struct json_iter it;
    sqlgate_describe(gate, &b);
    if (json_check(b.data, b.len, &JSON_LIMITS_WIRE, &tables, NULL) < 0)
        tables = (struct json_span){0, 0, JSON_ARRAY};
    json_iter_init(&it, b.data, tables);
    while (json_iter_next(&it)) {
        struct explore_table t = {.name = member_value(b.data, it.value, "name").text};
        if (json_member(b.data, it.value, "columns", &columns))
            read_columns(b.data, columns, &t);
        table_figures(&x, &t);
        e.tables = xrealloc(e.tables, (e.table_count + 1) * sizeof(t));
        e.tables[e.table_count++] = t;
    }
    *ret = e;
}

const struct explore_column *explore_column(const struct explore_table *table,
                                            const char *name)
{
    for (size_t i = 0; i < table->column_count; i++) {
        if (strcmp(table->columns[i].name, name) == 0)
            return &table->columns[i];
    }
    return NULL;
}

static void column_finish(struct explore_column *c)
{
    for (size_t i = 0; i < c->value_count; i++)
        free(c->values[i].text);
    free(c->values);
    free(c->low.text);
    free(c->high.text);
    free(c->name);
}

void explore_finish(struct explore *e)
{
    for (size_t i = 0; i < e->table_count; i++) {
        struct explore_table *t = &e->tables[i];
        for (size_t c = 0; c < t->column_count; c++)
            column_finish(&t->columns[c]);
        free(t->columns);
        free(t->name);
        free(t->sample_rows);
    }
    free(e->tables);
    *e = (struct explore){0};
}

/* ---- as JSON ---------------------------------------------------------------------- */

static void print_value(const struct explore_value *v, struct buf *out)
{
    if (!v->text)
        buf_puts(out, "null");
    else if (v->is_number)
        buf_puts(out, v->text);
    else
        json_out_string(out, v->text);
}

static void print_values(const struct explore_column *c, struct buf *out)
{
    json_out_key(out, c->is_enumerated ? "values" : "samples");
    buf_putc(out, '[');
    for (size_t i = 0; i < c->value_count; i++) {
        if (i)
            buf_putc(out, ',');
        if (!c->is_enumerated) {
            print_value(&c->values[i], out);
            continue;
        }
        buf_puts(out, "{\"value\":");
        print_value(&c->values[i], out);
        buf_printf(out, ",\"count\":%lld}", (long long)c->values[i].count);
    }
    buf_putc(out, ']');
}

static void print_column(const struct explore_column *c, bool with_samples,
                         struct buf *out)
{
    buf_puts(out, "{\"name\":");
    json_out_string(out, c->name);
    buf_printf(out, ",\"type\":\"%s\"", explore_type_name(c->type));
    if (c->known) {
        buf_printf(out, ",\"null_count\":%lld,\"distinct_count\":%lld,\"min\":",
                   (long long)c->nulls, (long long)c->uniques);
        print_value(&c->low, out);
        buf_puts(out, ",\"max\":");
        print_value(&c->high, out);
        if (with_samples)
            print_values(c, out);
    }
    buf_putc(out, '}');
}

static void print_table(const struct explore_table *t, bool with_samples, struct buf *out)
{
    buf_puts(out, "{\"name\":");
    json_out_string(out, t->name);
    if (t->row_count >= 0)
        buf_printf(out, ",\"row_count\":%lld", (long long)t->row_count);
    buf_puts(out, ",\"columns\":[");
    for (size_t i = 0; i < t->column_count; i++) {
        if (i)
            buf_putc(out, ',');
        print_column(&t->columns[i], with_samples, out);
    }
    buf_putc(out, ']');
    if (with_samples && t->sample_rows)
        buf_printf(out, ",\"sample_rows\":%s", t->sample_rows);
    buf_putc(out, '}');
}

void explore_print(const struct explore *e, bool with_samples, struct buf *out)
{
    buf_putc(out, '[');
    for (size_t i = 0; i < e->table_count; i++) {
        if (i)
            buf_putc(out, ',');
        print_table(&e->tables[i], with_samples, out);
    }
    buf_putc(out, ']');
}
