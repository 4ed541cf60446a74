/* The same tokens with other blanks between them. */
#include "json/json_lex.h"

#include <string.h>

/* Indentation may cost this much: a hostile text nests 1,000 deep and then holds a
 * million short elements, each of which would be indented by 2,000 blanks. */
enum { LAYOUT_FREE_BLANKS = 1 << 20, LAYOUT_BLANKS_PER_BYTE = 16 };

/* Writes, or only counts when there is no out. */
struct layout {
    struct buf *out;
    unsigned step; /* blanks a level */
    size_t depth;
    size_t tokens, blanks; /* bytes of each */
};

static void layout_token(struct layout *lay, const char *token, size_t len)
{
    lay->tokens += len;
    if (lay->out)
        buf_append(lay->out, token, len);
}

static void layout_line(struct layout *lay)
{
    size_t width = lay->depth * lay->step;
    lay->blanks += width + 1;
    if (!lay->out)
        return;
    buf_putc(lay->out, '\n');
    buf_resize(lay->out, lay->out->len + width);
    memset(lay->out->data + lay->out->len - width, ' ', width);
}

/* The bracket that opens an array or object; an empty one is closed at once. */
static void layout_open(struct layout *lay, const char *text, size_t *pos, size_t end)
{
    size_t next = json_skip_blanks(text, *pos, end);
    if (next < end && (text[next] == ']' || text[next] == '}')) {
        layout_token(lay, text + next, 1);
        *pos = next + 1;
        return;
    }
    lay->depth++;
    layout_line(lay);
}

static void layout_run(struct layout *lay, const char *text, struct json_span value)
{
    struct json_span token;
    size_t pos = value.start;
    char kind;
    while ((kind = json_next_token(text, &pos, value.end, &token))) {
        bool closes = kind == ']' || kind == '}';
        if (closes && lay->depth)
            lay->depth--;
        if (closes)
            layout_line(lay);
        layout_token(lay, text + token.start, token.end - token.start);
        if (kind == '[' || kind == '{')
            layout_open(lay, text, &pos, value.end);
        else if (kind == ',')
            layout_line(lay);
        else if (kind == ':' && lay->out)
            buf_putc(lay->out, ' ');
    }
}

unsigned json_indent_step(const char *text, struct json_span value)
{
    struct layout sizes = {.step = 2};
    layout_run(&sizes, text, value);
    /* Judged by the tokens alone, so that indenting twice changes nothing. */
    bool affordable = sizes.blanks <= LAYOUT_FREE_BLANKS ||
                      sizes.blanks / LAYOUT_BLANKS_PER_BYTE <= sizes.tokens;
    return affordable ? 2 : 0;
}

void json_reindent_part(struct buf *out, const char *text, struct json_span value,
                        unsigned step, size_t depth)
{
    struct layout lay = {.out = out, .step = step, .depth = depth};
    layout_run(&lay, text, value);
}

void json_reindent(struct buf *out, const char *text, struct json_span value)
{
    json_reindent_part(out, text, value, json_indent_step(text, value), 0);
    buf_putc(out, '\n');
}

void json_compact(struct buf *out, const char *text, struct json_span value)
{
    struct json_span token;
    size_t pos = value.start;
    while (json_next_token(text, &pos, value.end, &token))
        buf_append(out, text + token.start, token.end - token.start);
}
