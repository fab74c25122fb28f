/* Opening an adapter: its files found, its modules judged. */
#include "model/adapter.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/hash.h"
#include "model/adapter_config.h"
#include "model/adapter_file.h"
#include "model/adapter_match.h"
#include "model/beneath.h"

static const struct tensors_limits limits = {
	.header_bytes_max = TENSORS_ADAPTER_HEADER_MAX,
	.count_max = TENSORS_ADAPTER_COUNT_MAX,
};

/* What stands here, with rank and scale; checked against the shape. */
struct judge {
	struct adapter *adapter;
	const struct lora *lora;
	const struct shape *shape;
	const struct match *matches;
	int absent[LINEAR_COUNT], expected[LINEAR_COUNT]; /* modules */
	int untargeted;
};

static int
check_rank(const char *module, const char *half, const char *what,
    uint64_t have, int want)
{
	if (have == (uint64_t)want)
		return 0;
	return err_set(ERR_FORMAT, "%s: %s has %ju %s, r is %d here", module,
	    half, (uintmax_t)have, what, want);
}

static int
check_shape(const struct tensor *t, int rows, int cols)
{
	if (t->ndim == 2 && t->shape[0] == (uint64_t)rows &&
	    t->shape[1] == (uint64_t)cols)
		return 0;
	if (t->ndim != 2)
		return err_set(ERR_FORMAT,
		    "%s: %d dimensions: want [%d, %d] for this base model",
		    t->name, t->ndim, rows, cols);
	return err_set(ERR_FORMAT,
	    "%s: shape [%ju, %ju]: want [%d, %d] for this base model", t->name,
	    (uintmax_t)t->shape[0], (uintmax_t)t->shape[1], rows, cols);
}

static int
check_pair(const struct adapter_module *m, const char *name,
    const struct shape *s)
{
	int in = shape_in(s, m->linear), out = shape_out(s, m->linear);
	int r = m->rank, e;

	if (m->a == NULL || m->b == NULL)
		return err_set(ERR_FORMAT, "%s: lora_%s%s is missing", name,
		    m->linear == LINEAR_EMBED ? "embedding_" : "",
		    m->a == NULL ? "A" : "B");
	if (m->a->ndim == 2 &&
	    (e = check_rank(name, "lora_A", "rows", m->a->shape[0], r)) != 0)
		return e;
	if (m->b->ndim == 2 &&
	    (e = check_rank(name, "lora_B", "columns", m->b->shape[1], r)) != 0)
		return e;
	if ((e = check_shape(m->a, r, in)) != 0)
		return e;
	return check_shape(m->b, out, r);
}

static int
add_module(struct judge *j, const struct match *match, const char *name,
    int layer, enum shape_linear linear)
{
	struct adapter *a = j->adapter;
	struct adapter_module *m = &a->modules[a->nmodules];
	int e;

	*m = (struct adapter_module){ .layer = layer,
		.linear = linear,
		.a = match->a,
		.b = match->b };
	if ((e = lora_rank(j->lora, name, &m->rank)) != 0 ||
	    (e = lora_scale(j->lora, name, m->rank, &m->scale)) != 0 ||
	    (e = check_pair(m, name, j->shape)) != 0)
		return e;
	if (a->nmodules == 0 || m->rank < a->rank_min)
		a->rank_min = m->rank;
	if (m->rank > a->rank_max)
		a->rank_max = m->rank;
	a->nmodules++;
	return 0;
}

static int
judge_one(struct judge *j, int layer, enum shape_linear linear)
{
	const struct match *match = &j->matches[match_place(layer, linear)];
	bool there = match->a != NULL || match->b != NULL, expected;
	char name[SHAPE_NAME_MAX];
	int e;

	shape_module_name(name, linear, layer);
	if ((e = lora_expects(j->lora, name, linear, &expected)) != 0)
		return e;
	j->expected[linear] += expected;
	j->absent[linear] += expected && !there;
	j->untargeted += !expected && there;
	return there ? add_module(j, match, name, layer, linear) : 0;
}

/* In the order of the image: what is once a model, then layer by layer. */
static int
judge_all(struct judge *j)
{
	int e;

	for (int i = LINEAR_HEAD; i < LINEAR_COUNT; i++)
		if ((e = judge_one(j, -1, (enum shape_linear)i)) != 0)
			return e;
	for (int l = 0; l < j->shape->layers; l++)
		for (int i = 0; i < LINEAR_LAYER_COUNT; i++)
			if ((e = judge_one(j, l, (enum shape_linear)i)) != 0)
				return e;
	return 0;
}

static int
check_absent(struct judge *j, const struct adapter_rules *rules)
{
	struct adapter *a = j->adapter;

	for (int i = 0; i < LINEAR_COUNT; i++) {
		const char *name = shape_linear_name((enum shape_linear)i);

		a->nexpected += j->expected[i];
		a->nabsent += j->absent[i];
		if (j->absent[i] == 0)
			continue;
		if (!rules->allow_partial && i >= LINEAR_LAYER_COUNT)
			return err_set(ERR_UNSUPPORTED,
			    "target_modules: %s: no tensors", name);
		if (!rules->allow_partial)
			return err_set(ERR_UNSUPPORTED,
			    "target_modules: %s: no tensors in %d of %d layers",
			    name, j->absent[i], j->expected[i]);
		lora_note(a->warnings, sizeof(a->warnings),
		    "%s absent %d times", name, j->absent[i]);
	}
	if (j->untargeted > 0)
		lora_note(a->warnings, sizeof(a->warnings),
		    "%d modules are no target_modules", j->untargeted);
	return 0;
}

static int
judge_tensors(struct adapter *a, const struct lora *lora, const struct shape *s,
    const struct adapter_rules *rules)
{
	size_t places = (size_t)match_places(s);
	struct match *matches = calloc(places, sizeof(*matches));
	struct judge j = { .adapter = a,
		.lora = lora,
		.shape = s,
		.matches = matches };
	int e = 0;

	a->modules = calloc(places, sizeof(*a->modules));
	if (matches == NULL || a->modules == NULL)
		e = err_set(ERR_MEMORY, "no memory for %zu modules", places);
	if (e == 0 && (e = match_tensors(matches, a, s, rules)) == 0 &&
	    (e = judge_all(&j)) == 0)
		e = check_absent(&j, rules);
	free(matches);
	return e;
}

uint64_t
adapter_stamp(const struct adapter *a)
{
	struct stat st;
	uint64_t h = HASH_START;

	if (a->tensors.nfiles == 0 || fstat(a->tensors.fds[0], &st) != 0)
		return 0;
	h = hash_bytes(h, &st.st_ino, sizeof(st.st_ino));
	h = hash_bytes(h, &st.st_size, sizeof(st.st_size));
	h = hash_bytes(h, &st.st_mtim, sizeof(st.st_mtim));
	return hash_bytes(h, &st.st_ctim, sizeof(st.st_ctim));
}

int
adapter_open(struct adapter *a, int dirfd, const char *name,
    const struct shape *s, struct adapter_rules rules)
{
	struct lora lora = { 0 };
	int dir, e;

	*a = (struct adapter){ 0 };
	if ((e = beneath_dir(&dir, dirfd, name)) != 0)
		return e;
	if ((e = adapter_find(&dir)) == 0 &&
	    (e = lora_read(&lora, a, dir)) == 0 &&
	    (e = tensors_open(&a->tensors, dir, ADAPTER_TENSORS, limits,
		 false)) == 0) {
		a->stamp = adapter_stamp(a);
		e = judge_tensors(a, &lora, s, &rules);
	}
	lora_close(&lora);
	close(dir);
	if (e != 0)
		adapter_close(a);
	return e;
}

void
adapter_close(struct adapter *a)
{
	tensors_close(&a->tensors);
	free(a->modules);
	*a = (struct adapter){ 0 };
}
