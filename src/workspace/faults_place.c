#include "workspace/faults_place.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

/* A value in one of the texts. */
struct place {
    const struct faults_doc *doc; /* NULL: not found in any */
    struct json_span value;
};

static void doc_init(struct faults_doc *doc, const char *file, const struct text *text)
{
    *doc = (struct faults_doc){.file = file};
    if (text && !json_check(text->data, text->len, &JSON_LIMITS_WIRE, &doc->root, NULL)) {
        doc->data = text->data;
        doc->len = text->len;
    }
}

void faults_docs_init(struct faults_docs *docs, const struct faults_texts *texts)
{
    doc_init(&docs->spec, "spec.json", texts ? texts->spec : NULL);
    doc_init(&docs->queries, "queries.json", texts ? texts->queries : NULL);
    docs->sql = (struct queries){0};
    if (texts && texts->sql_files && docs->queries.data)
        queries_read(texts->queries, &docs->sql, NULL); /* no array: none has a file */
}

void faults_docs_finish(struct faults_docs *docs)
{
    queries_finish(&docs->sql);
}

/* ---- steps of a path --------------------------------------------------------- */

/* "$", "$.", "." and "/" before the first step say only that a path begins. */
static const char *skip_beginning(const char *path)
{
    if (path[0] == '$' && (!path[1] || strchr("./[", path[1])))
        path++;
    return *path == '.' || *path == '/' ? path + 1 : path;
}

/* The rest of the path when its first step is `word`, else NULL. The rest begins with
 * what parts steps, so that "/spec/root" leaves a JSON pointer. */
static const char *skip_word(const char *path, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(path, word, n) || (path[n] && !strchr("./[", path[n])))
        return NULL;
    return path + n;
}

/* The first step as a name: deals, [deals], ['deals'], /deals. Its rest, or NULL when
 * there is none. Names that hold brackets, quotes or separators are not looked for. */
static const char *take_name(const char *path, struct buf *name)
{
    size_t before = strspn(path, "./['\"");
    size_t n = strcspn(path + before, "./['\"]");
    if (!n)
        return NULL;
    buf_append(name, path + before, n);
    path += before + n;
    return path + strspn(path, "'\"]");
}

/* ---- the value that a path means --------------------------------------------- */

/* Both forms of a spec are written and both are spoken of: {version, root} and the bare
 * node. A step "root" that the text has not is passed over, and one that the path lacks
 * is put in where that leads further. */
static bool find_in_spec(const struct faults_doc *doc, const char *path,
                         struct json_span *ret)
{
    const char *rest = skip_word(skip_beginning(path), "root");
    struct json_span root, value;
    bool has_root = json_member(doc->data, doc->root, "root", &root);
    if (json_path(doc->data, doc->root, path, ret))
        return true;
    if (rest && !has_root)
        return json_path(doc->data, doc->root, rest, ret);
    if (rest || !has_root || ret->start != doc->root.start)
        return false;
    bool found = json_path(doc->data, root, path, &value);
    if (value.start != root.start)
        *ret = value;
    return found;
}

static bool find_query_named(const struct faults_doc *doc, const char *name,
                             struct json_span *ret)
{
    struct json_iter it;
    struct json_span value;
    if (doc->root.type != JSON_ARRAY)
        return false;
    json_iter_init(&it, doc->data, doc->root);
    while (json_iter_next(&it)) {
        if (json_member(doc->data, it.value, "name", &value) &&
            json_string_is(doc->data, value, name)) {
            *ret = it.value;
            return true;
        }
    }
    return false;
}

/* By index, else by the query's name. */
static bool find_in_queries(const struct faults_doc *doc, const char *path,
                            struct json_span *ret)
{
    cleanup_buf struct buf name = BUF_INIT;
    struct json_span query;
    if (json_path(doc->data, doc->root, path, ret))
        return true;
    const char *rest = take_name(path, &name);
    if (!rest || !find_query_named(doc, name.data, &query))
        return false;
    return json_path(doc->data, query, rest, ret);
}

/* A path that names neither file: the spec's when its first step leads anywhere there,
 * else the queries' when it is a query's name. */
static struct place find_bare(const struct faults_docs *docs, const char *path)
{
    struct json_span value;
    if (docs->spec.data &&
        (find_in_spec(&docs->spec, path, &value) || value.start != docs->spec.root.start))
        return (struct place){&docs->spec, value};
    if (docs->queries.data && (find_in_queries(&docs->queries, path, &value) ||
                               value.start != docs->queries.root.start))
        return (struct place){&docs->queries, value};
    return (struct place){NULL, {0}};
}

/* The first steps that name a file. */
static const struct field_root {
    const char *word;
    bool is_queries;
    bool is_step; /* itself a step of the text */
} field_roots[] = {
    {"spec", false, false},
    {"root", false, true},
    {"declared_queries", true, false},
    {"queries", true, false},
};

static struct place find_field(const struct faults_docs *docs, const char *field)
{
    const char *path = skip_beginning(field);
    if (!*path)
        return (struct place){NULL, {0}};
    for (size_t i = 0; i < ARRAY_LEN(field_roots); i++) {
        const struct field_root *root = &field_roots[i];
        const char *rest = skip_word(path, root->word);
        if (!rest)
            continue;
        struct place place = {root->is_queries ? &docs->queries : &docs->spec, {0}};
        if (root->is_step) /* "root/children" and "/root/children" are pointers both */
            rest = *rest == '/' && path > field ? path - 1 : path;
        if (!place.doc->data)
            return place;
        if (root->is_queries)
            find_in_queries(place.doc, rest, &place.value);
        else
            find_in_spec(place.doc, rest, &place.value);
        return place;
    }
    return find_bare(docs, field);
}

/* ---- a place inside a query's SQL -------------------------------------------- */

/* The offset of a line and column, from 1, in bytes; behind the end of its line is its
 * end. */
static size_t offset_of(const struct buf *text, unsigned line, unsigned column)
{
    const char *p = text->data;
    const char *end = p + text->len;
    const char *newline;
    for (; line > 1 && (newline = memchr(p, '\n', (size_t)(end - p))); line--)
        p = newline + 1;
    newline = memchr(p, '\n', (size_t)(end - p));
    size_t room = (size_t)((newline ? newline : end) - p);
    size_t wanted = column ? column - 1 : 0;
    return (size_t)(p - text->data) + (wanted < room ? wanted : room);
}

/* The SQL that the value is or, when it is a query, has. */
static bool find_sql(const struct place *place, struct json_span *ret_sql)
{
    if (place->value.type == JSON_STRING) {
        *ret_sql = place->value;
        return true;
    }
    return json_member(place->doc->data, place->value, "sql", ret_sql) &&
           ret_sql->type == JSON_STRING;
}

static size_t sql_offset(const char *data, struct json_span sql,
                         const struct platform_fault *fault)
{
    cleanup_buf struct buf decoded = BUF_INIT;
    json_string_decode(data, sql, &decoded);
    size_t at = decoded.len ? offset_of(&decoded, fault->line, fault->column) : 0;
    return json_string_offset(data, sql, at);
}

/* The fault is of a query's SQL that has a file: there it stands at its own line and
 * column. */
static bool find_sql_file(const struct faults_docs *docs, const struct place *place,
                          const struct platform_fault *fault, struct faults_place *ret)
{
    cleanup_buf struct buf decoded = BUF_INIT;
    const struct query *query = queries_at(&docs->sql, place->value.start);
    bool inner = fault->line || fault->column;
    if (place->doc != &docs->queries || !query ||
        !(inner || place->value.start == query->sql.start))
        return false;
    json_string_decode(place->doc->data, query->sql, &decoded);
    size_t at = decoded.len ? offset_of(&decoded, fault->line, fault->column) : 0;
    json_position(decoded.len ? decoded.data : "", decoded.len, at, &ret->line,
                  &ret->column);
    snprintf(ret->sql_file, sizeof ret->sql_file, "sql/%s", query->file);
    ret->file = ret->sql_file;
    ret->inner = FAULTS_INNER_NONE;
    return true;
}

void faults_place_find(const struct faults_docs *docs, const char *file,
                       const struct platform_fault *fault, struct faults_place *ret)
{
    struct place place = find_field(docs, fault->field ? fault->field : "");
    bool inner = fault->line || fault->column;
    struct json_span sql;
    *ret = (struct faults_place){.file = place.doc ? place.doc->file : file,
                                 .line = 1,
                                 .column = 1,
                                 .inner = inner ? FAULTS_INNER_LOST : FAULTS_INNER_NONE};
    if (!place.doc || !place.doc->data || find_sql_file(docs, &place, fault, ret))
        return;
    size_t at = place.value.start;
    if (inner && place.doc == &docs->queries && find_sql(&place, &sql)) {
        at = sql_offset(place.doc->data, sql, fault);
        ret->inner = FAULTS_INNER_SQL;
    }
    json_position(place.doc->data, place.doc->len, at, &ret->line, &ret->column);
}
