/* Searching: any text is plain words, documents come best first, interactions in groups
 * that are the same each time; also over columns that nobody foresaw. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmocka_all.h"

#include "base/alloc.h"
#include "json/json.h"
#include "local/cluster.h"
#include "local/search.h"
#include "local/store.h"

struct fixture {
    char dir[32];
    char *path;
    struct store *store;
    struct sqlgate *gate;
};

static const struct data_column feed_columns[] = {
    {"rank", DATA_TEXT}, {"business_id", DATA_TEXT}, {"n", DATA_INTEGER}};
struct feed {
    const char *const *texts; /* NULL-terminated */
    size_t next;
};

static int feed_next(void *arg, struct data_value *row)
{
    struct feed *f = arg;
    if (!f->texts[f->next])
        return 0;
    row[0] = (struct data_value){.type = DATA_TEXT, .text = f->texts[f->next]};
    row[1] = (struct data_value){.type = DATA_TEXT, .text = "tenant"};
    row[2] = (struct data_value){.type = DATA_INTEGER, .integer = (int64_t)f->next++};
    return 1;
}

static void fill(struct fixture *f, const char *const *texts)
{
    struct feed feed = {texts, 0};
    sqlgate_close(f->gate);
    assert_int_equal(f->store->ops->data_replace(f->store, feed_columns,
                                                 ARRAY_LEN(feed_columns), feed_next,
                                                 &feed),
                     0);
    assert_int_equal(sqlgate_open(f->path, &f->gate), 0);
}

static const char *const talk[] = {
    "the new pricing is far too high for small teams",
    "pricing is far too high, said the small team again",
    "onboarding went well and everybody was trained in a week",
    "they asked for pricing of the enterprise plan with support",
    "a well run onboarding, everybody trained within the week",
    NULL,
};
static const struct document documents[] = {
    {"d1", "Prices", "guide", "What a seat costs.", 1767225600000},
    {"d2", "Seats", "guide",
     "A seat is a person. Prices are elsewhere; h\xc3\xa9h\xc3\xa9.", 1767225600000},
    {"d3", "NEAR and far", "note", "Quotes \" and * and \xe2\x82\xac.", 1767225600000},
};

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    strcpy(f->dir, "/tmp/test_search.XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->path = xasprintf("%s/workspace.db", f->dir);
    assert_int_equal(store_sqlite_open(f->path, &f->store), 0);
    fill(f, talk);
    assert_int_equal(
        f->store->ops->documents_replace(f->store, documents, ARRAY_LEN(documents)), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    struct fixture *f = *state;
    sqlgate_close(f->gate);
    store_close(f->store);
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        cleanup_free char *name = xasprintf("%s%s", f->path, suffixes[i]);
        unlink(name);
    }
    rmdir(f->dir);
    free(f->path);
    free(f);
    return 0;
}

static struct sqlgate *gate_of(void **state)
{
    return ((struct fixture *)*state)->gate;
}

/* ---- words ------------------------------------------------------------------------ */

static void expect_expression(const char *text, size_t len, bool any, const char *wanted)
{
    cleanup_buf struct buf out = BUF_INIT;
    search_expression(text, len, any, &out);
    assert_string_equal(out.data ? out.data : "", wanted);
}

static void test_any_text_is_words(void **state)
{
    (void)state;
    expect_expression("pricing", 7, false, "\"pricing\"");
    expect_expression("What about the PRICING-plan?", 28, false, "\"PRICING\" \"plan\"");
    expect_expression("x OR y", 6, true, "\"x\" OR \"y\"");
    expect_expression("the of", 6, false, "\"the\" \"of\"");
    expect_expression("\" * ^ ( ) : - + {", 17, false, "");
    expect_expression("x\"y\0z", 5, false, "\"x\" \"y\" \"z\"");
    expect_expression("", 0, false, "");
    assert_true(search_is_filler("your", 4));
    assert_true(search_is_filler("a", 1));
    assert_true(search_is_filler("they", 4));
    assert_false(search_is_filler("pricing", 7));
    assert_false(search_is_filler("", 0));
}

static void test_a_long_query_is_cut(void **state)
{
    cleanup_buf struct buf query = BUF_INIT, out = BUF_INIT;
    struct sqlgate_error e;
    for (int i = 0; i < 100000; i++)
        buf_puts(&query, "word ");
    buf_puts(&query, "seat");
    assert_int_equal(
        search_documents(gate_of(state), query.data, query.len, 10, &out, &e), 0);
    assert_string_equal(out.data, "[]");
}

/* ---- documents -------------------------------------------------------------------- */

static void expect_documents(void **state, const char *query, const char *ids)
{
    cleanup_buf struct buf rows = BUF_INIT, got = BUF_INIT;
    struct sqlgate_error e;
    struct json_span root, id;
    struct json_iter it;
    int r = search_documents(gate_of(state), query, strlen(query), 10, &rows, &e);
    if (r < 0)
        fail_msg("%s: %s", query, e.message);
    assert_int_equal(json_check(rows.data, rows.len, &JSON_LIMITS_WIRE, &root, NULL), 0);
    json_iter_init(&it, rows.data, root);
    while (json_iter_next(&it)) {
        assert_true(json_member(rows.data, it.value, "id", &id));
        json_string_decode(rows.data, id, &got);
        for (size_t i = 0; search_document_columns[i]; i++)
            assert_true(
                json_member(rows.data, it.value, search_document_columns[i], &id));
    }
    assert_string_equal(got.data ? got.data : "", ids);
}

static void test_documents(void **state)
{
    expect_documents(state, "prices", "d1d2"); /* the title weighs more */
    expect_documents(state, "Seat price", "d1d2");
    expect_documents(state, "persons", "d2"); /* stems */
    expect_documents(state, "h\xc3\xa9h\xc3\xa9", "d2");
    expect_documents(state, "quotes unheard", "d3"); /* no document has both */
    expect_documents(state, "unheard", "");
    expect_documents(state, "NEAR(", "d3");
    expect_documents(state, "title : prices OR", "d1d2");
    expect_documents(state, "\xe2\x82\xac \xe2\x80\x94", "");
    expect_documents(state, "near \xe2\x80\x94", "d3"); /* a dash is no word to be had */
}

static void test_documents_are_replaced(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(f->store->ops->documents_replace(f->store, documents + 2, 1), 0);
    expect_documents(state, "prices", "");
    expect_documents(state, "far", "d3");
}

/* ---- clusters --------------------------------------------------------------------- */

static char *clusters(void **state, const char *query)
{
    cleanup_buf struct buf rows = BUF_INIT;
    struct sqlgate_error e;
    int r = search_clusters(gate_of(state), query, query ? strlen(query) : 0, &rows, &e);
    if (r < 0)
        fail_msg("%s", e.message);
    assert_int_equal(json_check(rows.data, rows.len, &JSON_LIMITS_WIRE, NULL, NULL), 0);
    return buf_steal(&rows);
}

static void test_clusters(void **state)
{
    cleanup_free char *all = clusters(state, NULL);
    cleanup_free char *again = clusters(state, NULL);
    cleanup_free char *pricing = clusters(state, "prices");
    cleanup_free char *none = clusters(state, "unheard");
    assert_string_equal(all, again);
    assert_string_equal(
        all,
        "[{\"cluster\":1,\"label\":\"far too high\",\"size\":2,\"share\":0.4,"
        "\"example\":\"the new pricing is far too high for small teams\"},"
        "{\"cluster\":2,\"label\":\"onboarding well everybody\",\"size\":2,"
        "\"share\":0.4,\"example\":\"onboarding went well and everybody was trained in "
        "a week\"},"
        "{\"cluster\":3,\"label\":\"asked enterprise plan\",\"size\":1,\"share\":0.2,"
        "\"example\":\"they asked for pricing of the enterprise plan with support\"}]");
    assert_non_null(strstr(pricing, "\"example\":\"pricing is far too high"));
    assert_non_null(strstr(pricing, "\"share\":0.3333"));
    assert_null(strstr(pricing, "onboarding"));
    assert_string_equal(none, "[]");
}

/* No prose: names; a row with no text at all. */
static void test_clusters_of_names(void **state)
{
    static const char *const names[] = {"call", "mail", "call", "", "call", NULL};
    fill(*state, names);
    cleanup_free char *all = clusters(state, NULL);
    assert_non_null(strstr(all, "{\"cluster\":1,\"label\":\"call\",\"size\":3,"));
    assert_non_null(strstr(all, "\"label\":\"other\",\"size\":1,"));
    cleanup_free char *mail = clusters(state, "mail");
    assert_string_equal(mail, "[{\"cluster\":1,\"label\":\"mail\",\"size\":1,\"share\":1,"
                              "\"example\":\"mail\"}]");
}

static void test_nothing_to_group(void **state)
{
    static const char *const nothing[] = {NULL};
    fill(*state, nothing);
    cleanup_free char *all = clusters(state, NULL);
    assert_string_equal(all, "[]");
}

/* ---- what users' SQL cannot reach ------------------------------------------------- */

static void test_indexes_are_hidden(void **state)
{
    static const char *const tables[] = {"documents",
                                         "documents_fts",
                                         "documents_fts_data",
                                         "interactions_fts",
                                         "documents_fts_idx",
                                         "interactions_fts_data",
                                         "interactions_fts_docsize"};
    static const char *const forms[] = {
        "SELECT * FROM %s",
        "SELECT COUNT(*) FROM %s",
        "SELECT COUNT(*) FROM main.%s",
        "SELECT 1 FROM interactions WHERE EXISTS (SELECT 1 FROM %s)",
        "WITH x AS (SELECT * FROM %s) SELECT COUNT(*) FROM x",
    };
    /* Once before anything was searched, once behind a search. */
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < ARRAY_LEN(tables) * ARRAY_LEN(forms); i++) {
            char sql[200];
            struct sqlgate_error e;
            const char *form = forms[i % ARRAY_LEN(forms)];
            const char *mark = strstr(form, "%s");
            snprintf(sql, sizeof(sql), "%.*s%s%s", (int)(mark - form), form,
                     tables[i / ARRAY_LEN(forms)], mark + 2);
            assert_int_equal(sqlgate_check(gate_of(state), sql, NULL, &e), -EINVAL);
        }
        expect_documents(state, "prices", "d1d2");
        cleanup_free char *found = clusters(state, "onboarding");
        assert_non_null(strstr(found, "\"size\":2"));
    }
    struct sqlgate_error e;
    assert_int_equal(
        sqlgate_check(gate_of(state),
                      "SELECT * FROM interactions WHERE interactions MATCH 'x'", NULL,
                      &e),
        -EINVAL);
    assert_int_equal(sqlgate_check(gate_of(state),
                                   "SELECT bm25(interactions) FROM "
                                   "interactions",
                                   NULL, &e),
                     -EINVAL);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_any_text_is_words), CASE(test_a_long_query_is_cut),
        CASE(test_documents),         CASE(test_documents_are_replaced),
        CASE(test_clusters),          CASE(test_clusters_of_names),
        CASE(test_nothing_to_group),  CASE(test_indexes_are_hidden),
    };
    return cmocka_run_group_tests_name("search", tests, NULL, NULL);
}
