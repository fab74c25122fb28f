/* What every command needs, and the two smallest ones. */
#include "cli/cmd.h"

#include "base/err.h"
#include "base/near.h"
#include "base/utf8.h"
#include "cli/options.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SENTENCE_MAX 1024

const struct command commands[] = {
#define COMMAND(name, help) { #name, help, cmd_##name, &cmd_##name##_use },
#include "cli/commands.tbl"
#undef COMMAND
};

const int ncommands = sizeof(commands) / sizeof(commands[0]);

const struct cmd_use cmd_help_use = { .usage = "chameleon help [COMMAND]",
	.about = "Lists the commands, or tells of one.",
	.operands_max = 1 };

const struct cmd_use cmd_version_use = { .usage = "chameleon version",
	.about = "Prints the version." };

int
cmd_failed(void)
{
	char text[SENTENCE_MAX];

	/* Names in it may be anybody's. */
	snprintf(text, sizeof(text), "%s", err_text());
	utf8_tame(text);
	fprintf(stderr, "chameleon: %s\n", text);
	return CMD_FAILED;
}

int
cmd_misused(const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "chameleon: ");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\n");
	return CMD_MISUSED;
}

const struct command *
cmd_find(const char *name)
{
	for (int i = 0; i < ncommands; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

int
cmd_unknown(const char *name)
{
	const char *best = commands[0].name;

	for (int i = 1; i < ncommands; i++)
		if (near_distance(name, commands[i].name) <
		    near_distance(name, best))
			best = commands[i].name;
	if (near_enough(name, near_distance(name, best)))
		return cmd_misused("no command '%.64s'; did you mean '%s'?",
		    name, best);
	return cmd_misused("no command '%.64s'; see 'chameleon help'", name);
}

int
cmd_help(int argc, char **argv)
{
	static char option[] = "--help";
	char *help[] = { argv[argc - 1], option, NULL };
	const struct command *c;

	if (argc > 1 && argv[1][0] != '-') {
		c = cmd_find(argv[1]);
		return c == NULL		 ? cmd_unknown(argv[1]) :
		    strcmp(c->name, "help") == 0 ? cmd_help(1, argv) :
						   c->run(2, help);
	}
	printf("usage: chameleon COMMAND [OPTIONS]\n\n"
	       "Serves one language model and thousands of LoRA adapters on "
	       "one machine.\n\n");
	for (int i = 0; i < ncommands; i++)
		printf("  %-11s %s\n", commands[i].name, commands[i].help);
	printf("\n'chameleon COMMAND --help' tells more.\n");
	return CMD_OK;
}

int
cmd_version(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--help") == 0)
		printf("usage: %s\n\n", cmd_version_use.usage);
	printf("chameleon %s\n", CHAMELEON_VERSION);
	return CMD_OK;
}

int
cmd_run(int argc, char **argv)
{
	const struct command *c;

	if (argc < 2) {
		cmd_help(1, argv);
		return CMD_MISUSED;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return cmd_help(1, argv);
	if (strcmp(argv[1], "--version") == 0)
		return cmd_version(1, argv);
	if ((c = cmd_find(argv[1])) == NULL)
		return cmd_unknown(argv[1]);
	for (int i = 2; i < argc && c->run != cmd_version; i++) {
		if (strcmp(argv[i], "--") == 0)
			break;
		if (strcmp(argv[i], "--version") == 0)
			return cmd_version(1, argv);
	}
	return c->run(argc - 1, argv + 1);
}
