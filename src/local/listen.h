/* listen.h - the socket the server answers on. */
#ifndef LOCAL_LISTEN_H
#define LOCAL_LISTEN_H

/* "127.0.0.1:8787", "[::1]:0", "localhost:8787"; port 0: one that is free. *ret_url gets
 * "http://ADDR:PORT" with the real port; the caller frees it. 0 or -errno (logged). */
int listen_tcp(const char *address, int *ret_fd, char **ret_url);
/* A Unix socket, mode 0600; one that a dead server left behind is replaced, a live one is
 * -EADDRINUSE. *ret_url gets "unix:PATH". */
int listen_unix(const char *path, int *ret_fd, char **ret_url);

#endif
