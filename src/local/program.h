/* program.h - a program that is talked to in lines: its pipes, its end, its death.
 *
 * All of it, callbacks included, on the thread of one loop. The program is `sh -c COMMAND`
 * in a process group of its own, which is killed as a whole. */
#ifndef LOCAL_PROGRAM_H
#define LOCAL_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

struct loop;
struct program;

struct program_ops {
    /* A line, without its end. NULL: one that was longer than the limit. */
    void (*line)(void *arg, const char *text, size_t len);
    /* Those were all that have come so far. */
    void (*pause)(void *arg);
    /* It has ended (a status as of waitpid), and all its lines were given. The owner
     * frees it, now or later. */
    void (*ended)(void *arg, int status);
};

/* 0 or -errno. */
int program_start(struct loop *loop, const char *command, size_t line_max,
                  const struct program_ops *ops, void *arg, struct program **ret_program);
/* Queues bytes for its standard input; after it closed that, they are lost. */
void program_write(struct program *p, const void *data, size_t len);
/* Kills it; no more lines are given, `ended` is when it has. */
void program_kill(struct program *p);
/* The end of what it wrote to its standard error. */
const char *program_complaint(const struct program *p);
/* Kills what still lives of it, and waits for that. */
void program_free(struct program *p);

#endif
