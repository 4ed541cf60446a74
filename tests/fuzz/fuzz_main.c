/* Runs a fuzz target over the files and directories that are given: the corpus is a
 * regression test wherever there is no libFuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path)
{
    cleanup_buf struct buf b = BUF_INIT;
    char chunk[4096];
    size_t n;
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        return -1;
    }
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_append(&b, chunk, n);
    fclose(f);
    cleanup_free uint8_t *exact = xmalloc(b.len); /* so that ASan sees one byte too far */
    for (size_t i = 0; i < b.len; i++)
        exact[i] = (uint8_t)b.data[i];
    LLVMFuzzerTestOneInput(exact, b.len);
    return 0;
}

/* The number of files, or -1. */
static int run_directory(const char *path)
{
    struct dirent *entry;
    int count = 0;
    DIR *dir = opendir(path);
    if (!dir)
        return run_file(path) < 0 ? -1 : 1;
    while (count >= 0 && (entry = readdir(dir))) {
        if (entry->d_name[0] == '.')
            continue;
        cleanup_free char *file = xasprintf("%s/%s", path, entry->d_name);
        count = run_file(file) < 0 ? -1 : count + 1;
    }
    closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    int total = 0;
    for (int i = 1; i < argc; i++) {
        int count = run_directory(argv[i]);
        if (count < 0)
            return EXIT_FAILURE;
        total += count;
    }
    printf("%d inputs\n", total);
    return total ? EXIT_SUCCESS : EXIT_FAILURE;
}
