/*
 * generate.h -- what `chameleon generate` was asked for.
 */
#ifndef CLI_GENERATE_H
#define CLI_GENERATE_H

#include "cli/options.h"

#include <stdbool.h>
#include <stdint.h>

struct generate {
	const char *connect;		/* NULL: without an engine */
	const char *model;		/* directory, without an engine */
	const char *adapters, *adapter; /* directory of them; name or path */
	const char *dtype;
	uint64_t threads;
	const char *prompt;
	uint64_t max_tokens, top_k, seed;
	double temperature, top_p, min_p, repetition;
	struct cmd_list stops;
	bool ignore_eos, ids, timing;
	bool has_seed;
};

/* Answers with the model in this process.  0 or ERR_*. */
int generate_here(const struct generate *);

#endif
