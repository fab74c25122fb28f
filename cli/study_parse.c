/* What the options of a study say, from text. */
#include "cli/study.h"

#include "base/err.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Numbers with colons between, exactly n, finite. */
static bool
numbers(const char *text, double *x, int n)
{
	for (int i = 0; i < n; i++) {
		char *end;

		x[i] = strtod(text, &end);
		if (end == text || !isfinite(x[i]) ||
		    *end != (i + 1 < n ? ':' : '\0'))
			return false;
		text = end + 1;
	}
	return true;
}

/* What stands behind prefix in text; NULL: it begins otherwise. */
static const char *
behind(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

int
study_parse_sweep(struct study *s, const char *text)
{
	const char *range = behind(text, "rps=");
	double x[3], n;

	if (range == NULL || !numbers(range, x, 3) || x[0] <= 0 ||
	    x[1] < x[0] || x[2] <= 0)
		return err_set(ERR_USAGE,
		    "--sweep %.64s: want rps=FROM:TO:STEP, as rps=5:13:0.5",
		    text);
	/* The last is taken when it is missed by rounding alone. */
	n = floor((x[1] - x[0]) / x[2] + 1e-6) + 1;
	if (n > STUDY_LOADS_MAX)
		return err_set(ERR_USAGE,
		    "--sweep %.64s: want at most %d loads", text,
		    STUDY_LOADS_MAX);
	if ((s->loads = calloc((size_t)n, sizeof(*s->loads))) == NULL)
		return err_set(ERR_MEMORY, "no memory for the loads");
	s->nloads = (uint32_t)n;
	s->sweep = true;
	for (uint32_t i = 0; i < s->nloads; i++)
		s->loads[i] = x[0] + i * x[2];
	return 0;
}

int
study_parse_arrivals(struct sim_work_options *o, const char *text)
{
	const char *gamma = behind(text, "gamma:");
	const char *bursts = behind(text, "bursts:");
	double x[2];

	if (strcmp(text, "trace") == 0)
		o->arrivals = SIM_TRACE_TIMES;
	else if (strcmp(text, "poisson") == 0)
		o->arrivals = SIM_POISSON;
	else if (gamma != NULL && numbers(gamma, &o->gamma_cv, 1))
		o->arrivals = SIM_GAMMA;
	else if (bursts != NULL && numbers(bursts, x, 2)) {
		o->arrivals = SIM_BURSTS;
		o->on_s = x[0];
		o->off_s = x[1];
	} else
		return err_set(ERR_USAGE,
		    "--arrivals %.64s: want trace, poisson, gamma:CV or "
		    "bursts:ON:OFF (seconds)",
		    text);
	return 0;
}

int
study_parse_lengths(struct sim_work_options *o, const char *text)
{
	const char *range = behind(text, "uniform:");
	double x[2];

	if (strcmp(text, "trace") == 0)
		o->lengths = SIM_TRACE_LENGTHS;
	else if (strcmp(text, "lmsys") == 0)
		o->lengths = SIM_LMSYS;
	else if (strcmp(text, "uniform") == 0)
		o->lengths = SIM_UNIFORM;
	else if (range != NULL && numbers(range, x, 2) && x[0] >= 1 &&
	    x[1] >= x[0] && x[1] <= 1 << 24) {
		o->lengths = SIM_UNIFORM;
		o->uniform_least = (uint32_t)x[0];
		o->uniform_most = (uint32_t)x[1];
	} else
		return err_set(ERR_USAGE,
		    "--lengths %.64s: want trace, lmsys, uniform or "
		    "uniform:LEAST:MOST (tokens)",
		    text);
	return 0;
}

int
study_parse_max_tokens(struct sim_work_options *o, const char *text)
{
	double x;

	if (strcmp(text, "output") == 0)
		o->max_is_output = true;
	else if (numbers(text, &x, 1) && x >= 1 && x <= 1 << 24 &&
	    x == floor(x))
		o->max_tokens = (uint32_t)x;
	else
		return err_set(ERR_USAGE,
		    "--max-tokens %.64s: want output or 1..16777216", text);
	return 0;
}

int
study_parse_cost(struct sim_cost *cost, const char *text)
{
	const char *equals = strchr(text, '=');
	char name[64];
	double x;

	if (equals == NULL || equals == text ||
	    (size_t)(equals - text) >= sizeof(name) ||
	    !numbers(equals + 1, &x, 1))
		return err_set(ERR_USAGE, "--cost-set %.64s: want term=value",
		    text);
	memcpy(name, text, (size_t)(equals - text));
	name[equals - text] = '\0';
	return sim_cost_set(cost, name, x) == 0 ? 0 : err_add("--cost-set");
}
