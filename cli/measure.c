/* What `bench` does when it measures the engine from inside. */
#include "cli/measure.h"

#include "cli/cmd.h"
#include "cli/options.h"

int
measure_alone(const struct measure_options *o, const struct bench_options *load)
{
	if (o->fit == NULL && (o->cost != NULL || o->cost_out != NULL))
		return cmd_misused("--cost, --cost-out: want --fit CSV, too");
	if (o->profile != NULL && (o->fit != NULL || o->samples != NULL))
		return cmd_misused("--profile: want neither --fit nor "
				   "--samples beside it");
	if (o->fit != NULL)
		return measure_fit(o, stdout) == 0 ? CMD_OK : cmd_failed();
	if (o->profile != NULL)
		return measure_profile(o, load) == 0 ? CMD_OK : cmd_failed();
	return CMD_GO_ON;
}

int
measure_around(const struct measure_options *o, int (*load)(void))
{
	struct measure m = { 0 };
	struct watch *w;
	int status, e;

	if (o->samples == NULL)
		return load();
	if (watch_open(&w, o->instance) != 0)
		return cmd_failed();
	status = load();
	e = watch_close(w, &m);
	if (e == 0)
		e = measure_write(&m, o->samples);
	measure_free(&m);
	return e == 0 ? status : cmd_failed();
}
