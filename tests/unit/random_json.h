/* random_json.h - random JSON texts, and what is known of them because they were made
 * here: for some of the values their path, their place and what their string says. */
#ifndef UNIT_RANDOM_JSON_H
#define UNIT_RANDOM_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct random_plan {
    size_t bytes;         /* about this long */
    size_t depth;         /* at most */
    unsigned nesting;     /* how many of a hundred values are arrays or objects */
    bool integers;        /* numbers that fit into 64 bits only */
    unsigned sample_rate; /* one of so many values is recorded */
};

struct random_sample {
    char *path;    /* owned: a.b[1]["odd"] */
    char *pointer; /* owned: the same as a JSON pointer */
    size_t start, end;
    bool is_string;
    struct buf decoded;
    size_t *origin; /* owned; of each decoded byte, its offset in the text */
};

enum { RANDOM_DEPTH = 1000, RANDOM_SAMPLES = 32 };

struct random_json {
    struct buf text;
    struct random_sample samples[RANDOM_SAMPLES];
    size_t samples_len;
};

void random_json_make(struct random_json *doc, const struct random_plan *plan);
void random_json_finish(struct random_json *doc);

#endif
