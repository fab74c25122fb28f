/* chameleon bench: loads a running engine, or measures the machine. */
#include "cli/bench.h"

#include "base/err.h"
#include "cli/client.h"
#include "cli/cmd.h"
#include "cli/measure.h"
#include "cli/options.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define ASK_NS (30 * SECOND)

static struct bench_options o = {
	.trace_speed = 1,
	.length_scale = 1,
	.seed = 1,
	.vocab = 256,
	.connections = 8,
};
static struct measure_options m = { .instance = "default" };
static const char *spread = "none", *prompt = "128", *output = "64";
static const char *only, *write_trace;
static bool machine;
static uint64_t threads;

static const struct cmd_option options[] = {
	{ "connect", CMD_TEXT, &o.connect, "HOST:PORT",
	    "engine to load (or the path of its unix socket)", 'c' },
	{ "requests", CMD_COUNT, &o.requests, "N",
	    "requests in all (default 100, or the whole trace)", 'n' },
	{ "concurrency", CMD_COUNT, &o.concurrency, "C",
	    "closed loop: C requests in flight (default 1); with --rate "
	    "or --trace: at most so many (default no limit)",
	    0 },
	{ "rate", CMD_REAL, &o.rate, "R",
	    "open loop: R requests a second, Poisson", 0 },
	{ "trace", CMD_TEXT, &o.trace, "CSV",
	    "requests as in a trace: time, prompt tokens, output tokens, and "
	    "adapter if the trace names any",
	    0 },
	{ "trace-speed", CMD_REAL, &o.trace_speed, "X",
	    "the trace's time runs X times as fast (default 1)", 0 },
	{ "length-scale", CMD_REAL, &o.length_scale, "X",
	    "the trace's lengths times X (default 1)", 0 },
	{ "context", CMD_COUNT, &o.context, "N",
	    "cut the trace's lengths to a context of N tokens", 0 },
	{ "adapters", CMD_TEXT, &spread, "HOW",
	    "none, round-robin, uniform or zipf:A over the engine's "
	    "adapters (default none: the base model)",
	    'a' },
	{ "warm-up", CMD_REAL, &o.warm_up_s, "S",
	    "requests due in the first S seconds do not count (default 0)", 0 },
	{ "write-trace", CMD_TEXT, &write_trace, "CSV",
	    "write the load as a trace, for --trace here and of 'chameleon "
	    "sim', and send nothing",
	    0 },
	{ "only", CMD_TEXT, &only, "NAMES",
	    "these adapters alone, with commas between", 0 },
	{ "prompt-tokens", CMD_TEXT, &prompt, "N[:M]",
	    "random ids, N or N to M of them (default 128)", 0 },
	{ "output-tokens", CMD_TEXT, &output, "N[:M]",
	    "tokens of an answer, exactly (default 64)", 0 },
	{ "vocab", CMD_COUNT, &o.vocab, "N",
	    "random ids are below N (default 256)", 0 },
	{ "temperature", CMD_REAL, &o.temperature, "T", "default 0", 0 },
	{ "connections", CMD_COUNT, &o.connections, "N",
	    "connections that requests are spread over (default 8)", 0 },
	{ "seed", CMD_COUNT, &o.seed, "N",
	    "the same seed, the same load (default 1)", 0 },
	{ "system", CMD_TEXT, &o.system, "NAME",
	    "what the engine runs as, for the result", 0 },
	{ "json", CMD_TEXT, &o.json, "FILE",
	    "the result as JSON; - is standard output", 0 },
	{ "csv", CMD_TEXT, &o.csv, "FILE", "a row for each request", 0 },
	{ "machine", CMD_FLAG, &machine, NULL,
	    "measure what this machine can do, and nothing else", 0 },
	{ "threads", CMD_COUNT, &threads, "N",
	    "with --machine: threads (default one a core)", 0 },
	{ "instance", CMD_TEXT, &m.instance, "INSTANCE",
	    "engine on this machine whose steps and loads are measured "
	    "(default 'default')",
	    0 },
	{ "samples", CMD_TEXT, &m.samples, "CSV",
	    "write how long the instance's steps and loads took meanwhile", 0 },
	{ "profile", CMD_TEXT, &m.profile, "CSV",
	    "the same under loads of every kind, made for a fit", 0 },
	{ "seconds", CMD_REAL, &m.seconds, "S",
	    "with --profile: begin no further round after S (default 40)", 0 },
	{ "fit", CMD_TEXT, &m.fit, "CSV",
	    "fit the simulator's cost model to such a file, print its errors",
	    0 },
	{ "cost-out", CMD_TEXT, &m.cost_out, "YAML",
	    "with --fit: write the model", 0 },
	{ "cost", CMD_TEXT, &m.cost, "YAML",
	    "with --fit: judge this model and fit none", 0 },
};

const struct cmd_use cmd_bench_use = CMD_USE("chameleon bench --connect "
					     "HOST:PORT "
					     "[OPTIONS]",
    "Sends requests to a running engine and prints times to the first token\n"
    "(TTFT), between tokens (TBT) and to the end (E2E), throughput and\n"
    "errors.  Ctrl-C ends early with what there is.  With --machine prints\n"
    "read bandwidth and arithmetic peaks of this machine.  With --profile\n"
    "measures an engine on this machine step by step; with --fit makes a cost\n"
    "model for the simulator from that.",
    options, 0, 0);

static bool
wanted(const char *name)
{
	size_t len = strlen(name);

	for (const char *at = only; at != NULL; at++) {
		size_t n = strcspn(at, ",");

		if (n == len && strncmp(at, name, n) == 0)
			return true;
		at += n;
		if (*at == '\0')
			return false;
	}
	return only == NULL;
}

/* As the engine lists it; false: it cannot be served, or is not wanted. */
static bool
take_name(json_t *a, struct sim_named *named)
{
	const char *name = json_string_value(json_object_get(a, "name"));
	const char *state = json_string_value(json_object_get(a, "state"));
	json_t *rank = json_object_get(a, "rank");
	json_t *bytes = json_object_get(a, "bytes");

	if (name == NULL || strlen(name) >= sizeof(named->name) ||
	    !wanted(name) || (state != NULL && strcmp(state, "broken") == 0))
		return false;
	*named = (struct sim_named){ .rank = (int32_t)json_integer_value(rank),
		.bytes = (uint64_t)json_integer_value(bytes) };
	strcpy(named->name, name);
	return true;
}

static int
take_names(struct sim_names *names, json_t *reply)
{
	json_t *list = json_object_get(reply, "adapters"), *a;
	struct sim_named named;
	size_t i;
	int e = 0;

	if (!json_is_array(list))
		return err_set(ERR_FORMAT,
		    "the engine's list of adapters "
		    "cannot be read");
	json_array_foreach(list, i, a)
	{
		if (e == 0 && take_name(a, &named))
			e = sim_names_add(names, &named);
	}
	return e;
}

static int
ask_names(struct sim_names *names)
{
	struct client c;
	json_t *reply = NULL;
	char *line = NULL;
	int e = client_open(&c, o.connect, ASK_NS);

	if (e == 0)
		e = client_send(&c, "{\"op\":\"adapters\",\"id\":\"names\"}");
	while (e == 0 && (line == NULL || line[0] == '\0'))
		e = client_wait(&c, &line, clock_mono() + ASK_NS);
	if (e == 0) {
		reply = json_loads(line, 0, NULL);
		e = take_names(names, reply);
	}
	json_decref(reply);
	client_close(&c);
	return e;
}

static int
check_options(void)
{
	if (o.connect == NULL)
		return cmd_misused("want --connect HOST:PORT, or --machine");
	if (!bench_parse_spread(spread, &o))
		return cmd_misused("--adapters %s: want none, round-robin, "
				   "uniform or zipf:A",
		    spread);
	if (!bench_parse_range(prompt, &o.prompt))
		return cmd_misused("--prompt-tokens %s: want N or N:M", prompt);
	if (!bench_parse_range(output, &o.output))
		return cmd_misused("--output-tokens %s: want N or N:M", output);
	if (o.warm_up_s < 0 || o.warm_up_s > 1e6)
		return cmd_misused("--warm-up: want 0..1000000 seconds");
	if (o.warm_up_s > 0 && o.rate == 0 && o.trace == NULL)
		return cmd_misused("--warm-up: want --rate or --trace, too");
	if (o.rate < 0 || o.trace_speed <= 0 || o.length_scale <= 0)
		return cmd_misused("--rate, --trace-speed, --length-scale: "
				   "want a number over 0");
	if (o.rate > 0 && o.trace != NULL)
		return cmd_misused("--rate or --trace: want one of them");
	if (o.vocab == 0 || o.connections == 0)
		return cmd_misused("--vocab, --connections: want at least 1");
	if (o.concurrency == 0 && o.rate == 0 && o.trace == NULL)
		o.concurrency = 1;
	return CMD_GO_ON;
}

static int
report(struct bench_result *r)
{
	bool to_stdout = o.json != NULL && strcmp(o.json, "-") == 0;

	bench_print(r, to_stdout ? stderr : stdout);
	return o.json == NULL ? 0 : bench_json(r, o.json);
}

static int
load_it(void)
{
	struct sim_names names = { 0 };
	struct bench_ask *asks = NULL;
	struct bench_result r = { 0 };
	uint64_t n = 0;
	int e = 0;

	if (o.spread != BENCH_NONE || o.trace != NULL || write_trace != NULL)
		e = ask_names(&names);
	if (e == 0)
		e = bench_load(&o, &names, &asks, &n);
	if (e == 0 && write_trace != NULL) {
		e = bench_write(asks, n, &names, write_trace);
	} else if (e == 0) {
		e = bench_run(&o, &names, asks, n, &r);
		if (e == 0)
			e = report(&r);
	}
	sim_names_free(&names);
	free(asks);
	bench_result_free(&r);
	if (e != 0)
		return cmd_failed();
	return r.failed > 0 && r.completed == 0 ? CMD_FAILED : CMD_OK;
}

int
cmd_bench(int argc, char **argv)
{
	int status = cmd_parse(&cmd_bench_use, argc, argv, NULL);

	if (status != CMD_GO_ON)
		return status;
	if (machine)
		return bench_machine(threads, o.json != NULL, stdout) == 0 ?
		    CMD_OK :
		    cmd_failed();
	if ((status = measure_alone(&m, &o)) != CMD_GO_ON ||
	    (status = check_options()) != CMD_GO_ON)
		return status;
	return measure_around(&m, load_it);
}
