/* command.h - runs the user's key command and takes what it prints. */
#ifndef HTTP_COMMAND_H
#define HTTP_COMMAND_H

#include <stddef.h>

/* Runs `sh -c command` for at most 30 s, its standard input empty, its standard error
 * ours. 0 with what it printed (at most cap bytes are kept, the rest is an error);
 * -EFBIG, -ETIMEDOUT (killed), -EPROTO (exit status not 0), -errno. */
int command_output(const char *command, char *data, size_t cap, size_t *ret_len);

#endif
