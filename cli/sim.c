/* chameleon sim: the engine's scheduler in virtual time, at a given cost. */
#include "base/err.h"
#include "cli/cmd.h"
#include "cli/options.h"
#include "cli/settings.h"
#include "cli/study.h"
#include "conf/systems.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REQUESTS_DEFAULT 10000

#define NOT_SAID UINT64_MAX
#define ADAPTERS_DEFAULT 100
#define SECONDS_MAX 1e9

static const char ranks_default[] = "8,16,32,64,128";
static struct study s = {
	.system = "default",
	.work = { .length_scale = 1, .zipf = 1, .ranks = ranks_default },
	.seeds = 1,
};
static const char *file, *cost, *arrivals, *lengths, *sweep, *max_tokens;
static const char *json, *csv, *plots;
static struct cmd_list sets, cost_sets;
static double rps = NAN, poisson = NAN, slo_ms = NAN;
static uint64_t adapters = NOT_SAID, seed = 1, seeds = 1, slots, copies = 1;

static const struct cmd_option options[] = {
	{ "cost", CMD_TEXT, &cost, "FILE",
	    "what steps and loads cost, as etc/sim/a40-llama7b.yaml", 0 },
	{ "system", CMD_TEXT, &s.system, "SYSTEM",
	    "which system; 'chameleon check --systems' lists them (default "
	    "'default': the engine's own settings)",
	    0 },
	{ "config", CMD_TEXT, &file, "FILE",
	    "settings of an engine, under those of the system", 'c' },
	{ "trace", CMD_TEXT, &s.work.trace, "CSV",
	    "requests of a trace: time, prompt tokens, answer tokens, and "
	    "adapter if it names any; alone: at its own times, over and over "
	    "if more are wanted",
	    0 },
	{ "poisson", CMD_REAL, &poisson, "RPS",
	    "Poisson arrivals at this rate; without --trace, lengths like "
	    "those of LMSYS-Chat-1M (85 tokens in, 165 out, heavy tails)",
	    0 },
	{ "rps", CMD_REAL, &rps, "R",
	    "with --trace: Poisson arrivals at this rate, each request's "
	    "lengths drawn from the trace",
	    0 },
	{ "sweep", CMD_TEXT, &sweep, "rps=FROM:TO:STEP",
	    "a run for each of these rates, in place of --rps, and the "
	    "largest load within the SLO",
	    0 },
	{ "seeds", CMD_COUNT, &seeds, "K",
	    "each load with K seeds, from --seed on (default 1)", 0 },
	{ "seed", CMD_COUNT, &seed, "S",
	    "the same seed, the same result (default 1)", 0 },
	{ "requests", CMD_COUNT, &s.work.requests, "N",
	    "how many (default as many as the trace has; without one, or "
	    "--duration, 10000)",
	    'n' },
	{ "duration", CMD_REAL, &s.work.duration_s, "S",
	    "arrivals for S seconds of virtual time", 0 },
	{ "warm-up", CMD_REAL, &s.setup.warm_up_s, "S",
	    "requests of the first S seconds do not count (default 0)", 0 },
	{ "arrivals", CMD_TEXT, &arrivals, "LAW",
	    "trace, poisson, gamma:CV (variation of the gaps) or "
	    "bursts:ON:OFF (seconds)",
	    0 },
	{ "lengths", CMD_TEXT, &lengths, "LAW",
	    "trace, lmsys, uniform (8 to 512) or uniform:LEAST:MOST", 0 },
	{ "length-scale", CMD_REAL, &s.work.length_scale, "X",
	    "all lengths times X (default 1)", 0 },
	{ "max-tokens", CMD_TEXT, &max_tokens, "N|output",
	    "what requests allow: N tokens, or exactly their answer (default "
	    "the longest answer there is)",
	    0 },
	{ "adapters", CMD_COUNT, &adapters, "N",
	    "adapters, as many of each rank; 0: the base model alone "
	    "(default 100; the trace's if it names any)",
	    'a' },
	{ "adapter-copies", CMD_COUNT, &copies, "N",
	    "each adapter that the trace names N times, its requests shared "
	    "out among them by chance; 2: the same traffic over twice the "
	    "adapters (default 1)",
	    0 },
	{ "ranks", CMD_TEXT, &s.work.ranks, "LIST",
	    "ranks of adapters (default 8,16,32,64,128)", 0 },
	{ "zipf", CMD_REAL, &s.work.zipf, "A",
	    "the k-th adapter of a rank is wanted in proportion to 1/k^A "
	    "(default 1; 0: all alike)",
	    0 },
	{ "rank-zipf", CMD_REAL, &s.work.rank_zipf, "A",
	    "so with ranks, the smallest first; below 0 the largest first "
	    "(default 0: all alike)",
	    0 },
	{ "slo-ms", CMD_REAL, &slo_ms, "MS",
	    "time to the first token that is aimed at (default 5 times what "
	    "requests take alone, from first to last); sets policy.slo_ms",
	    0 },
	{ "slots", CMD_COUNT, &slots, "N",
	    "requests the scheduler sees at once (default the setting slots)",
	    0 },
	{ "set", CMD_LIST, &sets, "KEY=VALUE",
	    "a setting over the system's, as policy.eviction=lru", 0 },
	{ "cost-set", CMD_LIST, &cost_sets, "TERM=VALUE",
	    "a term of the cost over the file's", 0 },
	{ "laws", CMD_FLAG, &s.setup.laws, NULL,
	    "check after every step all that must hold", 0 },
	{ "json", CMD_TEXT, &json, "FILE",
	    "the result as JSON; - is standard output", 0 },
	{ "csv", CMD_TEXT, &csv, "FILE",
	    "a row for each request; with several runs, for each run", 0 },
	{ "plots", CMD_TEXT, &plots, "DIR",
	    "pictures (SVG, PNG) by gnuplot: TTFT over load, its distribution, "
	    "memory over time",
	    0 },
	{ "quiet", CMD_FLAG, &s.quiet, NULL, "no table and no progress", 'q' },
};

const struct cmd_use cmd_sim_use = CMD_USE("chameleon sim --cost FILE "
					   "--trace CSV|--poisson RPS "
					   "[--system NAME] [OPTIONS]",
    "Runs the engine's own scheduler against a model of what steps and loads\n"
    "cost, in virtual time, and prints what 'chameleon bench' prints of a "
    "real\n"
    "engine.  The same options give the same result to the last byte.",
    options, 0, 0);

/* A sentence about what was asked is a misuse. */
static int
refused(int e)
{
	(void)cmd_failed();
	return e == ERR_USAGE || e == ERR_CONFIG || e == ERR_NOT_FOUND ?
	    CMD_MISUSED :
	    CMD_FAILED;
}

static int
check_numbers(void)
{
	if (seeds < 1 || seeds > STUDY_SEEDS_MAX)
		return cmd_misused("--seeds %ju: want 1..%d", (uintmax_t)seeds,
		    STUDY_SEEDS_MAX);
	if (adapters != NOT_SAID && adapters > 1 << 20)
		return cmd_misused("--adapters %ju: want at most %d",
		    (uintmax_t)adapters, 1 << 20);
	if (copies < 1 || copies > 1 << 20)
		return cmd_misused("--adapter-copies %ju: want 1..%d",
		    (uintmax_t)copies, 1 << 20);
	if (slots > 65536)
		return cmd_misused("--slots %ju: want 1..65536",
		    (uintmax_t)slots);
	if (rps <= 0 || poisson <= 0 || slo_ms <= 0)
		return cmd_misused("--rps, --poisson, --slo-ms: want a number "
				   "over 0");
	if (s.work.duration_s < 0 || s.setup.warm_up_s < 0 ||
	    s.setup.warm_up_s > SECONDS_MAX)
		return cmd_misused("--duration, --warm-up: want 0..%g seconds",
		    SECONDS_MAX);
	return CMD_GO_ON;
}

static int
check_options(void)
{
	if (cost == NULL)
		return cmd_misused("want --cost FILE, as "
				   "etc/sim/a40-llama7b.yaml");
	if (s.work.trace == NULL && isnan(poisson) && isnan(rps) &&
	    sweep == NULL)
		return cmd_misused("want --trace CSV or --poisson RPS");
	if (!isnan(rps) && !isnan(poisson))
		return cmd_misused("--rps or --poisson: want one of them");
	if (!isnan(poisson) && arrivals != NULL)
		return cmd_misused("--poisson or --arrivals: want one of them");
	return check_numbers();
}

/* Which laws arrivals and lengths have, where nothing is said. */
static int
choose_laws(void)
{
	struct sim_work_options *o = &s.work;
	bool timed = isnan(rps) && isnan(poisson) && sweep == NULL;
	int e = 0;

	o->arrivals = timed ? SIM_TRACE_TIMES : SIM_POISSON;
	o->lengths = o->trace != NULL ? SIM_TRACE_LENGTHS : SIM_LMSYS;
	if (arrivals != NULL)
		e = study_parse_arrivals(o, arrivals);
	if (e == 0 && lengths != NULL)
		e = study_parse_lengths(o, lengths);
	if (e == 0 && max_tokens != NULL)
		e = study_parse_max_tokens(o, max_tokens);
	if (o->trace == NULL && o->requests == 0 && o->duration_s == 0)
		o->requests = REQUESTS_DEFAULT;
	return e;
}

static int
choose_loads(void)
{
	if (sweep != NULL)
		return study_parse_sweep(&s, sweep);
	if ((s.loads = calloc(1, sizeof(*s.loads))) == NULL)
		return err_set(ERR_MEMORY, "no memory for a load");
	s.nloads = 1;
	s.loads[0] = !isnan(rps) ? rps : !isnan(poisson) ? poisson : 0;
	return 0;
}

static int
read_cost(void)
{
	int e = sim_cost_read(&s.setup.cost, cost);

	for (int i = 0; e == 0 && i < cost_sets.n; i++)
		e = study_parse_cost(&s.setup.cost, cost_sets.at[i]);
	return e;
}

/* Settings that do nothing here are refused: most of an engine's sizes are terms
 * of the cost. */
static int
check_sets(void)
{
	static const char *const known[] = { "policy.",
		"scheduler.spare_blocks=", "loader.link_copies=",
		"loader.link_bytes_per_s=", "slots=" };

	for (int i = 0; i < sets.n; i++) {
		size_t k = 0, n = sizeof(known) / sizeof(known[0]);

		while (k < n &&
		    strncmp(sets.at[i], known[k], strlen(known[k])) != 0)
			k++;
		if (k == n)
			return err_set(ERR_USAGE,
			    "--set %s: does nothing in a simulation: want a "
			    "setting of the section policy, or a term of the "
			    "cost by --cost-set",
			    sets.at[i]);
	}
	return 0;
}

/* The SLO goes under what --set says of policy.slo_ms. */
static int
settle(void)
{
	struct conf *c = &s.setup.conf;
	char number[32];
	int e = cmd_settings(c, s.system, file, &sets);

	if (e == 0)
		e = check_sets();
	s.setup.slots = slots > 0 ? (uint32_t)slots : c->slots;
	s.slo_ms = slo_ms;
	if (e == 0 && isnan(slo_ms))
		e = study_slo(&s);
	if (e != 0)
		return e;
	snprintf(number, sizeof(number), "%.0f", fmax(1, s.slo_ms));
	if ((e = conf_set(c, "policy.slo_ms", number)) != 0)
		return e;
	return settings_pairs(c, &sets);
}

static int
prepare(void)
{
	int e;

	s.work.by_law = adapters != NOT_SAID || s.work.ranks != ranks_default;
	s.work.adapters = adapters == NOT_SAID ? ADAPTERS_DEFAULT :
						 (uint32_t)adapters;
	s.work.copies = (uint32_t)copies;
	s.work.seed = seed;
	s.seeds = (uint32_t)seeds;
	if ((e = choose_laws()) == 0 && (e = choose_loads()) == 0 &&
	    (e = read_cost()) == 0)
		e = settle();
	if (s.nloads * s.seeds == 1 && !s.sweep)
		s.csv = csv;
	return e;
}

static int
report(void)
{
	bool to_stdout = json != NULL && strcmp(json, "-") == 0;
	int e = 0;

	if (!s.quiet)
		study_print(&s, to_stdout ? stderr : stdout);
	if (json != NULL)
		e = summary_write(study_json(&s), json);
	if (e == 0 && csv != NULL && s.csv == NULL)
		e = study_csv(&s, csv);
	if (e == 0 && plots != NULL)
		e = study_plots(&s, plots);
	return e;
}

int
cmd_sim(int argc, char **argv)
{
	int status = cmd_parse(&cmd_sim_use, argc, argv, NULL), e;

	if (status != CMD_GO_ON || (status = check_options()) != CMD_GO_ON)
		return status;
	if ((e = prepare()) != 0 || (e = study_run(&s)) != 0)
		status = refused(e);
	else if (report() != 0)
		status = cmd_failed();
	else
		status = CMD_OK;
	study_free(&s);
	return status;
}
