#include "http/engine.h"

#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>

#include "base/alloc.h"
#include "base/log.h"

enum { ENGINE_IDLE_CONNECTIONS = 64 };

struct engine {
    struct loop *loop;
    CURLM *multi;
    struct loop_timer timer;
    engine_done_fn *done;
    void *arg;
};

/* Never undone: libcurl's and OpenSSL's globals belong to the process, and others in it
 * may use them still. */
static void engine_init_curl(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort();
}

/* libcurl may not be entered from its own callbacks, so they only take notes; what ended
 * is collected here, after each call into it. */
static void engine_collect(struct engine *e)
{
    CURLMsg *msg;
    int left;
    while ((msg = curl_multi_info_read(e->multi, &left))) {
        char *private = NULL;
        CURLcode code = msg->data.result; /* msg is gone once its handle is removed */
        CURL *easy = msg->easy_handle;
        if (msg->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
        curl_multi_remove_handle(e->multi, easy);
        e->done(e->arg, (struct transfer *)(void *)private, code);
    }
}

static void engine_act(struct engine *e, curl_socket_t fd, int events)
{
    int running;
    CURLMcode code = curl_multi_socket_action(e->multi, fd, events, &running);
    if (code != CURLM_OK)
        log_error("http: libcurl: %s", curl_multi_strerror(code));
    engine_collect(e);
}

static void engine_on_timer(void *arg)
{
    engine_act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static void engine_on_io(void *arg, int fd, uint32_t events)
{
    int action = 0;
    if (events & EPOLLIN)
        action |= CURL_CSELECT_IN;
    if (events & EPOLLOUT)
        action |= CURL_CSELECT_OUT;
    if (events & (EPOLLERR | EPOLLHUP))
        action |= CURL_CSELECT_ERR;
    engine_act(arg, fd, action);
}

/* The descriptor may be closed already when libcurl lets go of it, or be a new one under
 * an old number when it comes: loop_watch() minds neither. */
static int engine_want_io(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
    struct engine *e = arg;
    uint32_t events = 0;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        events |= EPOLLIN;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        events |= EPOLLOUT;
    int err = loop_watch(e->loop, fd, events, engine_on_io, e);
    if (err && events)
        log_error("http: cannot watch a socket (errno %d)", -err);
    return 0;
}

static int engine_want_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct engine *e = arg;
    if (timeout_ms < 0)
        loop_timer_clear(e->loop, &e->timer);
    else
        loop_timer_set(e->loop, &e->timer, timeout_ms, engine_on_timer, e);
    return 0;
}

int engine_create(struct loop *loop, engine_done_fn *done, void *arg,
                  struct engine **ret_engine)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, engine_init_curl);
    struct engine *e = xcalloc(1, sizeof *e);
    e->loop = loop;
    e->done = done;
    e->arg = arg;
    e->multi = curl_multi_init();
    if (!e->multi) {
        free(e);
        return -ENOMEM;
    }
    curl_multi_setopt(e->multi, CURLMOPT_SOCKETFUNCTION, engine_want_io);
    curl_multi_setopt(e->multi, CURLMOPT_SOCKETDATA, e);
    curl_multi_setopt(e->multi, CURLMOPT_TIMERFUNCTION, engine_want_timer);
    curl_multi_setopt(e->multi, CURLMOPT_TIMERDATA, e);
    curl_multi_setopt(e->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    curl_multi_setopt(e->multi, CURLMOPT_MAXCONNECTS, (long)ENGINE_IDLE_CONNECTIONS);
    *ret_engine = e;
    return 0;
}

void engine_destroy(struct engine *e)
{
    if (!e)
        return;
    curl_multi_cleanup(e->multi);
    loop_timer_clear(e->loop, &e->timer);
    free(e);
}

/* Starts with the timer that libcurl asks for in here: at the loop's next turn. */
void engine_add(struct engine *e, struct transfer *t)
{
    CURLMcode code = curl_multi_add_handle(e->multi, t->easy);
    if (code != CURLM_OK) {
        log_error("http: libcurl: %s", curl_multi_strerror(code));
        abort(); /* out of memory, or a bug here */
    }
}

void engine_remove(struct engine *e, struct transfer *t)
{
    curl_multi_remove_handle(e->multi, t->easy);
}

/* What was kept back may be handed out in here; libcurl sets its timer for the rest. */
void engine_resume(struct engine *e, struct transfer *t)
{
    CURLcode code = curl_easy_pause(t->easy, CURLPAUSE_CONT);
    if (code != CURLE_OK && code != CURLE_WRITE_ERROR)
        log_error("http: libcurl: %s", curl_easy_strerror(code));
    engine_collect(e);
}
