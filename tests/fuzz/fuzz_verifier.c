/* Any JSON as {"spec", "declared_queries", "params"}: the verdict is JSON, each path in
 * it was made of the document's own keys, and what verified renders within its limits.
 * Inputs that are no JSON are tried as SQL. */
#include <sqlite3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "local/demo_schema.h"
#include "local/sqlgate.h"
#include "local/verifier.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* On a file that is already unlinked; kept for the life of the process. */
static struct sqlgate *open_gate(void)
{
    static struct sqlgate *gate;
    char path[] = "/tmp/fuzz-verifier-XXXXXX";
    sqlite3 *db = NULL;
    if (gate)
        return gate;
    cleanup_fd int fd = mkstemp(path);
    require(fd >= 0);
    require(sqlite3_open(path, &db) == SQLITE_OK);
    require(
        sqlite3_exec(db,
                     DEMO_INTERACTIONS_SQL
                     ";CREATE TABLE keys (secret); INSERT INTO keys VALUES ('sesame')",
                     NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
    require(sqlgate_open(path, &gate) == 0);
    unlink(path);
    return gate;
}

static void require_json(const struct buf *b)
{
    require(json_check(b->data, b->len, &JSON_LIMITS_WIRE, NULL, NULL) == 0);
}

static void run_sql(const char *sql, const char *text, struct json_span params)
{
    const struct sqlgate_query q = {sql, text, params, 100, 50};
    struct sqlgate_result res;
    struct sqlgate_error e;
    if (sqlgate_run(open_gate(), &q, &res, &e) < 0) {
        require(e.message[0]);
        return;
    }
    require_json(&res.rows);
    require(strstr(sql, "sesame") || !strstr(res.rows.data, "sesame"));
    sqlgate_result_finish(&res);
}

static void run_queries(const char *text, struct json_span root, struct json_span queries)
{
    struct json_span params = {0}, sql;
    struct json_iter it;
    bool has_params = json_member(text, root, "params", &params);
    if (queries.type != JSON_ARRAY)
        return;
    json_iter_init(&it, text, queries);
    while (json_iter_next(&it)) {
        cleanup_free char *copy =
            json_member(text, it.value, "sql", &sql) ? json_string_dup(text, sql) : NULL;
        if (copy && strlen(copy) < 4096)
            run_sql(copy, has_params ? text : NULL, params);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_free char *text = xstrndup((const char *)data, size);
    struct verify_input in = {0};
    struct json_span root;
    if (json_check((const char *)data, size, &JSON_LIMITS_WIRE, &root, NULL) < 0) {
        struct json_span none = {0};
        run_sql(text, NULL, none);
        return 0;
    }
    if (json_member(text, root, "spec", &in.spec))
        in.spec_text = text;
    if (json_member(text, root, "declared_queries", &in.queries))
        in.queries_text = text;
    cleanup_verdict struct verdict v;
    cleanup_buf struct buf out = BUF_INIT;
    verify_page(open_gate(), &in, &v);
    verdict_print(&v, &out);
    require_json(&out);
    require(verdict_ok(&v) == !(v.failed[0] || v.failed[1] || v.failed[2]));
    if (in.queries_text)
        run_queries(text, root, in.queries);
    return 0;
}
