/* A model's tensors held against its configuration. */
#include "model/shape.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "model/tensors.h"

#define COMPARE_BYTES (1u << 20)

static int
check_one(const struct shape *s, const struct tensor *t, enum shape_weight w)
{
	uint64_t rows = (uint64_t)shape_rows(s, w);
	uint64_t cols = (uint64_t)shape_cols(s, w);

	if (t->dtype == TENSOR_OTHER)
		return err_set(ERR_UNSUPPORTED,
		    "%s: dtype %s: want F16, BF16 or F32", t->name,
		    t->dtype_name);
	if (cols == 1 && (t->ndim != 1 || t->shape[0] != rows))
		return err_set(ERR_FORMAT, "%s: want shape [%ju]", t->name,
		    (uintmax_t)rows);
	if (cols != 1 &&
	    (t->ndim != 2 || t->shape[0] != rows || t->shape[1] != cols))
		return err_set(ERR_FORMAT, "%s: want shape [%ju, %ju]", t->name,
		    (uintmax_t)rows, (uintmax_t)cols);
	return 0;
}

static int
check_name(const struct shape *s, const struct tensors *ts, enum shape_weight w,
    int layer, bool *known)
{
	char name[SHAPE_NAME_MAX];
	const struct tensor *t = tensors_find(ts,
	    shape_weight_name(name, w, layer));

	if (t == NULL)
		return err_set(ERR_FORMAT, "%s: is missing", name);
	known[t - ts->list] = true;
	return check_one(s, t, w);
}

static int
check_all(const struct shape *s, const struct tensors *ts, bool *known)
{
	for (int i = 0; i < WEIGHT_COUNT; i++) {
		enum shape_weight w = (enum shape_weight)i;
		int layers = shape_weight_layered(w) ? s->layers : 1;

		for (int l = 0; l < layers && shape_has(s, w); l++) {
			int e = check_name(s, ts, w, l, known);

			if (e != 0)
				return e;
		}
	}
	return 0;
}

static int
compare(const struct tensors *ts, const struct tensor *a,
    const struct tensor *b, char *buffer)
{
	uint64_t each = (uint64_t)tensor_dtype_bytes(a->dtype);
	uint64_t block = COMPARE_BYTES / each;
	int e;

	for (uint64_t at = 0; at < a->elements; at += block) {
		uint64_t n = a->elements - at < block ? a->elements - at :
							block;

		if ((e = tensors_read(ts, a, at, n, buffer)) != 0 ||
		    (e = tensors_read(ts, b, at, n, buffer + COMPARE_BYTES)) !=
			0)
			return e;
		if (memcmp(buffer, buffer + COMPARE_BYTES, n * each) != 0)
			return err_set(ERR_UNSUPPORTED,
			    "%s: differs from the embedding, though "
			    "tie_word_embeddings is true",
			    a->name);
	}
	return 0;
}

/* Some tied checkpoints carry their head too; it must be a copy. */
static int
check_tied_head(const struct shape *s, const struct tensors *ts, bool *known)
{
	char name[SHAPE_NAME_MAX];
	const struct tensor *head, *embed;
	char *buffer;
	int e;

	head = tensors_find(ts, shape_weight_name(name, WEIGHT_HEAD, 0));
	embed = tensors_find(ts, shape_weight_name(name, WEIGHT_EMBED, 0));
	if (!s->tied || head == NULL)
		return 0;
	known[head - ts->list] = true;
	if ((e = check_one(s, head, WEIGHT_HEAD)) != 0)
		return e;
	if (head->dtype != embed->dtype)
		return err_set(ERR_UNSUPPORTED,
		    "%s: has another dtype than the embedding that it is tied "
		    "to",
		    head->name);
	if ((buffer = malloc(2 * COMPARE_BYTES)) == NULL)
		return err_set(ERR_MEMORY, "no memory to compare tensors");
	e = compare(ts, head, embed, buffer);
	free(buffer);
	return e;
}

static bool
may_be_ignored(const char *name)
{
	static const char end[] = "rotary_emb.inv_freq";
	size_t n = strlen(name);

	return n >= sizeof(end) - 1 &&
	    strcmp(name + n - (sizeof(end) - 1), end) == 0;
}

int
shape_check_weights(const struct shape *s, const struct tensors *ts)
{
	bool *known = calloc((size_t)ts->count + 1, sizeof(*known));
	int e;

	if (known == NULL)
		return err_set(ERR_MEMORY, "no memory for %d tensors",
		    ts->count);
	if ((e = check_all(s, ts, known)) == 0)
		e = check_tied_head(s, ts, known);
	for (int i = 0; i < ts->count && e == 0; i++)
		if (!known[i] && !may_be_ignored(ts->list[i].name))
			e = err_set(ERR_FORMAT,
			    "%s: is no tensor of a %s model of %d layers",
			    ts->list[i].name, shape_family_name(s->family),
			    s->layers);
	free(known);
	return e;
}
