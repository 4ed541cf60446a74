/* The check of a whole text. A small machine with an explicit stack: what may come next
 * is its state, and the arrays and objects that are open are its stack. */
#include "json/json_lex.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"

enum check_state {
    CHECK_VALUE,         /* a value must follow */
    CHECK_FIRST_ELEMENT, /* behind '[' */
    CHECK_FIRST_KEY,     /* behind '{' */
    CHECK_KEY,           /* behind a comma in an object */
    CHECK_AFTER,         /* behind a value */
};

struct check_frame {
    size_t start; /* the bracket */
    size_t first_key;
};

struct check_key {
    uint32_t hash, start, end;
};

struct checker {
    const char *text;
    size_t len, pos;
    unsigned max_depth;
    bool want_keys;
    enum check_state state;
    struct check_frame *frames; /* owned */
    size_t depth, frames_cap;
    /* The keys of the objects that are open, those of one object side by side: when it
     * closes they are sorted, equal ones found, and dropped. */
    struct check_key *keys; /* owned */
    size_t keys_len, keys_cap;
    struct json_fault fault;
};

/* ---- duplicate keys ---------------------------------------------------------------- */

static struct json_span key_span(const struct check_key *k)
{
    return (struct json_span){k->start, k->end, JSON_STRING};
}

static void key_push(struct checker *c, size_t start, size_t end)
{
    struct check_key key = {0, (uint32_t)start, (uint32_t)end};
    if (!c->want_keys)
        return;
    if (c->keys_len == c->keys_cap) {
        c->keys_cap = c->keys_cap ? c->keys_cap * 2 : 64;
        c->keys = xrealloc(c->keys, c->keys_cap * sizeof *c->keys);
    }
    key.hash = json_string_hash(c->text, key_span(&key));
    c->keys[c->keys_len++] = key;
}

static int key_order(const void *a, const void *b, void *text)
{
    const struct check_key *ka = a;
    const struct check_key *kb = b;
    if (ka->hash != kb->hash)
        return ka->hash < kb->hash ? -1 : 1;
    int order = json_string_compare(text, key_span(ka), text, key_span(kb));
    return order ? order : (ka->start > kb->start) - (ka->start < kb->start);
}

static int key_fault(struct checker *c, const struct check_key *first,
                     const struct check_key *second)
{
    enum { SHOWN = 60 };
    const char *key = c->text + second->start;
    size_t width = second->end - second->start;
    unsigned line;
    unsigned column;
    json_position(c->text, c->len, first->start, &line, &column);
    bool cut = width > SHOWN;
    width = utf8_cut(key, width, SHOWN);
    return json_fault(&c->fault, second->start,
                      "duplicate key %.*s%s (the first is at line %u, column %u)",
                      (int)width, key, cut ? "...\"" : "", line, column);
}

/* The keys from `first` on belong to an object that has closed. */
static int key_check(struct checker *c, size_t first)
{
    size_t n = c->keys_len - first;
    const struct check_key *bad = NULL;
    if (n < 2) {
        c->keys_len = first;
        return 0;
    }
    struct check_key *keys = c->keys + first;
    qsort_r(keys, n, sizeof *keys, key_order, (void *)(uintptr_t)c->text);
    for (size_t i = 1; i < n; i++) {
        if (keys[i].hash != keys[i - 1].hash || (bad && keys[i].start > bad->start))
            continue;
        if (!json_string_compare(c->text, key_span(&keys[i - 1]), c->text,
                                 key_span(&keys[i])))
            bad = &keys[i];
    }
    c->keys_len = first;
    return bad ? key_fault(c, bad - 1, bad) : 0;
}

/* ---- arrays and objects ------------------------------------------------------------ */

static const char *check_container(const struct checker *c)
{
    return c->text[c->frames[c->depth - 1].start] == '{' ? "object" : "array";
}

static int check_open(struct checker *c)
{
    if (c->depth == c->max_depth)
        return json_fault(&c->fault, c->pos, "nested deeper than %u levels",
                          c->max_depth);
    if (c->depth == c->frames_cap) {
        c->frames_cap = c->frames_cap ? c->frames_cap * 2 : 32;
        c->frames = xrealloc(c->frames, c->frames_cap * sizeof *c->frames);
    }
    c->frames[c->depth++] = (struct check_frame){c->pos, c->keys_len};
    c->state = c->text[c->pos] == '{' ? CHECK_FIRST_KEY : CHECK_FIRST_ELEMENT;
    c->pos++;
    return 0;
}

static int check_close(struct checker *c)
{
    size_t first_key = c->frames[--c->depth].first_key;
    c->pos++;
    c->state = CHECK_AFTER;
    return c->want_keys ? key_check(c, first_key) : 0;
}

/* ---- what went wrong --------------------------------------------------------------- */

static int check_fault_end(struct checker *c)
{
    unsigned line;
    unsigned column;
    if (!c->depth)
        return json_fault(&c->fault, c->pos, "no value: the text is empty");
    json_position(c->text, c->len, c->frames[c->depth - 1].start, &line, &column);
    return json_fault(&c->fault, c->pos,
                      "the text ends inside the %s that begins at line %u, column %u",
                      check_container(c), line, column);
}

/* A byte that begins no token here. */
static int check_fault_byte(struct checker *c, const char *wanted)
{
    unsigned char b = (unsigned char)c->text[c->pos];
    if (!b)
        return json_fault(&c->fault, c->pos, "a NUL byte: this is not a text");
    if (b == '/' || b == '#')
        return json_fault(&c->fault, c->pos, "JSON has no comments");
    if (b == '\'')
        return json_fault(&c->fault, c->pos,
                          "%s is wanted here; strings take double quotes", wanted);
    if (isgraph(b))
        return json_fault(&c->fault, c->pos, "%s is wanted here, not '%c'", wanted, b);
    uint32_t code;
    size_t n = utf8_decode(c->text + c->pos, c->len - c->pos, &code);
    if (n && !utf8_is_control(code))
        return json_fault(&c->fault, c->pos, "%s is wanted here, not '%.*s'", wanted,
                          (int)n, c->text + c->pos);
    return json_fault(&c->fault, c->pos, "%s is wanted here, not the byte 0x%02x", wanted,
                      b);
}

/* The comma before the bracket at pos. */
static int check_fault_comma(struct checker *c)
{
    size_t comma = c->pos;
    while (comma > 0 && c->text[comma] != ',')
        comma--;
    return json_fault(&c->fault, comma, "a comma behind the last %s of an %s",
                      c->text[c->pos] == '}' ? "member" : "element", check_container(c));
}

/* ---- the states -------------------------------------------------------------------- */

static int check_value(struct checker *c)
{
    char b = c->text[c->pos];
    if (b == '{' || b == '[')
        return check_open(c);
    c->state = CHECK_AFTER;
    if (b == '"')
        return json_lex_string(c->text, c->len, &c->pos, &c->fault);
    if (b == '-' || (b >= '0' && b <= '9'))
        return json_lex_number(c->text, c->len, &c->pos, &c->fault);
    if (isalpha((unsigned char)b))
        return json_lex_literal(c->text, c->len, &c->pos, &c->fault);
    if (b == '+' || b == '.')
        return json_fault(&c->fault, c->pos, "a number must not begin with '%c'", b);
    if (b == ']' && c->depth && c->text[c->frames[c->depth - 1].start] == '[')
        return check_fault_comma(c);
    return check_fault_byte(c, "a value");
}

static int check_first_element(struct checker *c)
{
    return c->text[c->pos] == ']' ? check_close(c) : check_value(c);
}

static int check_key(struct checker *c)
{
    size_t start = c->pos;
    if (c->text[start] == '}')
        return check_fault_comma(c);
    if (c->text[start] != '"')
        return check_fault_byte(c, "a key in double quotes");
    int err = json_lex_string(c->text, c->len, &c->pos, &c->fault);
    if (err < 0)
        return err;
    key_push(c, start, c->pos);
    c->pos = json_skip_blanks(c->text, c->pos, c->len);
    if (c->pos == c->len)
        return check_fault_end(c);
    if (c->text[c->pos] != ':')
        return check_fault_byte(c, "':' behind the key");
    c->pos++;
    c->state = CHECK_VALUE;
    return 0;
}

static int check_first_key(struct checker *c)
{
    return c->text[c->pos] == '}' ? check_close(c) : check_key(c);
}

static int check_after(struct checker *c)
{
    char b = c->text[c->pos];
    if (!c->depth)
        return b ? json_fault(&c->fault, c->pos, "more text behind the end of the value")
                 : check_fault_byte(c, "nothing more");
    bool object = c->text[c->frames[c->depth - 1].start] == '{';
    if (b == (object ? '}' : ']'))
        return check_close(c);
    if (b != ',')
        return check_fault_byte(c, object ? "',' or '}'" : "',' or ']'");
    c->pos++;
    c->state = object ? CHECK_KEY : CHECK_VALUE;
    return 0;
}

static int (*const check_steps[])(struct checker *) = {
    [CHECK_VALUE] = check_value,         [CHECK_FIRST_ELEMENT] = check_first_element,
    [CHECK_FIRST_KEY] = check_first_key, [CHECK_KEY] = check_key,
    [CHECK_AFTER] = check_after,
};

/* ---- the whole --------------------------------------------------------------------- */

static int check_mark(struct checker *c)
{
    if (c->len >= 3 && !memcmp(c->text, "\xEF\xBB\xBF", 3))
        return json_fault(&c->fault, 0,
                          "a byte-order mark before the text: save it as UTF-8 without");
    if (c->len >= 2 &&
        (!memcmp(c->text, "\xFF\xFE", 2) || !memcmp(c->text, "\xFE\xFF", 2)))
        return json_fault(&c->fault, 0,
                          "the byte-order mark of UTF-16: save the text as UTF-8");
    return 0;
}

static int check_run(struct checker *c, struct json_span *ret_root)
{
    int err = check_mark(c);
    c->pos = json_skip_blanks(c->text, 0, c->len);
    struct json_span root = {.start = c->pos};
    while (err == 0) {
        bool complete = c->state == CHECK_AFTER && !c->depth;
        if (complete && !root.end)
            root.end = c->pos;
        c->pos = json_skip_blanks(c->text, c->pos, c->len);
        if (c->pos == c->len && complete)
            break;
        err = c->pos == c->len ? check_fault_end(c) : check_steps[c->state](c);
    }
    if (err < 0)
        return err;
    root.type = json_type_at(c->text[root.start]);
    if (ret_root)
        *ret_root = root;
    return 0;
}

static int check_size(size_t len, const struct json_limits *limits,
                      struct json_fault *fault)
{
    size_t max = limits->max_bytes < JSON_BYTES_MAX ? limits->max_bytes : JSON_BYTES_MAX;
    if (len <= max)
        return 0;
    json_fault(fault, 0, "the text has %zu bytes, and %zu are allowed", len, max);
    return -EFBIG;
}

static void check_report(const struct checker *c, struct json_error *error)
{
    if (!error)
        return;
    error->offset = c->fault.offset;
    snprintf(error->message, sizeof error->message, "%s", c->fault.message);
    json_position(c->text, c->len, error->offset, &error->line, &error->column);
}

int json_check(const char *text, size_t len, const struct json_limits *limits,
               struct json_span *ret_root, struct json_error *ret_error)
{
    struct checker c = {
        .text = text,
        .len = len,
        .max_depth =
            limits->max_depth < JSON_DEPTH_MAX ? limits->max_depth : JSON_DEPTH_MAX,
        .want_keys = limits->refuse_duplicate_keys,
    };
    int err = check_size(len, limits, &c.fault);
    if (err == 0)
        err = check_run(&c, ret_root);
    if (err < 0)
        check_report(&c, ret_error);
    free(c.frames);
    free(c.keys);
    return err;
}

void json_position(const char *text, size_t len, size_t offset, unsigned *ret_line,
                   unsigned *ret_column)
{
    unsigned line = 1;
    size_t from = 0;
    const char *newline;
    if (offset > len)
        offset = len;
    while (from < offset && (newline = memchr(text + from, '\n', offset - from))) {
        line++;
        from = (size_t)(newline - text) + 1;
    }
    *ret_line = line;
    *ret_column = (unsigned)(offset - from) + 1;
}
