#include "embedded.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"

static bool socket_answers(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || strlen(path) >= sizeof address.sun_path)
        return false;
    memcpy(address.sun_path, path, strlen(path));
    return connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
}

/* The server beside this program, where both were built or installed together. */
static char *server_program(void)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n > 0) {
        self[n] = '\0';
        *strrchr(self, '/') = '\0';
        static const char *const places[] = {"", "/local"}; /* installed; as built */
        for (size_t i = 0; i < ARRAY_LEN(places); i++) {
            char *path = xasprintf("%s%s/amdahl-local", self, places[i]);
            if (access(path, X_OK) == 0)
                return path;
            free(path);
        }
    }
    return xstrdup("amdahl-local");
}

static void server_exec(const char *dir, const char *socket, int out)
{
    cleanup_free char *program = server_program();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    dup2(out, STDOUT_FILENO);
    execlp(program, "amdahl-local", "--dir", dir, "--socket", socket, (char *)NULL);
    fprintf(stderr, "amdahlfs: %s: %s\n", program, strerror(errno));
    _exit(127);
}

/* Its first line says that it listens. */
static int server_wait(int fd)
{
    char line[256];
    ssize_t n;
    do {
        n = read(fd, line, sizeof line);
    } while (n < 0 && errno == EINTR);
    return n > 0 ? 0 : -EIO;
}

static int server_start(struct embedded *e, const char *dir, const char *socket)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    e->pid = fork();
    if (e->pid == 0)
        server_exec(dir, socket, fds[1]);
    close(fds[1]);
    int err = e->pid < 0 ? -EAGAIN : server_wait(fds[0]);
    close(fds[0]);
    if (err)
        fprintf(stderr, "amdahlfs: the embedded workspace in %s does not start\n", dir);
    return err;
}

/* keys.json has the keys of three roles; a key file holds one. */
static int embedded_write_key(struct embedded *e, const char *dir)
{
    cleanup_free char *keys_path = xasprintf("%s/keys.json", dir);
    json_t *keys = json_load_file(keys_path, 0, NULL);
    const char *key = json_string_value(json_object_get(keys, "admin"));
    int err = key ? 0 : -ENOENT;
    if (key) {
        int fd = open(e->key_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0 || write(fd, key, strlen(key)) != (ssize_t)strlen(key))
            err = -errno;
        if (fd >= 0)
            close(fd);
    }
    json_decref(keys);
    if (err)
        fprintf(stderr, "amdahlfs: %s: no admin key: %s\n", keys_path, strerror(-err));
    return err;
}

int embedded_start(struct embedded *e, const char *dir)
{
    *e = (struct embedded){0};
    cleanup_free char *absolute = realpath(dir, NULL);
    if (!absolute && mkdir(dir, 0700) == 0)
        absolute = realpath(dir, NULL);
    if (!absolute) {
        fprintf(stderr, "amdahlfs: %s: %s\n", dir, strerror(errno));
        return -errno;
    }
    cleanup_free char *socket = xasprintf("%s/socket", absolute);
    e->url = xasprintf("unix:%s", socket);
    e->key_file = xasprintf("%s/admin.key", absolute);
    int err = socket_answers(socket) ? 0 : server_start(e, absolute, socket);
    return err ? err : embedded_write_key(e, absolute);
}

void embedded_stop(struct embedded *e)
{
    if (e->pid > 0) {
        kill(e->pid, SIGTERM);
        waitpid(e->pid, NULL, 0);
    }
    free(e->url);
    free(e->key_file);
    *e = (struct embedded){0};
}
