#include "tests/kernels/scene.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "gpuexec/cpu/reference/ref.h"

#define LAYERS 2 /* it is the second */
#define BLOCKS_MAX 8192
#define ROWS_MAX 1024

/* What is being built, on the host. */
struct build {
	struct scene *scene;
	int nblocks;
	int at[BLOCKS_MAX]; /* where block i of the table lies */
	float *pool;	    /* all blocks, as numbers; NaN where unused */
	float *q;
	int32_t position[ROWS_MAX], row_block[ROWS_MAX];
	struct cuda_split split[BLOCKS_MAX];
	struct cuda_alone alone[ROWS_MAX];
	struct cuda_tile tile[ROWS_MAX];
	struct cuda_step step;
};

static int
blocks_of(const struct scene_shape *s, const struct scene_sequence *q)
{
	return (q->first + q->rows + s->block_tokens - 1) / s->block_tokens;
}

/* Numbers of K of one layer, as many as of its V. */
static size_t
half_layer(const struct scene_shape *s)
{
	return (size_t)s->kv_heads * s->block_tokens * s->head_dim;
}

/* Number 0 of the key of a head at a position; its value half_layer behind. */
static float *
key_in(const struct build *b, int first_block, int position, int head)
{
	const struct scene_shape *s = &b->scene->shape;
	size_t layer = 2 * half_layer(s);
	int block = b->at[first_block + position / s->block_tokens];

	return b->pool + (size_t)block * LAYERS * layer + (LAYERS - 1) * layer +
	    ((size_t)head * s->block_tokens + position % s->block_tokens) *
	    s->head_dim;
}

static void
shuffle(struct build *b)
{
	struct rng rng;

	rng_seed(&rng, 99);
	for (int i = 0; i < b->nblocks; i++) {
		int j = (int)rng_below(&rng, (uint64_t)i + 1);

		b->at[i] = b->at[j];
		b->at[j] = i;
	}
}

/* ---- what the device is given ----------------------------------------- */

static void
add_alone(struct build *b, const struct scene_sequence *q, int row)
{
	const struct scene_shape *s = &b->scene->shape;
	struct cuda_alone *one = &b->alone[b->step.nalone++];
	int from = 0;

	if (s->seen_splits && s->window > 0 && q->first >= s->window)
		from = (q->first - s->window + 1) / CUDA_SPLIT_TOKENS *
		    CUDA_SPLIT_TOKENS;
	one->row = row;
	one->split = b->step.nsplits;
	one->nsplits = (q->first - from) / CUDA_SPLIT_TOKENS + 1;
	for (int i = 0; i < one->nsplits; i++) {
		struct cuda_split *p = &b->split[b->step.nsplits++];

		p->row = row;
		p->first = from + i * CUDA_SPLIT_TOKENS;
		p->last = i == one->nsplits - 1 ?
		    q->first :
		    p->first + CUDA_SPLIT_TOKENS - 1;
		p->only = one->nsplits == 1;
	}
}

static void
add_tiles(struct build *b, const struct scene_sequence *q, int row)
{
	int most = b->scene->shape.tile_rows;

	if (most == 0)
		most = CUDA_TILE_ROWS;
	for (int r = 0; r < q->rows; r += most) {
		struct cuda_tile *t = &b->tile[b->step.ntiles++];

		t->row = row + r;
		t->rows = q->rows - r < most ? q->rows - r : most;
	}
}

/* Keys, values and queries, in the same order wherever they lie.  What is
 * before the first row's window no row sees. */
static void
fill(struct build *b, const struct scene_sequence *q, int first_block, int row)
{
	const struct scene_shape *s = &b->scene->shape;
	int wide = s->heads * s->head_dim;
	struct rng rng;

	rng_seed(&rng, q->seed);
	for (int p = 0; p < q->first + q->rows; p++)
		for (int i = 0; i < s->kv_heads * s->head_dim; i++) {
			float *key = key_in(b, first_block, p, i / s->head_dim);
			float k = (float)rng_normal(&rng);
			float v = (float)rng_normal(&rng);

			if (s->window > 0 && p <= q->first - s->window)
				k = v = NAN;
			key[i % s->head_dim] = k;
			key[i % s->head_dim + half_layer(s)] = v;
		}
	for (int i = 0; i < q->rows * wide; i++)
		b->q[(size_t)row * wide + i] = (float)rng_normal(&rng) *
		    (s->sharp > 0 ? s->sharp : 1);
}

static void
add_sequences(struct build *b)
{
	struct scene *sc = b->scene;
	int block = 0, row = 0;

	for (int i = 0; i < sc->nsequences; i++) {
		const struct scene_sequence *q = &sc->sequence[i];

		fill(b, q, block, row);
		for (int r = 0; r < q->rows; r++) {
			b->position[row + r] = q->first + r;
			b->row_block[row + r] = block;
		}
		if (q->how == SCENE_ALONE)
			add_alone(b, q, row);
		else if (q->how == SCENE_TILE)
			add_tiles(b, q, row);
		row += q->rows;
		block += blocks_of(&sc->shape, q);
	}
}

static void
make(struct build *b)
{
	struct scene *sc = b->scene;
	size_t numbers;

	for (int i = 0; i < sc->nsequences; i++) {
		b->nblocks += blocks_of(&sc->shape, &sc->sequence[i]);
		sc->rows += sc->sequence[i].rows;
	}
	ck_assert_int_le(b->nblocks, BLOCKS_MAX);
	ck_assert_int_le(sc->rows, ROWS_MAX);
	shuffle(b);
	numbers = (size_t)b->nblocks * LAYERS * 2 * half_layer(&sc->shape);
	b->pool = malloc(numbers * sizeof(*b->pool));
	for (size_t i = 0; i < numbers; i++)
		b->pool[i] = NAN;
	b->q = malloc((size_t)sc->rows * sc->shape.heads * sc->shape.head_dim *
	    sizeof(*b->q));
	b->step.rows = sc->rows;
	add_sequences(b);
}

static void
put(struct build *b)
{
	struct scene *sc = b->scene;
	const struct scene_shape *s = &sc->shape;
	size_t block = LAYERS * 2 * half_layer(s);
	size_t row = (size_t)s->heads * s->head_dim;
	uint64_t *table = malloc(BLOCKS_MAX * sizeof(*table));
	char *pool = rig_put_as(s->dtype, b->pool, b->nblocks * block, b->pool);

	for (int i = 0; i < b->nblocks; i++)
		table[i] = (uint64_t)(uintptr_t)(pool + b->at[i] * block * 2);
	b->step.position = b->position;
	b->step.row_block = b->row_block;
	b->step.block = table;
	b->step.split = b->split;
	b->step.alone = b->alone;
	b->step.tile = b->tile;
	sc->step = rig_step(&b->step, (size_t)b->nblocks);
	sc->splits = b->step.nsplits;
	sc->alone = b->step.nalone;
	sc->tiles = b->step.ntiles;
	sc->attend = (struct cuda_attend){
		.q = rig_put_as(s->dtype, b->q, sc->rows * row, b->q),
		.out = rig_new((sc->rows + SCENE_NOBODY) * row * 2),
		.heads = s->heads,
		.kv_heads = s->kv_heads,
		.head_dim = s->head_dim,
		.block_tokens = s->block_tokens,
		.layer = LAYERS - 1,
		.window = s->window,
		.dtype = s->dtype,
	};
	free(table);
}

/* More than there are: grids are upper bounds. */
static void
attend(struct scene *sc)
{
	struct cuda_attend *a = &sc->attend;
	int splits_max = sc->splits + 2;

	a->partial = rig_new(sizeof(float) *
	    cuda_partial_floats(splits_max, a->heads, a->head_dim));
	ck_assert_int_eq(cuda_attend_alone(rig_stream, a, sc->step, splits_max,
			     sc->alone + 1),
	    0);
	ck_assert_int_eq(cuda_attend_tile(rig_stream, a, sc->step,
			     sc->tiles + 2),
	    0);
}

/* ---- what is to come of it -------------------------------------------- */

/* As the definition has it: keys turned, a block after the other. */
static void
define(struct build *b, const struct scene_sequence *q, int first_block,
    int row, bool sizes)
{
	const struct scene_shape *s = &b->scene->shape;
	size_t block = 2 * half_layer(s), wide = (size_t)s->heads * s->head_dim;
	int n = blocks_of(s, q), kv = s->kv_heads * s->head_dim;
	float *numbers = malloc(n * block * sizeof(*numbers));
	float **blocks = malloc(n * sizeof(*blocks)),
	      *k = malloc(2 * kv * sizeof(*k));
	struct ref_cache c = { blocks, s->block_tokens, s->kv_heads,
		s->head_dim };

	for (int i = 0; i < n; i++)
		blocks[i] = numbers + i * block;
	for (int p = 0; p < q->first + q->rows; p++) {
		for (int i = 0; i < kv; i++) {
			float *key = key_in(b, first_block, p, i / s->head_dim);
			float *value = key + half_layer(s);
			int d = i % s->head_dim;

			k[i] = key[d];
			k[kv + i] = sizes ? fabsf(value[d]) : value[d];
		}
		ref_keep(&c, p, k, k + kv);
	}
	ref_attend((sizes ? b->scene->want_size : b->scene->want) + row * wide,
	    b->q + row * wide, b->position + row, &c, q->rows, s->heads,
	    s->window);
	free(k);
	free(blocks);
	free(numbers);
}

void
scene_play(struct scene *sc, const struct scene_shape *shape,
    const struct scene_sequence *sequence, int nsequences)
{
	struct build *b = calloc(1, sizeof(*b));
	size_t numbers;
	int row = 0, block = 0;

	memset(sc, 0, sizeof(*sc));
	sc->shape = *shape;
	sc->sequence = sequence;
	sc->nsequences = nsequences;
	b->scene = sc;
	make(b);
	put(b);
	attend(sc);
	numbers = (size_t)(sc->rows + SCENE_NOBODY) * shape->heads *
	    shape->head_dim;
	sc->have = malloc(numbers * sizeof(float));
	sc->want = malloc(numbers * sizeof(float));
	sc->want_size = malloc(numbers * sizeof(float));
	rig_get_as(shape->dtype, sc->have, sc->attend.out, numbers);
	for (int i = 0; i < nsequences; i++) {
		define(b, &sequence[i], block, row, false);
		define(b, &sequence[i], block, row, true);
		row += sequence[i].rows;
		block += blocks_of(shape, &sequence[i]);
	}
	free(b->pool);
	free(b->q);
	free(b);
}

void
scene_free(struct scene *sc)
{
	free(sc->have);
	free(sc->want);
	free(sc->want_size);
}

/* ---- whether it has --------------------------------------------------- */

float
scene_rounding(enum tensor_dtype dtype)
{
	return dtype == TENSOR_BF16 ? 0x1p-8f : 0x1p-11f;
}

static void
check_row(const struct scene *sc, const struct scene_sequence *q, int row,
    float weight_error)
{
	const struct scene_shape *s = &sc->shape;
	size_t wide = (size_t)s->heads * s->head_dim;

	for (size_t i = row * wide; i < (row + 1) * wide; i++) {
		float have = sc->have[i], want = sc->want[i];
		float may = scene_rounding(s->dtype) * fabsf(want) +
		    (weight_error + 0x1p-15f) * sc->want_size[i];

		ck_assert_msg(fabsf(have - want) <= may,
		    "head_dim %d, %d of %d heads, blocks of %d, window %d: row "
		    "%d of positions from %d, number %zu: %g, want %g to %g",
		    s->head_dim, s->kv_heads, s->heads, s->block_tokens,
		    s->window, row, q->first, i % wide, (double)have,
		    (double)want, (double)may);
	}
}

static void
check_poison(const struct scene *sc, int row, int rows)
{
	size_t wide = (size_t)sc->shape.heads * sc->shape.head_dim * 2;
	unsigned char *bytes = malloc(rows * wide);

	rig_get(bytes, (char *)sc->attend.out + row * wide, rows * wide);
	for (size_t i = 0; i < rows * wide; i++)
		ck_assert_msg(bytes[i] == 0xff,
		    "row %d, in no list, was written", row);
	free(bytes);
}

void
scene_check(struct scene *sc, float weight_error)
{
	int row = 0;

	for (int i = 0; i < sc->nsequences; i++) {
		const struct scene_sequence *q = &sc->sequence[i];

		if (q->how == SCENE_NEITHER)
			check_poison(sc, row, q->rows);
		else
			for (int r = 0; r < q->rows; r++)
				check_row(sc, q, row + r, weight_error);
		row += q->rows;
	}
	check_poison(sc, row, SCENE_NOBODY);
}

const float *
scene_row(const struct scene *sc, int i)
{
	int row = 0;

	while (i > 0)
		row += sc->sequence[--i].rows;
	return sc->have + (size_t)row * sc->shape.heads * sc->shape.head_dim;
}
