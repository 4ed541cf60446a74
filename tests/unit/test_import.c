/* local/csv and local/import: records, their faults with the line, guessed types. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "local/csv.h"
#include "local/import.h"

static FILE *open_text(const char *text)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    fputs(text, file);
    rewind(file);
    return file;
}

/* ---- records ---------------------------------------------------------------------- */

/* The file's records: fields joined by '|', records ended by '/'. Then what csv_next said
 * last, and its error. */
static int read_all(const char *text, struct buf *ret_records, char ret_error[160])
{
    FILE *file = open_text(text);
    struct csv csv;
    int r;
    csv_init(&csv, file);
    while ((r = csv_next(&csv)) > 0) {
        for (size_t i = 0; i < csv.count; i++)
            buf_printf(ret_records, "%s%s", i ? "|" : "", csv_field(&csv, i));
        buf_puts(ret_records, "/");
    }
    strcpy(ret_error, csv.error);
    csv_finish(&csv);
    fclose(file);
    return r;
}

static void test_records(void **state)
{
    static const struct {
        const char *text, *records;
    } cases[] = {
        {"a,b\n1,2\n", "a|b/1|2/"},
        {"a,b\r\n1,2", "a|b/1|2/"},
        {"\xef\xbb\xbf"
         "a,b\n",
         "a|b/"},
        {"\"a,b\",\"c\"\"d\"\n", "a,b|c\"d/"},
        {"\"two\nlines\",x\n", "two\nlines|x/"},
        {"\"kept\r\nas is\"\n", "kept\r\nas is/"},
        {"a,\n,b\n,\n", "a|/|b/|/"},
        {"\n\na\n\n\nb\n\n", "a/b/"},
        {"\"\"\n", "/"},
        {"a\rb,c\n", "a\rb|c/"},
        {"", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cleanup_buf struct buf records = BUF_INIT;
        char error[160];
        assert_int_equal(read_all(cases[i].text, &records, error), 0);
        assert_string_equal(records.data ? records.data : "", cases[i].records);
    }
}

static void test_faults_name_their_line(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"a\n\"b\n\n", "line 4: the quote opened in line 2 is never closed"},
        {"a\n\nb\"c\n", "line 3: a quote within an unquoted field"},
        {"a\n\"b\"c\n", "line 2: text behind a closing quote"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cleanup_buf struct buf records = BUF_INIT;
        char error[160];
        assert_int_equal(read_all(cases[i].text, &records, error), -EPROTO);
        assert_string_equal(error, cases[i].error);
    }
}

static void test_limits(void **state)
{
    cleanup_buf struct buf wide = BUF_INIT;
    cleanup_buf struct buf records = BUF_INIT;
    cleanup_buf struct buf large = BUF_INIT;
    char error[160];
    for (int i = 0; i <= CSV_COLUMNS_MAX; i++)
        buf_puts(&wide, "x,");
    assert_int_equal(read_all(wide.data, &records, error), -EPROTO);
    for (int i = 0; i <= CSV_RECORD_MAX; i++)
        buf_putc(&large, 'x');
    assert_int_equal(read_all(large.data, &records, error), -EFBIG);
}

/* ---- guessing --------------------------------------------------------------------- */

static void test_types(void **state)
{
    static const struct {
        const char *value;
        enum data_type type;
    } cases[] = {
        {"", DATA_NULL},
        {"0", DATA_INTEGER},
        {"-17", DATA_INTEGER},
        {"9223372036854775807", DATA_INTEGER},
        {"9223372036854775808", DATA_REAL},
        {"0.5", DATA_REAL},
        {"1e3", DATA_REAL},
        {"007", DATA_TEXT},
        {"+49", DATA_TEXT},
        {"0x10", DATA_TEXT},
        {"inf", DATA_TEXT},
        {"1e999", DATA_TEXT},
        {" 1", DATA_TEXT},
        {"1 ", DATA_TEXT},
        {"2026-04-14", DATA_DATE},
        {"2026-04-14 09:30", DATA_TIMESTAMP},
        {"2026-04-14T09:30:00Z", DATA_TIMESTAMP},
        {"2026-04-14T09:30:00.123+02:00", DATA_TIMESTAMP},
        {"2026-04-14T09", DATA_TEXT},
        {"2026-4-1", DATA_TEXT},
        {"2026-04-14T09:30:00 CET", DATA_TEXT},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (import_guess(cases[i].value) != cases[i].type)
            fail_msg("'%s': %d", cases[i].value, import_guess(cases[i].value));
}

static void test_joined_types(void **state)
{
    assert_int_equal(import_join(DATA_NULL, DATA_DATE), DATA_DATE);
    assert_int_equal(import_join(DATA_DATE, DATA_NULL), DATA_DATE);
    assert_int_equal(import_join(DATA_REAL, DATA_INTEGER), DATA_REAL);
    assert_int_equal(import_join(DATA_TIMESTAMP, DATA_DATE), DATA_TIMESTAMP);
    assert_int_equal(import_join(DATA_INTEGER, DATA_DATE), DATA_TEXT);
    assert_int_equal(import_join(DATA_REAL, DATA_TEXT), DATA_TEXT);
}

static void test_names(void **state)
{
    static const struct {
        const char *header, *name;
    } cases[] = {
        {"Deal Amount (USD)", "deal_amount_usd"},
        {"2nd", "_2nd"},
        {"", "column_3"},
        {"\xc3\xa9t\xc3\xa9", "t"},
        {"a\"; DROP", "a_drop"},
        {"___", "column_3"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cleanup_buf struct buf name = BUF_INIT;
        import_column_name(cases[i].header, 2, &name);
        assert_string_equal(name.data, cases[i].name);
    }
}

/* ---- whole files, into a store that only takes notes ------------------------------- */

static struct buf noted;

static int note_replace(struct store *s, const struct data_column *columns, size_t count,
                        data_next_fn *next, void *arg)
{
    static const char letters[] = "?IRDTX";
    struct data_value row[CSV_COLUMNS_MAX];
    int r;
    for (size_t i = 0; i < count; i++)
        buf_printf(&noted, "%s:%c ", columns[i].name, letters[columns[i].type]);
    while ((r = next(arg, row)) > 0) {
        buf_puts(&noted, "/");
        for (size_t i = 0; i < count; i++)
            if (row[i].type == DATA_INTEGER)
                buf_printf(&noted, " %lld", (long long)row[i].integer);
            else if (row[i].type == DATA_REAL)
                buf_printf(&noted, " %g", row[i].real);
            else
                buf_printf(&noted, " %s", row[i].type == DATA_NULL ? "-" : row[i].text);
    }
    return r;
}

static int import_text(const char *text, size_t *ret_rows, struct buf *ret_error)
{
    static const struct store_ops ops = {.data_replace = note_replace};
    struct store store = {&ops};
    FILE *file = open_text(text);
    buf_finish(&noted);
    int r = import_csv(&store, file, ret_rows, ret_error);
    fclose(file);
    return r;
}

static void test_import(void **state)
{
    cleanup_buf struct buf error = BUF_INIT;
    size_t rows = 0;
    assert_int_equal(
        import_text("N,N,When,What,Empty\n1,2,2026-01-01,a,\n,0.5,,\"b,c\",\n", &rows,
                    &error),
        0);
    assert_int_equal(rows, 2);
    assert_string_equal(noted.data, "n:I n_2:R when:D what:X empty:X / 1 2 2026-01-01 a -"
                                    "/ - 0.5 - b,c -");
    buf_finish(&noted);
}

static void test_import_refused(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"", "line 1: the file is empty; its first line names the columns"},
        {"a,b\n1,2\n3\n", "line 3: 1 fields, but the first line names 2"},
        {"a\n\"x", "line 2: the quote opened in line 2 is never closed"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cleanup_buf struct buf error = BUF_INIT;
        size_t rows = 0;
        assert_int_equal(import_text(cases[i].text, &rows, &error), -EPROTO);
        assert_string_equal(error.data, cases[i].error);
        assert_null(noted.data); /* the store was not even asked */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_faults_name_their_line),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_joined_types),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_import),
        cmocka_unit_test(test_import_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
