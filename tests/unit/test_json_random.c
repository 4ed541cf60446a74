/* json/ against random texts: what goes in comes out, and every value is found again.
 * And against jansson: the two agree on what is JSON. */
#include "cmocka_all.h"

#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "jansson_opinion.h"
#include "random_json.h"
#include "random_source.h"

/* Says which text it was, by its seed, before the test fails. */
static uint64_t doc_seed;
#define CHECK(condition)                                                                 \
    do {                                                                                 \
        if (!(condition))                                                                \
            fail_msg("%s, for the text of AMDAHLFS_SEED=%llu", #condition,               \
                     (unsigned long long)doc_seed);                                      \
    } while (0)

static struct json_span check_text(const struct buf *b)
{
    struct json_span root = {0};
    struct json_error error;
    if (json_check(b->data, b->len, &JSON_LIMITS_USER, &root, &error) < 0)
        fail_msg("refused at %zu: %s, for the text of AMDAHLFS_SEED=%llu", error.offset,
                 error.message, (unsigned long long)doc_seed);
    return root;
}

/* ---- the random texts -------------------------------------------------------------- */

static void check_print(const struct random_json *doc, struct json_span root)
{
    cleanup_buf struct buf indented = BUF_INIT;
    cleanup_buf struct buf again = BUF_INIT;
    cleanup_buf struct buf compact = BUF_INIT;
    cleanup_buf struct buf straight = BUF_INIT;
    const char *text = doc->text.data;
    json_reindent(&indented, text, root);
    struct json_span indented_root = check_text(&indented);
    CHECK(json_same_tokens(text, root, indented.data, indented_root));
    json_reindent(&again, indented.data, indented_root);
    CHECK(again.len == indented.len && !memcmp(again.data, indented.data, again.len));
    json_compact(&compact, indented.data, indented_root);
    json_compact(&straight, text, root);
    CHECK(compact.len == straight.len &&
          !memcmp(compact.data, straight.data, compact.len));
    struct json_span compact_root = check_text(&compact);
    CHECK(json_same_tokens(text, root, compact.data, compact_root));
    CHECK(json_same_value(text, root, compact.data, compact_root));
}

static void check_string(const char *text, struct json_span value,
                         const struct random_sample *s)
{
    cleanup_buf struct buf decoded = BUF_INIT;
    cleanup_buf struct buf quoted = BUF_INIT;
    json_string_decode(text, value, &decoded);
    CHECK(decoded.len == s->decoded.len);
    CHECK(!decoded.len || !memcmp(decoded.data, s->decoded.data, decoded.len));
    json_quote(&quoted, decoded.data, decoded.len);
    CHECK(json_same_tokens(text, value, quoted.data, check_text(&quoted)));
    CHECK(json_utf8_valid(decoded.len ? decoded.data : "", decoded.len, NULL));
    for (int i = 0; i < 8 && decoded.len; i++) {
        size_t at = random_below(decoded.len);
        CHECK(json_string_offset(text, value, at) == s->origin[at]);
    }
    CHECK(json_string_offset(text, value, decoded.len) == value.end - 1);
}

static void check_samples(const struct random_json *doc, struct json_span root)
{
    const char *text = doc->text.data;
    for (size_t i = 0; i < doc->samples_len; i++) {
        const struct random_sample *s = &doc->samples[i];
        struct json_span value;
        CHECK(json_path(text, root, s->path, &value));
        CHECK(value.start == s->start && value.end == s->end);
        CHECK(json_path(text, root, s->pointer, &value));
        CHECK(value.start == s->start && value.end == s->end);
        if (s->is_string)
            check_string(text, value, s);
    }
}

/* Another value in one place: no longer the same. */
static void check_difference(const struct random_json *doc, struct json_span root)
{
    cleanup_buf struct buf other = BUF_INIT;
    if (!doc->samples_len)
        return;
    const struct random_sample *s = &doc->samples[random_below(doc->samples_len)];
    buf_append(&other, doc->text.data, s->start);
    buf_puts(&other, "\"no random string says this\"");
    buf_append(&other, doc->text.data + s->end, doc->text.len - s->end);
    struct json_span other_root = check_text(&other);
    CHECK(!json_same_tokens(doc->text.data, root, other.data, other_root));
    CHECK(!json_same_value(doc->text.data, root, other.data, other_root));
}

static void check_plan(const struct random_plan *plan)
{
    struct random_json doc;
    doc_seed = random_state;
    random_json_make(&doc, plan);
    struct json_span root = check_text(&doc.text);
    check_print(&doc, root);
    check_samples(&doc, root);
    check_difference(&doc, root);
    random_json_finish(&doc);
}

static void test_small(void **state)
{
    for (int i = 0; i < 300; i++)
        check_plan(&(struct random_plan){.bytes = random_below(3000),
                                         .depth = random_below(20),
                                         .nesting = 10 + (unsigned)random_below(60),
                                         .sample_rate = 4});
}

static void test_deep(void **state)
{
    for (int i = 0; i < 6; i++)
        check_plan(&(struct random_plan){.bytes = 20000,
                                         .depth = 700 + random_below(301),
                                         .nesting = 90,
                                         .sample_rate = 100});
}

static void test_large(void **state)
{
    check_plan(&(struct random_plan){
        .bytes = 5 << 20, .depth = 40, .nesting = 30, .sample_rate = 10000});
    check_plan(&(struct random_plan){.bytes = 1 + random_below(5 << 20),
                                     .depth = 8,
                                     .nesting = 5,
                                     .sample_rate = 10000});
    /* deep and long: too slow to look many values up in, but printed and compared */
    check_plan(&(struct random_plan){
        .bytes = 1 << 20, .depth = RANDOM_DEPTH, .nesting = 80, .sample_rate = 10000000});
}

/* ---- jansson ----------------------------------------------------------------------- */

static void mutate(struct buf *b)
{
    static const char alphabet[] = "{}[],:\"\\ \n\t0123456789.-+eEutrufalsn/\xc3\xa9\xed"
                                   "\xa0\x80\xf0\x9f\x7f\x01\xff";
    for (size_t n = random_below(4); n && b->len; n--) {
        size_t at = random_below(b->len);
        char c = alphabet[random_below(sizeof alphabet - 1)];
        if (random_percent(40)) {
            b->data[at] = c;
        } else if (random_percent(50)) {
            memmove(b->data + at, b->data + at + 1, b->len - at - 1);
            buf_resize(b, b->len - 1);
        } else {
            buf_resize(b, b->len + 1);
            memmove(b->data + at + 1, b->data + at, b->len - at - 1);
            b->data[at] = c;
        }
    }
}

static bool compare_verdicts(const struct buf *b, bool refuse_duplicates)
{
    struct json_limits limits = {1 << 20, 1000, refuse_duplicates};
    struct json_error ours = {.message = ""};
    const char *text = b->len ? b->data : "";
    enum jansson_opinion theirs = jansson_check(text, b->len, refuse_duplicates);
    if (theirs == JANSSON_ABSTAINS)
        return false;
    bool mine = json_check(text, b->len, &limits, NULL, &ours) == 0;
    if (mine != (theirs == JANSSON_ACCEPTS))
        fail_msg("jansson does not agree; we %s (%s): %s\nAMDAHLFS_SEED=%llu",
                 mine ? "accept" : "refuse", ours.message, text,
                 (unsigned long long)doc_seed);
    return mine;
}

static void test_jansson_verdicts(void **state)
{
    unsigned accepted = 0;
    unsigned refused = 0;
    for (int i = 0; i < 20000; i++) {
        struct random_json doc;
        doc_seed = random_state;
        random_json_make(&doc, &(struct random_plan){.bytes = random_below(60),
                                                     .depth = random_below(6),
                                                     .nesting = 30,
                                                     .sample_rate = 1000000});
        mutate(&doc.text);
        compare_verdicts(&doc.text, false);
        if (compare_verdicts(&doc.text, true))
            accepted++;
        else
            refused++;
        random_json_finish(&doc);
    }
    assert_true(accepted > 1000 &&
                refused > 1000); /* the mutations are worth something */
}

/* What jansson writes, keys sorted and strings escaped anew, is the same value. Integers
 * only: its reals are doubles. */
static void test_jansson_values(void **state)
{
    for (int i = 0; i < 500; i++) {
        struct random_json doc;
        doc_seed = random_state;
        random_json_make(&doc, &(struct random_plan){.bytes = random_below(4000),
                                                     .depth = 20,
                                                     .nesting = 30,
                                                     .integers = true,
                                                     .sample_rate = 1000000});
        cleanup_free char *dump = jansson_rewrite(doc.text.data, doc.text.len);
        CHECK(dump);
        struct buf b = {dump, strlen(dump), 0};
        CHECK(
            json_same_value(doc.text.data, check_text(&doc.text), dump, check_text(&b)));
        random_json_finish(&doc);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small),          cmocka_unit_test(test_deep),
        cmocka_unit_test(test_large),          cmocka_unit_test(test_jansson_verdicts),
        cmocka_unit_test(test_jansson_values),
    };
    random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
