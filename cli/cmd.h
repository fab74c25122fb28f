/*
 * cmd.h -- the commands of the program `chameleon`, and their exit statuses.
 *
 *	0   done          1   failed, with a sentence on standard error
 *	2   misused       100, 111   `serve` alone, as for any process
 */
#ifndef CLI_CMD_H
#define CLI_CMD_H

#define CMD_OK 0
#define CMD_FAILED 1
#define CMD_MISUSED 2

struct cmd_use; /* options.h */

/* A line in commands.tbl makes a command: its file has the function and how it is
 * used, from which help, manual page and completion are made. */
#define COMMAND(name, help)                                                    \
	int cmd_##name(int argc, char **argv);                                 \
	extern const struct cmd_use cmd_##name##_use;
#include "cli/commands.tbl"
#undef COMMAND

struct command {
	const char *name;
	const char *help;
	int (*run)(int argc, char **argv);
	const struct cmd_use *use;
};
extern const struct command commands[];
extern const int ncommands;

/* NULL: there is none. */
const struct command *cmd_find(const char *name);

/* CMD_MISUSED, after a sentence that names the nearest one. */
int cmd_unknown(const char *name);

/* The whole program: argv[1] names the command. */
int cmd_run(int argc, char **argv);

/* Prints "chameleon: " and the sentence of the last failure; CMD_FAILED. */
int cmd_failed(void);

/* The same with a sentence of its own; CMD_MISUSED. */
int cmd_misused(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
