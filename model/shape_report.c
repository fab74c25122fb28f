/* What a model directory holds, as people read it. */
#include "model/shape_config.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "model/tensors.h"

#define ROW_BYTES 256

static void
add_row(char *out, size_t size, const char *label, const char *value)
{
	size_t used = strlen(out);

	if (used < size)
		snprintf(out + used, size - used, "  %-12s%s\n", label, value);
}

static void
add_sizes(const struct shape *s, char *out, size_t size)
{
	char row[ROW_BYTES], count[32];

	snprintf(row, sizeof(row), "%d of hidden size %d, feed-forward %d%s",
	    s->layers, s->hidden, s->inter, s->mlp_bias ? " with biases" : "");
	add_row(out, size, "layers", row);
	snprintf(row, sizeof(row), "%d of size %d, %d of keys and values%s%s%s",
	    s->heads, s->head_dim, s->kv_heads,
	    s->qkv_bias ? ", q k v biases" : "", s->o_bias ? ", o bias" : "",
	    s->qk_norm ? ", q k norms" : "");
	add_row(out, size, "heads", row);
	snprintf(row, sizeof(row), "%s tokens, head %s",
	    units_count(count, sizeof(count), (uint64_t)s->vocab),
	    s->tied ? "tied to the embedding" : "of its own");
	add_row(out, size, "vocabulary", row);
	add_row(out, size, "parameters",
	    units_count(count, sizeof(count), shape_parameters(s)));
}

static void
add_positions(const struct shape *s, char *out, size_t size)
{
	char row[ROW_BYTES], count[32], half[32];
	int n;

	n = snprintf(row, sizeof(row), "%s tokens",
	    units_count(count, sizeof(count), (uint64_t)s->context));
	if (s->window > 0)
		snprintf(row + n, sizeof(row) - (size_t)n,
		    ", a window of %d in some layers", s->window);
	add_row(out, size, "context", row);
	n = snprintf(row, sizeof(row), "%s, theta %g", shape_rope_name(s->rope),
	    s->rope_theta);
	if (s->rope != ROPE_DEFAULT)
		n += snprintf(row + n, sizeof(row) - (size_t)n, ", factor %g",
		    s->rope_factor);
	if (s->rotary_dim != s->head_dim)
		snprintf(row + n, sizeof(row) - (size_t)n,
		    ", %d dimensions of %d", s->rotary_dim, s->head_dim);
	add_row(out, size, "rope", row);
	snprintf(row, sizeof(row), "%s bytes a token in BF16, %s in F32",
	    units_count(half, sizeof(half), 2 * shape_kv_floats(s)),
	    units_count(count, sizeof(count), 4 * shape_kv_floats(s)));
	add_row(out, size, "KV cache", row);
}

static void
add_files(const struct tensors *ts, char *out, size_t size)
{
	char row[ROW_BYTES], count[32];
	uint64_t bytes = 0;
	bool same = true;

	for (int i = 0; i < ts->count; i++) {
		bytes += ts->list[i].bytes;
		same &= strcmp(ts->list[i].dtype_name,
			    ts->list[0].dtype_name) == 0;
	}
	snprintf(row, sizeof(row), "%d in %d file%s, %s bytes, %s", ts->count,
	    ts->nfiles, ts->nfiles == 1 ? "" : "s",
	    units_count(count, sizeof(count), bytes),
	    ts->count == 0 ? "none" :
		same	   ? ts->list[0].dtype_name :
			     "mixed dtypes");
	add_row(out, size, "tensors", row);
}

void
shape_report(const struct shape *s, const struct tensors *ts, char *out,
    size_t size)
{
	char row[ROW_BYTES];
	int n = 0;

	if (size == 0)
		return;
	snprintf(out, size, "%s\n", shape_family_name(s->family));
	add_sizes(s, out, size);
	add_positions(s, out, size);
	for (int i = 0; i < s->neos; i++)
		n += snprintf(row + n, sizeof(row) - (size_t)n, "%s%d",
		    i > 0 ? ", " : "", s->eos[i]);
	add_row(out, size, "ends with", n == 0 ? "no token" : row);
	if (ts != NULL)
		add_files(ts, out, size);
}
