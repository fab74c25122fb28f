/* chameleon inspect: what a directory holds, and what of it would be served. */
#include "base/err.h"
#include "cli/cmd.h"
#include "cli/options.h"
#include "cli/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *model = "models/demo";
static bool partial, noop;

static const struct cmd_option options[] = {
	{ "model", CMD_TEXT, &model, "DIR",
	    "model that an adapter is compared with (default models/demo)",
	    'm' },
	{ "allow-partial", CMD_FLAG, &partial, NULL,
	    "take an adapter of which only a part matches", 0 },
	{ "allow-noop", CMD_FLAG, &noop, NULL,
	    "take an adapter that changes nothing", 0 },
};

const struct cmd_use cmd_inspect_use = CMD_USE("chameleon inspect [--model "
					       "DIR] DIR",
    "Says what a model or adapter directory holds, reads and checks every\n"
    "number of an adapter, and ends with 1 and the reason where it would not\n"
    "be served.",
    options, 1, 1);

static bool
holds(const char *dir, const char *name)
{
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name);

	return n > 0 && n < (int)sizeof(path) && access(path, F_OK) == 0;
}

int
cmd_inspect(int argc, char **argv)
{
	int status = cmd_parse(&cmd_inspect_use, argc, argv, NULL), e;
	struct adapter_rules rules = { 0 };
	char *report, *dir;

	if (status != CMD_GO_ON)
		return status;
	rules.allow_partial = partial;
	rules.allow_noop = noop;
	dir = argv[1];
	for (size_t n = strlen(dir); n > 1 && dir[n - 1] == '/'; n--)
		dir[n - 1] = '\0';
	if ((report = malloc(REPORT_BYTES)) == NULL)
		return CMD_FAILED;
	report[0] = '\0';
	if (holds(dir, "adapter_config.json"))
		e = report_adapter(model, dir, rules, (struct report_held){ 0 },
		    report);
	else if (holds(dir, "config.json"))
		e = report_model(dir, report);
	else
		e = err_set(ERR_NOT_FOUND,
		    "%s: neither config.json nor adapter_config.json in it",
		    dir);
	fputs(report, stdout);
	free(report);
	return e == 0 ? CMD_OK : cmd_failed();
}
