/*
 * options.h -- a command's options, as a table.
 *
 *	static const struct cmd_option options[] = {
 *		{ "connect", CMD_TEXT, &address, "HOST:PORT", "engine to ask" },
 *		{ "stream", CMD_FLAG, &stream, NULL, "text as it comes" },
 *	};
 *	const struct cmd_use cmd_generate_use = CMD_USE(
 *	    "chameleon generate [OPTIONS] PROMPT", "Answers ...", options, 1, 1);
 *
 * Takes --name value, --name=value and -c value where a letter is given; what
 * is no option is an operand; all after -- are operands.  --help, the manual
 * page (man.c) and the completion (completion.c) are made from the table: each
 * command has its own, named cmd_NAME_use.
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
	/* How the help calls it; NULL for a FLAG.  FILE, DIR, CSV, YAML,
	 * INSTANCE, SYSTEM, COLUMN or a|b|c let a shell complete it. */
	const char *value;
	const char *help;
	char letter; /* 0: none */
};

/* What a command can be asked to do, where it is more than one thing. */
struct cmd_verb {
	const char *name;
	const char *operands; /* "KEY VALUE"; "": none */
	const char *help;
	const char *completes; /* "adapters", "settings", "requests"; NULL */
	int (*run)(char **operands); /* the exit status */
};

struct cmd_exit {
	int status;
	const char *meaning;
};

/* What the manual page explains beside that. */
struct cmd_term {
	const char *term;
	const char *help; /* NULL: not shown */
};
struct cmd_section {
	const char *title; /* "COLUMNS OF adapters" */
	const struct cmd_term *terms;
	int nterms;
};

struct cmd_use {
	const char *usage; /* "chameleon generate [OPTIONS] PROMPT" */
	const char *about; /* lines */
	const struct cmd_option *options;
	int noptions;
	int operands_min, operands_max;
	const struct cmd_verb *verbs; /* NULL: none */
	int nverbs;
	const struct cmd_exit *exits; /* NULL: those of cmd.h */
	int nexits;
	const struct cmd_section *sections;
	int nsections;
};

#define CMD_ENTRIES(table) table, sizeof(table) / sizeof((table)[0])

#define CMD_USE(usage, about, options, least, most)                            \
	{                                                                      \
		usage, about, CMD_ENTRIES(options), least, most, NULL, 0,      \
		    NULL, 0, NULL, 0                                           \
	}

/* Of every command that has no table of its own. */
extern const struct cmd_exit cmd_exits[];
extern const int cmd_nexits;

#define CMD_GO_ON (-1)

/* Sets what argv[1..] names.  Operands are moved to argv[1..*noperands].
 * CMD_GO_ON, or the exit status: CMD_OK after --help, CMD_MISUSED after a
 * sentence on standard error. */
int cmd_parse(const struct cmd_use *, int argc, char **argv, int *noperands);

/* Does what argv[1] names with what follows it, of `noperands` operands in all.
 * The exit status; CMD_MISUSED after a sentence that names the nearest verb. */
int cmd_verb(const struct cmd_use *, int noperands, char **argv);

/* Operands that a verb takes: the words of its text. */
int cmd_verb_operands(const struct cmd_verb *);

/* "auto" (OTHER: as the files have them), "f32" or "bf16"; else ERR_USAGE. */
int cmd_dtype(const char *name, enum tensor_dtype *);

/* 0 (one a core) to 1024; else ERR_USAGE. */
int cmd_threads(uint64_t n, int *threads);

#endif
