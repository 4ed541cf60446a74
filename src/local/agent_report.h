/* agent_report.h - results of queries as Markdown. Every figure is copied, by its own
 * letters, out of a query's rows: nothing is computed or rounded here. */
#ifndef LOCAL_AGENT_REPORT_H
#define LOCAL_AGENT_REPORT_H

#include <stdbool.h>

#include "base/buf.h"

/* A finding is the output of a "query" step: {"title","sql","label","value","columns",
 * "rows",...}, or one with "error". */

/* Appends a sentence on what the rows say, such as "Rows by channel: **call** has the
 * highest row_count 31, **web** the lowest of those shown, 20."; false, and nothing, when
 * they rank nothing. */
bool report_sentence(const char *finding, struct buf *out);
/* Appends the rows as a table. */
void report_table(const char *finding, struct buf *out);
/* Appends a heading, the sentence, the table, and the SQL when that is wanted. */
void report_section(const char *finding, bool with_sql, struct buf *out);
/* Appends text as one line of Markdown, whatever is in it. */
void report_text(const char *text, struct buf *out);

#endif
