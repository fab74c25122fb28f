/*
 * names.h -- adapters by name: what an engine calls them, and their sizes.
 *
 * In the order of their names, so that whoever draws from such a list draws the
 * same wherever it came from.
 *
 * Memory   sim_names_add allocates, sim_names_free frees.
 */
#ifndef SIM_NAMES_H
#define SIM_NAMES_H

#include <stdint.h>

#define SIM_NAME_MAX 65 /* [A-Za-z0-9._-]{1,64}, ended */

struct sim_named {
	char name[SIM_NAME_MAX];
	int32_t rank;	/* 1..1024 */
	uint64_t bytes; /* on the device */
};

struct sim_names {
	struct sim_named *at; /* [n] ascending by name */
	uint32_t n, size;
};

/* ERR_USAGE: a name that is none, or is there already; ERR_MEMORY. */
int sim_names_add(struct sim_names *, const struct sim_named *);

/* Index, -1: there is none of that name. */
int32_t sim_names_find(const struct sim_names *, const char *name);

void sim_names_free(struct sim_names *);

#endif
