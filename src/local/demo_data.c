/* demo_data.c - interactions that look like a business: deals that open, move through
 * the stages and are won or lost, and the talk with customers around them.
 *
 * A deal is drawn first, then its contacts along its life; the rows are sorted by time
 * and given to the store. Only the numbers are random, from a generator of our own with
 * a fixed seed, so that a test or a screenshot finds the same workspace every time. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "local/demo.h"
#include "local/demo_schema.h"
#include "local/store.h"

enum { DEALS = 420, COMPANIES = 48, DAY = 86400, CLOSED_WON = 4, CLOSED_LOST = 5 };
enum { TYPE_DEAL, TYPE_CONVERSATION, TYPE_SUPPORT, TYPE_REVIEW };
enum { POSITIVE, NEUTRAL, NEGATIVE };

static const char *const types[] = {DEMO_TYPES};
static const char *const channels[] = {DEMO_CHANNELS};
static const char *const speakers[] = {DEMO_SPEAKERS};
static const char *const stages[] = {DEMO_STAGES};
static const char *const sentiments[] = {DEMO_SENTIMENTS};
static const char *const topics[] = {DEMO_TOPICS};
static const char *const competitors[] = {DEMO_COMPETITORS};
static const char *const owners[] = {"Ada Brandt", "Ben Okafor",  "Carla Rossi",
                                     "Dev Patel",  "Elif Yildiz", "Finn Larsen",
                                     "Grace Moyo", "Hugo Lefevre"};
static const char *const company_first[] = {"Alder",  "Beacon",  "Cobalt",  "Delta",
                                            "Ember",  "Fjord",   "Granite", "Harbor",
                                            "Indigo", "Juniper", "Kestrel", "Lumen"};
static const char *const company_last[] = {"Foods", "Health", "Logistics", "Systems"};
static const char *const products[] = {"Starter", "Team", "Enterprise", "Renewal"};

struct demo_row {
    int64_t when;
    int type, channel, speaker, company, owner, stage, product;
    int sentiment, topic, competitor; /* -1: none */
    double amount;                    /* of the deal that it is about */
    int64_t closed;                   /* 0: still open */
};

struct demo {
    uint64_t random;
    int64_t now;
    struct demo_row *rows; /* owned */
    size_t count, next;
    int64_t last_touch[COMPANIES];
    const char *business_id;
    char texts[7][128]; /* of the row that is being given */
};

/* splitmix64 */
static unsigned draw(struct demo *d, unsigned below)
{
    uint64_t z = d->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (unsigned)((z ^ (z >> 31)) % below);
}

static bool chance(struct demo *d, unsigned percent)
{
    return draw(d, 100) < percent;
}

static void add_row(struct demo *d, const struct demo_row *row)
{
    if ((d->count & (d->count - 1)) == 0)
        d->rows = xrealloc(d->rows, (d->count ? d->count * 2 : 1) * sizeof *d->rows);
    d->rows[d->count++] = *row;
}

/* ---- drawing ---------------------------------------------------------------------- */

struct deal {
    struct demo_row row; /* the deal's own */
    int64_t end;         /* when it was, or would be, decided */
    bool won;
};

static int stage_at(const struct deal *deal, int64_t when)
{
    if (when >= deal->end)
        return deal->won ? CLOSED_WON : CLOSED_LOST;
    return (int)((when - deal->row.when) * 4 / (deal->end - deal->row.when));
}

/* In office hours. */
static int64_t moment(struct demo *d, int64_t days_ago)
{
    int64_t midnight = d->now - d->now % DAY;
    int64_t when = midnight - days_ago * DAY + 8 * 3600 + draw(d, 10 * 3600);
    return when < d->now ? when : when - DAY;
}

static struct deal draw_deal(struct demo *d)
{
    int company = (int)draw(d, COMPANIES);
    struct deal deal = {.won = chance(d, 30 + (unsigned)company % 4 * 6)};
    deal.row = (struct demo_row){
        .when = moment(d, draw(d, DEMO_DAYS)),
        .type = TYPE_DEAL,
        .channel = 2,
        .speaker = 1,
        .company = company,
        .owner = company % (int)ARRAY_LEN(owners),
        .product = (int)draw(d, ARRAY_LEN(products)),
        .sentiment = -1,
        .topic = -1,
        .competitor = chance(d, 35) ? (int)draw(d, ARRAY_LEN(competitors)) : -1,
    };
    deal.row.amount = (4000 + 500.0 * draw(d, 60)) * (1 + deal.row.product % 3);
    deal.end = deal.row.when + (int64_t)(20 + draw(d, 90)) * DAY;
    deal.row.stage = stage_at(&deal, d->now);
    deal.row.closed = deal.end <= d->now ? deal.end : 0;
    return deal;
}

/* Lost deals sound worse, and the mood swings with the seasons. */
static int draw_sentiment(struct demo *d, const struct deal *deal, int64_t when)
{
    unsigned season = (unsigned)(when / DAY / 30 % 4) * 5;
    unsigned positive = (deal->won ? 48 : 34) + season;
    unsigned roll = draw(d, 100);
    if (roll < positive)
        return POSITIVE;
    return roll < positive + 28 ? NEUTRAL : NEGATIVE;
}

static void add_contact(struct demo *d, const struct deal *deal, int64_t when)
{
    struct demo_row row = deal->row;
    row.when = when;
    row.stage = stage_at(deal, when);
    row.type = TYPE_CONVERSATION;
    if (row.stage >= CLOSED_WON)
        row.type = chance(d, 75) ? TYPE_SUPPORT : TYPE_REVIEW;
    row.channel = (int)draw(d, row.type == TYPE_CONVERSATION ? 4 : ARRAY_LEN(channels));
    row.speaker = chance(d, 30);
    row.sentiment = draw_sentiment(d, deal, when);
    row.topic = (int)draw(d, 1 + draw(d, ARRAY_LEN(topics))); /* the first ones more */
    row.competitor =
        deal->row.competitor >= 0 && chance(d, 40) ? deal->row.competitor : -1;
    add_row(d, &row);
}

static void add_deal(struct demo *d)
{
    struct deal deal = draw_deal(d);
    int64_t until = deal.end + (deal.won ? 60 : 3) * DAY; /* who bought goes on talking */
    int64_t span = (until < d->now ? until : d->now) - deal.row.when;
    unsigned contacts = 8 + draw(d, 12);
    add_row(d, &deal.row);
    for (unsigned i = 0; i < contacts; i++)
        add_contact(d, &deal, deal.row.when + draw(d, (unsigned)span));
}

static int by_time(const void *a, const void *b)
{
    const struct demo_row *x = a;
    const struct demo_row *y = b;
    return (x->when > y->when) - (x->when < y->when);
}

static void draw_all(struct demo *d)
{
    for (int i = 0; i < DEALS || d->count < DEMO_ROWS_MIN; i++)
        add_deal(d);
    qsort(d->rows, d->count, sizeof *d->rows, by_time);
    for (size_t i = 0; i < d->count; i++)
        if (d->rows[i].type != TYPE_DEAL)
            d->last_touch[d->rows[i].company] = d->rows[i].when;
}

/* ---- giving ----------------------------------------------------------------------- */

static const struct data_column columns[] = {
    {"id", DATA_TEXT},
    {"business_id", DATA_TEXT},
    {"timestamp", DATA_TIMESTAMP},
    {"interaction_type", DATA_TEXT},
    {"channel", DATA_TEXT},
    {"speaker_type", DATA_TEXT},
    {"company_name", DATA_TEXT},
    {"owner", DATA_TEXT},
    {"stage", DATA_TEXT},
    {"deal_name", DATA_TEXT},
    {"deal_amount", DATA_REAL},
    {"deal_stage", DATA_TEXT},
    {"amount", DATA_REAL},
    {"closed_at", DATA_TIMESTAMP},
    {"last_touch_at", DATA_TIMESTAMP},
    {"sentiment", DATA_TEXT},
    {"topic", DATA_TEXT},
    {"competitor", DATA_TEXT},
    {"summary", DATA_TEXT},
};

static struct data_value text(const char *s)
{
    return (struct data_value){.type = s ? DATA_TEXT : DATA_NULL, .text = s};
}

static struct data_value real(double v)
{
    return (struct data_value){.type = DATA_REAL, .real = v};
}

static struct data_value when(char room[128], int64_t t)
{
    struct tm tm;
    time_t seconds = (time_t)t;
    if (t == 0)
        return (struct data_value){.type = DATA_NULL};
    gmtime_r(&seconds, &tm);
    strftime(room, 128, "%Y-%m-%d %H:%M:%S", &tm);
    return text(room);
}

static const char *summary(const struct demo_row *row, char room[128])
{
    static const char *const sounds[] = {"was pleased with", "asked about",
                                         "complained about"};
    if (row->type == TYPE_DEAL)
        snprintf(room, 128, "Deal of %.0f in stage %s.", row->amount, stages[row->stage]);
    else
        snprintf(room, 128, "%s %s %s%s%s.",
                 row->speaker ? "We heard that it" : "Customer", sounds[row->sentiment],
                 topics[row->topic], row->competitor >= 0 ? "; named " : "",
                 row->competitor >= 0 ? competitors[row->competitor] : "");
    return room;
}

static int next_row(void *arg, struct data_value *v)
{
    struct demo *d = arg;
    if (d->next == d->count)
        return 0;
    const struct demo_row *row = &d->rows[d->next++];
    bool deal = row->type == TYPE_DEAL;
    snprintf(d->texts[0], sizeof d->texts[0], "int_%06zu", d->next);
    snprintf(d->texts[1], sizeof d->texts[1], "%s %s",
             company_first[row->company % (int)ARRAY_LEN(company_first)],
             company_last[row->company / (int)ARRAY_LEN(company_first)]);
    snprintf(d->texts[2], sizeof d->texts[2], "%.64s %s", d->texts[1],
             products[row->product]);
    *v++ = text(d->texts[0]);
    *v++ = text(d->business_id);
    *v++ = when(d->texts[3], row->when);
    *v++ = text(types[row->type]);
    *v++ = text(channels[row->channel]);
    *v++ = text(speakers[row->speaker]);
    *v++ = text(d->texts[1]);
    *v++ = text(owners[row->owner]);
    *v++ = text(stages[row->stage]);
    *v++ = text(d->texts[2]);
    *v++ = real(row->amount);
    *v++ = text(deal ? stages[row->stage] : NULL);
    *v++ = deal ? real(row->amount) : text(NULL);
    *v++ = when(d->texts[4], deal ? row->closed : 0);
    *v++ = when(d->texts[5], d->last_touch[row->company]);
    *v++ = text(row->sentiment >= 0 ? sentiments[row->sentiment] : NULL);
    *v++ = text(row->topic >= 0 ? topics[row->topic] : NULL);
    *v++ = text(row->competitor >= 0 ? competitors[row->competitor] : NULL);
    *v++ = text(summary(row, d->texts[6]));
    return 1;
}

int demo_data(struct store *store, const char *business_id, time_t now)
{
    struct demo d = {.random = 42, .now = now, .business_id = business_id};
    draw_all(&d);
    int r = store->ops->data_replace(store, columns, ARRAY_LEN(columns), next_row, &d);
    free(d.rows);
    return r;
}
