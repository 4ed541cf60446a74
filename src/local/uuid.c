#include "local/uuid.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

/* getrandom() fails only on kernels or seccomp rules without it; then there are no keys
 * worth having, and the server must not start. */
static void random_bytes(unsigned char *ret, size_t len)
{
    if (getrandom(ret, len, 0) != (ssize_t)len) {
        perror("getrandom");
        abort();
    }
}

void random_hex(char *ret, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char byte;
    for (size_t i = 0; i < len; i++) {
        if (i % 2 == 0)
            random_bytes(&byte, 1);
        ret[i] = digits[i % 2 ? byte & 15 : byte >> 4];
    }
    ret[len] = '\0';
}

void uuid_make(char ret[UUID_TEXT])
{
    unsigned char b[16];
    random_bytes(b, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40); /* version 4 */
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80); /* RFC 4122 */
    snprintf(ret, UUID_TEXT,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
             b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
             b[13], b[14], b[15]);
}
