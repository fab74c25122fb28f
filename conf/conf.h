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

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CONF_TEXT_MAX 512
#define CONF_CHOICE_MAX 24

/* Settings in the table. */
enum {
	CONF_COUNT = 0
#define TOP_TEXT(...) +1
#define TOP_CHOICE(...) +1
#define TOP_U32(...) +1
#define TEXT(...) +1
#define CHOICE(...) +1
#define U32(...) +1
#define U64(...) +1
#define REAL(...) +1
#include "conf/params.tbl"
#undef TOP_TEXT
#undef TOP_CHOICE
#undef TOP_U32
#undef TEXT
#undef CHOICE
#undef U32
#undef U64
#undef REAL
};

/* Who set a setting. */
enum conf_from {
	CONF_FROM_DEFAULT,
	CONF_FROM_FILE,
	CONF_FROM_SYSTEM,   /* --system */
	CONF_FROM_OPTION,   /* --set, and whoever does not say */
	CONF_FROM_OPERATOR, /* the admin socket */
	CONF_FROM_COUNT
};

struct conf {
#define TOP_TEXT(name, def, help) char name[CONF_TEXT_MAX];
#define TOP_CHOICE(name, def, choices, help) char name[CONF_CHOICE_MAX];
#define TOP_U32(name, def, least, most, unit, help) uint32_t name;
#define TEXT(section, name, def, help) char section##_##name[CONF_TEXT_MAX];
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
#undef TEXT
#undef CHOICE
#undef U32
#undef U64
#undef REAL
	unsigned char from[CONF_COUNT]; /* enum conf_from */
	unsigned char setter;		/* from now on; enum conf_from */
};

/* One setting as people see it. */
struct conf_row {
	const char *key;
	char value[CONF_TEXT_MAX]; /* as conf_set takes it */
	const char *from;	   /* "default", "file" ... */
	bool number;		   /* or a text */
	bool live;		   /* may change while the engine runs */
};

void conf_defaults(struct conf *);

/* Sets one by its key ("listen", "frontend.line_bytes_max").  ERR_CONFIG:
 * "scheduler.batch_max: 0: want 1..4096 requests", or "unknown setting 'x';
 * did you mean 'y'?". */
int conf_set(struct conf *, const char *key, const char *value);

/* "key=value", as --set takes it. */
int conf_set_pair(struct conf *, const char *pair);

/* Who is the setter of what is set from now on; returns who was it. */
enum conf_from conf_by(struct conf *, enum conf_from);

/* The index of a key in the table; -1: it is none. */
int conf_find(const char *key);

/* What a setting may be, "a|b|c"; NULL: there is no such key, or it is no choice. */
const char *conf_choices(const char *key);

/* Row i of the table; false: there is none. */
bool conf_row(const struct conf *, int i, struct conf_row *);

/* As conf_set, in an engine that runs: ERR_CONFIG also for what needs a
 * restart, which is everything but the section policy. */
int conf_set_live(struct conf *, const char *key, const char *value);

/* Ends each text, of settings that another process wrote. */
void conf_end_texts(struct conf *);

/* Takes over the settings that may change while the engine runs. */
void conf_take_live(struct conf *to, const struct conf *from);

enum conf_device { CONF_DEVICE_AUTO, CONF_DEVICE_CPU, CONF_DEVICE_CUDA };

/* What `device` asks for, and which GPU if it is to be one. */
enum conf_device conf_device(const struct conf *, int *ordinal);

/* ERR_CONFIG: what an engine cannot obey, each setting by itself being right.
 * What passes here, the scheduler takes. */
int conf_check(const struct conf *);

/* Reads a YAML file over what is set.  ERR_CONFIG ("FILE:LINE: ..."),
 * ERR_NOT_FOUND, ERR_IO. */
int conf_read(struct conf *, const char *path);

/* One setting for people: what it is, may be, and does. */
struct conf_about {
	const char *key, *help;
	char def[CONF_TEXT_MAX]; /* "512 MiB"; "\"\"" for an empty text */
	char range[256];	 /* a sentence; "" for a text */
	bool live;		 /* may change while the engine runs */
	const char *choices;	 /* "a|b|c"; NULL: it has no such list */
};

/* Setting i of the table; false: there is none. */
bool conf_about(int i, struct conf_about *);

/* Every setting with default, range, unit and what it does. */
void conf_help(FILE *);

/* The commented file with every default: etc/chameleon.yaml. */
void conf_yaml(FILE *);

/* "key: value" of every setting, as set. */
void conf_print(const struct conf *, FILE *);

#endif
