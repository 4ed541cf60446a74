#include "world.h"

#include "cmocka_all.h"

#undef NDEBUG /* also in a release build */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "json/json.h"

/* ---- waiting ---------------------------------------------------------------------- */

struct pending {
    struct wait wait;
    sem_t done;
    int err;
};

static void pending_done(struct wait *w, int err)
{
    struct pending *p = container_of(w, struct pending, wait);
    p->err = err;
    sem_post(&p->done);
}

struct pending *pending_new(void)
{
    struct pending *p = xcalloc(1, sizeof *p);
    p->wait.done = pending_done;
    sem_init(&p->done, 0, 0);
    return p;
}

struct wait *pending_wait(struct pending *p)
{
    return &p->wait;
}

int pending_end(struct pending *p, int err)
{
    if (err == -EINPROGRESS) {
        while (sem_wait(&p->done) != 0)
            continue;
        err = p->err;
    }
    sem_destroy(&p->done);
    free(p);
    return err;
}

/* ---- the server ------------------------------------------------------------------- */

/* Starts amdahl-local; returns the port that it says. */
static unsigned server_start(struct world *w)
{
    const char *program = getenv("AMDAHL_LOCAL_BIN");
    unsigned port = 0;
    int out[2];
    assert(program);
    assert(pipe2(out, O_CLOEXEC) == 0);
    w->server = fork();
    if (!w->server) {
        dup2(out[1], STDOUT_FILENO);
        execl(program, program, "--dir", w->dir, "--listen", "127.0.0.1:0", NULL);
        _exit(127);
    }
    close(out[1]);
    FILE *said = fdopen(out[0], "r");
    assert(fscanf(said, "amdahl-local: listening on http://127.0.0.1:%u", &port) == 1);
    fclose(said);
    return port;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    return remove(path);
}

static void server_stop(struct world *w)
{
    int status;
    kill(w->server, SIGTERM);
    assert(waitpid(w->server, &status, 0) == w->server);
    assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    nftw(w->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- the client ------------------------------------------------------------------- */

/* The author's key of keys.json, in a file as amdahlfs takes it. */
static void key_open(struct world *w)
{
    cleanup_free char *keys = xasprintf("%s/keys.json", w->dir);
    cleanup_free char *path = xasprintf("%s/author", w->dir);
    cleanup_free char *reason = NULL;
    struct json_limits limits = JSON_LIMITS_WIRE;
    struct json_span root;
    struct json_span author;
    char text[4096];
    FILE *f = fopen(keys, "r");
    assert(f);
    size_t len = fread(text, 1, sizeof text, f);
    fclose(f);
    assert(json_check(text, len, &limits, &root, NULL) == 0);
    assert(json_member(text, root, "author", &author));
    cleanup_free char *key = json_string_dup(text, author);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert(write(fd, key, strlen(key)) == (ssize_t)strlen(key));
    close(fd);
    assert(http_key_open(path, NULL, &w->key, &reason) == 0);
}

static void client_start(struct world *w)
{
    cleanup_free char *url = xasprintf("http://127.0.0.1:%u", proxy_port(w->proxy));
    cleanup_free char *reason = NULL;
    const struct http_config config = {.url = url, .key = w->key};
    assert(loop_create(&w->loop) == 0);
    assert(http_create(w->loop, &config, &w->http, &reason) == 0);
    assert(platform_create(w->http, &w->platform) == 0);
    const struct workspace_config ws = {.loop = w->loop,
                                        .http = w->http,
                                        .platform = w->platform,
                                        .state_dir = w->dir,
                                        .refresh_ms = 3600000,
                                        .ttl_ms = 3600000,
                                        .archive_limit = 2};
    assert(workspace_create(&ws, &w->ws, &reason) == 0);
    assert(loop_start(w->loop) == 0);
}

static void client_stop(struct world *w)
{
    http_stop(w->http, 0);
    workspace_stop(w->ws);
    loop_stop(w->loop);
    workspace_destroy(w->ws);
    platform_destroy(w->platform);
    http_destroy(w->http);
    loop_destroy(w->loop);
    http_key_close(w->key);
}

int world_setup(void **state)
{
    struct world *w = xcalloc(1, sizeof *w);
    strcpy(w->dir, "/tmp/test_workspace.XXXXXX");
    assert(mkdtemp(w->dir));
    w->proxy = proxy_start(server_start(w));
    key_open(w);
    client_start(w);
    assert(WAIT_FOR(workspace_pages_ready(w->ws, the_wait)) == 0);
    proxy_forget(w->proxy);
    *state = w;
    return 0;
}

int world_teardown(void **state)
{
    struct world *w = *state;
    client_stop(w);
    proxy_stop(w->proxy);
    server_stop(w);
    free(w);
    return 0;
}

/* ---- pages ------------------------------------------------------------------------ */

struct page *world_page(struct world *w, const char *dir)
{
    struct page *p = workspace_find_page(w->ws, dir);
    assert_non_null(p);
    assert_int_equal(WAIT_FOR(page_ready(p, the_wait)), 0);
    return p;
}

struct item *world_scratch(struct page *p, const char *name)
{
    struct item *it = NULL;
    int err = place_find(page_local(p), name, &it);
    assert_int_equal(err, it ? 0 : -ENOENT);
    return it;
}

static char *item_text(struct item *it)
{
    struct buf out = BUF_INIT;
    assert_int_equal(item_read(it, SIZE_MAX / 2, 0, &out), 0);
    return buf_steal(&out);
}

char *world_text(struct page *p, enum page_file which)
{
    if (!page_file_is_doc(which)) {
        cleanup_text struct text *view = page_view(p, which);
        return xstrndup(view->data ? view->data : "", view->len);
    }
    struct item *it = page_doc(p, which);
    assert_non_null(it);
    char *text = item_text(it);
    item_unref(it);
    return text;
}

struct stored {
    const char *field;
    char *value;
    sem_t done;
};

static void stored_done(void *arg, const struct platform_answer *answer)
{
    struct stored *s = arg;
    struct json_span at;
    if (!answer->err && answer->page &&
        json_member(answer->page->text->data, answer->page->object, s->field, &at)) {
        struct buf out = BUF_INIT;
        json_compact(&out, answer->page->text->data, at);
        s->value = buf_steal(&out);
    }
    sem_post(&s->done);
}

char *world_stored(struct world *w, const char *id, const char *field)
{
    struct stored s = {.field = field};
    const struct platform_call call = {HTTP_INTERACTIVE, 0, stored_done, &s, 0};
    sem_init(&s.done, 0, 0);
    platform_page_get(w->platform, id, &call);
    while (sem_wait(&s.done) != 0)
        continue;
    sem_destroy(&s.done);
    return s.value;
}

/* ---- writing ---------------------------------------------------------------------- */

void world_write(struct page *p, enum page_file which, const char *text)
{
    struct item *it = page_doc(p, which);
    if (!it) {
        assert_int_equal(place_create(page_local(p), page_file_name(which), 0644, 0, &it),
                         0);
        item_close(it);
    }
    assert_int_equal(item_truncate(it, 0), 0);
    assert_int_equal(item_write(it, text, strlen(text), 0), 0);
    item_unref(it);
}

int world_commit(struct page *p, enum page_file which, enum save_why why, bool by_opener)
{
    struct item *it = page_doc(p, which);
    const struct committer by = {.opener = by_opener};
    int err = WAIT_FOR(item_commit(it, why, &by, the_wait));
    item_unref(it);
    return err;
}

int world_save(struct page *p, enum page_file which, const char *text)
{
    world_write(p, which, text);
    return world_commit(p, which, SAVE_FLUSH, true);
}

/* ---- what must be --------------------------------------------------------------------
 */

void assert_text(struct page *p, enum page_file which, const char *want)
{
    cleanup_free char *text = world_text(p, which);
    assert_string_equal(text, want);
}

void assert_contains(struct page *p, enum page_file which, const char *want)
{
    cleanup_free char *text = world_text(p, which);
    if (!strstr(text, want))
        fail_msg("\"%s\" is not in: %s", want, text);
}

void assert_stored(struct world *w, struct page *p, const char *field, const char *want)
{
    cleanup_free char *id = page_attribute(p, "id");
    cleanup_free char *value = world_stored(w, id, field);
    assert_non_null(value);
    if (!strstr(value, want))
        fail_msg("\"%s\" is not in the stored %s: %s", want, field, value);
}
