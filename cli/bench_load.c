/* The load of a benchmark, from a seed or a trace. */
#include "base/err.h"
#include "base/rng.h"
#include "cli/bench.h"
#include "sim/trace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REQUESTS_DEFAULT 100
#define TOKENS_MAX SIM_TOKENS_MAX

bool
bench_parse_range(const char *text, struct bench_range *r)
{
	char *end;
	unsigned long least = strtoul(text, &end, 10), most = least;

	if (end == text || *text == '-')
		return false;
	if (*end == ':') {
		const char *second = end + 1;

		most = strtoul(second, &end, 10);
		if (end == second)
			return false;
	}
	if (*end != '\0' || least == 0 || most < least || most > TOKENS_MAX)
		return false;
	r->least = (uint32_t)least;
	r->most = (uint32_t)most;
	return true;
}

bool
bench_parse_spread(const char *text, struct bench_options *o)
{
	static const char *const names[] = { "none", "round-robin", "uniform" };
	char *end;

	for (int i = 0; i < 3; i++)
		if (strcmp(text, names[i]) == 0) {
			o->spread = (enum bench_spread)i;
			return true;
		}
	if (strncmp(text, "zipf:", 5) != 0)
		return false;
	o->spread = BENCH_ZIPF;
	o->zipf = strtod(text + 5, &end);
	return end != text + 5 && *end == '\0' && o->zipf >= 0 && o->zipf < 100;
}

static uint32_t
draw_length(struct rng *rng, struct bench_range r)
{
	return r.least + (uint32_t)rng_below(rng, r.most - r.least + 1u);
}

/* The k-th adapter with weight 1 / k^a: the first whose cumulated weight is
 * over a share drawn evenly. */
static int
draw_zipf(struct rng *rng, double a, int n)
{
	double sum = 0, want;

	for (int k = 1; k <= n; k++)
		sum += pow(k, -a);
	want = rng_unit(rng) * sum;
	for (int k = 1; k < n; k++)
		if ((want -= pow(k, -a)) < 0)
			return k - 1;
	return n - 1;
}

static int
draw_adapter(struct rng *rng, const struct bench_options *o, int n, uint64_t i)
{
	switch (o->spread) {
	case BENCH_ROUND_ROBIN:
		return (int)(i % (uint64_t)n);
	case BENCH_UNIFORM:
		return (int)rng_below(rng, (uint64_t)n);
	case BENCH_ZIPF:
		return draw_zipf(rng, o->zipf, n);
	default:
		return -1;
	}
}

static uint32_t
at_most(uint32_t tokens, uint64_t most)
{
	return tokens <= most ? tokens : most < 1 ? 1 : (uint32_t)most;
}

/* An answer keeps at least half of the context. */
static void
fit(const struct bench_options *o, const struct sim_row *row,
    struct bench_ask *a)
{
	a->at = (nsec)((double)row->at / o->trace_speed);
	a->output = sim_scaled(row->output, o->length_scale);
	a->prompt = sim_scaled(row->prompt, o->length_scale);
	if (o->context == 0)
		return;
	a->output = at_most(a->output, o->context / 2);
	a->prompt = at_most(a->prompt, o->context - a->output);
}

static int
no_memory(uint64_t n)
{
	return err_set(ERR_MEMORY, "no memory for %ju requests", (uintmax_t)n);
}

static int
from_trace(const struct bench_options *o, struct bench_ask **asks, uint64_t *n)
{
	struct sim_trace t;
	int e = sim_trace_read(&t, o->trace, o->requests);

	if (e != 0)
		return e;
	*n = t.n;
	if ((*asks = calloc(t.n, sizeof(**asks))) == NULL)
		e = no_memory(t.n);
	for (uint64_t i = 0; e == 0 && i < t.n; i++)
		fit(o, &t.rows[i], &(*asks)[i]);
	sim_trace_free(&t);
	return e;
}

static int
from_ranges(const struct bench_options *o, struct bench_ask **asks, uint64_t *n)
{
	*n = o->requests > 0 ? o->requests : REQUESTS_DEFAULT;
	*asks = calloc(*n, sizeof(**asks));
	return *asks == NULL ? no_memory(*n) : 0;
}

int
bench_load(const struct bench_options *o, int nadapters,
    struct bench_ask **asks, uint64_t *n)
{
	struct rng rng, gaps;
	double at = 0;
	int e;

	*asks = NULL;
	if (o->spread != BENCH_NONE && nadapters == 0)
		return err_set(ERR_USAGE,
		    "the engine has no adapters; "
		    "want --adapters none");
	e = (o->trace != NULL ? from_trace : from_ranges)(o, asks, n);
	if (e != 0)
		return e;
	rng_seed(&rng, o->seed);
	rng_seed(&gaps, o->seed ^ 0x9a95);
	for (uint64_t i = 0; i < *n; i++) {
		struct bench_ask *a = &(*asks)[i];

		a->adapter = draw_adapter(&rng, o, nadapters, i);
		if (o->trace != NULL)
			continue;
		a->prompt = draw_length(&rng, o->prompt);
		a->output = draw_length(&rng, o->output);
		if (o->rate > 0) {
			at += rng_exponential(&gaps, 1 / o->rate);
			a->at = (nsec)(at * 1e9);
		}
	}
	return 0;
}
