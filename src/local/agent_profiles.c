/* agent_profiles.c - the profiles that can be run, and the kinds of steps they take. */
#include <string.h>

#include "base/alloc.h"
#include "local/agent_kinds.h"
#include "local/agent_turn.h"
#include "local/agent_work.h"

#define SCHEMA(min_turns, max_turns, more)                                               \
    "{\"type\":\"object\",\"properties\":{\"max_turns\":{\"type\":\"integer\","          \
    "\"minimum\":" min_turns ",\"maximum\":" max_turns                                   \
    ",\"description\":\"turns before it asks "                                           \
    "whether to go on\"}" more "}}"

const struct agent_profile agent_profiles[] = {
    {
        .id = "researcher",
        .name = "Researcher",
        .description = "Explores the schema, runs the aggregate queries that the task's "
                       "words call for, and writes a report. Never pauses.",
        .produces = "research_report",
        .schema = SCHEMA("3", "20", ""),
        .turn_budget = 20,
        .turns_min = 3, /* explore, ask, report: it never pauses */
        .begin = research_begin,
    },
    {
        .id = "content_writer",
        .name = "Content writer",
        .description = "Drafts an outline, pauses for its approval, and writes a piece "
                       "with figures from the data.",
        .produces = "content_piece",
        .schema = SCHEMA("1", "25",
                         ",\"auto_approve\":{\"type\":\"boolean\",\"description\":"
                         "\"do not pause for the outline\"}"),
        .turn_budget = 25,
        .turns_min = 1,
        .begin = writer_begin,
    },
    {
        .id = "copilot",
        .name = "Copilot",
        .description = "Answers a question with a query or two.",
        .produces = NULL,
        .schema = SCHEMA("1", "15", ""),
        .turn_budget = 15,
        .turns_min = 1,
        .begin = copilot_begin,
    },
    {
        .id = "orchestrator",
        .name = "Orchestrator",
        .description = "Splits a task into its parts, has sub-agents do them, and puts "
                       "their results together.",
        .produces = NULL,
        .schema = SCHEMA("1", "50", ""),
        .turn_budget = 50,
        .turns_min = 1,
        .begin = orchestrator_begin,
    },
};
const size_t agent_profile_count = ARRAY_LEN(agent_profiles);

static const struct agent_kind kinds[] = {
    {.name = "query", .run = work_query, .skippable = true},
    {.name = "research.explore", .run = research_explore},
    {.name = "research.report", .run = research_report},
    {.name = "copilot.explore", .run = copilot_explore},
    {.name = "copilot.answer", .run = copilot_answer},
    {.name = "writer.outline", .run = writer_outline},
    {.name = "writer.approval", .run = writer_approval, .check = writer_check},
    {.name = "writer.piece", .run = writer_piece},
    {.name = "orchestrator.split", .run = orchestrator_split},
    {.name = "orchestrator.agent", .run = orchestrator_agent},
    {.name = "orchestrator.combine", .run = orchestrator_combine},
};

const struct agent_kind *agent_kind_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (!strcmp(kinds[i].name, name))
            return &kinds[i];
    return NULL;
}

const struct agent_profile *agent_profile_find(const char *id)
{
    for (size_t i = 0; i < agent_profile_count; i++)
        if (!strcmp(agent_profiles[i].id, id))
            return &agent_profiles[i];
    return NULL;
}
