#include "local/agent_command.h"

#include <stddef.h>

struct agent_command *agent_command_create(struct agents *a, const char *command)
{
    return NULL;
}
void agent_command_destroy(struct agent_command *c)
{
}
void agent_command_run(struct agent_command *c, const struct agent_session *s)
{
}
void agent_command_cancel(struct agent_command *c, const char *id)
{
}
