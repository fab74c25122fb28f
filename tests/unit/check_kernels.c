/* Every kernel of every processor kind against its definition, on odd shapes;
 * and the pool that they run on. */
#include <check.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "gpuexec/cpu/attention.h"
#include "gpuexec/cpu/linear.h"
#include "gpuexec/cpu/reference/ref.h"
#include "model/adapter.h"
#include "model/tensors.h"

Suite *suite_kernels(void);

#define KINDS 3

static const struct cpu_kernels *
kind(int i)
{
	return i == 0 ? cpu_kernels_plain() :
	    i == 1    ? cpu_kernels_avx2() :
			cpu_kernels_avx512();
}

static float *
noise(struct rng *rng, size_t n)
{
	float *p = malloc(n * sizeof(*p));

	for (size_t i = 0; i < n; i++)
		p[i] = (float)rng_normal(rng);
	return p;
}

/* Rounds to what bf16 can say. */
static void
coarsen(float *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = tensor_from_bf16(tensor_bf16(p[i]));
}

static void
near(float have, float want, float size, const char *what)
{
	ck_assert_msg(fabsf(have - want) <= 2e-5f * size, "%s: %g, want %g",
	    what, (double)have, (double)want);
}

/* ---- products --------------------------------------------------------- */

static struct cpu_matrix
packed(const float *w, const float *bias, int rows, int cols, bool half)
{
	struct cpu_matrix m = { .rows = rows, .cols = cols, .half = half };
	size_t n = (size_t)rows * (size_t)cols;
	int panels = cpu_matrix_panels(&m);
	uint16_t *narrow = malloc(n * sizeof(*narrow));

	for (size_t i = 0; i < n; i++)
		narrow[i] = tensor_bf16(w[i]);
	m.panels = aligned_alloc(64, cpu_matrix_bytes(&m));
	for (int i = 0; i < panels; i++) {
		int from = i * CPU_PANEL;
		size_t at = (size_t)from * (size_t)cols;

		cpu_matrix_pack(&m, i,
		    half ? (const void *)(narrow + at) : (const void *)(w + at),
		    rows - from < CPU_PANEL ? rows - from : CPU_PANEL);
	}
	if (bias != NULL) {
		m.bias = calloc((size_t)panels, CPU_PANEL * sizeof(float));
		memcpy(m.bias, bias, (size_t)rows * sizeof(float));
	}
	free(narrow);
	return m;
}

/* A module in memory of its own, as an image has it. */
static struct cpu_lora
module(const float *a, const float *b, int rank, int in, int out, bool half,
    const void **page)
{
	size_t size = half ? 2 : 4, row_a, row_b;
	struct cpu_lora l = { .pages = page,
		.half = half,
		.rank = rank,
		.in = in,
		.out = out };
	char *at;

	row_a = ((size_t)in * size + 63) / 64 * 64;
	row_b = ((size_t)out * size + 63) / 64 * 64;
	l.b = (uint64_t)rank * row_a;
	at = aligned_alloc(64, (size_t)rank * (row_a + row_b));
	*page = at;
	for (int j = 0; j < rank; j++)
		for (int i = 0; i < in + out; i++) {
			bool first = i < in;
			float v = first ? a[j * in + i] : b[j * out + i - in];
			char *row = first ? at + (size_t)j * row_a :
					    at + l.b + (size_t)j * row_b;
			int col = first ? i : i - in;

			if (half)
				((uint16_t *)(void *)row)[col] = tensor_bf16(v);
			else
				((float *)(void *)row)[col] = v;
		}
	return l;
}

struct product_case {
	int rows, in, out, rank;
	bool half, bias, add;
};

static void
one_product(const struct cpu_kernels *k, struct pool *pool,
    struct product_case c, struct rng *rng)
{
	size_t in = (size_t)c.in, out = (size_t)c.out, rows = (size_t)c.rows;
	size_t ldx = cpu_stride(c.in), ldy = cpu_stride(c.out);
	float *x = noise(rng, rows * in), *w = noise(rng, in * out);
	float *a = noise(rng, (size_t)c.rank * in + 1);
	float *b = noise(rng, (size_t)c.rank * out + 1);
	float *bias = noise(rng, out), *want = malloc(rows * out * 4);
	float *xs = calloc(rows * ldx, 4), *y = calloc(rows * ldy, 4);
	const void *page;
	struct cpu_use use = { .row = 0, .rows = c.rows };
	struct cpu_linear l = { .kernels = k,
		.pool = pool,
		.x = xs,
		.ldx = ldx,
		.rows = c.rows,
		.products = 1,
		.uses = &use,
		.nuses = c.rank > 0 };
	struct cpu_matrix m;

	if (c.half) {
		coarsen(w, in * out);
		coarsen(a, (size_t)c.rank * in);
		coarsen(b, (size_t)c.rank * out);
	}
	m = packed(w, c.bias ? bias : NULL, c.out, c.in, c.half);
	use.lora = module(a, b, c.rank, c.in, c.out, c.half, &page);
	l.product[0] = (struct cpu_product){ &m, y, ldy, c.add };
	l.t = calloc(rows * cpu_linear_t_stride(), sizeof(float));
	l.jobs = malloc(cpu_linear_jobs(c.rows, 1, c.out) * sizeof(*l.jobs));
	for (size_t r = 0; r < rows; r++)
		memcpy(xs + r * ldx, x + r * in, in * sizeof(float));
	for (size_t i = 0; i < rows * ldy; i++)
		y[i] = 1;
	ref_matmul(want, x, w, c.bias ? bias : NULL, c.rows, c.in, c.out);
	ref_lora(want, x, a, b, c.rows, c.rank, c.in, c.out);
	cpu_linear_run(&l);
	for (size_t r = 0; r < rows; r++)
		for (size_t o = 0; o < out; o++)
			near(y[r * ldy + o],
			    want[r * out + o] + (c.add ? 1 : 0),
			    sqrtf((float)in) * (float)(1 + c.rank), k->name);
	free(x), free(w), free(a), free(b), free(bias), free(want), free(xs);
	free(y), free(m.panels), free(m.bias), free(l.t), free(l.jobs);
	free((void *)(uintptr_t)page);
}

START_TEST(products_and_adapters_equal_their_definition_on_odd_shapes)
{
	static const struct product_case cases[] = {
		{ 1, 1, 1, 1, false, false, false },
		{ 1, 64, 172, 0, false, true, false },
		{ 2, 33, 31, 3, true, false, true },
		{ 5, 64, 65, 7, true, true, false },
		{ 13, 48, 96, 64, false, false, true },
		{ 17, 100, 33, 8, true, false, false },
		{ 45, 130, 70, 33, false, true, false },
		{ 70, 32, 1100, 17, true, false, true },
		{ 3, 40, 2100, 512, true, false, false },
	};
	struct rng rng;
	struct pool *pool;

	rng_seed(&rng, 1);
	ck_assert_int_eq(pool_open(&pool, 2), 0);
	for (int i = 0; i < KINDS; i++)
		for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++)
			if (kind(i) != NULL)
				one_product(kind(i), pool, cases[c], &rng);
	pool_close(pool);
}
END_TEST

START_TEST(a_row_of_a_packed_matrix_reads_back)
{
	struct rng rng;
	float *w, out[37], want[37];

	rng_seed(&rng, 2);
	w = noise(&rng, 41 * 37);
	coarsen(w, 41 * 37);
	for (int half = 0; half < 2; half++) {
		struct cpu_matrix m = packed(w, NULL, 41, 37, half != 0);

		for (int32_t r = 0; r < 41; r++) {
			cpu_matrix_row(&m, r, out);
			ref_embed(want, w, &r, 1, 37);
			ck_assert_mem_eq(out, want, sizeof(out));
		}
		free(m.panels);
	}
	free(w);
}
END_TEST

/* ---- along a row ------------------------------------------------------ */

START_TEST(norms_and_gates_equal_their_definition_on_odd_shapes)
{
	static const int cols[] = { 1, 7, 16, 17, 64, 172, 2050 };
	struct rng rng;

	rng_seed(&rng, 3);
	for (int i = 0; i < KINDS; i++)
		for (size_t c = 0; c < sizeof(cols) / sizeof(*cols); c++) {
			int n = cols[c];
			float *x = noise(&rng, (size_t)n);
			float *w = noise(&rng, (size_t)n);
			float have[2050], want[2050];

			if (kind(i) != NULL) {
				ref_rmsnorm(want, x, w, 1, n, 1e-5f);
				kind(i)->rmsnorm(have, x, w, n, 1e-5f);
				for (int j = 0; j < n; j++)
					near(have[j], want[j], 8, "rmsnorm");
				x[0] = -200; /* exp(200) is no float */
				ref_silu_mul(want, x, w, n);
				memcpy(have, x, (size_t)n * sizeof(*x));
				kind(i)->silu_mul(have, w, n);
				for (int j = 0; j < n; j++)
					near(have[j], want[j], 4, "silu_mul");
			}
			free(x);
			free(w);
		}
}
END_TEST

START_TEST(not_a_number_stays_visible)
{
	for (int i = 0; i < KINDS; i++) {
		float x[20] = { 0 }, w[20] = { 0 };

		if (kind(i) == NULL)
			continue;
		x[3] = x[18] = NAN;
		w[3] = w[18] = 1;
		kind(i)->silu_mul(x, w, 20);
		ck_assert(isnan(x[3]) && isnan(x[18]) && !isnan(x[4]));
		kind(i)->rmsnorm(x, x, w, 20, 1e-5f);
		ck_assert(isnan(x[0]));
	}
}
END_TEST

/* ---- attention -------------------------------------------------------- */

struct attend_case {
	int rows, before, heads, kv_heads, head_dim, rotary, bt, window;
	bool half, norm;
};

/* Everything that one case needs, for the fast form and the definition. */
struct attend_data {
	float *q, *k, *v, *q_norm, *k_norm, *cos, *sin;
	float *fast[64], *slow[64];
	double frequency[64];
	int position[256];
};

static void
fill(struct attend_data *d, const struct attend_case *c, struct rng *rng)
{
	size_t dims = (size_t)c->head_dim, n = (size_t)(c->before + c->rows);
	size_t one = (size_t)c->bt * (size_t)c->kv_heads * dims * 2;
	int half = c->rotary / 2;

	d->q = noise(rng, n * (size_t)c->heads * dims);
	d->k = noise(rng, n * (size_t)c->kv_heads * dims);
	d->v = noise(rng, n * (size_t)c->kv_heads * dims);
	d->q_norm = noise(rng, dims);
	d->k_norm = noise(rng, dims);
	d->cos = malloc(n * (size_t)c->rotary * sizeof(float));
	d->sin = malloc(n * (size_t)c->rotary * sizeof(float));
	for (int i = 0; i < half; i++)
		d->frequency[i] = pow(10000, -2.0 * i / c->rotary);
	for (int p = 0; p < (int)n; p++) {
		d->position[p] = p;
		for (int i = 0; i < half; i++) {
			d->cos[p * half + i] = (float)cos(p * d->frequency[i]) *
			    1.25f;
			d->sin[p * half + i] = (float)sin(p * d->frequency[i]) *
			    1.25f;
		}
	}
	/* What is not written is not a number: nobody may look at it. */
	for (int b = 0; b < 64; b++) {
		d->fast[b] = malloc(one * sizeof(float));
		d->slow[b] = malloc(one * sizeof(float));
		memset(d->fast[b], 0xff, one * sizeof(float));
	}
}

static void
slow_attend(const struct attend_data *d, const struct attend_case *c,
    float *out)
{
	int n = c->before + c->rows, dims = c->head_dim;
	struct ref_cache cache = { d->slow, c->bt, c->kv_heads, dims };
	size_t nq = (size_t)n * (size_t)c->heads * (size_t)dims;
	size_t nk = (size_t)n * (size_t)c->kv_heads * (size_t)dims;
	float *q = malloc(nq * sizeof(*q)), *k = malloc(nk * sizeof(*k));
	float *v = malloc(nk * sizeof(*v));

	memcpy(q, d->q, nq * sizeof(*q));
	memcpy(k, d->k, nk * sizeof(*k));
	memcpy(v, d->v, nk * sizeof(*v));
	if (c->norm) {
		ref_rmsnorm(q, q, d->q_norm, n * c->heads, dims, 1e-6f);
		ref_rmsnorm(k, k, d->k_norm, n * c->kv_heads, dims, 1e-6f);
	}
	ref_rope(q, d->position, d->frequency, n, c->heads, dims, c->rotary,
	    1.25f);
	ref_rope(k, d->position, d->frequency, n, c->kv_heads, dims, c->rotary,
	    1.25f);
	if (c->half) {
		coarsen(k, nk);
		coarsen(v, nk);
	}
	for (int p = 0; p < n; p++)
		ref_keep(&cache, p, k + (size_t)(p * c->kv_heads * dims),
		    v + (size_t)(p * c->kv_heads * dims));
	ref_attend(out, q, d->position, &cache, n, c->heads, c->window);
	free(q), free(k), free(v);
}

/* Rows [from, from + rows) in one step. */
static void
fast_attend(const struct cpu_kernels *k, struct pool *pool,
    const struct attend_data *d, const struct attend_case *c, int from,
    int rows, float *out)
{
	struct cpu_row row[256];
	struct cpu_attend_tile tiles[512];
	int qn = c->heads * c->head_dim, kn = c->kv_heads * c->head_dim;
	size_t ld = cpu_stride(qn), half = (size_t)c->rotary / 2;
	int queries = rows * (c->heads / c->kv_heads);
	struct cpu_attention a = { .kernels = k,
		.pool = pool,
		.heads = c->heads,
		.kv_heads = c->kv_heads,
		.head_dim = c->head_dim,
		.rotary_dim = c->rotary,
		.block_tokens = c->bt,
		.window = c->window,
		.half = c->half,
		.eps = 1e-6f,
		.q_norm = c->norm ? d->q_norm : NULL,
		.k_norm = c->norm ? d->k_norm : NULL,
		.row = row,
		.rows = rows,
		.cos = d->cos + (size_t)from * half,
		.sin = d->sin + (size_t)from * half,
		.ld = ld,
		.out = out,
		.ldout = (size_t)qn,
		.tiles = tiles,
		.scratch_ld = cpu_scratch_ld(256, c->bt) };

	a.q = malloc((size_t)rows * ld * sizeof(float));
	a.k = malloc((size_t)rows * ld * sizeof(float));
	a.v = malloc((size_t)rows * ld * sizeof(float));
	a.scratch = malloc((size_t)pool_threads(pool) * CPU_QUERIES *
	    a.scratch_ld * sizeof(float));
	for (int r = 0; r < rows; r++) {
		row[r] = (struct cpu_row){ from + r, (void *const *)d->fast };
		memcpy(a.q + (size_t)r * ld, d->q + (size_t)(from + r) * qn,
		    (size_t)qn * sizeof(float));
		memcpy(a.k + (size_t)r * ld, d->k + (size_t)(from + r) * kn,
		    (size_t)kn * sizeof(float));
		memcpy(a.v + (size_t)r * ld, d->v + (size_t)(from + r) * kn,
		    (size_t)kn * sizeof(float));
	}
	for (int i = 0; i < queries; i += CPU_QUERIES)
		tiles[a.ntiles++] = (struct cpu_attend_tile){ 0, i,
			queries - i < CPU_QUERIES ? queries - i : CPU_QUERIES };
	cpu_attention_keep(&a);
	cpu_attention_run(&a);
	free(a.q), free(a.k), free(a.v), free(a.scratch);
}

static void
one_attend(const struct cpu_kernels *k, struct pool *pool,
    const struct attend_case *c, struct rng *rng)
{
	struct attend_data d;
	int n = c->before + c->rows, qn = c->heads * c->head_dim;
	float *want = malloc((size_t)n * (size_t)qn * sizeof(float));
	float *have = malloc((size_t)n * (size_t)qn * sizeof(float));
	float *again = malloc((size_t)n * (size_t)qn * sizeof(float));

	fill(&d, c, rng);
	slow_attend(&d, c, want);
	for (int at = 0; at < c->before; at++)
		fast_attend(k, pool, &d, c, at, 1, have + at * qn);
	fast_attend(k, pool, &d, c, c->before, c->rows, have + c->before * qn);
	for (int i = 0; i < n * qn; i++)
		near(have[i], want[i], 8, "attend");
	/* Cut otherwise, the same bits. */
	for (int at = 0; at < n; at += 5)
		fast_attend(k, pool, &d, c, at, n - at < 5 ? n - at : 5,
		    again + at * qn);
	ck_assert_mem_eq(have, again, (size_t)n * (size_t)qn * sizeof(float));
	for (int b = 0; b < 64; b++)
		free(d.fast[b]), free(d.slow[b]);
	free(d.q), free(d.k), free(d.v), free(d.q_norm), free(d.k_norm);
	free(d.cos), free(d.sin), free(want), free(have), free(again);
}

START_TEST(attention_equals_its_definition_however_the_prompt_is_cut)
{
	static const struct attend_case cases[] = {
		{ 1, 0, 1, 1, 2, 2, 1, 0, false, false },
		{ 9, 3, 8, 4, 8, 8, 4, 0, false, false },
		{ 40, 7, 4, 2, 64, 64, 16, 0, false, true },
		{ 33, 0, 3, 3, 16, 8, 16, 8, false, false },
		{ 21, 30, 6, 1, 24, 24, 5, 7, true, false },
		{ 17, 2, 9, 3, 80, 40, 32, 0, true, true },
	};
	struct rng rng;
	struct pool *pool;

	rng_seed(&rng, 4);
	ck_assert_int_eq(pool_open(&pool, 2), 0);
	for (int i = 0; i < KINDS; i++)
		for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++)
			if (kind(i) != NULL)
				one_attend(kind(i), pool, &cases[c], &rng);
	pool_close(pool);
}
END_TEST

/* ---- the pool --------------------------------------------------------- */

struct tally {
	_Atomic int done[1000];
};

static void
count_job(void *arg, int i, int thread)
{
	struct tally *t = arg;

	(void)thread;
	atomic_fetch_add(&t->done[i], 1);
}

START_TEST(a_pool_does_each_job_once_however_many_threads)
{
	static struct tally t;
	struct pool *pool;

	for (int threads = 1; threads <= 5; threads += 2) {
		ck_assert_int_eq(pool_open(&pool, threads), 0);
		ck_assert_int_eq(pool_threads(pool), threads);
		for (int round = 0; round < 300; round++) {
			int n = round * 7 % 1000;

			memset(&t, 0, sizeof(t));
			pool_run(pool, count_job, &t, n);
			for (int i = 0; i < 1000; i++)
				ck_assert_int_eq(t.done[i], i < n);
		}
		pool_close(pool);
	}
}
END_TEST

Suite *
suite_kernels(void)
{
	Suite *s = suite_create("kernels");
	TCase *t = tcase_create("kernels");

	tcase_set_timeout(t, 120);
	tcase_add_test(t,
	    products_and_adapters_equal_their_definition_on_odd_shapes);
	tcase_add_test(t, a_row_of_a_packed_matrix_reads_back);
	tcase_add_test(t, norms_and_gates_equal_their_definition_on_odd_shapes);
	tcase_add_test(t, not_a_number_stays_visible);
	tcase_add_test(t,
	    attention_equals_its_definition_however_the_prompt_is_cut);
	tcase_add_test(t, a_pool_does_each_job_once_however_many_threads);
	suite_add_tcase(s, t);
	return s;
}
