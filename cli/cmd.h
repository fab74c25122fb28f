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

#define COMMAND(name, help) int cmd_##name(int argc, char **argv);
#include "cli/commands.tbl"
#undef COMMAND

/* The whole program: argv[1] names the command. */
int cmd_run(int argc, char **argv);

/* Prints "chameleon: " and the sentence of the last failure; CMD_FAILED. */
int cmd_failed(void);

/* The same with a sentence of its own; CMD_MISUSED. */
int cmd_misused(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
