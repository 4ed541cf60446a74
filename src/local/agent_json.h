/* agent_json.h - agents' sessions and events as the API shows them. */
#ifndef LOCAL_AGENT_JSON_H
#define LOCAL_AGENT_JSON_H

#include <stdint.h>

#include "base/buf.h"

struct agent_event;
struct agent_session;
struct agent_step;

/* {"type","seq","session_id","created_at","data"} on one line. */
void agent_event_print(const struct agent_event *e, const char *session_id,
                       struct buf *out);
/* The members of a session's status, without the braces, so that more can follow. */
void agent_session_members(const struct agent_session *s, struct buf *out);
/* {"index","kind","title","input","output"} */
void agent_step_print(const struct agent_step *s, struct buf *out);
/* A time as the API writes it; 0 is null. */
void agent_time_print(struct buf *out, const char *name, int64_t ms);

#endif
