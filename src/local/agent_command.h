/* agent_command.h - any program as the agent: --agent-command.
 *
 * A session is one run of `sh -c CMD`. The program reads JSON lines on its standard input
 * and writes JSON lines on its standard output; docs/amdahl-local.1 has the protocol. One
 * thread (the agents' loop) has all pipes, so a program that waits for an answer for days
 * costs a process and no thread. */
#ifndef LOCAL_AGENT_COMMAND_H
#define LOCAL_AGENT_COMMAND_H

struct agent_command;
struct agents;

/* The one kind of step of a session that a program does. */
#define AGENT_COMMAND_KIND "command"

enum {
    AGENT_PROGRAMS_MAX = 32,     /* at a time; other sessions stay queued */
    AGENT_LINE_MAX = 1 << 20,    /* bytes of a line */
    AGENT_OUTPUT_MAX = 64 << 20, /* bytes of all lines of a session */
    AGENT_EVENTS_MAX = 20000,    /* lines of a session */
};

struct agent_command *agent_command_create(struct agents *a, const char *command);
/* Kills the programs; their sessions go on when the server is started again. NULL is
 * allowed. The loop has ended. */
void agent_command_destroy(struct agent_command *c);
/* Starts the session's program, or gives it the answer that has come. Any thread. */
void agent_command_run(struct agent_command *c, const char *id);
/* Kills the session's program, if there is one. Any thread. */
void agent_command_cancel(struct agent_command *c, const char *id);

#endif
