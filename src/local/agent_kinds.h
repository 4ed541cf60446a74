/* agent_kinds.h - the functions of the kinds of steps, for the table in
 * agent_profiles.c. */
#ifndef LOCAL_AGENT_KINDS_H
#define LOCAL_AGENT_KINDS_H

struct agent_change;
struct agent_session;
struct agent_turn;

/* agent_researcher.c */
void research_begin(const struct agent_session *session, struct agent_change *change);
void research_explore(struct agent_turn *t);
void research_report(struct agent_turn *t);
void copilot_begin(const struct agent_session *session, struct agent_change *change);
void copilot_explore(struct agent_turn *t);
void copilot_answer(struct agent_turn *t);
/* agent_writer.c */
void writer_begin(const struct agent_session *session, struct agent_change *change);
void writer_outline(struct agent_turn *t);
void writer_approval(struct agent_turn *t);
const char *writer_check(const char *input);
void writer_piece(struct agent_turn *t);
/* agent_orchestrator.c */
void orchestrator_begin(const struct agent_session *session, struct agent_change *change);
void orchestrator_split(struct agent_turn *t);
void orchestrator_agent(struct agent_turn *t);
void orchestrator_combine(struct agent_turn *t);

#endif
