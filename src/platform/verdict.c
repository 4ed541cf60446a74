/* verdict.c - the verifier's verdict, wherever and however it came. */
#include <string.h>

#include "base/alloc.h"
#include "platform/internal.h"

enum { VERDICT_FAULTS_MAX = 1000 };

/* From the outside in. */
static const char *const verdict_places[] = {
    "",
    "data",
    "verdict",
    "data.verdict",
    "error.details.verdict",
    "error.details",
    "error.verdict",
    "details.verdict",
    "details",
    "data.error.details.verdict",
    "data.error.details",
};

static bool verdict_bool(const char *text, struct json_span object, const char *key,
                         bool *ret)
{
    struct json_span value;
    if (!json_member(text, object, key, &value) ||
        (value.type != JSON_TRUE && value.type != JSON_FALSE))
        return false;
    *ret = value.type == JSON_TRUE;
    return true;
}

/* By its marks, since other answers too have an "ok" or an "errors". */
static bool verdict_is_one(const char *text, struct json_span object)
{
    struct json_span value;
    bool ok = true;
    if (object.type != JSON_OBJECT)
        return false;
    bool has_ok = verdict_bool(text, object, "ok", &ok);
    bool has_stages =
        json_member(text, object, "stages", &value) && value.type == JSON_OBJECT;
    bool has_errors =
        json_member(text, object, "errors", &value) && value.type == JSON_ARRAY;
    bool has_custom = json_member(text, object, "has_custom_nodes", &value);
    if (ok && json_member(text, object, "id", &value))
        return false; /* {"ok": true, "id": ...} acknowledges a write */
    return (has_ok && (has_stages || has_errors || has_custom)) || has_stages ||
           (has_ok && !ok) || (has_errors && !has_ok);
}

static unsigned verdict_number(const char *text, struct json_span fault, const char *key)
{
    struct json_span value;
    unsigned n = 0;
    if (!json_member(text, fault, key, &value) || value.type != JSON_NUMBER)
        return 0;
    for (size_t i = value.start; i < value.end; i++) {
        if (text[i] < '0' || text[i] > '9' || n > 100000000)
            return 0;
        n = n * 10 + (unsigned)(text[i] - '0');
    }
    return n;
}

static char *verdict_string(const char *text, struct json_span fault, const char *key)
{
    struct json_span value;
    return json_member(text, fault, key, &value) ? json_string_dup(text, value) : NULL;
}

/* An error is an object, or just a sentence. */
static void verdict_read_fault(const char *text, struct json_span value,
                               struct platform_fault *ret)
{
    if (value.type == JSON_OBJECT) {
        ret->stage = verdict_string(text, value, "stage");
        ret->message = verdict_string(text, value, "message");
        ret->field = verdict_string(text, value, "field");
        ret->line = verdict_number(text, value, "line");
        ret->column = verdict_number(text, value, "column");
    } else {
        ret->message = json_string_dup(text, value);
    }
    if (!ret->stage)
        ret->stage = xstrdup("");
    if (!ret->message)
        ret->message = xstrdup("refused without a word");
}

static void verdict_read_faults(const char *text, struct json_span errors,
                                struct platform_verdict *v)
{
    struct json_iter it;
    size_t cap = 0;
    if (errors.type != JSON_ARRAY)
        return;
    json_iter_init(&it, text, errors);
    while (json_iter_next(&it) && v->fault_count < VERDICT_FAULTS_MAX) {
        if (v->fault_count == cap) {
            cap = cap ? 2 * cap : 8;
            v->faults = xrealloc(v->faults, cap * sizeof *v->faults);
        }
        struct platform_fault *fault = &v->faults[v->fault_count++];
        *fault = (struct platform_fault){0};
        verdict_read_fault(text, it.value, fault);
    }
}

/* Where "ok" is not said: no error, and no stage that failed. */
static bool verdict_guess_ok(const char *text, struct json_span object, size_t faults)
{
    struct json_span stages;
    struct json_iter it;
    if (faults)
        return false;
    if (!json_member(text, object, "stages", &stages) || stages.type != JSON_OBJECT)
        return true;
    json_iter_init(&it, text, stages);
    while (json_iter_next(&it))
        if (it.value.type == JSON_FALSE)
            return false;
    return true;
}

static void verdict_read(struct text *text, struct json_span object,
                         struct platform_verdict *ret)
{
    struct json_span errors;
    *ret = (struct platform_verdict){.text = text_ref(text), .object = object};
    if (json_member(text->data, object, "errors", &errors))
        verdict_read_faults(text->data, errors, ret);
    if (!verdict_bool(text->data, object, "ok", &ret->ok))
        ret->ok = verdict_guess_ok(text->data, object, ret->fault_count);
    verdict_bool(text->data, object, "has_custom_nodes", &ret->has_custom_nodes);
}

bool verdict_find(struct text *text, struct json_span root, struct platform_verdict *ret)
{
    struct json_span at;
    for (size_t i = 0; i < ARRAY_LEN(verdict_places); i++) {
        if (!json_path(text->data, root, verdict_places[i], &at) ||
            !verdict_is_one(text->data, at))
            continue;
        verdict_read(text, at, ret);
        return true;
    }
    return false;
}

void verdict_finish(struct platform_verdict *v)
{
    for (size_t i = 0; i < v->fault_count; i++) {
        free(v->faults[i].stage);
        free(v->faults[i].message);
        free(v->faults[i].field);
    }
    free(v->faults);
    text_unref(v->text);
    *v = (struct platform_verdict){0};
}
