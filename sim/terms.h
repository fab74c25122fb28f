/*
 * terms.h -- the terms of cost.tbl as data; for cost.c and cost_yaml.c alone.
 */
#ifndef SIM_TERMS_H
#define SIM_TERMS_H

#include "sim/cost.h"

#include <stdbool.h>
#include <stddef.h>

#define SIM_TERMS_MAX 64

struct sim_term {
	const char *name;
	size_t offset; /* of a double in struct sim_cost */
	double least, most;
	const char *unit, *help;
};

extern const struct sim_term sim_terms[];
extern const int sim_nterms;

/* NULL: no such term. */
const struct sim_term *sim_term_find(const char *name);

bool sim_term_whole(const struct sim_term *);

/* ERR_USAGE: "NAME: VALUE: want LEAST..MOST UNIT". */
int sim_term_check(const struct sim_term *, double value);

double *sim_term_of(struct sim_cost *, const struct sim_term *);

#endif
