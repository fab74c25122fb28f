/*
 * options.h -- a command's options, as a table.
 *
 *	static const struct cmd_option options[] = {
 *		{ "connect", CMD_TEXT, &address, "HOST:PORT", "engine to ask" },
 *		{ "stream", CMD_FLAG, &stream, NULL, "text as it comes" },
 *	};
 *
 * Takes --name value, --name=value and -c value where a letter is given; what
 * is no option is an operand; all after -- are operands.  --help prints the
 * table.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/tensors.h"

#define CMD_LIST_MAX 64

enum cmd_kind {
	CMD_FLAG,  /* bool */
	CMD_TEXT,  /* const char *, points into argv */
	CMD_COUNT, /* uint64_t, decimal */
	CMD_REAL,  /* double, finite */
	CMD_LIST,  /* struct cmd_list: may be given more than once */
};

struct cmd_list {
	const char *at[CMD_LIST_MAX];
	int n;
};

struct cmd_option {
	const char *name;
	enum cmd_kind kind;
	void *into;
	const char *value; /* how the help calls it; NULL for a FLAG */
	const char *help;
	char letter; /* 0: none */
};

struct cmd_use {
	const char *usage; /* "chameleon generate [OPTIONS] PROMPT" */
	const char *about; /* lines */
	const struct cmd_option *options;
	int noptions;
	int operands_min, operands_max;
};

#define CMD_USE(usage, about, options, least, most)                            \
	{                                                                      \
		usage, about, options, sizeof(options) / sizeof(options[0]),   \
		    least, most                                                \
	}

#define CMD_GO_ON (-1)

/* Sets what argv[1..] names.  Operands are moved to argv[1..*noperands].
 * CMD_GO_ON, or the exit status: CMD_OK after --help, CMD_MISUSED after a
 * sentence on standard error. */
int cmd_parse(const struct cmd_use *, int argc, char **argv, int *noperands);

/* "auto" (OTHER: as the files have them), "f32" or "bf16"; else ERR_USAGE. */
int cmd_dtype(const char *name, enum tensor_dtype *);

/* 0 (one a core) to 1024; else ERR_USAGE. */
int cmd_threads(uint64_t n, int *threads);

#endif
