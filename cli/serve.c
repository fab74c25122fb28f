/* chameleon serve: the engine, in the foreground. */
#include "cli/cmd.h"

#include "base/err.h"
#include "base/log.h"
#include "cli/options.h"
#include "cli/settings.h"
#include "supervisor/supervisor.h"

#include <stddef.h>
#include <string.h>

static const char *file, *system_name, *form;
static struct cmd_list pairs;

static const struct cmd_option options[] = {
	{ "config", CMD_TEXT, &file, "FILE",
	    "settings; without it, the defaults", 'c' },
	{ "system", CMD_TEXT, &system_name, "SYSTEM",
	    "behave as one of the paper's systems; 'chameleon check --systems' "
	    "lists them; a file and --set go over it",
	    0 },
	{ "set", CMD_LIST, &pairs, "KEY=VALUE",
	    "one setting, over the file's; may be given again", 0 },
	{ "log", CMD_TEXT, &form, "text|json",
	    "a sentence and pairs, or an object: how each line of the log is "
	    "written; the same as --set log_format=...",
	    0 },
};

static const struct cmd_exit exits[] = {
	{ 0, "ended in order" },
	{ CMD_MISUSED, "the command line has an option that is none" },
	{ 100,
	    "cannot start, and trying again will not help: settings, model, "
	    "port in use, instance already running" },
	{ 111,
	    "could not start now: too little shared memory, out of memory, "
	    "input or output" },
};

const struct cmd_use cmd_serve_use = { "chameleon serve [OPTIONS]",
	"Runs the engine until SIGTERM or SIGINT, and prints one line 'ready "
	"...'\nwhen it can serve.  The first signal lets accepted requests "
	"finish, the\nsecond stops at once.  SIGHUP reads the settings anew; "
	"those of the\nsection policy take effect.  'chameleon check "
	"--help' tells of them all.",
	CMD_ENTRIES(options), .exits = exits,
	.nexits = sizeof(exits) / sizeof(exits[0]) };

/* A system's oracle is the simulator's: here lengths are learned. */
static int
predict_oneself(struct conf *c)
{
	struct conf_row row;
	enum conf_from was;
	int e;

	(void)conf_row(c, conf_find("policy.predictor"), &row);
	if (strcmp(row.from, "system") != 0 || strcmp(row.value, "oracle") != 0)
		return 0;
	was = conf_by(c, CONF_FROM_SYSTEM);
	e = conf_set(c, "policy.predictor", "learned");
	(void)conf_by(c, was);
	return e;
}

static int
read_settings(struct conf *c)
{
	int e = cmd_settings(c, system_name, file, &pairs);

	if (e == 0 && form != NULL &&
	    (e = conf_set(c, "log_format", form)) != 0)
		return err_add("--log");
	if (e == 0 && (e = predict_oneself(c)) != 0)
		return e;
	return e != 0 ? e : conf_check(c);
}

/* Whoever reads objects gets one, once the settings say so. */
static int
failed(const struct conf *c, int e)
{
	if (strcmp(c->log_format, "json") == 0)
		log_error("cannot start reason=%s", err_text());
	else
		(void)cmd_failed();
	return err_status(e);
}

int
cmd_serve(int argc, char **argv)
{
	static struct conf conf;
	int noperands, status = 0, e;

	if ((e = cmd_parse(&cmd_serve_use, argc, argv, &noperands)) !=
	    CMD_GO_ON)
		return e;
	if ((e = read_settings(&conf)) != 0) {
		(void)cmd_failed();
		return err_status(e);
	}
	e = sv_run(&conf, read_settings, &status);
	return e != 0 ? failed(&conf, e) : status;
}
