#include "local/import.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "local/csv.h"

enum { COLUMN_NAME_MAX = 60 };

struct import {
    struct csv csv;
    struct data_column columns[CSV_COLUMNS_MAX];
    char *names[CSV_COLUMNS_MAX]; /* of the columns, owned */
    size_t count;
    size_t rows;
};

/* ---- types ------------------------------------------------------------------------ */

/* "0123" and "+49" are no numbers: what they name (a phone, a postcode) would change. */
static bool is_canonical_number(const char *s)
{
    s += *s == '-';
    return isdigit((unsigned char)s[0]) && !(s[0] == '0' && isdigit((unsigned char)s[1]));
}

static bool is_integer(const char *s)
{
    char *end;
    errno = 0;
    (void)strtoll(s, &end, 10);
    return is_canonical_number(s) && !*end && errno == 0;
}

static bool is_real(const char *s)
{
    char *end;
    errno = 0;
    (void)strtod(s, &end);
    return is_canonical_number(s) && !*end && errno == 0 && !strpbrk(s, "xX");
}

/* How much of s has the form, where 0 stands for any digit. */
static bool has_form(const char **s, const char *form)
{
    const char *p = *s;
    for (; *form; form++, p++)
        if (*form == '0' ? !isdigit((unsigned char)*p) : *p != *form)
            return false;
    *s = p;
    return true;
}

static bool is_zone(const char *s)
{
    if (*s == '+' || *s == '-') {
        s++;
        return (has_form(&s, "00:00") || has_form(&s, "0000") || has_form(&s, "00")) &&
               !*s;
    }
    return !*s || !strcmp(s, "Z") || !strcmp(s, "z");
}

static enum data_type guess_time(const char *s)
{
    if (!has_form(&s, "0000-00-00"))
        return DATA_TEXT;
    if (!*s)
        return DATA_DATE;
    if (*s != 'T' && *s != ' ')
        return DATA_TEXT;
    s++;
    if (!has_form(&s, "00:00"))
        return DATA_TEXT;
    if (has_form(&s, ":00") && *s == '.')
        for (s++; isdigit((unsigned char)*s);)
            s++;
    return is_zone(s) ? DATA_TIMESTAMP : DATA_TEXT;
}

enum data_type import_guess(const char *value)
{
    if (!*value)
        return DATA_NULL;
    if (is_integer(value))
        return DATA_INTEGER;
    return is_real(value) ? DATA_REAL : guess_time(value);
}

enum data_type import_join(enum data_type a, enum data_type b)
{
    if (a == b || b == DATA_NULL)
        return a;
    if (a == DATA_NULL)
        return b;
    enum data_type low = a < b ? a : b;
    enum data_type high = a < b ? b : a;
    if (low == DATA_INTEGER && high == DATA_REAL)
        return DATA_REAL;
    return low == DATA_DATE && high == DATA_TIMESTAMP ? DATA_TIMESTAMP : DATA_TEXT;
}

/* ---- names ------------------------------------------------------------------------ */

void import_column_name(const char *header, size_t index, struct buf *ret_name)
{
    if (isdigit((unsigned char)*header))
        buf_putc(ret_name, '_');
    for (; *header && ret_name->len < COLUMN_NAME_MAX; header++) {
        bool word = isalnum((unsigned char)*header) && (unsigned char)*header < 0x80;
        bool again = ret_name->len && ret_name->data[ret_name->len - 1] == '_';
        if (word)
            buf_putc(ret_name, (char)tolower((unsigned char)*header));
        else if (ret_name->len && !again)
            buf_putc(ret_name, '_');
    }
    while (ret_name->len > 1 && ret_name->data[ret_name->len - 1] == '_')
        buf_resize(ret_name, ret_name->len - 1);
    if (!ret_name->len)
        buf_printf(ret_name, "column_%zu", index + 1);
}

static bool name_taken(const struct import *im, const char *name)
{
    for (size_t i = 0; i < im->count; i++)
        if (!strcmp(im->columns[i].name, name))
            return true;
    return false;
}

static void add_column(struct import *im, const char *header)
{
    cleanup_buf struct buf name = BUF_INIT;
    import_column_name(header, im->count, &name);
    size_t len = name.len;
    for (int n = 2; name_taken(im, name.data); n++) {
        buf_resize(&name, len);
        buf_printf(&name, "_%d", n);
    }
    im->names[im->count] = buf_steal(&name);
    im->columns[im->count] = (struct data_column){im->names[im->count], DATA_NULL};
    im->count++;
}

/* ---- the two passes --------------------------------------------------------------- */

static int fail(struct import *im, int r, const char *message)
{
    snprintf(im->csv.error, sizeof im->csv.error, "line %u: %s", im->csv.line, message);
    return r;
}

static int read_header(struct import *im)
{
    int r = csv_next(&im->csv);
    if (r == 0)
        return fail(im, -EPROTO, "the file is empty; its first line names the columns");
    for (size_t i = 0; r > 0 && i < im->csv.count; i++)
        add_column(im, csv_field(&im->csv, i));
    return r < 0 ? r : 0;
}

static int next_record(struct import *im)
{
    int r = csv_next(&im->csv);
    if (r > 0 && im->csv.count != im->count) {
        char message[80];
        snprintf(message, sizeof message, "%zu fields, but the first line names %zu",
                 im->csv.count, im->count);
        return fail(im, -EPROTO, message);
    }
    return r;
}

static int guess_types(struct import *im)
{
    int r;
    while ((r = next_record(im)) > 0)
        for (size_t i = 0; i < im->count; i++)
            im->columns[i].type =
                import_join(im->columns[i].type, import_guess(csv_field(&im->csv, i)));
    for (size_t i = 0; i < im->count; i++)
        if (im->columns[i].type == DATA_NULL) /* never a value */
            im->columns[i].type = DATA_TEXT;
    return r;
}

static int next_row(void *arg, struct data_value *row)
{
    struct import *im = arg;
    int r = next_record(im);
    for (size_t i = 0; r > 0 && i < im->count; i++) {
        const char *s = csv_field(&im->csv, i);
        row[i] = (struct data_value){.type = *s ? im->columns[i].type : DATA_NULL};
        row[i].text = s;
        if (row[i].type == DATA_INTEGER)
            row[i].integer = strtoll(s, NULL, 10);
        else if (row[i].type == DATA_REAL)
            row[i].real = strtod(s, NULL);
    }
    im->rows += r > 0;
    return r;
}

int import_csv(struct store *store, FILE *file, size_t *ret_rows, struct buf *ret_error)
{
    struct import *im = xcalloc(1, sizeof *im);
    csv_init(&im->csv, file);
    int r = read_header(im);
    if (r >= 0)
        r = guess_types(im);
    if (r >= 0)
        r = csv_rewind(&im->csv);
    if (r >= 0)
        r = csv_next(&im->csv); /* the header again */
    if (r >= 0)
        r = store->ops->data_replace(store, im->columns, im->count, next_row, im);
    if (r < 0)
        buf_puts(ret_error, *im->csv.error ? im->csv.error : strerror(-r));
    else
        *ret_rows = im->rows;
    for (size_t i = 0; i < im->count; i++)
        free(im->names[i]);
    csv_finish(&im->csv);
    free(im);
    return r;
}
