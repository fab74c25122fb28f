/* chameleon logits: a model's logits for given token ids, as a file. */
#include "base/err.h"
#include "cli/cmd.h"
#include "cli/options.h"
#include "gpuexec/solo.h"
#include "model/tensors.h"

#include <stdlib.h>
#include <string.h>

static struct solo_options o = { .model = "models/demo" };
static const char *dtype = "f32", *ids, *out;
static uint64_t threads;

static const struct cmd_option options[] = {
	{ "model", CMD_TEXT, &o.model, "DIR", "default models/demo", 'm' },
	{ "adapter", CMD_TEXT, &o.adapter, "DIR", "default: none, the base",
	    'a' },
	{ "ids", CMD_TEXT, &ids, "1,2,3", "token ids", 'i' },
	{ "out", CMD_TEXT, &out, "FILE",
	    "safetensors file to write: `logits`, F32, [ids, vocab]", 'o' },
	{ "dtype", CMD_TEXT, &dtype, "auto|f32|bf16",
	    "how weights are held (default f32)", 0 },
	{ "threads", CMD_COUNT, &threads, "N", "default: one a core", 0 },
};

const struct cmd_use cmd_logits_use = CMD_USE(
    "chameleon logits --model DIR [--adapter DIR] --ids 1,2,3 --out FILE",
    "Computes the logits behind each of the given tokens, to be compared with\n"
    "those of another implementation.",
    options, 0, 0);

static int
read_ids(int32_t **list, int *n)
{
	char *end;

	*n = 0;
	*list = calloc(strlen(ids) + 1, sizeof(**list));
	if (*list == NULL)
		return err_set(ERR_MEMORY, "no memory for the ids");
	for (const char *at = ids;; at = end + 1) {
		long id = strtol(at, &end, 10);

		if (end == at || id < 0 || id > INT32_MAX ||
		    (*end != ',' && *end != '\0'))
			return err_set(ERR_USAGE,
			    "--ids %.64s: want whole "
			    "numbers with commas between",
			    ids);
		(*list)[(*n)++] = (int32_t)id;
		if (*end == '\0')
			return 0;
	}
}

static int
write_logits(const int32_t *list, int n)
{
	struct solo *solo;
	struct tensor_out t = { .name = "logits",
		.dtype = TENSOR_F32,
		.ndim = 2,
		.shape = { (uint64_t)n } };
	float *logits;
	int e;

	if ((e = cmd_dtype(dtype, &o.weights)) != 0 ||
	    (e = cmd_threads(threads, &o.threads)) != 0)
		return e;
	o.context = n;
	o.kv = TENSOR_F32;
	if ((e = solo_open(&solo, &o)) != 0)
		return e;
	t.shape[1] = (uint64_t)solo_shape(solo)->vocab;
	logits = calloc(t.shape[0] * t.shape[1], sizeof(*logits));
	t.data = logits;
	if (logits == NULL)
		e = err_set(ERR_MEMORY, "no memory for the logits");
	if (e == 0)
		e = solo_feed(solo, list, n, logits);
	if (e == 0)
		e = tensors_write(out, &t, 1, NULL, NULL);
	free(logits);
	solo_close(solo);
	return e;
}

int
cmd_logits(int argc, char **argv)
{
	int status = cmd_parse(&cmd_logits_use, argc, argv, NULL), n, e;
	int32_t *list = NULL;

	if (status != CMD_GO_ON)
		return status;
	if (ids == NULL || out == NULL)
		return cmd_misused("want --ids 1,2,3 and --out FILE");
	if ((e = read_ids(&list, &n)) == 0)
		e = write_logits(list, n);
	free(list);
	return e == 0 ? CMD_OK : cmd_failed();
}
