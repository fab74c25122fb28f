/*
 * names.h -- from the name of a model to the version that serves it.
 *
 * The catalogue is the loader's (shm/dir.h).  This is a private hash over it,
 * made again when the catalogue has changed and somebody asks; an answer is
 * checked against the entry's own word, so that a name that was moved since is
 * looked up once more.
 *
 * Memory   Four bytes for each half-used place of the hash.
 * Threads  One.
 */
#ifndef FRONTEND_NAMES_H
#define FRONTEND_NAMES_H

#include "shm/seg.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct names {
	const struct segs *g;
	uint32_t *place; /* index + 1; 0: empty */
	uint32_t mask;
	uint64_t seen; /* the catalogue's count, + 1; 0: never */
	char base[DIR_NAME_MAX];
};

struct name_found {
	int32_t adapter; /* SLOT_BASE: the base model */
	uint32_t serial;
	bool broken;
};

/* model_dir is where the base's name comes from.  ERR_MEMORY. */
int fe_names_open(struct names *, const struct segs *, const char *model_dir);
void fe_names_close(struct names *);

/* name NULL: the base; name@version: that one, chosen or kept.  false: there is none
 * of this name. */
bool fe_names_find(struct names *, const char *name, struct name_found *);

/* The first entry from `from` on that has the name, or had it when it was used last;
 * what stands behind an '@' is not looked at.  As many as there are entries: none. */
uint32_t fe_names_next(const struct segs *, const char *name, uint32_t from);

/* The versions of a name that can be served, likewise, as "1, 2"; "" if there are
 * none.  Returns out. */
char *fe_names_versions(const struct segs *, const char *name, char *out,
    size_t size);

/* The known name nearest to a wrong one, DIR_NAME_MAX bytes; "" if none is
 * near enough to be meant. */
void fe_names_near(struct names *, const char *name, char *near);

/* The name of an entry, ended and valid UTF-8, whatever the loader's segment holds. */
char *fe_names_copy(const struct segs *, int32_t adapter, char *out);

/* The sentence of a BROKEN or FAILED entry, DIR_REASON_MAX bytes; returns out. */
char *fe_reason(const struct segs *, int32_t adapter, char *out);

/* Insertions, deletions, changes and swaps of neighbours that turn a into b;
 * more than limit: limit + 1. */
int fe_names_distance(const char *a, const char *b, int limit);

#endif
