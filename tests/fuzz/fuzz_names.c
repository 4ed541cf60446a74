/* Any name, id and time from a platform: one ordinary path component, the same for the
 * same input, and no time that is not one. The input, parted by a NUL byte: name, id. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "json/json.h"
#include "workspace/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void try_name(const char *name, const char *id)
{
    cleanup_free char *slug = name_slug(name);
    cleanup_free char *again = name_slug(slug);
    cleanup_free char *unique = name_slug_unique(slug, id);
    require(name_is_component(slug) && strlen(slug) <= NAME_SLUG_MAX);
    require(*slug != '.' && json_utf8_valid(slug, strlen(slug), NULL));
    require(!strcmp(slug, again));
    require(name_is_component(unique) && json_utf8_valid(unique, strlen(unique), NULL));
    require(strcmp(slug, unique) != 0);
}

static void try_time(const char *text)
{
    struct timespec ts = {-1, -1};
    char out[CLOCK_TEXT];
    if (!clock_parse(text, &ts)) {
        require(ts.tv_sec == -1 && ts.tv_nsec == -1);
        return;
    }
    require(ts.tv_nsec >= 0 && ts.tv_nsec < 1000000000);
    require(strlen(clock_format(ts, out)) < CLOCK_TEXT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_free char *name = xstrndup(size ? (const char *)data : "", size);
    size_t used = strlen(name) + 1;
    cleanup_free char *id = xstrndup(used < size ? (const char *)data + used : "",
                                     used < size ? size - used : 0);
    try_name(name, id);
    try_time(name);
    return 0;
}
