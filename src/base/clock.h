/* clock.h - the two clocks. Waiting and ageing use the monotonic one, in milliseconds;
 * what users see is wall time. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Monotonic milliseconds. */
int64_t clock_ms(void);
/* Wall time. */
struct timespec clock_now(void);
/* Parses RFC 3339 ("2026-04-14T09:30:00.123Z", "...+02:00", a blank or no T, no zone is
 * UTC) and plain epoch seconds or milliseconds. False, and *ret untouched, otherwise. */
bool clock_parse(const char *s, struct timespec *ret);
/* "2026-04-14T09:30:00.123Z"; buf of at least CLOCK_TEXT bytes. Returns buf. */
#define CLOCK_TEXT 64
const char *clock_format(struct timespec ts, char *buf);

#endif
