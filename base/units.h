/*
 * units.h -- numbers as people write and read them.
 */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "4096", "64k", "64KiB", "1.5GiB", "2MB" (powers of 1024 with an i or without
 * a B, of 1000 with a bare B).  false: not such a number, or over 64 bits. */
bool units_parse_bytes(const char *text, uint64_t *bytes);

/* "1.5 GiB"; returns buf. */
char *units_bytes(char *buf, size_t size, uint64_t bytes);

/* "12,345,678"; returns buf. */
char *units_count(char *buf, size_t size, uint64_t n);

#endif
