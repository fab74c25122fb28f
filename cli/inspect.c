/* chameleon inspect: what a directory holds, and what of it would be served. */
#include "base/err.h"
#include "cli/cmd.h"
#include "cli/options.h"
#include "model/adapter.h"
#include "model/shape.h"
#include "model/tensors.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REPORT_BYTES 16384

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

static int
inspect_model(const char *dir, char *report)
{
	struct tensors tensors = { 0 };
	struct shape shape;
	int e = shape_read(&shape, dir);

	if (e == 0)
		e = tensors_open_model(&tensors, dir);
	if (e == 0) {
		shape_report(&shape, &tensors, report, REPORT_BYTES);
		fputs(report, stdout);
		e = shape_check_weights(&shape, &tensors);
	}
	tensors_close(&tensors);
	return e == 0 ? 0 : err_add("model '%s'", dir);
}

static int
inspect_opened(const struct adapter *a, const struct shape *shape,
    struct adapter_rules rules, const char *name, char *report)
{
	uint64_t bytes = adapter_image_bytes(a, shape, TENSOR_F32, 0);
	struct adapter_image *image = malloc(bytes);
	int e;

	if (image == NULL)
		return err_set(ERR_MEMORY, "no memory for %ju bytes",
		    (uintmax_t)bytes);
	e = adapter_pack(a, shape, TENSOR_F32, 0, rules, image, NULL, NULL);
	if (e == 0) {
		adapter_report(a, name, image->digest, report, REPORT_BYTES);
		fputs(report, stdout);
	}
	free(image);
	return e;
}

static int
inspect_adapter(const char *dir, char *report)
{
	struct adapter_rules rules = { .allow_partial = partial,
		.allow_noop = noop };
	const char *slash = strrchr(dir, '/');
	struct tensors base = { 0 };
	struct adapter a;
	struct shape shape;
	int e = shape_read(&shape, model);

	if (e == 0)
		e = tensors_open_model(&base, model);
	if (e != 0)
		return err_add("model '%s'", model);
	rules.base = &base;
	e = adapter_open(&a, AT_FDCWD, dir, &shape, rules);
	if (e == 0) {
		e = inspect_opened(&a, &shape, rules,
		    slash != NULL ? slash + 1 : dir, report);
		adapter_close(&a);
	}
	tensors_close(&base);
	return e == 0 ? 0 : err_add("adapter '%s' on model '%s'", dir, model);
}

int
cmd_inspect(int argc, char **argv)
{
	int status = cmd_parse(&cmd_inspect_use, argc, argv, NULL), e;
	char *report, *dir;

	if (status != CMD_GO_ON)
		return status;
	dir = argv[1];
	for (size_t n = strlen(dir); n > 1 && dir[n - 1] == '/'; n--)
		dir[n - 1] = '\0';
	if ((report = malloc(REPORT_BYTES)) == NULL)
		return CMD_FAILED;
	if (holds(dir, "adapter_config.json"))
		e = inspect_adapter(dir, report);
	else if (holds(dir, "config.json"))
		e = inspect_model(dir, report);
	else
		e = err_set(ERR_NOT_FOUND,
		    "%s: neither config.json nor adapter_config.json in it",
		    dir);
	free(report);
	return e == 0 ? CMD_OK : cmd_failed();
}
