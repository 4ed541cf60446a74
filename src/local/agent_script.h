/* agent_script.h - what a program that was started anew has said before.
 *
 * After the server's restart a program begins from its beginning. Lines that it says again
 * in the same order are no new events, and answers that were given once are given again:
 * a program that does the same work the same way comes to where it was, without a line
 * there twice. From the first line that differs, everything is new. */
#ifndef LOCAL_AGENT_SCRIPT_H
#define LOCAL_AGENT_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

struct agent_event;

struct agent_script {
    struct agent_event
        *events; /* owned; those of the program, its questions, the answers */
    size_t count, next;
};

/* Takes the session's events over. */
void agent_script_init(struct agent_script *s, struct agent_event *events, size_t count);
void agent_script_finish(struct agent_script *s);
/* Was this said here before? Moves on when it was; else nothing is known any more. */
bool agent_script_match(struct agent_script *s, const char *type, const char *data);
/* The answer that was given at this place (JSON, on one line), and moves on; NULL: none.
 * The caller frees it. */
char *agent_script_answer(struct agent_script *s);

#endif
