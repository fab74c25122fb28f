/* chameleon synth: models and adapters of random numbers, as files. */
#include "model/synth.h"
#include "base/err.h"
#include "cli/cmd.h"
#include "cli/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *out, *dtype = "bf16", *model, *targets;
static uint64_t seed = 1, rank = 8;
static double alpha;
static bool rslora;

static const struct cmd_option options[] = {
	{ "out", CMD_TEXT, &out, "DIR", "directory to write to", 'o' },
	{ "seed", CMD_COUNT, &seed, "N",
	    "the same seed, the same files (default 1)", 0 },
	{ "dtype", CMD_TEXT, &dtype, "f32|f16|bf16", "default bf16", 0 },
	{ "model", CMD_TEXT, &model, "DIR", "adapter: the model that it is for",
	    'm' },
	{ "rank", CMD_COUNT, &rank, "R", "adapter: 1 to 512 (default 8)", 'r' },
	{ "alpha", CMD_REAL, &alpha, "A",
	    "adapter: lora_alpha (default twice the rank)", 0 },
	{ "rslora", CMD_FLAG, &rslora, NULL, "adapter: scale alpha / sqrt(r)",
	    0 },
	{ "targets", CMD_TEXT, &targets, "NAMES",
	    "adapter: q_proj,v_proj and so on (default: the seven of "
	    "each layer)",
	    0 },
};

const struct cmd_use cmd_synth_use = CMD_USE("chameleon synth model SHAPE "
					     "--out "
					     "DIR | synth adapter --model DIR "
					     "--out DIR",
    "Writes a model or an adapter of random weights, for measuring, in the\n"
    "form of Hugging Face and PEFT.  Shapes: tiny, qwen2-0.5b,\n"
    "tinyllama-1.1b, llama-7b, llama-3-8b.",
    options, 1, 2);

static int
parse_dtype(enum tensor_dtype *d)
{
	static const char *const names[] = { "f32", "f16", "bf16" };
	static const enum tensor_dtype dtypes[] = { TENSOR_F32, TENSOR_F16,
		TENSOR_BF16 };

	for (int i = 0; i < 3; i++)
		if (strcmp(dtype, names[i]) == 0) {
			*d = dtypes[i];
			return CMD_GO_ON;
		}
	return cmd_misused("--dtype %s: want f32, f16 or bf16", dtype);
}

/* The directories above out; out itself is made by synth_*. */
static int
make_parents(void)
{
	char path[4096];

	if (strlen(out) >= sizeof(path))
		return err_set(ERR_USAGE, "--out: the path is too long");
	for (size_t i = 1; out[i] != '\0'; i++) {
		if (out[i] != '/')
			continue;
		memcpy(path, out, i);
		path[i] = '\0';
		if (mkdir(path, 0777) != 0 && errno != EEXIST)
			return err_sys(ERR_IO, "%s", path);
	}
	return 0;
}

static int
make_adapter(enum tensor_dtype d)
{
	struct synth_lora lora = { .rank = (int)rank,
		.alpha = alpha,
		.rslora = rslora,
		.dtype = d,
		.targets = targets,
		.seed = seed };

	if (model == NULL)
		return cmd_misused("want --model DIR");
	if (rank < 1 || rank > 512)
		return cmd_misused("--rank: want 1..512");
	return synth_adapter(model, out, &lora) == 0 ? CMD_OK : cmd_failed();
}

int
cmd_synth(int argc, char **argv)
{
	enum tensor_dtype d = TENSOR_BF16;
	int n, status = cmd_parse(&cmd_synth_use, argc, argv, &n);

	if (status != CMD_GO_ON || (status = parse_dtype(&d)) != CMD_GO_ON)
		return status;
	if (out == NULL)
		return cmd_misused("want --out DIR");
	if (make_parents() != 0)
		return cmd_failed();
	if (strcmp(argv[1], "adapter") == 0 && n == 1)
		return make_adapter(d);
	if (strcmp(argv[1], "model") != 0 || n != 2)
		return cmd_misused("usage: %s (see --help)",
		    cmd_synth_use.usage);
	if (synth_model(argv[2], out, d, seed) != 0)
		return cmd_failed();
	return CMD_OK;
}
