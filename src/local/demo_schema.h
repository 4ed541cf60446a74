/* demo_schema.h - the one table that users may query, and the words its columns hold.
 *
 * The demo data fills it, the templates and the sample pages rely on these words, and the
 * verifier checks users' columns against whatever the stored table really has: an import
 * may replace it with other columns.
 *
 * Times are UTC text, "YYYY-MM-DD HH:MM:SS", so that they order as text and compare with
 * CURRENT_TIMESTAMP and CURRENT_DATE. NULL is "not known" or "does not apply".
 */
#ifndef LOCAL_DEMO_SCHEMA_H
#define LOCAL_DEMO_SCHEMA_H

/* The tenant's column: stored, never visible to a query (sqlgate.h). */
#define DEMO_TENANT_COLUMN "business_id"

#define DEMO_INTERACTIONS_SQL                                                            \
    "CREATE TABLE interactions ("                                                        \
    " id TEXT PRIMARY KEY,"                                                              \
    " business_id TEXT NOT NULL,"                                                        \
    " timestamp TEXT NOT NULL,"        /* when it happened */                            \
    " interaction_type TEXT NOT NULL," /* DEMO_TYPES */                                  \
    " channel TEXT NOT NULL,"          /* DEMO_CHANNELS */                               \
    " speaker_type TEXT NOT NULL,"     /* DEMO_SPEAKERS */                               \
    " company_name TEXT NOT NULL,"                                                       \
    " owner TEXT NOT NULL," /* the seller's name */                                      \
    " stage TEXT NOT NULL," /* DEMO_STAGES: where the account stood then */              \
    " deal_name TEXT,"      /* the deal it is about */                                   \
    " deal_amount REAL,"    /* that deal's amount, on each of its rows */                \
    " deal_stage TEXT,"     /* DEMO_STAGES; only on rows of type 'deal' */               \
    " amount REAL,"         /* only on rows of type 'deal': safe to SUM */               \
    " closed_at TEXT,"      /* only on closed deals */                                   \
    " last_touch_at TEXT,"  /* newest contact with that company */                       \
    " sentiment TEXT,"      /* DEMO_SENTIMENTS; NULL on rows of type 'deal' */           \
    " topic TEXT,"          /* DEMO_TOPICS; NULL on rows of type 'deal' */               \
    " competitor TEXT,"     /* DEMO_COMPETITORS; NULL: none was named */                 \
    " summary TEXT"         /* a sentence or two */                                      \
    ")"

/* A row of type 'deal' is one deal, once; the others are contacts with a customer. */
#define DEMO_TYPES "deal", "conversation", "support", "review"
#define DEMO_CHANNELS "call", "email", "meeting", "chat", "web"
#define DEMO_SPEAKERS "external", "internal"
#define DEMO_STAGES                                                                      \
    "discovery", "qualification", "proposal", "negotiation", "closed_won", "closed_lost"
#define DEMO_SENTIMENTS "positive", "neutral", "negative"
#define DEMO_TOPICS                                                                      \
    "pricing", "onboarding", "integrations", "reliability", "support", "reporting"
#define DEMO_COMPETITORS "Northwind", "Globex", "Initech"

#endif
