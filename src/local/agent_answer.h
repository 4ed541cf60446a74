/* agent_answer.h - what users answer to a session that awaits input. */
#ifndef LOCAL_AGENT_ANSWER_H
#define LOCAL_AGENT_ANSWER_H

/* Which of two words an answer chooses: 1, 2, or 0 for neither. It may be the word itself,
 * {"action": WORD} (also decision, choice, answer), or {WORD: true}. */
int agent_choice(const char *input, const char *first, const char *second);
/* The text of a member, or NULL; the caller frees it. */
char *agent_member_text(const char *json, const char *name);
/* A member's number, or the fallback. */
long long agent_member_number(const char *json, const char *name, long long fallback);

#endif
