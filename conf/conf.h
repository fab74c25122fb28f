/*
 * conf.h -- every setting, as one plain struct.
 *
 * The table params.tbl makes the struct, the reader, the help and the commented
 * etc/chameleon.yaml.  A struct conf has no pointers: the supervisor puts it
 * into its segment, and every process reads it there.
 *
 * Memory   The caller's; nothing is kept.
 * Threads  No state of its own.
 * Waiting  conf_read, for the file.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdint.h>
#include <stdio.h>

#define CONF_TEXT_MAX 512
#define CONF_CHOICE_MAX 24

struct conf {
#define TOP_TEXT(name, def, help) char name[CONF_TEXT_MAX];
#define TOP_CHOICE(name, def, choices, help) char name[CONF_CHOICE_MAX];
#define TOP_U32(name, def, least, most, unit, help) uint32_t name;
#define CHOICE(section, name, def, choices, help)                              \
	char section##_##name[CONF_CHOICE_MAX];
#define U32(section, name, def, least, most, unit, help)                       \
	uint32_t section##_##name;
#define U64(section, name, def, least, most, unit, help)                       \
	uint64_t section##_##name;
#define REAL(section, name, def, least, most, unit, help)                      \
	double section##_##name;
#include "conf/params.tbl"
#undef TOP_TEXT
#undef TOP_CHOICE
#undef TOP_U32
#undef CHOICE
#undef U32
#undef U64
#undef REAL
};

void conf_defaults(struct conf *);

/* Sets one by its key ("listen", "frontend.line_bytes_max").  ERR_CONFIG:
 * "scheduler.batch_max: 0: want 1..4096 requests", or "unknown setting 'x';
 * did you mean 'y'?". */
int conf_set(struct conf *, const char *key, const char *value);

/* "key=value", as --set takes it. */
int conf_set_pair(struct conf *, const char *pair);

/* Reads a YAML file over what is set.  ERR_CONFIG ("FILE:LINE: ..."),
 * ERR_NOT_FOUND, ERR_IO. */
int conf_read(struct conf *, const char *path);

/* Every setting with default, range, unit and what it does. */
void conf_help(FILE *);

/* The commented file with every default: etc/chameleon.yaml. */
void conf_yaml(FILE *);

/* "key: value" of every setting, as set. */
void conf_print(const struct conf *, FILE *);

#endif
