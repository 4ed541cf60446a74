#include "workspace/conflict.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/log.h"
#include "json/json.h"
#include "workspace/batch.h"
#include "workspace/faults.h"
#include "workspace/overlay.h"
#include "workspace/proc.h"

/* Of a document. The dead go first; with more alive the ones that read longest ago go,
 * and are based on the newest open then. */
enum { READERS_MAX = 32 };

/* A process that was given this document. */
struct reader {
    pid_t tgid;
    int64_t at_ms;     /* proc_now_ms() of its last open */
    struct text *base; /* the platform's value then; NULL: none was known */
    bool shed;         /* base was the platform's value: conflict_shed() */
    bool saw_theirs;   /* it opened <name>.remote.json in this conflict */
    struct reader *prev, *next;
};

struct saver saver_of(struct workspace *ws, pid_t tgid)
{
    return (struct saver){tgid, tgid > 0 ? proc_began_ms(tgid) : -1, batch_of(ws, tgid)};
}

/* ---- readers ----------------------------------------------------------------- */

static void reader_free(struct doc *d, struct reader *r)
{
    DL_DELETE(d->readers, r);
    text_unref(r->base);
    free(r);
}

static void readers_drop_dead(struct doc *d, const struct reader *but)
{
    struct reader *r;
    struct reader *tmp;
    DL_FOREACH_SAFE (d->readers, r, tmp) {
        if (r != but && kill(r->tgid, 0) < 0 && errno == ESRCH)
            reader_free(d, r);
    }
}

static void readers_shrink(struct doc *d)
{
    struct reader *r;
    unsigned count = 0;
    DL_COUNT(d->readers, r, count);
    if (count <= READERS_MAX)
        return;
    readers_drop_dead(d, d->readers);
    DL_COUNT(d->readers, r, count);
    if (count > READERS_MAX)
        reader_free(d, d->readers->prev);
}

static struct reader *reader_find(struct doc *d, pid_t tgid)
{
    struct reader *r;
    DL_FOREACH (d->readers, r)
        if (r->tgid == tgid)
            return r;
    return NULL;
}

/* The newest comes first. */
static struct reader *reader_note(struct doc *d, pid_t tgid, struct text *base)
{
    struct reader *r = reader_find(d, tgid);
    if (r) {
        DL_DELETE(d->readers, r);
    } else {
        r = xcalloc(1, sizeof *r);
        r->tgid = tgid;
    }
    DL_PREPEND(d->readers, r);
    r->at_ms = proc_now_ms();
    r->shed = false;
    text_replace(&r->base, text_ref(base));
    readers_shrink(d);
    return r;
}

/* The reader that this process is, and not one before it that had its number. */
static struct reader *reader_of(struct doc *d, const struct saver *by)
{
    struct reader *r = by->tgid > 0 ? reader_find(d, by->tgid) : NULL;
    return r && by->began_ms <= r->at_ms ? r : NULL;
}

void conflict_give(struct doc *d, pid_t tgid)
{
    bool dirty = d->file && d->file->dirty;
    struct text *base = dirty && d->draft_base ? d->draft_base : d->given;
    if (d->which == PAGE_PARAMS || d->page->is_template)
        return;
    if (!dirty && d->shed) {
        d->shed_given = true;
        if (tgid > 0)
            reader_note(d, tgid, NULL)->shed = true;
        return;
    }
    if (!dirty) {
        text_replace(&d->given, text_ref(d->remote));
        base = d->given;
    }
    if (tgid > 0 && base)
        reader_note(d, tgid, base);
}

/* ---- the files beside a document --------------------------------------------- */

static char *side_name(const struct doc *d, const char *side)
{
    const char *file = page_file_name(d->which);
    return xasprintf("%.*s.%s.json", (int)strcspn(file, "."), file, side);
}

static bool side_is_there(struct doc *d, const char *side)
{
    cleanup_free char *name = side_name(d, side);
    return doc_has_beside(d, name);
}

static void side_put(struct doc *d, const char *side, const struct text *value)
{
    cleanup_free char *name = side_name(d, side);
    struct json_limits limits = JSON_LIMITS_WIRE;
    struct json_span root;
    struct buf out = BUF_INIT;
    if (json_check(value->data, value->len, &limits, &root, NULL) == 0)
        json_reindent(&out, value->data, root);
    cleanup_text struct text *shown = text_from_buf(&out);
    doc_put_beside(d, name, shown);
}

static void side_remove(struct doc *d, const char *side)
{
    cleanup_free char *name = side_name(d, side);
    doc_remove_beside(d, name);
}

void conflict_give_local(struct page *p, struct item *it, pid_t tgid)
{
    for (int i = 0; i < page_docs(p); i++) {
        struct doc *d = &p->docs[i];
        if (!d->theirs || tgid <= 0)
            continue;
        cleanup_free char *name = side_name(d, "remote");
        struct reader *r = reader_find(d, tgid);
        if (!overlay_is_at(it, page_scratch(p), name))
            continue;
        reader_note(d, tgid, r ? r->base : d->given)->saw_theirs = true;
    }
}

/* ---- bases ------------------------------------------------------------------- */

struct text *conflict_base(struct doc *d, const struct saver *by)
{
    struct reader *r = reader_of(d, by);
    if (d->theirs && !side_is_there(d, "remote"))
        return d->theirs; /* it was removed: "mine" */
    if (by->tgid == SAVER_DRAFT && d->draft_base)
        return d->draft_base;
    if (r && r->base)
        return r->base;
    return d->given ? d->given : d->remote;
}

bool conflict_is_merging(struct doc *d, const struct saver *by)
{
    struct reader *r = reader_of(d, by);
    return d->theirs && r && r->saw_theirs &&
           by->began_ms + PROC_STEP_MS >= d->conflict_ms && side_is_there(d, "remote");
}

void conflict_begin(struct doc *d, struct text *base)
{
    struct reader *r;
    if (!d->theirs || !text_same_value(d->theirs, d->remote)) {
        d->conflict_ms = proc_now_ms();
        DL_FOREACH (d->readers, r)
            r->saw_theirs = false;
    }
    text_replace(&d->theirs, text_ref(d->remote));
    side_put(d, "base", base);
    side_put(d, "remote", d->theirs);
    log_info("page %s: %s was changed elsewhere too", d->page->dir,
             page_file_name(d->which));
}

void conflict_clear(struct doc *d)
{
    text_replace(&d->draft_base, NULL);
    if (!d->theirs)
        return;
    text_replace(&d->theirs, NULL);
    side_remove(d, "base");
    side_remove(d, "remote");
}

/* A mount that was killed may not have written down what it told. */
static void conflict_give_reason(struct doc *d)
{
    cleanup_free char *name = side_name(d, "remote");
    cleanup_free char *message =
        xasprintf("somebody else changed this: merge %s, remove it, and save", name);
    const char *file = page_file_name(d->which);
    struct buf lines = BUF_INIT;
    struct buf verdict = BUF_INIT;
    if (d->problem)
        return;
    faults_print_one(&lines, file, 1, 1, "conflict", message);
    faults_print_json(&verdict, file, 1, 1, "conflict", message);
    d->problem = text_from_buf(&lines);
    text_replace(&d->verdict, text_from_buf(&verdict));
}

void conflict_recall(struct doc *d)
{
    cleanup_free char *name = side_name(d, "remote");
    struct item *it;
    if (d->theirs || !side_is_there(d, "base") ||
        overlay_find(page_scratch(d->page), name, &it) != 0)
        return;
    if (overlay_read_text(it, DOC_BYTES_MAX, &d->theirs) == 0) {
        d->conflict_ms = proc_now_ms();
        conflict_give_reason(d);
    }
    item_unref(it);
}

void conflict_saved(struct doc *d, pid_t tgid, struct text *base)
{
    pid_t saver = tgid > 0 ? tgid : d->staged_by;
    conflict_clear(d);
    text_replace(&d->given, base);
    if (saver > 0)
        reader_note(d, saver, base);
    d->staged_by = 0;
}

void conflict_finish(struct doc *d)
{
    while (d->readers)
        reader_free(d, d->readers);
    text_unref(d->given);
    text_unref(d->draft_base);
    text_unref(d->theirs);
}

/* ---- without texts --------------------------------------------------------------- */

bool conflict_may_shed(const struct doc *d)
{
    const struct reader *r;
    DL_FOREACH (d->readers, r)
        if (r->base && r->base != d->remote)
            return false;
    return !d->given || d->given == d->remote;
}

void conflict_shed(struct doc *d)
{
    struct reader *r;
    readers_drop_dead(d, NULL);
    DL_FOREACH (d->readers, r) {
        r->shed = r->base != NULL;
        text_replace(&r->base, NULL);
    }
    d->shed_given = d->given != NULL;
    text_replace(&d->given, NULL);
}

void conflict_unshed(struct doc *d, struct text *base)
{
    struct reader *r;
    DL_FOREACH (d->readers, r) {
        if (r->shed)
            text_replace(&r->base, text_ref(base));
        r->shed = false;
    }
    if (d->shed_given)
        text_replace(&d->given, text_ref(base));
    d->shed_given = false;
}

void conflict_trim(struct doc *d)
{
    readers_drop_dead(d, NULL);
}

/* ---- comparing --------------------------------------------------------------- */

/* A text with its object; an empty one where it is none. */
struct object {
    const char *text;
    struct json_span root;
};

static struct object object_of(const struct text *t)
{
    struct json_limits limits = JSON_LIMITS_WIRE;
    struct json_span root;
    if (t && json_check(t->data, t->len, &limits, &root, NULL) == 0 &&
        root.type == JSON_OBJECT)
        return (struct object){t->data, root};
    return (struct object){"{}", {0, 2, JSON_OBJECT}};
}

/* Has each of the two the same value as this member, or neither such a member? */
static bool member_same(struct object a, struct object b, const char *key)
{
    struct json_span x;
    struct json_span y;
    bool has_x = json_member(a.text, a.root, key, &x);
    bool has_y = json_member(b.text, b.root, key, &y);
    return has_x == has_y && (!has_x || json_same_value(a.text, x, b.text, y));
}

static bool members_are_clear(const struct text *remote, const struct text *base,
                              const struct text *fields)
{
    struct object sent = object_of(fields);
    struct object there = object_of(remote);
    struct object began = object_of(base);
    struct json_iter it;
    json_iter_init(&it, sent.text, sent.root);
    while (json_iter_next(&it)) {
        cleanup_free char *key = json_string_dup(sent.text, it.key);
        if (!key || (!member_same(there, began, key) && !member_same(there, sent, key)))
            return false;
    }
    return true;
}

bool conflict_is_clear(const struct doc *d, const struct text *base,
                       const struct text *now, const struct text *fields)
{
    if (d->which == PAGE_PAGE)
        return members_are_clear(d->remote, base, fields);
    return text_same_value(d->remote, base) || text_same_value(d->remote, now);
}

struct text *conflict_page_base(struct text *now, struct text *fields, struct text *echo)
{
    struct object mine = object_of(now);
    struct object sent = object_of(fields);
    struct object there = object_of(echo);
    struct buf out = BUF_INIT;
    struct json_iter it;
    struct json_span value;
    buf_putc(&out, '{');
    json_iter_init(&it, mine.text, mine.root);
    while (json_iter_next(&it)) {
        cleanup_free char *key = json_string_dup(mine.text, it.key);
        bool echoed = key && json_member(sent.text, sent.root, key, &value) &&
                      json_member(there.text, there.root, key, &value);
        const char *from = echoed ? there.text : mine.text;
        value = echoed ? value : it.value;
        buf_puts(&out, out.len > 1 ? "," : "");
        buf_append(&out, mine.text + it.key.start, it.key.end - it.key.start);
        buf_putc(&out, ':');
        buf_append(&out, from + value.start, value.end - value.start);
    }
    buf_putc(&out, '}');
    return text_from_buf(&out);
}
