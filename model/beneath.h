/*
 * beneath.h -- files of a directory, opened without leaving it.
 *
 * What lies in an adapter's directory was put there by strangers: a link could
 * point at any file of the machine, a FIFO could hold its reader for ever.
 * Names are plain (no slash, not "." or ".."); links are followed only where
 * the operator's own model directory may hold them (a hub cache does).
 *
 * Waiting  As long as the disk does; never for the other end of a FIFO.
 */
#ifndef MODEL_BENEATH_H
#define MODEL_BENEATH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Opens a directory: any path if dirfd is AT_FDCWD, else a plain name that is
 * no link.  ERR_NOT_FOUND, ERR_UNSUPPORTED (a link), ERR_IO. */
int beneath_dir(int *fd, int dirfd, const char *name);

/* Opens a regular file for reading and tells its size.  ERR_NOT_FOUND,
 * ERR_UNSUPPORTED (a link), ERR_FORMAT (no regular file), ERR_IO. */
int beneath_file(int *fd, uint64_t *bytes, int dirfd, const char *name,
    bool follow_links);

/* Reads n bytes at offset; a file that ends before is ERR_IO. */
int beneath_read(int fd, void *out, uint64_t n, uint64_t offset);

/* A JSON object of at most max bytes, without duplicate keys; the caller's,
 * to be given back with json_decref.  As above, and ERR_LIMIT, ERR_FORMAT. */
int beneath_json(json_t **, int dirfd, const char *name, uint64_t max,
    bool follow_links);

#endif
