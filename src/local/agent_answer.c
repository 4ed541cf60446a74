#include "local/agent_answer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"

static bool parse(const char *json, struct json_span *ret_root)
{
    return json_check(json, strlen(json), &JSON_LIMITS_WIRE, ret_root, NULL) == 0;
}

static int which(const char *json, struct json_span word, const char *first,
                 const char *second)
{
    if (word.type != JSON_STRING)
        return 0;
    if (json_string_is(json, word, first))
        return 1;
    return json_string_is(json, word, second) ? 2 : 0;
}

int agent_choice(const char *input, const char *first, const char *second)
{
    static const char *const names[] = {"action", "decision", "choice", "answer"};
    struct json_span root;
    struct json_span value;
    if (!parse(input, &root))
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (json_member(input, root, names[i], &value))
            return which(input, value, first, second);
    if (json_member(input, root, first, &value) && value.type == JSON_TRUE)
        return 1;
    if (json_member(input, root, second, &value) && value.type == JSON_TRUE)
        return 2;
    return which(input, root, first, second);
}

char *agent_member_text(const char *json, const char *name)
{
    struct json_span root;
    struct json_span value;
    if (!json || !parse(json, &root) || !json_member(json, root, name, &value))
        return NULL;
    return json_string_dup(json, value);
}

long long agent_member_number(const char *json, const char *name, long long fallback)
{
    struct json_span root;
    struct json_span value;
    if (!json || !parse(json, &root) || !json_member(json, root, name, &value) ||
        value.type != JSON_NUMBER)
        return fallback;
    return strtoll(json + value.start, NULL, 10);
}
