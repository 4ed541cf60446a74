/* envelope.c - what stands around the things that were asked for. */
#include <string.h>

#include "base/alloc.h"
#include "platform/internal.h"

enum { ENVELOPE_CURSOR_MAX = 4096 };

/* The names a list has been seen under, in the order tried. */
static const char *const envelope_names[] = {"items", "pages", "data", "templates"};
/* Where paging may be spoken of, besides the object itself. */
static const char *const envelope_places[] = {"pagination", "meta", "page_info"};

static bool envelope_is_lone_data(const char *text, struct json_span value,
                                  struct json_span *ret_inner)
{
    struct json_iter it;
    if (value.type != JSON_OBJECT)
        return false;
    json_iter_init(&it, text, value);
    if (!json_iter_next(&it) || !json_string_is(text, it.key, "data"))
        return false;
    struct json_span inner = it.value;
    if (json_iter_next(&it) || (inner.type != JSON_OBJECT && inner.type != JSON_ARRAY))
        return false;
    *ret_inner = inner;
    return true;
}

struct json_span envelope_unwrap(const char *text, struct json_span value)
{
    struct json_span inner;
    for (unsigned layers = 0; layers < 2; layers++) {
        if (!envelope_is_lone_data(text, value, &inner))
            break;
        value = inner;
    }
    return value;
}

/* ---- lists ------------------------------------------------------------------------ */

/* The one array among the members; false when there is none, or more than one. */
static bool envelope_single_array(const char *text, struct json_span object,
                                  struct json_span *ret)
{
    struct json_iter it;
    unsigned found = 0;
    json_iter_init(&it, text, object);
    while (json_iter_next(&it)) {
        if (it.value.type != JSON_ARRAY)
            continue;
        *ret = it.value;
        found++;
    }
    return found == 1;
}

static bool envelope_items_in(const char *text, struct json_span object,
                              struct json_span *ret)
{
    struct json_span value;
    for (size_t i = 0; i < ARRAY_LEN(envelope_names); i++)
        if (json_member(text, object, envelope_names[i], &value) &&
            value.type == JSON_ARRAY) {
            *ret = value;
            return true;
        }
    return envelope_single_array(text, object, ret);
}

static long envelope_count(const char *text, struct json_span value)
{
    char digits[16];
    size_t len = value.end - value.start;
    if (value.type != JSON_NUMBER || len >= sizeof digits)
        return -1;
    memcpy(digits, text + value.start, len);
    digits[len] = '\0';
    return strspn(digits, "0123456789") == len ? atol(digits) : -1;
}

/* A cursor is a string; some print theirs as a number. It is sent back as it came. */
static char *envelope_cursor(const char *text, struct json_span value)
{
    if (value.end - value.start > ENVELOPE_CURSOR_MAX)
        return NULL;
    if (value.type == JSON_NUMBER)
        return xstrndup(text + value.start, value.end - value.start);
    cleanup_free char *cursor =
        value.type == JSON_STRING ? json_string_dup(text, value) : NULL;
    return cursor && *cursor ? steal_ptr(cursor) : NULL;
}

static void envelope_paging(const char *text, struct json_span object,
                            struct envelope_list *list)
{
    struct json_span value;
    if (!list->next_cursor && json_member(text, object, "next_cursor", &value))
        list->next_cursor = envelope_cursor(text, value);
    if (list->has_more < 0 && json_member(text, object, "has_more", &value) &&
        (value.type == JSON_TRUE || value.type == JSON_FALSE))
        list->has_more = value.type == JSON_TRUE;
    if (list->total < 0 && json_member(text, object, "total", &value))
        list->total = envelope_count(text, value);
    if (json_member(text, object, "offset", &value) && value.type == JSON_NUMBER)
        list->offset_said = true;
}

static void envelope_paging_around(const char *text, struct json_span object,
                                   struct envelope_list *list)
{
    struct json_span place;
    if (object.type != JSON_OBJECT)
        return;
    envelope_paging(text, object, list);
    for (size_t i = 0; i < ARRAY_LEN(envelope_places); i++)
        if (json_member(text, object, envelope_places[i], &place) &&
            place.type == JSON_OBJECT)
            envelope_paging(text, place, list);
}

bool envelope_read_list(const char *text, struct json_span root,
                        struct envelope_list *ret)
{
    struct json_span outer = root;
    struct json_span inner;
    *ret = (struct envelope_list){.has_more = -1, .total = -1};
    root = envelope_unwrap(text, root);
    if (root.type == JSON_ARRAY) {
        ret->items = root;
        return true;
    }
    if (root.type != JSON_OBJECT)
        return false;
    envelope_paging_around(text, root, ret);
    if (envelope_items_in(text, root, &ret->items))
        return true;
    /* {"success": true, "data": {"items": [...]}} */
    if (json_member(text, outer, "data", &inner) && inner.type == JSON_OBJECT &&
        envelope_items_in(text, inner, &ret->items)) {
        envelope_paging_around(text, inner, ret);
        return true;
    }
    envelope_list_finish(ret);
    return false;
}

void envelope_list_finish(struct envelope_list *list)
{
    free(list->next_cursor);
    list->next_cursor = NULL;
}
