/* chameleon capacity: how many adapters fit, how they would be served, and where the
 * cliff is. */
#include "base/err.h"
#include "base/units.h"
#include "cli/cmd.h"
#include "cli/fits.h"
#include "cli/options.h"
#include "cli/settings.h"
#include "cli/summary.h"
#include "sim/sim.h"
#include "supervisor/plan.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB (1024.0 * 1024.0)
#define LOADS 5	  /* rows of the table of what fits */
#define FACTORS 4 /* of adapters */
#define RATES_MAX 32
#define HALVINGS 3 /* of the gap in which the cliff is */

/* A forecast is of so many requests after a warm-up, in which adapters come for
 * the first time; and not of a moment, in which no queue would grow. */
#define WARM_UP_LEAST 500.0
#define COUNTED_LEAST 2000.0
#define COUNTED_MOST 20000.0
#define SECONDS_LEAST 30.0
#define REFUSED_MOST 0.01 /* of requests, else it has collapsed */

static const char *file, *cost_file, *json, *ranks;
static struct cmd_list sets;
static uint64_t adapters, least = 16, most = 0, seed = 1;
static double rate = 1, zipf = 1;

static const struct cmd_option options[] = {
	{ "config", CMD_TEXT, &file, "FILE", "settings of the engine", 'c' },
	{ "set", CMD_LIST, &sets, "KEY=VALUE",
	    "over what the file says; may be given more than once", 's' },
	{ "adapters", CMD_COUNT, &adapters, "N",
	    "so many adapters of --ranks, in place of those in the engine's "
	    "directory",
	    'a' },
	{ "ranks", CMD_TEXT, &ranks, "LIST",
	    "with --adapters: their ranks in turn (default 8,16,32,64)", 0 },
	{ "zipf", CMD_REAL, &zipf, "A",
	    "the k-th adapter is wanted in proportion to 1/k^A (default 1)",
	    0 },
	{ "rate", CMD_REAL, &rate, "R", "requests a second (default 1)", 0 },
	{ "tokens-least", CMD_COUNT, &least, "N",
	    "shortest prompt, and answer (default 16)", 0 },
	{ "tokens-most", CMD_COUNT, &most, "N",
	    "longest prompt, and answer (default a quarter of the context)",
	    0 },
	{ "cost", CMD_TEXT, &cost_file, "FILE",
	    "what steps and loads cost, for the forecast: see 'chameleon bench "
	    "--profile' and '--fit', or etc/sim/",
	    0 },
	{ "seed", CMD_COUNT, &seed, "S",
	    "the same seed, the same forecast (default 1)", 0 },
	{ "json", CMD_TEXT, &json, "FILE",
	    "all of it as JSON too; - is standard output, and nothing else",
	    0 },
};

const struct cmd_use cmd_capacity_use = CMD_USE("chameleon capacity "
						"[-c FILE] [OPTIONS]",
    "Says how large adapters are on the device, by rank, how many fit beside\n"
    "how many running requests, and, with --cost, what hits and times to the\n"
    "first token to expect of them, and at how many adapters and at which "
    "rate\n"
    "these collapse.",
    options, 0, 0);

/* What is asked, and what has been worked out. */
static struct {
	struct conf conf;
	struct shape shape;
	struct plan plan;
	struct fits fits;
	uint32_t tokens; /* of a request at its end, on the average */
	struct {
		uint32_t running, kv_chunks, adapters;
	} load[LOADS];
	struct sim_cost cost;
	uint32_t fit; /* beside half of the most that run at once */
	struct forecast {
		uint32_t adapters;
		double rate, hits, p50_ms, p99_ms, refused;
	} by_adapters[FACTORS], by_rate[RATES_MAX];
	int nrates;
	uint32_t cliff_adapters; /* 0: none */
	double cliff_rate;	 /* 0: none */
} all;

static const double factors[FACTORS] = { 0.5, 1, 2, 4 };

static int
work_out_fit(void)
{
	const struct plan *p = &all.plan;
	uint32_t half = (p->batch_max + 1) / 2, kv;

	all.tokens = (uint32_t)(least + most);
	for (uint32_t i = 0; i < LOADS; i++) {
		uint32_t running = (uint32_t)((uint64_t)p->batch_max * i /
		    (LOADS - 1));

		kv = fits_kv_chunks(p, running, all.tokens);
		all.load[i].running = running;
		all.load[i].kv_chunks = kv;
		all.load[i].adapters = kv >= p->chunks ?
		    0 :
		    fits_in(&all.fits, p, p->chunks - kv);
	}
	kv = fits_kv_chunks(p, half, all.tokens);
	all.fit = kv >= p->chunks ? 0 : fits_in(&all.fits, p, p->chunks - kv);
	if (all.load[0].adapters > 0)
		return 0;
	return err_set(ERR_USAGE,
	    "no adapter fits: the pool has %u chunks of %ju bytes "
	    "(memory.device_bytes), and the first takes %ju bytes",
	    p->chunks, (uintmax_t)p->chunk_bytes,
	    (uintmax_t)fits_pick(&all.fits, 0)->bytes);
}

/* The cost of steps and loads is the file's; what memory there is, the plan's. */
static int
read_cost(void)
{
	const struct plan *p = &all.plan;
	struct sim_cost *c = &all.cost;
	int e = sim_cost_read(c, cost_file);

	if (e != 0)
		return e;
	c->pool_bytes = (double)plan_chunks_bytes(p);
	c->chunk_bytes = (double)p->chunk_bytes;
	c->block_tokens = p->block_tokens;
	c->kv_token_bytes = (double)p->kv_block_bytes / p->block_tokens;
	c->batch_max = p->batch_max;
	c->step_tokens = p->step_tokens;
	if (all.conf.loader_link_bytes_per_s > 0)
		c->link_bytes_per_s = (double)all.conf.loader_link_bytes_per_s;
	return 0;
}

static int
by_time(const void *va, const void *vb)
{
	double a = *(const double *)va, b = *(const double *)vb;

	return a < b ? -1 : a > b;
}

static int
take_times(const struct sim_work *w, const struct sim_result *r,
    double warm_up_s, struct forecast *to)
{
	double *ms = calloc((size_t)w->n + 1, sizeof(*ms));
	uint64_t n = 0, refused = 0;

	if (ms == NULL)
		return err_set(ERR_MEMORY, "no memory for times");
	for (uint64_t i = 0; i < w->n; i++) {
		if (clock_ms(w->asks[i].at) < 1000 * warm_up_s)
			continue;
		if (r->outcomes[i].failed == 0)
			ms[n++] = clock_ms(
			    r->outcomes[i].first_ns - w->asks[i].at);
		else
			refused++;
	}
	qsort(ms, (size_t)n, sizeof(*ms), by_time);
	if (n > 0) {
		to->p50_ms = ms[n / 2];
		to->p99_ms = ms[n * 99 / 100];
	}
	to->hits = r->with_adapter > 0 ?
	    (double)r->hits / (double)r->with_adapter :
	    0;
	to->refused = n + refused > 0 ?
	    (double)refused / (double)(n + refused) :
	    0;
	free(ms);
	return 0;
}

static double
within(double v, double low, double high)
{
	return v < low ? low : v > high ? high : v;
}

static int
foresee(uint32_t nadapters, double rps, struct forecast *to)
{
	double warm_up_s = within(2.0 * nadapters, WARM_UP_LEAST,
			       COUNTED_MOST) /
	    rps;
	double counted_s = within(nadapters, COUNTED_LEAST, COUNTED_MOST) / rps;
	struct sim_work_options o = { .arrivals = SIM_POISSON,
		.lengths = SIM_UNIFORM,
		.uniform_least = (uint32_t)least,
		.uniform_most = (uint32_t)most,
		.rps = rps,
		.length_scale = 1,
		.duration_s = warm_up_s +
		    (counted_s < SECONDS_LEAST ? SECONDS_LEAST : counted_s),
		.adapters = nadapters,
		.by_law = true,
		.zipf = zipf,
		.ranks = "8",
		.seed = seed };
	struct sim_work work;
	struct sim_result result;
	struct sim_setup setup = { .conf = all.conf,
		.cost = all.cost,
		.work = &work,
		.seed = seed,
		.warm_up_s = warm_up_s,
		.slots = all.plan.slots };
	int e = sim_work_make(&work, &o);

	*to = (struct forecast){ .adapters = nadapters, .rate = rps };
	if (e != 0)
		return e;
	for (uint32_t i = 0; i < work.nadapters; i++) {
		const struct fit *f = fits_pick(&all.fits, i);

		work.adapters[i].rank = f->rank;
		work.adapters[i].bytes = f->bytes;
	}
	e = sim_run(&setup, &result);
	if (e == 0) {
		e = take_times(&work, &result, warm_up_s, to);
		sim_result_free(&result);
	}
	sim_work_free(&work);
	return e;
}

static bool
collapses(const struct forecast *f)
{
	return f->p99_ms > all.conf.policy_slo_ms || f->refused > REFUSED_MOST;
}

/* More and more adapters, at the rate that is asked for. */
static int
find_cliff_of_adapters(void)
{
	int e = 0;

	for (int i = 0; e == 0 && i < FACTORS; i++) {
		double n = all.fit * factors[i];

		e = foresee(n < 1 ? 1 : (uint32_t)n, rate, &all.by_adapters[i]);
		if (e == 0 && all.cliff_adapters == 0 &&
		    collapses(&all.by_adapters[i]))
			all.cliff_adapters = all.by_adapters[i].adapters;
	}
	return e;
}

static int
try_rate(double r, bool *bad)
{
	struct forecast *f = &all.by_rate[all.nrates];
	int e = foresee(all.fits.adapters, r, f);

	all.nrates += e == 0;
	*bad = e == 0 && collapses(f);
	return e;
}

static int
by_rate(const void *va, const void *vb)
{
	const struct forecast *a = va, *b = vb;

	return a->rate < b->rate ? -1 : a->rate > b->rate;
}

/* With all adapters: twice the rate, or half of it, until it is on the other side of
 * the cliff; then the gap is halved. */
static int
find_cliff_of_rate(void)
{
	double good = 0, bad = 0, r = rate;
	bool is_bad;
	int e = 0, halvings = 0;

	while (e == 0 && all.nrates < RATES_MAX && halvings < HALVINGS) {
		if ((e = try_rate(r, &is_bad)) != 0)
			break;
		halvings += good > 0 && bad > 0;
		if (is_bad)
			bad = r;
		else
			good = r;
		r = bad <= 0 ? 2 * r : good <= 0 ? r / 2 : (good + bad) / 2;
	}
	qsort(all.by_rate, (size_t)all.nrates, sizeof(all.by_rate[0]), by_rate);
	all.cliff_rate = bad;
	return e;
}

static int
find_cliffs(void)
{
	int e = find_cliff_of_adapters();

	return e == 0 ? find_cliff_of_rate() : e;
}

/* ---- telling ---- */

static void
print_sizes(void)
{
	char bytes[32], place[32];

	printf("%u adapters", all.fits.adapters);
	if (all.fits.refused > 0)
		printf(", %u more would be refused ('chameleon inspect' says "
		       "why)",
		    all.fits.refused);
	printf("\n%8s %9s %12s %12s %6s\n", "rank", "adapters", "bytes each",
	    "place", "lost");
	for (uint32_t i = 0; i < all.fits.n; i++) {
		const struct fit *f = &all.fits.at[i];

		printf("%8d %9u %12s %12s %5.0f%%\n", f->rank, f->count,
		    units_bytes(bytes, sizeof(bytes), f->bytes),
		    units_bytes(place, sizeof(place), f->place),
		    100 - 100.0 * (double)f->bytes / (double)f->place);
	}
}

static void
print_fit(void)
{
	const struct plan *p = &all.plan;
	char pool[32], chunk[32], kv[32];

	printf("\npool %s in %u chunks of %s; a request of %u tokens takes "
	       "%.2f MiB of keys and values\n",
	    units_bytes(pool, sizeof(pool), plan_chunks_bytes(p)), p->chunks,
	    units_bytes(chunk, sizeof(chunk), p->chunk_bytes), all.tokens,
	    (double)fits_kv_chunks(p, 1024, all.tokens) *
		(double)p->chunk_bytes / 1024 / MIB);
	printf("%8s %18s %20s\n", "running", "keys and values",
	    "adapters that fit");
	for (int i = 0; i < LOADS; i++)
		printf("%8u %18s %20u\n", all.load[i].running,
		    units_bytes(kv, sizeof(kv),
			all.load[i].kv_chunks * p->chunk_bytes),
		    all.load[i].adapters);
}

static void
print_forecast(const char *what, const struct forecast *f, int n)
{
	printf("\n%s\n%9s %8s %6s %14s %14s\n", what, "adapters", "rate",
	    "hits", "TTFT P50 ms", "TTFT P99 ms");
	for (int i = 0; i < n; i++)
		printf("%9u %8.2f %5.0f%% %14.1f %14.1f%s%s\n", f[i].adapters,
		    f[i].rate, 100 * f[i].hits, f[i].p50_ms, f[i].p99_ms,
		    f[i].p99_ms > all.conf.policy_slo_ms ? "  over the SLO" :
							   "",
		    f[i].refused > REFUSED_MOST ? "  some refused" : "");
}

static void
print_forecasts(void)
{
	if (cost_file == NULL) {
		printf("\nno forecast of hits and times without --cost FILE; "
		       "'chameleon bench --profile' and '--fit' measure one on "
		       "this machine\n");
		return;
	}
	print_forecast("by adapters: 0.5, 1, 2 and 4 times what fits beside "
		       "half of the most that run at once",
	    all.by_adapters, FACTORS);
	print_forecast("by rate, with all adapters", all.by_rate, all.nrates);
	if (all.cliff_adapters == all.by_adapters[0].adapters)
		printf("\n%.2f requests/s are too many, however few adapters "
		       "there are\n",
		    rate);
	else if (all.cliff_adapters > 0)
		printf("\nat %.2f requests/s the cliff is at %u adapters: P99 "
		       "TTFT over policy.slo_ms (%u ms), or requests refused\n",
		    rate, all.cliff_adapters, all.conf.policy_slo_ms);
	else
		printf("\nat %.2f requests/s there is no cliff up to %u "
		       "adapters\n",
		    rate, all.by_adapters[FACTORS - 1].adapters);
	if (all.cliff_rate > 0)
		printf("with %u adapters the cliff is at %.2f requests/s\n",
		    all.fits.adapters, all.cliff_rate);
	else
		printf("with %u adapters there is no cliff up to %.2f "
		       "requests/s\n",
		    all.fits.adapters, all.by_rate[all.nrates - 1].rate);
}

static json_t *
forecasts_json(const struct forecast *f, int n)
{
	json_t *list = json_array();

	for (int i = 0; i < n; i++)
		(void)json_array_append_new(list,
		    json_pack("{s:I, s:f, s:f, s:f, s:f, s:f}", "adapters",
			(json_int_t)f[i].adapters, "rate", f[i].rate,
			"hit_rate", f[i].hits, "ttft_p50_ms", f[i].p50_ms,
			"ttft_p99_ms", f[i].p99_ms, "refused", f[i].refused));
	return list;
}

static json_t *
as_json(void)
{
	json_t *sizes = json_array(), *fit = json_array();

	for (uint32_t i = 0; i < all.fits.n; i++)
		(void)json_array_append_new(sizes,
		    json_pack("{s:i, s:I, s:I, s:I}", "rank",
			all.fits.at[i].rank, "adapters",
			(json_int_t)all.fits.at[i].count, "bytes",
			(json_int_t)all.fits.at[i].bytes, "place_bytes",
			(json_int_t)all.fits.at[i].place));
	for (int i = 0; i < LOADS; i++)
		(void)json_array_append_new(fit,
		    json_pack("{s:I, s:I, s:I}", "running",
			(json_int_t)all.load[i].running, "kv_bytes",
			(json_int_t)(all.load[i].kv_chunks *
			    all.plan.chunk_bytes),
			"adapters", (json_int_t)all.load[i].adapters));
	return json_pack("{s:o, s:o, s:I, s:o, s:o, s:I, s:f}", "sizes", sizes,
	    "fit", fit, "pool_bytes", (json_int_t)plan_chunks_bytes(&all.plan),
	    "by_adapters",
	    forecasts_json(all.by_adapters, cost_file == NULL ? 0 : FACTORS),
	    "by_rate", forecasts_json(all.by_rate, all.nrates),
	    "cliff_adapters", (json_int_t)all.cliff_adapters, "cliff_rate",
	    all.cliff_rate);
}

static int
check_options(void)
{
	if (ranks != NULL && adapters == 0)
		return cmd_misused("--ranks: want --adapters N with it");
	if (adapters > 1 << 20)
		return cmd_misused("--adapters %ju: want at most %d",
		    (uintmax_t)adapters, 1 << 20);
	if (!(rate > 0 && rate <= 1e6) || !(zipf >= 0 && zipf <= 10))
		return cmd_misused("--rate: want a number over 0; --zipf: want "
				   "0 to 10");
	return CMD_GO_ON;
}

static int
prepare(void)
{
	struct plan_machine machine;
	int e = cmd_settings(&all.conf, NULL, file, &sets);

	if (e == 0)
		e = conf_check(&all.conf);
	if (e == 0)
		e = plan_for(&all.plan, &all.conf, &all.shape, &machine);
	if (e != 0)
		return e;
	if (most == 0)
		most = all.plan.context / 4;
	if (least < 1 || least > most || 2 * most > all.plan.context)
		return err_set(ERR_USAGE,
		    "--tokens-least %ju, --tokens-most %ju: want 1 or more, "
		    "and at most half of the context (%u)",
		    (uintmax_t)least, (uintmax_t)most, all.plan.context);
	return adapters > 0 ?
	    fits_law(&all.fits, (uint32_t)adapters,
		ranks != NULL ? ranks : "8,16,32,64", &all.shape, &all.plan) :
	    fits_read(&all.fits, all.conf.adapters, &all.shape, &all.plan);
}

int
cmd_capacity(int argc, char **argv)
{
	int status = cmd_parse(&cmd_capacity_use, argc, argv, NULL), e;

	if (status != CMD_GO_ON || (status = check_options()) != CMD_GO_ON)
		return status;
	if ((e = prepare()) == 0 && (e = work_out_fit()) == 0 &&
	    cost_file != NULL && (e = read_cost()) == 0)
		e = find_cliffs();
	if (e == 0 && (json == NULL || strcmp(json, "-") != 0)) {
		print_sizes();
		print_fit();
		print_forecasts();
	}
	if (e == 0 && json != NULL)
		e = summary_write(as_json(), json);
	fits_free(&all.fits);
	return e == 0 ? CMD_OK : cmd_failed();
}
