#include "local/search.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "local/cluster.h"
#include "local/jsonout.h"
#include "local/sqlgate_internal.h"

const char *const search_document_columns[] = {"id",      "title", "kind",       "score",
                                               "snippet", "body",  "updated_at", NULL};
const char *const search_cluster_columns[] = {"cluster", "label",   "size",
                                              "share",   "example", NULL};

/* ---- words ------------------------------------------------------------------------ */

/* In strcmp() order. */
static const char *const fillers[] = {
    "a",     "about", "all",  "also", "am",   "an",    "and",  "any",  "are",
    "as",    "at",    "be",   "been", "but",  "by",    "can",  "did",  "do",
    "does",  "for",   "from", "had",  "has",  "have",  "her",  "his",  "how",
    "i",     "if",    "in",   "into", "is",   "it",    "its",  "me",   "more",
    "most",  "my",    "no",   "not",  "of",   "on",    "or",   "our",  "say",
    "she",   "so",    "than", "that", "the",  "their", "them", "then", "there",
    "they",  "this",  "to",   "us",   "was",  "we",    "were", "what", "when",
    "where", "which", "who",  "why",  "will", "with",  "you",  "your",
};

static int word_compare(const void *key, const void *entry)
{
    return strcmp(key, *(const char *const *)entry);
}

bool search_is_filler(const char *word, size_t len)
{
    char room[8];
    if (len >= sizeof(room))
        return false;
    memcpy(room, word, len);
    room[len] = '\0';
    return bsearch(room, fillers, ARRAY_LEN(fillers), sizeof(fillers[0]), word_compare);
}

static bool is_word_byte(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

struct word {
    const char *at;
    size_t len;
    bool is_filler;
};

static size_t read_words(const char *s, size_t len, struct word words[SEARCH_WORDS_MAX])
{
    size_t count = 0;
    for (size_t i = 0, end; i < len && count < SEARCH_WORDS_MAX; i = end) {
        for (end = i; end < len && is_word_byte(s[end]);)
            end++;
        if (end == i) {
            end++;
            continue;
        }
        char lower[8] = "";
        for (size_t k = 0; k < end - i && k < sizeof(lower); k++)
            lower[k] = (char)tolower((unsigned char)s[i + k]);
        words[count++] = (struct word){
            s + i, end - i, end - i < sizeof(lower) && search_is_filler(lower, end - i)};
    }
    return count;
}

void search_expression(const char *s, size_t len, bool any, struct buf *out)
{
    struct word words[SEARCH_WORDS_MAX];
    size_t count = read_words(s, len, words);
    size_t fillers_seen = 0, written = 0;
    for (size_t i = 0; i < count; i++)
        fillers_seen += words[i].is_filler;
    for (size_t i = 0; i < count; i++) {
        if (words[i].is_filler && fillers_seen < count)
            continue;
        if (written++)
            buf_puts(out, any ? " OR " : " ");
        buf_putc(out, '"');
        buf_append(out, words[i].at, words[i].len);
        buf_putc(out, '"');
    }
}

/* ---- asking ----------------------------------------------------------------------- */

/* Runs SQL of ours; @query is the expression, @n a number. */
static int ask(struct sqlgate *g, const char *sql, const char *expression, size_t n,
               struct sqlgate_result *ret, struct sqlgate_error *e)
{
    cleanup_buf struct buf params = BUF_INIT;
    struct sqlgate_query q = {.sql = sql};
    buf_puts(&params, "{\"query\":");
    json_out_string(&params, expression);
    buf_printf(&params, ",\"n\":%zu}", n);
    q.params_text = params.data;
    q.params = (struct json_span){0, params.len, JSON_OBJECT};
    return sqlgate_run_own(g, &q, ret, e);
}

/* All words, else any of them. No words: no rows. */
static int ask_words(struct sqlgate *g, const char *sql, const char *query, size_t len,
                     size_t n, struct sqlgate_result *ret, struct sqlgate_error *e)
{
    *ret = (struct sqlgate_result){0};
    for (int any = 0; any < 2; any++) {
        cleanup_buf struct buf expression = BUF_INIT;
        search_expression(query, len, any, &expression);
        sqlgate_result_finish(ret);
        if (!expression.len) {
            buf_puts(&ret->rows, "[]");
            return 0;
        }
        int r = ask(g, sql, expression.data, n, ret, e);
        if (r < 0 || ret->row_count)
            return r;
    }
    return 0;
}

static void take_rows(struct sqlgate_result *result, struct buf *ret_rows)
{
    buf_finish(ret_rows);
    *ret_rows = result->rows;
    result->rows = (struct buf)BUF_INIT;
    sqlgate_result_finish(result);
}

#define DOCUMENT_TIME                                                                    \
    "strftime('%Y-%m-%dT%H:%M:%SZ', d.updated_ms / 1000, 'unixepoch') AS updated_at"

/* A word of the title weighs as much as four of the body. */
static const char documents_sql[] =
    "SELECT d.id, d.title, d.kind, round(-bm25(documents_fts, 4.0, 1.0), 6) AS score,"
    " snippet(documents_fts, 1, '', '', '\xe2\x80\xa6', 24) AS snippet,"
    " d.body, " DOCUMENT_TIME " FROM main.documents_fts JOIN main.documents d"
    " ON d.seq = documents_fts.rowid WHERE documents_fts MATCH @query"
    " ORDER BY bm25(documents_fts, 4.0, 1.0), d.seq LIMIT @n";

int search_documents(struct sqlgate *g, const char *query, size_t len, size_t limit,
                     struct buf *ret_rows, struct sqlgate_error *ret_error)
{
    struct sqlgate_result result;
    int r = ask_words(g, documents_sql, query, len, limit, &result, ret_error);
    if (r >= 0)
        take_rows(&result, ret_rows);
    return r;
}

int search_knowledge(struct sqlgate *g, bool with_excerpts, struct buf *ret_rows,
                     struct sqlgate_error *ret_error)
{
    static const char plain[] =
        "SELECT id, title, kind, length(body) AS length, " DOCUMENT_TIME
        " FROM main.documents d ORDER BY seq LIMIT @n";
    static const char excerpts[] =
        "SELECT id, title, kind, length(body) AS length, " DOCUMENT_TIME
        ", substr(body, 1, 200) AS excerpt FROM main.documents d ORDER BY seq LIMIT @n";
    struct sqlgate_result result;
    int r = ask(g, with_excerpts ? excerpts : plain, "", 1000, &result, ret_error);
    if (r >= 0)
        take_rows(&result, ret_rows);
    return r;
}

/* ---- clusters --------------------------------------------------------------------- */

/* The columns of text that users may see, each cut: i."a", ... */
static void select_texts(struct sqlgate *g, struct buf *out)
{
    cleanup_buf struct buf tables = BUF_INIT;
    struct json_span root, columns, name, type;
    struct json_iter it;
    sqlgate_describe(g, &tables);
    if (json_check(tables.data, tables.len, &JSON_LIMITS_WIRE, &root, NULL) < 0 ||
        !json_path(tables.data, root, "[0].columns", &columns))
        return;
    json_iter_init(&it, tables.data, columns);
    while (json_iter_next(&it)) {
        if (!json_member(tables.data, it.value, "type", &type) ||
            !json_member(tables.data, it.value, "name", &name) ||
            !json_string_is(tables.data, type, "TEXT"))
            continue;
        cleanup_free char *plain = json_string_dup(tables.data, name);
        char *sql = sqlite3_mprintf(", substr(i.\"%w\", 1, %d) AS \"%w\"", plain,
                                    CLUSTER_TEXT_MAX, plain);
        buf_puts(out, sql);
        sqlite3_free(sql);
    }
}

/* Every n-th row, so that some are of the beginning and some of the end. */
static int ask_all(struct sqlgate *g, const char *columns, struct sqlgate_result *ret,
                   struct sqlgate_error *e)
{
    cleanup_free char *sql = xasprintf(
        "SELECT i._rowid_ AS \"_rowid_\"%s FROM main.interactions i WHERE i._rowid_ %% "
        "max(1, (SELECT count(*) FROM main.interactions) / @n) = 0 ORDER BY i._rowid_"
        " LIMIT @n",
        columns);
    return ask(g, sql, "", CLUSTER_ROWS, ret, e);
}

static int ask_matching(struct sqlgate *g, const char *columns, const char *query,
                        size_t len, struct sqlgate_result *ret, struct sqlgate_error *e)
{
    cleanup_free char *sql = xasprintf(
        "SELECT i._rowid_ AS \"_rowid_\"%s FROM main.interactions_fts f"
        " JOIN main.interactions i ON i._rowid_ = f.rowid WHERE interactions_fts MATCH"
        " @query ORDER BY f.rank, f.rowid LIMIT @n",
        columns);
    return ask_words(g, sql, query, len, CLUSTER_ROWS, ret, e);
}

int search_clusters(struct sqlgate *g, const char *query, size_t len,
                    struct buf *ret_rows, struct sqlgate_error *ret_error)
{
    cleanup_buf struct buf columns = BUF_INIT;
    struct sqlgate_result result;
    select_texts(g, &columns);
    const char *texts = columns.len ? columns.data : "";
    int r = query ? ask_matching(g, texts, query, len, &result, ret_error)
                  : ask_all(g, texts, &result, ret_error);
    if (r < 0)
        return r;
    cluster_rows(&result.rows, CLUSTERS_MAX, ret_rows);
    sqlgate_result_finish(&result);
    return 0;
}
