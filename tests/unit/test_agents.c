/* local/: agents: what is stored of a session, who watches it, what is planned for it. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "local/agent_answer.h"
#include "local/agent_plan.h"
#include "local/agent_report.h"
#include "local/agent_script.h"
#include "local/agent_words.h"
#include "local/agents.h"
#include "local/explore.h"
#include "local/feed.h"
#include "local/gates.h"
#include "local/store.h"
#include "local/stream.h"

/* ---- a store ---------------------------------------------------------------------- */

struct place {
    char path[64];
    struct store *store;
};

static void place_open(struct place *p)
{
    strcpy(p->path, "/tmp/test_agents.XXXXXX");
    int fd = mkstemp(p->path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(store_sqlite_open(p->path, &p->store), 0);
}

static void place_reopen(struct place *p)
{
    store_close(p->store);
    assert_int_equal(store_sqlite_open(p->path, &p->store), 0);
}

static void place_close(struct place *p)
{
    store_close(p->store);
    unlink(p->path);
}

static struct agent_session new_session(enum agent_status status, const char *parent)
{
    struct agent_session s = {
        .status = status,
        .profile = xstrdup("copilot"),
        .user_id = xstrdup("u"),
        .task = xstrdup("t"),
        .params = xstrdup("{}"),
        .turn_budget = 3,
    };
    agent_id_set(s.parent_id, parent);
    return s;
}

static void create(struct store *store, struct agent_session *s, struct agent_change *c)
{
    struct agent_change none = {0};
    assert_int_equal(store->ops->agent_create(store, s, c ? c : &none), 0);
}

static size_t count_events(struct store *store, const char *id, char types[512])
{
    struct agent_event *events;
    size_t count;
    types[0] = '\0';
    assert_int_equal(store->ops->agent_events(store, id, 0, &events, &count), 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(events[i].seq, i + 1);
        strcat(strcat(types, events[i].type), " ");
        agent_event_finish(&events[i]);
    }
    free(events);
    return count;
}

static void test_a_session_is_kept_over_a_restart(void **state)
{
    struct place p;
    struct agent_session s = new_session(AGENT_QUEUED, NULL);
    struct agent_change c = {0};
    char types[512];
    place_open(&p);
    agent_change_step(&c, "query", "Ask", "{\"sql\":\"x\"}");
    agent_change_event(&c, "one", NULL);
    create(p.store, &s, &c);
    agent_change_finish(&c);
    s.status = AGENT_AWAITING_INPUT;
    s.awaited = xstrdup("{\"type\":\"approval\"}");
    s.turns = 2;
    s.finishing = true;
    c.done_step = 1;
    c.output = xstrdup("{\"rows\":[]}");
    cleanup_buf struct buf data = BUF_INIT;
    buf_puts(&data, "{ \"a\" :\n 1.50 }");
    agent_change_event(&c, "two", &data);
    agent_change_step(&c, "answer", "Say", NULL);
    assert_int_equal(p.store->ops->agent_change(p.store, &s, &c), 0);
    assert_string_equal(c.events[0].data, "{\"a\":1.50}");
    agent_change_finish(&c);
    place_reopen(&p);
    cleanup_agent_session struct agent_session again = {0};
    assert_int_equal(p.store->ops->agent_get(p.store, s.id, &again), 0);
    assert_int_equal(again.status, AGENT_AWAITING_INPUT);
    assert_string_equal(again.awaited, "{\"type\":\"approval\"}");
    assert_int_equal(again.turns, 2);
    assert_true(again.finishing);
    assert_int_equal(again.loaded_steps, 2);
    assert_string_equal(again.steps[0].output, "{\"rows\":[]}");
    assert_null(again.steps[1].output);
    assert_int_equal(again.steps_done, 1);
    assert_int_equal(count_events(p.store, s.id, types), 2);
    assert_string_equal(types, "one two ");
    assert_int_equal(p.store->ops->agent_get(p.store, "as_nobody", &again), -ENOENT);
    agent_session_finish(&s);
    place_close(&p);
}

static void test_sub_agents_are_made_with_the_change(void **state)
{
    struct place p;
    struct agent_session s = new_session(AGENT_RUNNING, NULL);
    struct agent_change c = {0};
    place_open(&p);
    create(p.store, &s, NULL);
    struct agent_session child = new_session(AGENT_QUEUED, s.id);
    agent_change_step(agent_change_child(&c, &child), "query", "Ask", NULL);
    assert_int_equal(p.store->ops->agent_change(p.store, &s, &c), 0);
    const struct agent_filter f = {.parent_id = s.id,
                                   .created_gte = INT64_MIN,
                                   .created_lte = INT64_MAX,
                                   .limit = 10};
    cleanup_agent_list struct agent_list l = {0};
    assert_int_equal(p.store->ops->agent_list(p.store, &f, &l), 0);
    assert_int_equal(l.count, 1);
    assert_string_equal(l.items[0].id, c.children[0].id);
    assert_int_equal(l.items[0].step_count, 1);
    agent_change_finish(&c);
    agent_session_finish(&s);
    place_close(&p);
}

static void test_ids_sort_by_time(void **state)
{
    char a[AGENT_ID_TEXT];
    char b[AGENT_ID_TEXT];
    char c[AGENT_ID_TEXT];
    agent_id_make(1795435200000, a);
    agent_id_make(1795435200001, b);
    agent_id_make(1795435200001, c);
    assert_int_equal(strlen(a), AGENT_ID_TEXT - 1);
    assert_true(strcmp(a, b) < 0);
    assert_string_not_equal(b, c);
}

/* ---- the agents ------------------------------------------------------------------- */

static enum agent_status status_of(struct store *store, const char *id)
{
    cleanup_agent_session struct agent_session s = {0};
    assert_int_equal(store->ops->agent_get(store, id, &s), 0);
    return s.status;
}

/* Sessions that await input stand still, so nothing of this depends on time. */
static void test_cancel_cascades(void **state)
{
    struct place p;
    struct gates *gates;
    struct agents *agents;
    char types[512];
    place_open(&p);
    struct agent_session top = new_session(AGENT_AWAITING_INPUT, NULL);
    create(p.store, &top, NULL);
    struct agent_session child = new_session(AGENT_AWAITING_INPUT, top.id);
    create(p.store, &child, NULL);
    struct agent_session grandchild = new_session(AGENT_AWAITING_INPUT, child.id);
    create(p.store, &grandchild, NULL);
    struct agent_session done = new_session(AGENT_COMPLETE, top.id);
    create(p.store, &done, NULL);
    struct agent_session other = new_session(AGENT_AWAITING_INPUT, NULL);
    create(p.store, &other, NULL);
    assert_int_equal(gates_open(p.path, &gates), 0);
    assert_int_equal(agents_create(p.store, gates, NULL, &agents), 0);
    assert_int_equal(agents_cancel(agents, "as_nobody"), -ENOENT);
    assert_int_equal(agents_cancel(agents, done.id), -EBUSY);
    assert_int_equal(agents_cancel(agents, top.id), 0);
    assert_int_equal(agents_cancel(agents, top.id), -EALREADY);
    assert_int_equal(status_of(p.store, top.id), AGENT_CANCELED);
    assert_int_equal(status_of(p.store, child.id), AGENT_CANCELED);
    assert_int_equal(status_of(p.store, grandchild.id), AGENT_CANCELED);
    assert_int_equal(status_of(p.store, done.id), AGENT_COMPLETE);
    assert_int_equal(status_of(p.store, other.id), AGENT_AWAITING_INPUT);
    count_events(p.store, grandchild.id, types);
    assert_string_equal(types, "session.canceled session.failed ");
    agents_destroy(agents);
    gates_close(gates);
    agent_session_finish(&top);
    agent_session_finish(&child);
    agent_session_finish(&grandchild);
    agent_session_finish(&done);
    agent_session_finish(&other);
    place_close(&p);
}

/* ---- feeds ------------------------------------------------------------------------ */

struct front {
    int parked, woken;
};

static void on_park(void *arg)
{
    ((struct front *)arg)->parked++;
}

static void on_wake(void *arg)
{
    ((struct front *)arg)->woken++;
}

static struct stream *watch(struct feed *f, int64_t after, struct front *front)
{
    struct stream *s = feed_open(f, after);
    s->park = on_park;
    s->wake = on_wake;
    s->arg = front;
    return s;
}

static void append(struct feed *f, int64_t seq)
{
    char type[] = "x";
    char data[] = "{}";
    const struct agent_event e = {.seq = seq, .type = type, .data = data};
    feed_append(f, &e);
}

/* Reads in pieces of so many bytes, until there is no more now. */
static ssize_t drain(struct stream *s, size_t piece, struct buf *out)
{
    char bytes[256];
    ssize_t n;
    assert_true(piece <= sizeof bytes);
    while ((n = s->ops->read(s, bytes, piece)) > 0)
        buf_append(out, bytes, (size_t)n);
    return n;
}

static void test_readers_get_all_in_any_pieces(void **state)
{
    struct feed *f = feed_create("as_x");
    struct front front = {0};
    append(f, 1);
    append(f, 2);
    struct stream *s = watch(f, 0, &front);
    cleanup_buf struct buf first = BUF_INIT;
    assert_int_equal(drain(s, 1, &first), 0);
    assert_int_equal(front.parked, 1);
    assert_int_equal(front.woken, 0);
    append(f, 3);
    append(f, 4); /* woken once, until it sleeps again */
    assert_int_equal(front.woken, 1);
    assert_int_equal(drain(s, 7, &first), 0);
    feed_end(f);
    assert_int_equal(front.woken, 2);
    assert_int_equal(drain(s, 7, &first), -ENODATA);
    struct stream *late = watch(f, 0, &front);
    cleanup_buf struct buf second = BUF_INIT;
    assert_int_equal(drain(late, 256, &second), -ENODATA);
    assert_string_equal(first.data, second.data);
    struct stream *last = watch(f, 3, &front);
    cleanup_buf struct buf tail = BUF_INIT;
    drain(last, 256, &tail);
    assert_string_equal(tail.data, strstr(first.data, "id: 4\n"));
    assert_non_null(strstr(tail.data, "\ndata: {\"type\":\"x\",\"seq\":4,"));
    assert_int_equal(feed_readers(f), 3);
    s->ops->close(s);
    late->ops->close(late);
    feed_unref(f); /* the readers have their own reference */
    last->ops->close(last);
}

static void test_a_ping_is_a_comment_between_frames(void **state)
{
    struct feed *f = feed_create("as_x");
    struct front front = {0};
    struct stream *s = watch(f, 0, &front);
    cleanup_buf struct buf out = BUF_INIT;
    drain(s, 64, &out);
    feed_ping(f);
    assert_int_equal(front.woken, 1);
    drain(s, 64, &out);
    assert_string_equal(out.data, ": still here\n\n");
    feed_ping(f);
    append(f, 1); /* what there is to say goes first, and is ping enough */
    buf_clear(&out);
    drain(s, 64, &out);
    assert_int_equal(strncmp(out.data, "id: 1\n", 6), 0);
    assert_null(strstr(out.data, "still"));
    s->ops->close(s);
    feed_unref(f);
}

/* ---- words ------------------------------------------------------------------------ */

static void test_words_that_mean_the_same(void **state)
{
    static const char *const alike[][2] = {
        {"closes", "closed"}, {"channels", "channel"}, {"company", "companies"},
        {"win", "won"},       {"revenue", "amount"},   {"topic", "topic"}};
    static const char *const different[][2] = {
        {"deal", "dear"}, {"one", "won"}, {"channel", "chance"}, {"stage", "staff"}};
    for (size_t i = 0; i < ARRAY_LEN(alike); i++)
        if (!agent_words_alike(alike[i][0], alike[i][1]))
            fail_msg("%s and %s", alike[i][0], alike[i][1]);
    for (size_t i = 0; i < ARRAY_LEN(different); i++)
        if (agent_words_alike(different[i][0], different[i][1]))
            fail_msg("%s and %s", different[i][0], different[i][1]);
}

static void test_words_of_a_task(void **state)
{
    struct agent_words w = {0};
    agent_words_add(&w,
                    "Deals lost by owner, without the topic or Stage. But by channel?");
    assert_true(agent_words_want(&w, "deal_name") > 0);
    assert_true(agent_words_want(&w, "owner") > 0);
    assert_true(agent_words_group(&w, "owner") > 0);
    assert_int_equal(agent_words_group(&w, "deal_name"), 0);
    assert_true(agent_words_refuse(&w, "topic"));
    assert_true(agent_words_refuse(&w, "stage"));
    assert_false(agent_words_refuse(&w, "channel"));
    assert_true(agent_words_group(&w, "channel") > 0);
    assert_int_equal(agent_words_want(&w, "id"), 0);
}

/* ---- plans ------------------------------------------------------------------------ */

/* A table as explore would see it. */
static struct explore_value values_of[][3] = {
    {{(char[]){"won"}, false, 5},
     {(char[]){"lost"}, false, 4},
     {(char[]){"open"}, false, 1}},
    {{(char[]){"Ulm"}, false, 5}, {(char[]){"Bo'nn"}, false, 4}, {NULL, false, 0}},
};
static struct explore_column columns[] = {
    {.name = (char[]){"id"},
     .type = EXPLORE_TEXT,
     .known = true,
     .filled = 10,
     .uniques = 10,
     .words = 1},
    {.name = (char[]){"how it \"ended\""},
     .type = EXPLORE_TEXT,
     .known = true,
     .filled = 10,
     .uniques = 3,
     .words = 1,
     .is_enumerated = true,
     .values = values_of[0],
     .value_count = 3},
    {.name = (char[]){"shop"},
     .type = EXPLORE_TEXT,
     .known = true,
     .filled = 9,
     .uniques = 2,
     .words = 1,
     .is_enumerated = true,
     .values = values_of[1],
     .value_count = 2},
    {.name = (char[]){"price"},
     .type = EXPLORE_REAL,
     .known = true,
     .filled = 10,
     .uniques = 9},
    {.name = (char[]){"bought_at"},
     .type = EXPLORE_DATE,
     .known = true,
     .filled = 10,
     .uniques = 8},
    {.name = (char[]){"notes"},
     .type = EXPLORE_TEXT,
     .known = true,
     .filled = 10,
     .uniques = 10,
     .words = 25},
    {.name = (char[]){"dark"}, .type = EXPLORE_TEXT, .known = false},
};
static struct explore_table table = {.name = (char[]){"sales"},
                                     .row_count = 10,
                                     .columns = columns,
                                     .column_count = ARRAY_LEN(columns)};
static const struct explore everything = {.tables = &table, .table_count = 1};

static void plan_for(const char *task, size_t max, struct agent_plan *ret)
{
    struct agent_words w = {0};
    agent_words_add(&w, task);
    agent_plan_make(&everything, &w, max, ret);
}

static void test_the_first_query_is_what_was_asked(void **state)
{
    static const char *const cases[][2] = {
        {"Which shop closes best?", "Success (how it \"ended\") by shop"},
        {"Revenue per shop", "price by shop"},
        {"How many rows by shop?", "Rows by shop"},
        {"The trend over the months", "Rows and price by month of bought_at"},
        {"What about Ulm?", "Rows by shop"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cleanup_agent_plan struct agent_plan plan = {0};
        plan_for(cases[i][0], 8, &plan);
        assert_string_equal(plan.table, "sales");
        assert_true(plan.count > 0);
        if (strcmp(plan.queries[0].title, cases[i][1]) != 0)
            fail_msg("%s: %s", cases[i][0], plan.queries[0].title);
    }
}

static void test_names_are_quoted(void **state)
{
    cleanup_agent_plan struct agent_plan plan = {0};
    plan_for("Which shop closes best?", 8, &plan);
    assert_non_null(strstr(plan.queries[0].sql, "\"how it \"\"ended\"\"\" IN ('won')"));
    assert_non_null(strstr(plan.queries[0].sql, "\"how it \"\"ended\"\"\" IN ('lost')"));
}

static void test_what_is_no_dimension_is_not_grouped_by(void **state)
{
    cleanup_agent_plan struct agent_plan plan = {0};
    plan_for("by id and notes and dark and everything", 8, &plan);
    for (size_t i = 0; i < plan.count; i++) {
        assert_null(strstr(plan.queries[i].sql, "\"id\""));
        assert_null(strstr(plan.queries[i].sql, "\"notes\""));
        assert_null(strstr(plan.queries[i].sql, "\"dark\""));
    }
}

static void test_a_plan_has_no_more_than_it_may(void **state)
{
    for (size_t max = 1; max < 6; max++) {
        cleanup_agent_plan struct agent_plan plan = {0};
        plan_for("Which shop closes best over time, by price?", max, &plan);
        assert_true(plan.count >= 1 && plan.count <= max);
    }
    const struct explore nothing = {0};
    const struct agent_words no_words = {0};
    cleanup_agent_plan struct agent_plan plan = {0};
    agent_plan_make(&nothing, &no_words, 8, &plan);
    assert_int_equal(plan.count, 0);
}

/* ---- reports ---------------------------------------------------------------------- */

static void test_a_report_copies_figures_by_their_letters(void **state)
{
    static const char finding[] =
        "{\"title\":\"A|b\",\"sql\":\"SELECT 1\",\"label\":\"shop\",\"value\":\"n\","
        "\"rows\":[{\"shop\":\"Ulm\\n|x\",\"n\":1.50},{\"shop\":null,\"n\":1e400}]}";
    cleanup_buf struct buf out = BUF_INIT;
    assert_true(report_sentence(finding, &out));
    assert_string_equal(out.data, "A\\|b: **Ulm \\|x** has the highest n 1.50, **** the "
                                  "lowest of those shown, 1e400.");
    buf_clear(&out);
    report_table(finding, &out);
    assert_string_equal(out.data, "| shop | n |\n| --- | --- |\n| Ulm \\|x | 1.50 |\n"
                                  "|  | 1e400 |\n");
}

static void test_a_report_of_nothing(void **state)
{
    static const char *const findings[] = {"{\"skipped\":true}", "{}", "[]", "x", ""};
    for (size_t i = 0; i < ARRAY_LEN(findings); i++) {
        cleanup_buf struct buf out = BUF_INIT;
        report_section(findings[i], true, &out);
        assert_int_equal(out.len, 0);
        assert_false(report_sentence(findings[i], &out));
    }
}

/* ---- answers and scripts ---------------------------------------------------------- */

static void test_choices(void **state)
{
    static const struct {
        const char *input;
        int want;
    } cases[] = {
        {"\"go\"", 1},
        {"{\"action\":\"stop\"}", 2},
        {"{\"decision\":\"go\"}", 1},
        {"{\"go\":true}", 1},
        {"{\"go\":false,\"stop\":true}", 2},
        {"{\"action\":\"else\",\"go\":true}", 0},
        {"{}", 0},
        {"7", 0},
        {"null", 0},
        {"[\"go\"]", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (agent_choice(cases[i].input, "go", "stop") != cases[i].want)
            fail_msg("%s", cases[i].input);
}

static struct agent_event said(const char *type, const char *data)
{
    return (struct agent_event){.type = xstrdup(type), .data = xstrdup(data)};
}

static void test_what_was_said_before_is_known(void **state)
{
    struct agent_event *events = xcalloc(6, sizeof *events);
    struct agent_script s;
    events[0] = said("session.started", "{}");
    events[1] = said("a", "{}");
    events[2] = said("session.awaiting_input", "{\"q\":1}");
    events[3] = said("session.resumed", "{\"input\":{\"x\":1.0}}");
    events[4] = said("b", "{\"n\":1}");
    events[5] = said("c", "{}");
    agent_script_init(&s, events, 6);
    assert_int_equal(s.count, 5);
    assert_true(agent_script_match(&s, "a", "{}"));
    assert_null(agent_script_answer(&s));
    assert_true(agent_script_match(&s, "session.awaiting_input", "{\"q\":1}"));
    cleanup_free char *answer = agent_script_answer(&s);
    assert_string_equal(answer, "{\"x\":1.0}");
    assert_false(agent_script_match(&s, "b", "{\"n\":2}"));
    assert_false(agent_script_match(&s, "c", "{}")); /* it went another way */
    agent_script_finish(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_session_is_kept_over_a_restart),
        cmocka_unit_test(test_sub_agents_are_made_with_the_change),
        cmocka_unit_test(test_ids_sort_by_time),
        cmocka_unit_test(test_cancel_cascades),
        cmocka_unit_test(test_readers_get_all_in_any_pieces),
        cmocka_unit_test(test_a_ping_is_a_comment_between_frames),
        cmocka_unit_test(test_words_that_mean_the_same),
        cmocka_unit_test(test_words_of_a_task),
        cmocka_unit_test(test_the_first_query_is_what_was_asked),
        cmocka_unit_test(test_names_are_quoted),
        cmocka_unit_test(test_what_is_no_dimension_is_not_grouped_by),
        cmocka_unit_test(test_a_plan_has_no_more_than_it_may),
        cmocka_unit_test(test_a_report_copies_figures_by_their_letters),
        cmocka_unit_test(test_a_report_of_nothing),
        cmocka_unit_test(test_choices),
        cmocka_unit_test(test_what_was_said_before_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
