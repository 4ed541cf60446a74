/* rows FORM COUNT: a result of so many rows, read as FORM (csv, ndjson, json) in pieces of
 * 128 KiB. Prints the bytes of the answer, those read, the seconds, and by how many bytes the
 * peak of memory rose above what the answer takes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "json/rows.h"

enum { PIECE = 128 << 10 };

static double seconds(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts); /* others use the machine too */
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static long peak_bytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss * 1024;
}

/* As a query of deals gives them. */
static void make_rows(struct buf *text, size_t count)
{
    buf_reserve(text,
                count * 170 + 4096); /* no copies while it grows: those would be a peak */
    buf_putc(text, '[');
    for (size_t i = 0; i < count; i++)
        buf_printf(
            text,
            "%s{\"id\": %zu, \"deal_name\": \"Renewal, year %zu\", \"stage\": \"%s\", "
            "\"amount\": %zu.50, \"owner\": null, \"open\": true, "
            "\"closed_at\": \"2026-01-%02zuT09:30:00Z\"}",
            i ? ", " : "", i, i % 9, i % 3 ? "closed_won" : "open", i * 7, i % 28 + 1);
    buf_putc(text, ']');
}

static enum rows_form form_named(const char *name)
{
    return !strcmp(name, "csv")      ? ROWS_CSV
           : !strcmp(name, "ndjson") ? ROWS_NDJSON
                                     : ROWS_JSON;
}

int main(int argc, char **argv)
{
    cleanup_buf struct buf text = BUF_INIT;
    cleanup_buf struct buf piece = BUF_INIT;
    struct json_limits limits = {JSON_BYTES_MAX, 1000, false};
    struct json_span root;
    struct rows *rows;
    uint64_t off = 0;
    if (argc != 3)
        return EXIT_FAILURE;
    make_rows(&text, strtoul(argv[2], NULL, 10));
    if (json_check(text.data, text.len, &limits, &root, NULL))
        return EXIT_FAILURE;
    long before = peak_bytes();
    double start = seconds();
    if (rows_new(form_named(argv[1]), text.data, root, &rows))
        return EXIT_FAILURE;
    do {
        buf_clear(&piece);
        rows_read(rows, off, PIECE, &piece);
        off += piece.len;
    } while (piece.len);
    double took = seconds() - start;
    rows_free(rows);
    printf("%zu %llu %.6f %ld\n", text.len, (unsigned long long)off, took,
           peak_bytes() - before);
    return EXIT_SUCCESS;
}
