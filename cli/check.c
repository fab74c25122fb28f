/* chameleon check: is this configuration right, and what will it take? */
#include "base/err.h"
#include "base/units.h"
#include "cli/cmd.h"
#include "cli/options.h"
#include "cli/settings.h"
#include "conf/systems.h"
#include "model/shape.h"
#include "model/tensors.h"
#include "shm/plan.h"
#include "supervisor/house.h"
#include "supervisor/plan.h"

#include <stdio.h>

static const char *file, *system_name;
static struct cmd_list sets;
static bool defaults, settings, systems, values;

static const struct cmd_option options[] = {
	{ "config", CMD_TEXT, &file, "FILE", "settings to read", 'c' },
	{ "system", CMD_TEXT, &system_name, "SYSTEM",
	    "behave as one of the paper's systems; --systems lists "
	    "them; a file and --set go over it",
	    0 },
	{ "set", CMD_LIST, &sets, "KEY=VALUE",
	    "over what the file says; may be given more than once", 's' },
	{ "defaults", CMD_FLAG, &defaults, NULL,
	    "print the commented file of all defaults, and end", 0 },
	{ "settings", CMD_FLAG, &settings, NULL,
	    "print every setting, its range and what it does, and end", 0 },
	{ "systems", CMD_FLAG, &systems, NULL,
	    "print the name of every system and its settings, and end", 0 },
	{ "values", CMD_FLAG, &values, NULL,
	    "print every setting as it is set, too", 0 },
};

const struct cmd_use cmd_check_use =
    CMD_USE("chameleon check [-c FILE] [--set KEY=VALUE]...",
	"Checks a configuration and prints the memory an engine of it will\n"
	"take, part by part, before anything starts.",
	options, 0, 0);

/* Memory of a process beside what is listed: program, libraries, stacks, and
 * what it notes of each token of the vocabulary, slot, connection, adapter, KV
 * block and running request; measured, and rounded up. */
static const struct {
	const char *name;
	uint32_t fixed, token, slot, connection, adapter, block, run, place,
	    chunk;
} roles[] = {
	{ "supervisor", 2 << 20, 0, 0, 64, 0, 0, 0, 0, 0 },
	{ "frontend", 4 << 20, 320, 256, 256, 32, 0, 0, 0, 0 },
	/* with prefetch: histogram, 1,216 bytes more an adapter in use */
	{ "scheduler", 5 << 20, 0, 320, 0, 640, 16, 0, 0, 192 },
	{ "loader", 8 << 20, 0, 0, 0, 320, 0, 0, 0, 0 },
	/* place: a position of a running request's context */
	{ "gpuexec", 16 << 20, 0, 8, 0, 0, 0, 4096, 5, 0 },
};

static uint64_t total;

static void
line(const char *what, uint64_t bytes, const char *note)
{
	char text[32];

	printf("  %-28s %12s  %s\n", what,
	    units_bytes(text, sizeof(text), bytes), note);
	total += bytes;
}

static void
print_shared(const struct plan *p, const struct conf *c)
{
	static const char *const names[SEG_COUNT] = {
		[SEG_SUPERVISOR] = "segment supervisor",
		[SEG_MONITOR] = "segment monitor",
		[SEG_HOLDER] = "segment holder",
		[SEG_LOADER] = "segment loader",
		[SEG_GPUEXEC] = "segment gpuexec",
		[SEG_SCHEDULER] = "segment scheduler",
		[SEG_FRONTEND] = "segment frontend",
		[SEG_BELLS] = "segment bells",
		[SEG_POOL] = "pool",
	};
	char note[80], bytes[32];

	printf("shared memory\n");
	for (int i = 0; i < SEG_STORE; i++) {
		note[0] = '\0';
		if (i == SEG_POOL && p->backend == BACKEND_CUDA)
			continue;
		if (i == SEG_LOADER && p->staging_bytes > 0)
			snprintf(note, sizeof(note),
			    "%s of it for copies, pinned",
			    units_bytes(bytes, sizeof(bytes),
				p->staging_bytes));
		if (i == SEG_POOL)
			snprintf(note, sizeof(note),
			    "%u chunks; taken as it is used", p->chunks);
		line(names[i], p->seg_bytes[i], note);
	}
	line("store", c->loader_host_bytes,
	    "packed adapters; at most, taken as it is used");
}

static uint64_t
notes(const struct plan *p, size_t i)
{
	return roles[i].fixed + (uint64_t)roles[i].token * p->vocab +
	    (uint64_t)roles[i].slot * p->slots +
	    (uint64_t)roles[i].connection * p->connections +
	    (uint64_t)roles[i].adapter * p->adapters +
	    (uint64_t)roles[i].block * p->chunks * p->blocks_per_chunk +
	    (uint64_t)roles[i].chunk * p->chunks +
	    ((uint64_t)roles[i].run + (uint64_t)roles[i].place * p->context) *
	    p->batch_max;
}

static void
print_private(const struct plan *p)
{
	printf("private memory\n");
	for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++)
		line(roles[i].name, notes(p, i),
		    i == 1 ? "and the buffers of its clients" : "");
	if (p->backend == BACKEND_CUDA)
		return;
	line("gpuexec: weights", p->weights_bytes,
	    tensor_dtype_word((enum tensor_dtype)p->weight_dtype));
	line("gpuexec: activations", p->work_bytes, "");
}

static void
print_sum(void)
{
	char sum[32];

	printf("sum                            %12s\n",
	    units_bytes(sum, sizeof(sum), total));
	total = 0;
}

static void
print_gpu(const struct plan *p, const struct conf *c, const struct plan_gpu *g)
{
	char device[32], note[80], all[32], free[32];

	printf("memory of %s, %s: %s, %s of it free\n",
	    plan_device_text(p, device, sizeof(device)), p->device_name,
	    units_bytes(all, sizeof(all), g->total),
	    units_bytes(free, sizeof(free), g->free));
	snprintf(note, sizeof(note), "%s; at most",
	    tensor_dtype_word((enum tensor_dtype)p->weight_dtype));
	line("weights", p->weights_region_bytes, note);
	snprintf(note, sizeof(note), "%u chunks", p->chunks);
	line("pool", plan_chunks_bytes(p), note);
	line("activations", p->work_bytes, "");
	line("reserve", c->memory_reserve_bytes,
	    "for contexts of CUDA, cuBLAS and graphs");
	print_sum();
}

/* Where it computes; if nobody has asked for the cpu, why there. */
static void
print_device(const struct plan *p, const struct conf *c,
    const struct plan_gpu *g)
{
	int ordinal;
	bool asked = conf_device(c, &ordinal) == CONF_DEVICE_CPU;

	if (p->backend == BACKEND_CUDA)
		printf("computes on cuda:%d, %s, capability %s, driver %s\n",
		    p->device_ordinal, g->name, g->capability, g->driver);
	else
		printf("computes on the cpu%s%s\n",
		    asked || g->there ? "" : ": ",
		    asked	 ? "" :
			g->there ? ", since a GPU holds nothing as f32" :
				   g->why_not);
}

static void
print_plan(const struct plan *p, const struct shape *s, const struct conf *c,
    const struct plan_gpu *g)
{
	char parameters[32], block[32];

	printf("model %s: %s, %s parameters\n", c->model,
	    shape_family_name(s->family),
	    units_count(parameters, sizeof(parameters), shape_parameters(s)));
	print_device(p, c, g);
	printf("%u requests at once, %u of them running, context %u tokens, "
	       "%u threads\n",
	    p->slots, p->batch_max, p->context, p->threads);
	printf("KV block %u tokens, %s; %u blocks a chunk; full context of a "
	       "request %u blocks\n",
	    p->block_tokens,
	    units_bytes(block, sizeof(block), p->kv_block_bytes),
	    p->blocks_per_chunk, p->blocks_per_slot);
	print_shared(p, c);
	print_private(p);
	print_sum();
	if (p->backend == BACKEND_CUDA)
		print_gpu(p, c, g);
}

int
cmd_check(int argc, char **argv)
{
	int status = cmd_parse(&cmd_check_use, argc, argv, NULL), e;
	struct plan_machine machine;
	struct conf conf;
	struct shape shape;
	struct plan plan;

	if (status != CMD_GO_ON)
		return status;
	if (defaults || settings || systems) {
		(defaults	 ? conf_yaml :
			settings ? conf_help :
				   conf_systems)(stdout);
		return CMD_OK;
	}
	e = cmd_settings(&conf, system_name, file, &sets);
	if (e == 0)
		e = conf_check(&conf);
	if (e == 0 && values)
		conf_print(&conf, stdout);
	if (e == 0)
		e = house_state_dir(&conf, false);
	if (e == 0)
		e = plan_for(&plan, &conf, &shape, &machine);
	if (e != 0)
		return cmd_failed();
	print_plan(&plan, &shape, &conf, &machine.gpu);
	return CMD_OK;
}
