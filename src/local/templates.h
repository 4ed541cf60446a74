/* templates.h - the six page templates, built in from src/local/templates/<slug>.json. */
#ifndef LOCAL_TEMPLATES_H
#define LOCAL_TEMPLATES_H

#include <stddef.h>

struct page_template {
    const char *slug;
    const char *name;
    const char *intent; /* one sentence: what the page answers */
    const char
        *text; /* the whole JSON object: slug, name, intent, spec, declared_queries */
    size_t len;
};

/* All of them, in the order they are listed in. */
extern const struct page_template page_templates[];
extern const size_t page_template_count;

/* NULL: no such slug. */
const struct page_template *page_template_find(const char *slug);

#endif
