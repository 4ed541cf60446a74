/* The quick reader: tokens, members and elements of a text that json_check() accepted.
 * Nothing here looks further than it must, and nothing reads behind the given end. */
#include "json/json_lex.h"

#include <string.h>

size_t json_skip_blanks(const char *text, size_t pos, size_t end)
{
    while (pos < end && (text[pos] == ' ' || text[pos] == '\n' || text[pos] == '\t' ||
                         text[pos] == '\r'))
        pos++;
    return pos;
}

size_t json_skip_string(const char *text, size_t pos, size_t end)
{
    for (pos++; pos < end; pos++) {
        if (text[pos] == '"')
            return pos + 1;
        if (text[pos] == '\\')
            pos++;
    }
    return end;
}

static bool walk_is_delimiter(char c)
{
    return c == ',' || c == ']' || c == '}' || c == ':' || c == ' ' || c == '\n' ||
           c == '\t' || c == '\r';
}

size_t json_skip_word(const char *text, size_t pos, size_t end)
{
    while (pos < end && !walk_is_delimiter(text[pos]))
        pos++;
    return pos;
}

enum json_type json_type_at(char first)
{
    switch (first) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 'n':
        return JSON_NULL;
    case 't':
        return JSON_TRUE;
    case 'f':
        return JSON_FALSE;
    default:
        return JSON_NUMBER;
    }
}

/* Behind the token that begins at start. */
static size_t walk_skip_token(const char *text, size_t start, size_t end)
{
    switch (text[start]) {
    case '"':
        return json_skip_string(text, start, end);
    case '{':
    case '}':
    case '[':
    case ']':
    case ',':
    case ':':
        return start + 1;
    default:
        return json_skip_word(text, start, end);
    }
}

char json_next_token(const char *text, size_t *pos, size_t end, struct json_span *ret)
{
    size_t start = json_skip_blanks(text, *pos, end);
    if (start >= end)
        return '\0';
    *pos = walk_skip_token(text, start, end);
    *ret = (struct json_span){start, *pos, json_type_at(text[start])};
    return text[start];
}

/* Behind the value at pos: one pass, however deep it nests. */
static size_t walk_skip_value(const char *text, size_t pos, size_t end)
{
    size_t depth = 0;
    while ((pos = json_skip_blanks(text, pos, end)) < end) {
        char kind = text[pos];
        pos = walk_skip_token(text, pos, end);
        if (kind == '{' || kind == '[')
            depth++;
        if ((kind == '}' || kind == ']') && depth)
            depth--;
        if (!depth)
            return pos;
    }
    return end;
}

static struct json_span walk_take_value(struct json_iter *it)
{
    struct json_span value;
    value.start = json_skip_blanks(it->text, it->pos, it->end);
    value.end = walk_skip_value(it->text, value.start, it->end);
    value.type = json_type_at(value.start < it->end ? it->text[value.start] : 'n');
    it->pos = value.end;
    return value;
}

void json_iter_init(struct json_iter *it, const char *text, struct json_span container)
{
    bool walks = container.type == JSON_OBJECT || container.type == JSON_ARRAY;
    memset(it, 0, sizeof *it);
    it->text = text;
    it->pos = walks ? container.start + 1 : container.end;
    it->end = walks ? container.end - 1 : container.end;
    it->is_object = container.type == JSON_OBJECT;
    it->index = (size_t)-1; /* the first step makes it 0 */
}

bool json_iter_next(struct json_iter *it)
{
    it->pos = json_skip_blanks(it->text, it->pos, it->end);
    if (it->pos < it->end && it->text[it->pos] == ',')
        it->pos = json_skip_blanks(it->text, it->pos + 1, it->end);
    if (it->pos >= it->end)
        return false;
    if (it->is_object) {
        it->key = walk_take_value(it);
        it->pos = json_skip_blanks(it->text, it->pos, it->end) + 1; /* the colon */
    }
    it->value = walk_take_value(it);
    it->index++;
    return true;
}

bool json_member_bytes(const char *text, struct json_span obj, const char *key,
                       size_t len, struct json_span *ret_value)
{
    struct json_iter it;
    bool found = false;
    json_iter_init(&it, text, obj);
    while (it.is_object && json_iter_next(&it)) {
        if (!json_string_is_bytes(text, it.key, key, len))
            continue;
        *ret_value = it.value;
        found = true;
    }
    return found;
}

bool json_member(const char *text, struct json_span obj, const char *key,
                 struct json_span *ret_value)
{
    return json_member_bytes(text, obj, key, strlen(key), ret_value);
}

bool json_element(const char *text, struct json_span array, size_t index,
                  struct json_span *ret_value)
{
    struct json_iter it;
    json_iter_init(&it, text, array);
    while (!it.is_object && json_iter_next(&it)) {
        if (it.index < index)
            continue;
        *ret_value = it.value;
        return true;
    }
    return false;
}
