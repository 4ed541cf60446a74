/* uuid.h - random identifiers, from the kernel's random numbers. */
#ifndef LOCAL_UUID_H
#define LOCAL_UUID_H

#include <stdbool.h>
#include <stddef.h>

enum { UUID_TEXT = 37 };

/* A version 4 UUID in its usual form, NUL-terminated. */
void uuid_make(char ret[UUID_TEXT]);
/* `len` lower case hex digits and a NUL. */
void random_hex(char *ret, size_t len);

#endif
