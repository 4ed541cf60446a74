/* random_source.h - random numbers for tests: the seed is printed and AMDAHLFS_SEED sets
 * it, so that a failure can be run again. */
#ifndef UNIT_RANDOM_SOURCE_H
#define UNIT_RANDOM_SOURCE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static uint64_t random_state;

/* splitmix64 */
static inline uint64_t random_next(void)
{
    uint64_t z = (random_state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* 0 <= result < n */
static inline size_t random_below(size_t n)
{
    return (size_t)(random_next() % n);
}

static inline int random_percent(unsigned percent)
{
    return random_below(100) < percent;
}

static inline void random_seed(void)
{
    const char *seed = getenv("AMDAHLFS_SEED");
    random_state = seed ? strtoull(seed, NULL, 0)
                        : (uint64_t)time(NULL) * 1000003u + (uint64_t)getpid();
    printf("# AMDAHLFS_SEED=%llu\n", (unsigned long long)random_state);
    fflush(stdout);
}

#endif
