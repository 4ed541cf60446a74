#include "local/cluster.h"

#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "base/utf8.h"
#include "json/json.h"
#include "local/jsonout.h"
#include "local/search.h"

struct term {
    UT_hash_handle hh;
    char *word; /* owned; lower case */
    size_t id;  /* in the order in which they were met */
    size_t df;  /* rows that have it */
    double weight;
    size_t mark;  /* the row that was compared last has it */
    size_t count; /* rows of the group that is being labelled */
};

struct row {
    struct buf text;
    struct term *terms[CLUSTER_WORDS_MAX]; /* each once, as met */
    size_t term_count;
    double norm;
    size_t group;
};

struct group {
    size_t first; /* row */
    size_t size;
};

struct clusters {
    struct term *terms; /* by word */
    struct row *rows;
    size_t row_count;
    struct group *groups;
    size_t group_count;
};

/* ---- words ------------------------------------------------------------------------ */

static struct term *term_get(struct clusters *c, const char *word, size_t len)
{
    struct term *t;
    HASH_FIND(hh, c->terms, word, len, t);
    if (t)
        return t;
    t = xcalloc(1, sizeof(*t));
    t->word = xstrndup(word, len);
    t->id = HASH_COUNT(c->terms);
    HASH_ADD_KEYPTR(hh, c->terms, t->word, len, t);
    return t;
}

static void row_add_word(struct clusters *c, struct row *row, const char *word,
                         size_t len)
{
    bool has_letter = false;
    for (size_t i = 0; i < len; i++)
        has_letter = has_letter || !isdigit((unsigned char)word[i]);
    if (len < 2 || !has_letter || search_is_filler(word, len) ||
        row->term_count == CLUSTER_WORDS_MAX)
        return;
    struct term *t = term_get(c, word, len);
    for (size_t i = 0; i < row->term_count; i++) {
        if (row->terms[i] == t)
            return;
    }
    row->terms[row->term_count++] = t;
    t->df++;
}

static void row_read_words(struct clusters *c, struct row *row)
{
    cleanup_buf struct buf word = BUF_INIT;
    for (size_t i = 0; i <= row->text.len; i++) {
        char ch = i < row->text.len ? row->text.data[i] : ' ';
        if (isalnum((unsigned char)ch) || (unsigned char)ch >= 0x80) {
            buf_putc(&word, (char)tolower((unsigned char)ch));
        } else if (word.len) {
            row_add_word(c, row, word.data, word.len);
            buf_clear(&word);
        }
    }
}

/* ---- which columns are prose ------------------------------------------------------ */

enum { COLUMNS_MAX = 1000 };

static size_t count_words(const char *text, struct json_span string)
{
    size_t words = 1;
    for (size_t i = string.start; i < string.end; i++)
        words += text[i] == ' ';
    return words;
}

/* Sets is_prose[] for each column; all of them where none is. */
static void find_prose(const char *text, struct json_span rows,
                       bool is_prose[COLUMNS_MAX])
{
    cleanup_free size_t *words = xcalloc(COLUMNS_MAX, sizeof(*words));
    cleanup_free size_t *texts = xcalloc(COLUMNS_MAX, sizeof(*texts));
    struct json_iter row, cell;
    bool any = false;
    json_iter_init(&row, text, rows);
    while (json_iter_next(&row)) {
        json_iter_init(&cell, text, row.value);
        while (json_iter_next(&cell) && cell.index < COLUMNS_MAX) {
            if (cell.value.type != JSON_STRING)
                continue;
            words[cell.index] += count_words(text, cell.value);
            texts[cell.index]++;
        }
    }
    for (size_t i = 0; i < COLUMNS_MAX; i++) {
        is_prose[i] = texts[i] && words[i] >= texts[i] * CLUSTER_PROSE_WORDS;
        any = any || is_prose[i];
    }
    for (size_t i = 0; !any && i < COLUMNS_MAX; i++)
        is_prose[i] = true;
}

static void read_row(struct clusters *c, const char *text, struct json_span object,
                     const bool is_prose[COLUMNS_MAX])
{
    struct row *row = &c->rows[c->row_count++];
    struct json_iter cell;
    json_iter_init(&cell, text, object);
    while (json_iter_next(&cell) && cell.index < COLUMNS_MAX) {
        if (cell.value.type != JSON_STRING || !is_prose[cell.index])
            continue;
        if (row->text.len)
            buf_putc(&row->text, ' ');
        json_string_decode(text, cell.value, &row->text);
    }
    row_read_words(c, row);
}

static void read_rows(struct clusters *c, const char *text, struct json_span rows)
{
    cleanup_free bool *is_prose = xcalloc(COLUMNS_MAX, sizeof(*is_prose));
    struct json_iter it;
    size_t count = 0;
    find_prose(text, rows, is_prose);
    json_iter_init(&it, text, rows);
    while (json_iter_next(&it))
        count++;
    c->rows = xcalloc(count + 1, sizeof(c->rows[0]));
    json_iter_init(&it, text, rows);
    while (json_iter_next(&it))
        read_row(c, text, it.value, is_prose);
}

/* ---- groups ----------------------------------------------------------------------- */

static void weigh(struct clusters *c)
{
    for (struct term *t = c->terms; t; t = t->hh.next)
        t->weight = log((double)(c->row_count + 1) / (double)t->df);
    for (size_t r = 0; r < c->row_count; r++) {
        struct row *row = &c->rows[r];
        for (size_t i = 0; i < row->term_count; i++)
            row->norm += row->terms[i]->weight;
        row->norm = sqrt(row->norm);
    }
}

/* Of the row whose terms are marked, and another. Two without words are alike. */
static double likeness(const struct row *marked, size_t mark, const struct row *other)
{
    double dot = 0;
    if (!marked->term_count || !other->term_count)
        return marked->term_count == other->term_count;
    for (size_t i = 0; i < other->term_count; i++) {
        const struct term *t = other->terms[i];
        if (t->mark == mark)
            dot += t->weight;
    }
    return dot / (marked->norm * other->norm);
}

static void join(struct clusters *c, size_t r)
{
    struct row *row = &c->rows[r];
    size_t best = SIZE_MAX;
    double best_like = CLUSTER_LIKE;
    for (size_t i = 0; i < row->term_count; i++)
        row->terms[i]->mark = r + 1;
    for (size_t g = 0; g < c->group_count; g++) {
        double like = likeness(row, r + 1, &c->rows[c->groups[g].first]);
        if (like > best_like || (best == SIZE_MAX && like >= best_like)) {
            best_like = like;
            best = g;
        }
    }
    if (best == SIZE_MAX) {
        best = c->group_count++;
        c->groups[best].first = r;
    }
    c->groups[best].size++;
    row->group = best;
}

static int by_size(const void *a, const void *b)
{
    const struct group *x = a;
    const struct group *y = b;
    if (x->size != y->size)
        return x->size < y->size ? 1 : -1;
    return (x->first > y->first) - (x->first < y->first);
}

/* ---- as JSON ---------------------------------------------------------------------- */

/* Half of the group's rows have it, and it is heavier than those chosen so far. */
static struct term *next_label(struct clusters *c, const struct group *g,
                               struct term *const *chosen, size_t chosen_count)
{
    struct term *best = NULL;
    for (struct term *t = c->terms; t; t = t->hh.next) {
        bool taken = t->count * 2 < g->size || t->count == 0;
        for (size_t i = 0; i < chosen_count; i++)
            taken = taken || chosen[i] == t;
        double weight = t->weight * (double)t->count;
        if (!taken && (!best || weight > best->weight * (double)best->count))
            best = t;
    }
    return best;
}

static int by_id(const void *a, const void *b)
{
    const struct term *x = *(struct term *const *)a;
    const struct term *y = *(struct term *const *)b;
    return (x->id > y->id) - (x->id < y->id);
}

static void print_label(struct clusters *c, const struct group *g, struct buf *out)
{
    struct term *chosen[CLUSTER_LABEL_WORDS];
    size_t count = 0, group = c->rows[g->first].group;
    cleanup_buf struct buf label = BUF_INIT;
    for (struct term *t = c->terms; t; t = t->hh.next)
        t->count = 0;
    for (size_t r = 0; r < c->row_count; r++) {
        for (size_t i = 0; c->rows[r].group == group && i < c->rows[r].term_count; i++)
            c->rows[r].terms[i]->count++;
    }
    while (count < CLUSTER_LABEL_WORDS &&
           (chosen[count] = next_label(c, g, chosen, count)))
        count++;
    qsort(chosen, count, sizeof(chosen[0]), by_id);
    for (size_t i = 0; i < count; i++)
        buf_printf(&label, "%s%s", i ? " " : "", chosen[i]->word);
    json_out_text(out, label.len ? label.data : "other", label.len ? label.len : 5);
}

static void print_group(struct clusters *c, size_t i, struct buf *out)
{
    const struct group *g = &c->groups[i];
    const struct buf *text = &c->rows[g->first].text;
    double share = (double)g->size / (double)c->row_count;
    buf_printf(out, "%s{\"cluster\":%zu,\"label\":", i ? "," : "", i + 1);
    print_label(c, g, out);
    buf_printf(out, ",\"size\":%zu,\"share\":%.4g,\"example\":", g->size, share);
    json_out_text(out, text->len ? text->data : "",
                  utf8_cut(text->data, text->len, CLUSTER_EXAMPLE_MAX));
    buf_putc(out, '}');
}

static void clusters_finish(struct clusters *c)
{
    struct term *t, *next;
    for (size_t i = 0; i < c->row_count; i++)
        buf_finish(&c->rows[i].text);
    free(c->rows);
    free(c->groups);
    HASH_ITER (hh, c->terms, t, next) {
        HASH_DEL(c->terms, t);
        free(t->word);
        free(t);
    }
}

void cluster_rows(const struct buf *rows, size_t max, struct buf *out)
{
    struct clusters c = {0};
    struct json_span root;
    if (json_check(rows->data, rows->len, &JSON_LIMITS_WIRE, &root, NULL) == 0)
        read_rows(&c, rows->data, root);
    c.groups = xcalloc(c.row_count + 1, sizeof(c.groups[0]));
    weigh(&c);
    for (size_t r = 0; r < c.row_count; r++)
        join(&c, r);
    qsort(c.groups, c.group_count, sizeof(c.groups[0]), by_size);
    buf_putc(out, '[');
    for (size_t i = 0; i < c.group_count && i < max; i++)
        print_group(&c, i, out);
    buf_putc(out, ']');
    clusters_finish(&c);
}
