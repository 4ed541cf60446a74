/* Any file given to `amdahl-local --import`: records within the limits, or an error with
 * its line; and the second reading is the first. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "local/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Reads all records; returns how it ended, *ret_hash over what was read. */
static int read_all(struct csv *c, unsigned *ret_hash)
{
    unsigned hash = 0;
    unsigned line = 0;
    int r;
    while ((r = csv_next(c)) == 1) {
        require(c->count >= 1 && c->count <= CSV_COLUMNS_MAX);
        require(c->line > line && c->bytes.len <= CSV_RECORD_MAX + CSV_COLUMNS_MAX);
        line = c->line;
        for (size_t i = 0; i < c->count; i++)
            hash = hash * 31 + table_hash(csv_field(c, i), strlen(csv_field(c, i)));
    }
    require(r == 0 || r == -EPROTO || r == -EFBIG);
    require(r == 0 || strstr(c->error, "line"));
    *ret_hash = hash;
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct csv c;
    unsigned first;
    unsigned second;
    FILE *file = fmemopen(NULL, size + 1, "w+");
    require(file && fwrite(data, 1, size, file) == size && fseek(file, 0, SEEK_SET) == 0);
    csv_init(&c, file);
    int r = read_all(&c, &first);
    if (csv_rewind(&c) == 0) {
        require(read_all(&c, &second) == r);
        require(first == second);
    }
    csv_finish(&c);
    fclose(file);
    return 0;
}
