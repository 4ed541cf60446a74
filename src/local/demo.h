/* demo.h - what a new workspace holds: interactions of the last 18 months, a dozen
 * documents and three pages. What happens is the same on every machine; the dates end today. */
#ifndef LOCAL_DEMO_H
#define LOCAL_DEMO_H

#include <time.h>

struct app;
struct store;

enum { DEMO_DAYS = 548, DEMO_ROWS_MIN = 5000 };

/* Fills `interactions`, as of `now`. 0 or -errno. */
int demo_data(struct store *store, const char *business_id, time_t now);

/* Fills the knowledge base, as of `now`. 0 or -errno. */
int demo_documents(struct store *store, time_t now);

/* Makes the sample pages, through the same door as everybody. 0 or -errno (logged). */
int demo_pages(struct app *app);

/* The bodies of these creations, from src/local/samples; a NULL ends them. */
extern const char *const demo_page_texts[];

#endif
