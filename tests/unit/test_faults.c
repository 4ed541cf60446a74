/* workspace/faults.c: the position is that of the offending value in the user's text. */
#include "cmocka_all.h"

#include <string.h>

#include "base/alloc.h"
#include "workspace/faults.h"

/* Prints one fault against two texts and compares the line. */
struct fault_case {
    const char *spec, *queries;
    const char *field;
    unsigned line, column;
    const char *expected; /* without the newline */
};

static void assert_prints(const struct fault_case *c, bool sql_files)
{
    struct platform_fault fault = {.stage = (char[]){"bind"},
                                   .message = (char[]){"no"},
                                   .line = c->line,
                                   .column = c->column};
    cleanup_free char *field = xstrdup(c->field);
    const struct platform_verdict verdict = {.faults = &fault, .fault_count = 1};
    cleanup_text struct text *spec = c->spec ? text_from_string(c->spec) : NULL;
    cleanup_text struct text *queries = c->queries ? text_from_string(c->queries) : NULL;
    cleanup_buf struct buf out = BUF_INIT;
    fault.field = field;
    faults_print_verdict(&out, "spec.json", &verdict,
                         &(struct faults_texts){spec, queries, sql_files});
    assert_int_equal(out.data[out.len - 1], '\n');
    buf_resize(&out, out.len - 1);
    assert_string_equal(out.data, c->expected);
}

static void assert_all_print(const struct fault_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_prints(&cases[i], false);
}

#define AT(position) position ": error: [bind] no"

/* ---- where in the spec ----------------------------------------------------------------
 */

#define SPEC                                                                             \
    "{\n"                                                                                \
    "  \"version\": 1,\n"                                                                \
    "  \"root\": {\"type\": \"Section\", \"children\": [\n"                              \
    "    {\"type\": \"Text\"},\n"                                                        \
    "    {\"type\": \"Table\", \"props\": {\"data\": {\"$query\": \"x\"}}},\n"           \
    "    [[1, [2, 30]]]\n"                                                               \
    "  ]}\n"                                                                             \
    "}\n"

static void test_spec_paths(void **state)
{
    static const struct fault_case cases[] = {
        {SPEC, NULL, "spec.root.children[1].props.data", 0, 0, AT("spec.json:5:41")},
        {SPEC, NULL, "root.children[1].props.data", 0, 0, AT("spec.json:5:41")},
        {SPEC, NULL, "$.spec.root.children[1].props.data", 0, 0, AT("spec.json:5:41")},
        {SPEC, NULL, "children[1].props.data", 0, 0, AT("spec.json:5:41")},
        {SPEC, NULL, "spec.children[1].props.data", 0, 0, AT("spec.json:5:41")},
        {SPEC, NULL, "spec.root.children.1.props.data", 0, 0, AT("spec.json:5:41")},
        {SPEC, NULL, "spec['root'][\"children\"][1].props", 0, 0, AT("spec.json:5:32")},
        {SPEC, NULL, "version", 0, 0, AT("spec.json:2:14")},
        {SPEC, NULL, "spec", 0, 0, AT("spec.json:1:1")},
        {SPEC, NULL, "spec.root.children[2][0][1][1]", 0, 0, AT("spec.json:6:14")},
        {SPEC, NULL, "$", 0, 0, AT("spec.json:1:1")},
    };
    assert_all_print(cases, ARRAY_LEN(cases));
}

static void test_spec_pointers(void **state)
{
    static const struct fault_case cases[] = {
        {SPEC, NULL, "/spec/root/children/1/props/data", 0, 0, AT("spec.json:5:41")},
        {SPEC, NULL, "/root/children/1/props/data", 0, 0, AT("spec.json:5:41")},
        {SPEC, NULL, "/children/1/props/data", 0, 0, AT("spec.json:5:41")},
        {"{\"root\": {\"a/b\": {\"~\": 1}}}", NULL, "/spec/root/a~1b/~0", 0, 0,
         AT("spec.json:1:24")},
    };
    assert_all_print(cases, ARRAY_LEN(cases));
}

/* As deep as the text goes. */
static void test_paths_deeper_than_the_text(void **state)
{
    static const struct fault_case cases[] = {
        {SPEC, NULL, "spec.root.children[1].props.nothing.there", 0, 0,
         AT("spec.json:5:32")},
        {SPEC, NULL, "spec.root.children[9].props", 0, 0, AT("spec.json:3:43")},
        {SPEC, NULL, "spec.root.children[99999999999999999999]", 0, 0,
         AT("spec.json:3:43")},
        {SPEC, NULL, "children[1].props.nothing", 0, 0, AT("spec.json:5:32")},
        {SPEC, NULL, "spec.nowhere", 0, 0, AT("spec.json:1:1")},
        {SPEC, NULL, "spec.version.deeper[3]", 0, 0, AT("spec.json:2:14")},
        {SPEC, NULL, "spec.root.children[1", 0, 0, AT("spec.json:3:43")},
        {"[1]", NULL, "spec.root.children", 0, 0, AT("spec.json:1:1")},
        {"7", NULL, "root.children[0]", 0, 0, AT("spec.json:1:1")},
    };
    assert_all_print(cases, ARRAY_LEN(cases));
}

/* A bare node is a spec too (contract, contradiction 9). */
static void test_bare_node(void **state)
{
    static const char bare[] =
        "{\"type\": \"Section\",\n \"children\": [\n  {\"data\": 1}]}";
    static const struct fault_case cases[] = {
        {bare, NULL, "spec.root.children[0].data", 0, 0, AT("spec.json:3:12")},
        {bare, NULL, "root.children[0]", 0, 0, AT("spec.json:3:3")},
        {bare, NULL, "/spec/root/children/0/data", 0, 0, AT("spec.json:3:12")},
        {bare, NULL, "spec.children[0].data", 0, 0, AT("spec.json:3:12")},
        {bare, NULL, "spec.root", 0, 0, AT("spec.json:1:1")},
        {bare, NULL, "spec.root.children[0].props.data", 0, 0, AT("spec.json:3:3")},
    };
    assert_all_print(cases, ARRAY_LEN(cases));
}

static void test_texts_of_all_kinds(void **state)
{
    static const struct fault_case cases[] = {
        /* lines end in \r\n; columns are bytes */
        {"{\r\n \"root\": {\r\n  \"a\": 1}}", NULL, "spec.root.a", 0, 0,
         AT("spec.json:3:8")},
        {"{\"\u00e9\": \"\U0001f600\", \"a\": 1}", NULL, "spec.a", 0, 0,
         AT("spec.json:1:21")},
        {"{\"\\u00e9\\\"\": 1, \"\\u0061\": 2}", NULL, "spec.a", 0, 0,
         AT("spec.json:1:27")},
        {"{\"a.b\": {\"c'd\": 5}}", NULL, "spec['a.b'][\"c'd\"]", 0, 0,
         AT("spec.json:1:17")},
        {"{\"specs\": 1, \"rooted\": 2}", NULL, "rooted", 0, 0, AT("spec.json:1:24")},
    };
    assert_all_print(cases, ARRAY_LEN(cases));
}

static void test_no_place(void **state)
{
    static const struct fault_case cases[] = {
        {SPEC, NULL, NULL, 0, 0, AT("spec.json:1:1")},
        {SPEC, NULL, "", 0, 0, AT("spec.json:1:1")},
        {SPEC, NULL, "name", 0, 0, AT("spec.json:1:1")},
        {NULL, NULL, "spec.root", 0, 0, AT("spec.json:1:1")},
        {SPEC, NULL, "declared_queries[0].sql", 0, 0, AT("queries.json:1:1")},
        {SPEC, NULL, "queries[0].sql", 2, 3,
         AT("queries.json:1:1") " (line 2, column 3)"},
        {"{broken", NULL, "spec.root", 0, 0, AT("spec.json:1:1")},
        {SPEC, "", "queries.x", 0, 0, AT("queries.json:1:1")},
        {SPEC, NULL, NULL, 2, 14, AT("spec.json:1:1") " (line 2, column 14)"},
        {SPEC, NULL, "spec.root", 2, 0, AT("spec.json:3:11") " (line 2)"},
        {SPEC, NULL, "....", 0, 0, AT("spec.json:1:1")},
        {SPEC, NULL, "[[[[", 0, 0, AT("spec.json:1:1")},
    };
    assert_all_print(cases, ARRAY_LEN(cases));
}

/* ---- where in the queries -------------------------------------------------------------
 */

#define QUERIES                                                                          \
    "[\n"                                                                                \
    "  {\"name\": \"first\", \"sql\": \"SELECT 1\"},\n"                                  \
    "  {\"name\": \"deals\",\n"                                                          \
    "   \"sql\": \"SELECT a\\nFROM  b\"}\n"                                              \
    "]\n"

static void test_query_paths(void **state)
{
    static const struct fault_case cases[] = {
        {NULL, QUERIES, "declared_queries[1].sql", 0, 0, AT("queries.json:4:11")},
        {NULL, QUERIES, "declared_queries.1.sql", 0, 0, AT("queries.json:4:11")},
        {NULL, QUERIES, "/declared_queries/1/sql", 0, 0, AT("queries.json:4:11")},
        {NULL, QUERIES, "queries[1].name", 0, 0, AT("queries.json:3:12")},
        {NULL, QUERIES, "declared_queries.deals.sql", 0, 0, AT("queries.json:4:11")},
        {NULL, QUERIES, "declared_queries[deals].sql", 0, 0, AT("queries.json:4:11")},
        {NULL, QUERIES, "declared_queries['deals'].sql", 0, 0, AT("queries.json:4:11")},
        {NULL, QUERIES, "/queries/deals/sql", 0, 0, AT("queries.json:4:11")},
        {NULL, QUERIES, "queries.deals", 0, 0, AT("queries.json:3:3")},
        {NULL, QUERIES, "queries.nobody.sql", 0, 0, AT("queries.json:1:1")},
        {NULL, QUERIES, "queries.deals.params.x", 0, 0, AT("queries.json:3:3")},
        {SPEC, QUERIES, "deals.sql", 0, 0, AT("queries.json:4:11")},
        {NULL, "{\"deals\": {\"sql\": \"x\"}}", "queries.deals.sql", 0, 0,
         AT("queries.json:1:19")},
        {NULL, "[{\"name\":\"d\\u0065als\"}]", "queries.deals.name", 0, 0,
         AT("queries.json:1:10")},
    };
    assert_all_print(cases, ARRAY_LEN(cases));
}

#define SQL_AT(position, place) AT(position) " (SQL " place ")"

static void test_sql_positions(void **state)
{
    static const struct fault_case cases[] = {
        {NULL, QUERIES, "declared_queries[1].sql", 1, 1,
         SQL_AT("queries.json:4:12", "line 1, column 1")},
        {NULL, QUERIES, "declared_queries[1].sql", 2, 7,
         SQL_AT("queries.json:4:28", "line 2, column 7")},
        {NULL, QUERIES, "declared_queries[1]", 2, 7,
         SQL_AT("queries.json:4:28", "line 2, column 7")},
        {NULL, QUERIES, "queries.deals", 2, 1,
         SQL_AT("queries.json:4:22", "line 2, column 1")},
        {NULL, QUERIES, "queries[1].sql", 2, 0, SQL_AT("queries.json:4:22", "line 2")},
        {NULL, QUERIES, "queries[1].sql", 0, 3,
         SQL_AT("queries.json:4:14", "line 1, column 3")},
        /* behind the end of a line, and of the text */
        {NULL, QUERIES, "queries[1].sql", 1, 99,
         SQL_AT("queries.json:4:20", "line 1, column 99")},
        {NULL, QUERIES, "queries[1].sql", 9, 4294967295u,
         SQL_AT("queries.json:4:29", "line 9, column 4294967295")},
        {NULL, "[{\"sql\":\"\"}]", "queries[0].sql", 1, 1,
         SQL_AT("queries.json:1:10", "line 1, column 1")},
        /* a query that has no SQL */
        {NULL, "[{\"sql\":5}]", "queries[0]", 1, 1,
         AT("queries.json:1:2") " (line 1, column 1)"},
    };
    assert_all_print(cases, ARRAY_LEN(cases));
}

/* What was saved from sql/ has its place there, where the fault is of that string. */
static void test_places_in_sql_files(void **state)
{
    static const struct fault_case cases[] = {
        {NULL, QUERIES, "declared_queries[1].sql", 2, 7, AT("sql/deals.sql:2:7")},
        {NULL, QUERIES, "declared_queries[1]", 2, 7, AT("sql/deals.sql:2:7")},
        {NULL, QUERIES, "declared_queries[1].sql", 0, 0, AT("sql/deals.sql:1:1")},
        {NULL, QUERIES, "queries.first.sql", 1, 99, AT("sql/first.sql:1:9")},
        {NULL, QUERIES, "queries[1].name", 0, 0, AT("queries.json:3:12")},
        {SPEC, QUERIES, "spec.root", 0, 0, AT("spec.json:3:11")},
        {NULL, "[{\"name\":\"a/b\",\"sql\":\"x\"}]", "queries[0].sql", 1, 1,
         AT("sql/a-b~3a8e75c1.sql:1:1")},
        {NULL, "[{\"source\":\"kb\",\"sql\":\"x\"}]", "queries[0].sql", 1, 1,
         AT("queries.json:1:24") " (SQL line 1, column 1)"},
        {NULL, "{}", "queries[0].sql", 1, 1,
         AT("queries.json:1:1") " (line 1, column 1)"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_prints(&cases[i], true);
}

/* Columns count bytes of the decoded SQL. */
static void test_sql_positions_through_escapes(void **state)
{
    static const struct fault_case cases[] = {
        /* \" is one byte: column 4 of  "a" x  is the blank, 5 the x */
        {NULL, "[{\"sql\":\"\\\"a\\\" x\"}]", "queries[0].sql", 1, 5,
         SQL_AT("queries.json:1:16", "line 1, column 5")},
        /* \u00e9 is two bytes, \ud83d\ude00 four */
        {NULL, "[{\"sql\":\"\\u00e9x\"}]", "queries[0].sql", 1, 3,
         SQL_AT("queries.json:1:16", "line 1, column 3")},
        {NULL, "[{\"sql\":\"\\ud83d\\ude00x\"}]", "queries[0].sql", 1, 5,
         SQL_AT("queries.json:1:22", "line 1, column 5")},
        /* inside a character: at the start of its escape */
        {NULL, "[{\"sql\":\"a\\ud83d\\ude00x\"}]", "queries[0].sql", 1, 4,
         SQL_AT("queries.json:1:11", "line 1, column 4")},
        /* raw characters */
        {NULL, "[{\"sql\":\"\u00e9x\"}]", "queries[0].sql", 1, 3,
         SQL_AT("queries.json:1:12", "line 1, column 3")},
        /* \r\n and \u000a end lines; \\n does not */
        {NULL, "[{\"sql\":\"a\\r\\nb\\u000ac\\\\nd\"}]", "queries[0].sql", 3, 4,
         SQL_AT("queries.json:1:26", "line 3, column 4")},
    };
    assert_all_print(cases, ARRAY_LEN(cases));
}

/* ---- lines
 * ------------------------------------------------------------------------------ */

static void print_text(struct buf *out, const char *stage, const char *message)
{
    struct platform_fault fault = {.stage = xstrdup(stage), .message = xstrdup(message)};
    faults_print_verdict(out, "spec.json",
                         &(struct platform_verdict){.faults = &fault, .fault_count = 1},
                         NULL);
    free(fault.stage);
    free(fault.message);
}

static void test_messages_are_cleaned(void **state)
{
    cleanup_buf struct buf out = BUF_INIT;
    print_text(&out, "", "two\nlines\x1b[31m \xc2\x9b \u202e \xff \u00e9");
    print_text(&out, "a\nb", "m");
    assert_string_equal(out.data, "spec.json:1:1: error: two lines [31m     ? \u00e9\n"
                                  "spec.json:1:1: error: [a b] m\n");
}

static void test_lines_are_cut(void **state)
{
    cleanup_buf struct buf out = BUF_INIT;
    cleanup_buf struct buf message = BUF_INIT;
    for (int i = 0; i < 2000; i++)
        buf_puts(&message, "\u20ac");
    print_text(&out, "", message.data);
    assert_in_range(out.len, 998, 1001); /* with its newline */
    assert_memory_equal(out.data + out.len - 4, "\u20ac\n", 4);

    buf_clear(&out);
    print_text(&out, message.data, message.data);
    assert_in_range(out.len, 998, 1001);
    buf_clear(&out);
    faults_print_one(&out, message.data, 1, 1, message.data, message.data);
    assert_in_range(out.len, 998, 1001);
}

static void test_the_end_mark_is_kept(void **state)
{
    cleanup_buf struct buf out = BUF_INIT;
    char message[3000];
    memset(message, 'm', sizeof message - 1);
    message[sizeof message - 1] = '\0';
    struct platform_fault fault = {.stage = (char[]){"query"},
                                   .message = message,
                                   .field = (char[]){"queries[0].sql"},
                                   .line = 2,
                                   .column = 14};
    faults_print_verdict(&out, "spec.json",
                         &(struct platform_verdict){.faults = &fault, .fault_count = 1},
                         NULL);
    assert_int_equal(out.len, 1001);
    assert_string_equal(out.data + out.len - 23, "mm (line 2, column 14)\n");
}

static void test_lines_are_few(void **state)
{
    cleanup_buf struct buf out = BUF_INIT;
    char message[] = "m";
    struct platform_fault *faults = xcalloc(5000, sizeof *faults);
    for (size_t i = 0; i < 5000; i++)
        faults[i].message = message;
    faults_print_verdict(
        &out, "queries.json",
        &(struct platform_verdict){.faults = faults, .fault_count = 5000}, NULL);
    free(faults);
    assert_int_equal(out.len, 1000 * strlen("queries.json:1:1: error: m\n"));
}

static void test_verdicts_without_faults(void **state)
{
    cleanup_buf struct buf out = BUF_INIT;
    faults_print_verdict(&out, "spec.json", &(struct platform_verdict){.ok = true}, NULL);
    assert_int_equal(out.len, 0);
    faults_print_verdict(&out, "spec.json", &(struct platform_verdict){.ok = false},
                         NULL);
    assert_string_equal(
        out.data, "spec.json:1:1: error: refused by the platform, without a reason\n");
}

static void test_print_one(void **state)
{
    cleanup_buf struct buf out = BUF_INIT;
    faults_print_one(&out, "page.json", 3, 8, "parse", "a comma is missing");
    faults_print_one(&out, "page.json", 1, 1, NULL, "m");
    assert_string_equal(out.data, "page.json:3:8: error: [parse] a comma is missing\n"
                                  "page.json:1:1: error: m\n");
}

static void test_print_json(void **state)
{
    cleanup_buf struct buf out = BUF_INIT;
    faults_print_json(&out, "spec.json", 3, 8, "parse", "say \"\xff\n\\\"");
    assert_string_equal(out.data, "{\n"
                                  "  \"ok\": false,\n"
                                  "  \"stages\": {\n"
                                  "    \"compile\": false,\n"
                                  "    \"query\": false,\n"
                                  "    \"bind\": false\n"
                                  "  },\n"
                                  "  \"errors\": [\n"
                                  "    {\n"
                                  "      \"stage\": \"parse\",\n"
                                  "      \"message\": \"say \\\"? \\\\\\\"\",\n"
                                  "      \"file\": \"spec.json\",\n"
                                  "      \"line\": 3,\n"
                                  "      \"column\": 8\n"
                                  "    }\n"
                                  "  ]\n"
                                  "}\n");
    assert_int_equal(json_check(out.data, out.len, &JSON_LIMITS_USER, NULL, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spec_paths),
        cmocka_unit_test(test_spec_pointers),
        cmocka_unit_test(test_paths_deeper_than_the_text),
        cmocka_unit_test(test_bare_node),
        cmocka_unit_test(test_texts_of_all_kinds),
        cmocka_unit_test(test_no_place),
        cmocka_unit_test(test_query_paths),
        cmocka_unit_test(test_sql_positions),
        cmocka_unit_test(test_sql_positions_through_escapes),
        cmocka_unit_test(test_messages_are_cleaned),
        cmocka_unit_test(test_lines_are_cut),
        cmocka_unit_test(test_the_end_mark_is_kept),
        cmocka_unit_test(test_lines_are_few),
        cmocka_unit_test(test_places_in_sql_files),
        cmocka_unit_test(test_verdicts_without_faults),
        cmocka_unit_test(test_print_one),
        cmocka_unit_test(test_print_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
