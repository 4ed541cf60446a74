/* page_json.h - a page as the API shows it. */
#ifndef LOCAL_PAGE_JSON_H
#define LOCAL_PAGE_JSON_H

#include "base/buf.h"
#include "local/store.h"

enum page_form {
    PAGE_FORM_SUMMARY, /* no spec, no queries */
    PAGE_FORM_FULL,
};

/* Appends the object. Spec and queries are the stored texts, byte for byte. An archived
 * page has no console_url: there it is gone. */
void page_print(const struct page *p, enum page_form form, struct buf *out);
#endif
