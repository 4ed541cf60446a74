/* sqltext.c - SQL's tokens, and three forms of other dialects. */
#include "local/sqltext.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool is_word_byte(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

static size_t skip_blanks(const char *sql, size_t pos)
{
    for (;;) {
        while (isspace((unsigned char)sql[pos]))
            pos++;
        if (sql[pos] == '-' && sql[pos + 1] == '-') {
            pos += strcspn(sql + pos, "\n");
        } else if (sql[pos] == '/' && sql[pos + 1] == '*') {
            const char *end = strstr(sql + pos + 2, "*/");
            pos = end ? (size_t)(end - sql) + 2 : pos + strlen(sql + pos);
        } else {
            return pos;
        }
    }
}

/* Behind the closing quote; a doubled quote is one inside (not for brackets). */
static size_t skip_quoted(const char *sql, size_t pos)
{
    char close = sql[pos] == '[' ? ']' : sql[pos];
    for (pos++; sql[pos]; pos++) {
        if (sql[pos] != close)
            continue;
        if (close == ']' || sql[pos + 1] != close)
            return pos + 1;
        pos++;
    }
    return pos;
}

struct sql_token sql_token_next(const char *sql, size_t pos)
{
    struct sql_token t = {SQL_PUNCT, skip_blanks(sql, pos), 0};
    char c = sql[t.start];
    t.end = t.start + 1;
    if (c == '\0') {
        t.kind = SQL_END;
        t.end = t.start;
    } else if (c == '\'') {
        t.kind = SQL_STRING;
        t.end = skip_quoted(sql, t.start);
    } else if (strchr("\"`[", c)) {
        t.kind = SQL_QUOTED;
        t.end = skip_quoted(sql, t.start);
    } else if (is_word_byte(c)) {
        t.kind = isdigit((unsigned char)c) ? SQL_NUMBER : SQL_WORD;
        while (is_word_byte(sql[t.end]) || (t.kind == SQL_NUMBER && sql[t.end] == '.'))
            t.end++;
    }
    return t;
}

bool sql_token_is(const char *sql, struct sql_token t, const char *word)
{
    if (t.kind == SQL_QUOTED && t.end - t.start >= 2) {
        t.start++;
        t.end--;
    } else if (t.kind != SQL_WORD) {
        return false;
    }
    return strlen(word) == t.end - t.start &&
           strncasecmp(sql + t.start, word, t.end - t.start) == 0;
}

static bool is_bare(const char *sql, struct sql_token t, const char *word)
{
    return t.kind == SQL_WORD && sql_token_is(sql, t, word);
}

/* [start, end) becomes `-> '<sign><text>'` and blanks. It always fits: the sign and the
 * word INTERVAL alone are nine bytes. */
static void put_shift(char *sql, size_t start, size_t end, char sign, size_t text,
                      size_t text_end)
{
    memmove(sql + start + 5, sql + text, text_end - text);
    memcpy(sql + start, "-> '", 4);
    sql[start + 4] = sign;
    size_t pos = start + 5 + (text_end - text);
    sql[pos++] = '\'';
    memset(sql + pos, ' ', end - pos);
}

/* `sign` is a plus or minus sign. Returns where to go on from. */
static size_t rewrite_interval(char *sql, struct sql_token sign)
{
    struct sql_token word = sql_token_next(sql, sign.end);
    if (!is_bare(sql, word, "INTERVAL"))
        return sign.end;
    struct sql_token amount = sql_token_next(sql, word.end);
    if (amount.kind == SQL_STRING && amount.end - amount.start > 2 &&
        sql[amount.end - 1] == '\'') {
        put_shift(sql, sign.start, amount.end, sql[sign.start], amount.start + 1,
                  amount.end - 1);
        return amount.end;
    }
    struct sql_token unit = sql_token_next(sql, amount.end);
    if (amount.kind == SQL_NUMBER && unit.kind == SQL_WORD) {
        put_shift(sql, sign.start, unit.end, sql[sign.start], amount.start, unit.end);
        return unit.end;
    }
    return word.end;
}

void sql_text_rewrite(char *sql)
{
    struct sql_token t = sql_token_next(sql, 0);
    while (t.kind != SQL_END) {
        size_t next = t.end;
        if (sql[t.start] == '-' || sql[t.start] == '+') {
            next = rewrite_interval(sql, t);
        } else if (is_bare(sql, t, "DATE") || is_bare(sql, t, "TIMESTAMP")) {
            if (sql_token_next(sql, t.end).kind == SQL_STRING)
                memset(sql + t.start, ' ', t.end - t.start);
        }
        t = sql_token_next(sql, next);
    }
}

void sql_text_position(const char *sql, size_t offset, unsigned *ret_line,
                       unsigned *ret_column)
{
    unsigned line = 1, column = 1;
    for (size_t i = 0; i < offset && sql[i]; i++) {
        column++;
        if (sql[i] == '\n') {
            line++;
            column = 1;
        }
    }
    *ret_line = line;
    *ret_column = column;
}
