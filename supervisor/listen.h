/*
 * listen.h -- sockets that clients and operators connect to.
 */
#ifndef SUPERVISOR_LISTEN_H
#define SUPERVISOR_LISTEN_H

#include <stddef.h>
#include <stdint.h>

#define LISTEN_TEXT_MAX 128

/* Listens on "127.0.0.1:7070", "[::1]:7070", "name:0" or ":7070" (every
 * address).  shown: the address with the port that was given.  ERR_CONFIG: no
 * such address; ERR_BUSY: the port is in use.  The sentence names the setting. */
int listen_tcp(const char *setting, const char *address, int *fd,
    uint16_t *port, char shown[LISTEN_TEXT_MAX]);

/* Listens on a socket file, mode 0600; one that is there is replaced. */
int listen_file(const char *path, int *fd);

#endif
