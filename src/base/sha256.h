/* sha256.h - SHA-256 (FIPS 180-4) of bytes in memory: fingerprints, not secrecy. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>

#define SHA256_BYTES 32

void sha256(const void *data, size_t len, unsigned char ret_digest[SHA256_BYTES]);

#endif
