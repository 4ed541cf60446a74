/* sqltext.h - the little that is done to SQL as text: tokens, positions, and the forms of
 * other dialects that SQLite's grammar lacks. Nothing here decides what is allowed. */
#ifndef LOCAL_SQLTEXT_H
#define LOCAL_SQLTEXT_H

#include <stdbool.h>
#include <stddef.h>

enum sql_token_kind { SQL_END, SQL_WORD, SQL_NUMBER, SQL_STRING, SQL_QUOTED, SQL_PUNCT };

struct sql_token {
    enum sql_token_kind kind;
    size_t start, end;
};

/* The token at or behind pos; blanks and comments are passed over. SQL_STRING is '...',
 * SQL_QUOTED a name in "", `` or []. */
struct sql_token sql_token_next(const char *sql, size_t pos);
/* Is it this word (ASCII letters in any case), bare or quoted as a name? */
bool sql_token_is(const char *sql, struct sql_token t, const char *word);

/* Rewrites, in place and byte for byte as long:
 *   - INTERVAL '90 days'   to the operator  -> '-90 days'  (see sqlfunc.h)
 *   + INTERVAL 1 MONTH     to               -> '+1 MONTH'
 *   DATE '2026-01-01', TIMESTAMP '...'  to  the string alone. */
void sql_text_rewrite(char *sql);

/* Line and column, from 1, in bytes. */
void sql_text_position(const char *sql, size_t offset, unsigned *ret_line,
                       unsigned *ret_column);

#endif
