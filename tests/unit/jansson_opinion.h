/* jansson_opinion.h - jansson, in a file of its own: its header and json/json.h give the
 * same names to the types of values. */
#ifndef UNIT_JANSSON_OPINION_H
#define UNIT_JANSSON_OPINION_H

#include <stdbool.h>
#include <stddef.h>

enum jansson_opinion { JANSSON_REFUSES, JANSSON_ACCEPTS, JANSSON_ABSTAINS };

/* It abstains where it is known to take less than RFC 8259: numbers that do not fit into
 * its types (1e400, big integers), and keys with \u0000 in them. */
enum jansson_opinion jansson_check(const char *text, size_t len, bool refuse_duplicates);

/* The text as jansson writes it, keys sorted and strings escaped anew; malloc'ed, NULL
 * when it cannot read it. */
char *jansson_rewrite(const char *text, size_t len) __attribute__((warn_unused_result));

#endif
