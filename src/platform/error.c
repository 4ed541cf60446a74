/* error.c - what went wrong, out of the shapes that platforms say it in. */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "platform/internal.h"

enum { ERROR_WORDS_MAX = 500, ERROR_CODE_MAX = 60 };

static const struct {
    long status;
    int err;
} error_statuses[] = {
    {401, -EACCES},    {403, -EACCES}, {404, -ENOENT}, {410, -ENOENT},
    {408, -ETIMEDOUT}, {409, -ESTALE}, {412, -ESTALE}, {413, -EFBIG},
    {423, -EBUSY},     {425, -EBUSY},  {429, -EBUSY},
};

/* What is not here is a bad argument. */
static const struct {
    const char *code;
    int err;
} error_codes[] = {
    {"unauthenticated", -EACCES},   {"unauthorized", -EACCES},
    {"forbidden", -EACCES},         {"scope_denied", -EACCES},
    {"missing_scope", -EACCES},     {"role_too_low", -EACCES},
    {"not_admin", -EACCES},         {"oauth_required", -EACCES},
    {"not_on_public_api", -EACCES}, {"feature_disabled", -EACCES},
    {"not_found", -ENOENT},         {"page_not_found", -ENOENT},
    {"conflict", -ESTALE},          {"rate_limited", -EBUSY},
    {"quota_exceeded", -EBUSY},     {"quota_exhausted", -EBUSY},
    {"too_many_pending", -EBUSY},   {"internal", -EIO},
    {"internal_error", -EIO},       {"unavailable", -EIO},
};

int error_from_status(long status)
{
    for (size_t i = 0; i < ARRAY_LEN(error_statuses); i++)
        if (error_statuses[i].status == status)
            return error_statuses[i].err;
    return status >= 400 && status < 500 ? -EPROTO : -EIO;
}

int error_from_code(const char *code)
{
    for (size_t i = 0; i < ARRAY_LEN(error_codes); i++)
        if (!strcmp(error_codes[i].code, code))
            return error_codes[i].err;
    return -EPROTO;
}

/* ---- the four shapes -------------------------------------------------------------- */

/* A string decoded, a number by its letters, else NULL. */
static char *error_member(const char *text, struct json_span object, const char *key)
{
    struct json_span value;
    if (!json_member(text, object, key, &value))
        return NULL;
    if (value.type == JSON_NUMBER)
        return xstrndup(text + value.start, value.end - value.start);
    return json_string_dup(text, value);
}

static bool error_is_code(const char *s)
{
    return *s && !s[strspn(s, "abcdefghijklmnopqrstuvwxyz_.0123456789")];
}

/* {"error": "<code>", "message"} and {"error": "<sentence>", "code"}: a lone string is
 * the one or the other by its looks. */
static void error_read_string(const char *text, struct json_span object, char *word,
                              struct platform_error *ret)
{
    ret->code = error_member(text, object, "code");
    ret->message = error_member(text, object, "message");
    if (!ret->code && (ret->message || error_is_code(word)))
        ret->code = word;
    else if (!ret->message)
        ret->message = word;
    else
        free(word);
}

static void error_read_object(const char *text, struct json_span object,
                              struct platform_error *ret)
{
    ret->code = error_member(text, object, "code");
    ret->message = error_member(text, object, "message");
}

bool error_read(const char *text, struct json_span root, struct platform_error *ret)
{
    struct json_span object = envelope_unwrap(text, root);
    struct json_span error = {0, 0, JSON_NULL};
    char *word = NULL;
    *ret = (struct platform_error){0};
    if (json_member(text, object, "error", &error) && error.type == JSON_STRING)
        word = json_string_dup(text, error);
    if (word)
        error_read_string(text, object, word, ret);
    else
        error_read_object(text, error.type == JSON_OBJECT ? error : object, ret);
    bool found = ret->code || ret->message;
    if (!ret->code)
        ret->code = xstrdup("");
    if (!ret->message)
        ret->message = xstrdup("");
    return found;
}

void error_finish(struct platform_error *e)
{
    free(e->code);
    free(e->message);
    *e = (struct platform_error){0};
}

bool error_is_failure(const char *text, struct json_span root)
{
    struct json_span value;
    return json_member(text, envelope_unwrap(text, root), "success", &value) &&
           value.type == JSON_FALSE;
}

/* ---- for people ------------------------------------------------------------------- */

/* Words of the platform's, on one line, whole characters, nothing that steers a
 * terminal. */
static void error_add(struct buf *out, const char *s, size_t max)
{
    size_t len = strlen(s);
    size_t kept = utf8_cut(s, len, max);
    for (size_t i = 0; i < kept;) {
        uint32_t code = 0;
        size_t n = utf8_decode(s + i, kept - i, &code);
        if (n && !utf8_is_control(code))
            buf_append(out, s + i, n);
        else
            buf_putc(out, ' ');
        i += n ? n : 1;
    }
    if (kept < len)
        buf_puts(out, "...");
}

static void error_add_verdict(struct buf *out, const struct platform_verdict *v)
{
    const struct platform_fault *first = v->faults;
    buf_puts(out, "the verifier refuses it");
    if (!v->fault_count)
        return;
    buf_puts(out, ": ");
    if (*first->stage) {
        buf_putc(out, '[');
        error_add(out, first->stage, ERROR_CODE_MAX);
        buf_puts(out, "] ");
    }
    error_add(out, first->message, ERROR_WORDS_MAX);
    if (v->fault_count > 1)
        buf_printf(out, " (and %zu more)", v->fault_count - 1);
}

static const char *error_status_words(long status)
{
    if (status >= 300 && status < 400)
        return "the platform redirects, which is not followed: is the URL right?";
    if (status >= 500)
        return "the platform failed";
    return "the platform refused without a word";
}

char *error_words(long status, const struct platform_error *e,
                  const struct platform_verdict *v)
{
    struct buf out = BUF_INIT;
    if (v && !v->ok)
        error_add_verdict(&out, v);
    else if (e && e->message && *e->message)
        error_add(&out, e->message, ERROR_WORDS_MAX);
    else
        buf_puts(&out, error_status_words(status));
    buf_puts(&out, " (");
    if (e && e->code && *e->code) {
        error_add(&out, e->code, ERROR_CODE_MAX);
        buf_puts(&out, ", ");
    }
    buf_printf(&out, "HTTP %ld)", status);
    return buf_steal(&out);
}
