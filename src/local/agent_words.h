/* agent_words.h - the words of a task, and whether they mean a name. No language model: a
 * word means a name when they begin alike ("closes", "closed") or a small table says that
 * people say the one for the other ("revenue", "amount"). */
#ifndef LOCAL_AGENT_WORDS_H
#define LOCAL_AGENT_WORDS_H

#include <stdbool.h>
#include <stddef.h>

enum { AGENT_WORDS_MAX = 200, AGENT_WORD_TEXT = 32 };

struct agent_words {
    char wanted[AGENT_WORDS_MAX][AGENT_WORD_TEXT]; /* lower case, in the text's order */
    size_t wanted_count;
    bool grouping[AGENT_WORDS_MAX]; /* of wanted: behind "by", "per", "each", "which" */
    char unwanted[AGENT_WORDS_MAX][AGENT_WORD_TEXT]; /* behind "without", "no", "drop" */
    size_t unwanted_count;
};

/* Adds a text's words; NULL adds none. */
void agent_words_add(struct agent_words *w, const char *text);
/* How early a wanted word means the name (or a part of it, as "deal" of deal_stage): 1 is
 * the first word; 0: none does. */
size_t agent_words_want(const struct agent_words *w, const char *name);
/* The same among the words that say by what to look at it: "which channel". */
size_t agent_words_group(const struct agent_words *w, const char *name);
bool agent_words_refuse(const struct agent_words *w, const char *name);
/* Is one of these among the wanted? A NULL ends them. */
bool agent_words_any(const struct agent_words *w, const char *const *words);
/* Is a part of the name one of these? A NULL ends them. */
bool agent_words_part(const char *name, const char *const *words);
/* Do two words, lower case, mean the same? */
bool agent_words_alike(const char *a, const char *b);

#endif
