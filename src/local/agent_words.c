#include "local/agent_words.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

/* What people say, and what columns and values are called. */
static const char *const synonyms[][2] = {
    {"win", "won"},          {"wins", "won"},          {"winning", "won"},
    {"lose", "lost"},        {"loses", "lost"},        {"losing", "lost"},
    {"revenue", "amount"},   {"sales", "amount"},      {"money", "amount"},
    {"worth", "amount"},     {"value", "amount"},      {"revenue", "price"},
    {"customer", "company"}, {"customers", "company"}, {"client", "company"},
    {"clients", "company"},  {"account", "company"},   {"accounts", "company"},
    {"seller", "owner"},     {"sellers", "owner"},     {"rep", "owner"},
    {"reps", "owner"},       {"rival", "competitor"},  {"rivals", "competitor"},
    {"mood", "sentiment"},   {"feeling", "sentiment"}, {"subject", "topic"},
};

/* Words that say nothing of the data. */
static const char *const stop_words[] = {
    "the",   "a",     "an",   "of",   "and",    "or",    "to",   "in",   "on",  "for",
    "by",    "with",  "is",   "are",  "was",    "were",  "do",   "does", "did", "how",
    "what",  "which", "who",  "our",  "we",     "us",    "my",   "me",   "i",   "you",
    "it",    "its",   "this", "that", "these",  "be",    "at",   "from", "as",  "about",
    "there", "have",  "has",  "can",  "please", "write", "name", "type", "id"};

static const char *const refusals[] = {"without", "no",   "not",    "drop",
                                       "remove",  "omit", "except", "skip"};

static const char *const groupers[] = {"by", "per", "each", "which", "across", "every"};

static bool among(const char *word, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(word, list[i]))
            return true;
    return false;
}

static bool synonym(const char *a, const char *b)
{
    for (size_t i = 0; i < ARRAY_LEN(synonyms); i++)
        if (!strcmp(synonyms[i][0], a) && !strcmp(synonyms[i][1], b))
            return true;
    return false;
}

/* Short words must be equal; longer ones may differ in how they end. */
bool agent_words_alike(const char *a, const char *b)
{
    size_t common = 0;
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);
    if (!strcmp(a, b) || synonym(a, b) || synonym(b, a))
        return true;
    while (a[common] && a[common] == b[common])
        common++;
    size_t shorter = a_len < b_len ? a_len : b_len;
    size_t longer = a_len < b_len ? b_len : a_len;
    return common >= 4 && common + 1 >= shorter && common + 3 >= longer;
}

/* The next word of *text, lower case: letters and digits (bytes of other scripts count as
 * letters); *ret_clause: a new clause began before it. False at the end. */
static bool next_word(const char **text, char word[AGENT_WORD_TEXT], bool *ret_clause)
{
    const unsigned char *p = (const unsigned char *)*text;
    size_t len = 0;
    *ret_clause = false;
    while (*p && !isalnum(*p) && *p < 0x80) {
        *ret_clause = *ret_clause || strchr(".,;:!?\n", *p);
        p++;
    }
    for (; isalnum(*p) || *p >= 0x80; p++)
        if (len < AGENT_WORD_TEXT - 1)
            word[len++] = (char)tolower(*p);
    word[len] = '\0';
    *text = (const char *)p;
    return len > 0;
}

static void add_wanted(struct agent_words *w, const char *word, bool grouping)
{
    if (w->wanted_count == AGENT_WORDS_MAX)
        return;
    w->grouping[w->wanted_count] = grouping;
    snprintf(w->wanted[w->wanted_count++], sizeof w->wanted[0], "%s", word);
}

static void add_unwanted(struct agent_words *w, const char *word)
{
    if (w->unwanted_count < AGENT_WORDS_MAX)
        snprintf(w->unwanted[w->unwanted_count++], sizeof w->unwanted[0], "%s", word);
}

void agent_words_add(struct agent_words *w, const char *text)
{
    char word[AGENT_WORD_TEXT];
    bool clause;
    bool refused = false;
    bool grouping = false; /* the next word */
    while (text && next_word(&text, word, &clause)) {
        refused = refused && !clause && strcmp(word, "but") != 0;
        if (among(word, groupers, ARRAY_LEN(groupers))) {
            grouping = true;
        } else if (among(word, refusals, ARRAY_LEN(refusals))) {
            refused = true;
        } else if (!among(word, stop_words, ARRAY_LEN(stop_words))) {
            if (refused)
                add_unwanted(w, word);
            else
                add_wanted(w, word, grouping);
            grouping = false;
        }
    }
}

/* Where a word stands that is like a part of the name: 1, 2, …; 0: nowhere. */
static size_t find(const char (*words)[AGENT_WORD_TEXT], const bool *only, size_t count,
                   const char *name)
{
    char part[AGENT_WORD_TEXT];
    bool clause;
    size_t best = 0;
    while (next_word(&name, part, &clause)) {
        if (among(part, stop_words, ARRAY_LEN(stop_words)))
            continue;
        for (size_t i = 0; i < count && (!best || i + 1 < best); i++)
            if ((!only || only[i]) && agent_words_alike(words[i], part))
                best = i + 1;
    }
    return best;
}

size_t agent_words_want(const struct agent_words *w, const char *name)
{
    return find(w->wanted, NULL, w->wanted_count, name);
}

size_t agent_words_group(const struct agent_words *w, const char *name)
{
    return find(w->wanted, w->grouping, w->wanted_count, name);
}

bool agent_words_refuse(const struct agent_words *w, const char *name)
{
    return find(w->unwanted, NULL, w->unwanted_count, name) > 0;
}

bool agent_words_any(const struct agent_words *w, const char *const *words)
{
    for (size_t i = 0; i < w->wanted_count; i++)
        for (size_t k = 0; words[k]; k++)
            if (!strcmp(w->wanted[i], words[k]))
                return true;
    return false;
}

bool agent_words_part(const char *name, const char *const *words)
{
    char part[AGENT_WORD_TEXT];
    bool clause;
    while (next_word(&name, part, &clause))
        for (size_t i = 0; words[i]; i++)
            if (!strcmp(part, words[i]))
                return true;
    return false;
}
