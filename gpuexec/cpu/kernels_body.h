/*
 * kernels_body.h -- the text of the inner loops, over VEC and the v_ functions
 * of the file that includes it; for those files alone.
 */

/* Loops over the registers of a tile must vanish, or the tile is memory. */
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define ALWAYS static inline __attribute__((always_inline))

#define HALF (CPU_PANEL / 2)

/* ---- products --------------------------------------------------------- */

/* Two vectors of row k of a panel: outputs at and HALF + at. */
ALWAYS void
weights_at(const void *w, bool half, size_t k, int at, VEC *low, VEC *high)
{
	if (half) {
		v_pair((const uint32_t *)w + k * HALF + at, low, high);
	} else {
		*low = v_load((const float *)w + k * CPU_PANEL + at);
		*high = v_load((const float *)w + k * CPU_PANEL + HALF + at);
	}
}

ALWAYS void
tile_end(const struct cpu_tile *t, int rows, int at, VEC (*sum)[2])
{
	UNROLL
	for (int r = 0; r < rows; r++) {
		float *y = t->y + (size_t)r * t->ldy + at;

		if (t->bias != NULL) {
			sum[r][0] = v_add(sum[r][0], v_load(t->bias + at));
			sum[r][1] = v_add(sum[r][1],
			    v_load(t->bias + HALF + at));
		}
		if (t->add) {
			sum[r][0] = v_add(v_load(y), sum[r][0]);
			sum[r][1] = v_add(v_load(y + HALF), sum[r][1]);
		}
		v_store(y, sum[r][0]);
		v_store(y + HALF, sum[r][1]);
	}
}

/* The whole tile stays in registers; only weights and x are read. */
ALWAYS void
tile(const struct cpu_tile *t, bool half, int rows)
{
	const char *fetch = t->ahead;
	size_t line = half ? 64 : 128;

	for (int at = 0; at < HALF; at += LANES) {
		const float *x = t->x;
		VEC sum[CPU_ROWS_MAX][2];

		UNROLL
		for (int r = 0; r < rows; r++)
			sum[r][0] = sum[r][1] = v_set(0);
		for (int k = 0; k < t->cols; k++) {
			VEC low, high;

			weights_at(t->w, half, (size_t)k, at, &low, &high);
			if (fetch != NULL) {
				__builtin_prefetch(fetch, 0, 2);
				if (!half)
					__builtin_prefetch(fetch + 64, 0, 2);
				fetch += line;
			}
			UNROLL
			for (int r = 0; r < rows; r++) {
				VEC b = v_set(x[(size_t)r * t->ldx]);

				sum[r][0] = v_fma(b, low, sum[r][0]);
				sum[r][1] = v_fma(b, high, sum[r][1]);
			}
			x++;
		}
		tile_end(t, rows, at, sum);
		fetch = NULL;
	}
}

#define TILE_CASE(n)                                                           \
	case n:                                                                \
		tile(t, half, n);                                              \
		break;

ALWAYS void
tile_rows(const struct cpu_tile *t, bool half, int rows)
{
	switch (rows) {
		TILE_CASE(1)
		TILE_CASE(2)
		TILE_CASE(3)
		TILE_CASE(4)
#if TILE_ROWS > 4
		TILE_CASE(5)
		TILE_CASE(6)
#endif
#if TILE_ROWS > 6
		TILE_CASE(7)
		TILE_CASE(8)
		TILE_CASE(9)
		TILE_CASE(10)
		TILE_CASE(11)
		TILE_CASE(12)
		TILE_CASE(13)
		TILE_CASE(14)
#endif
	}
}

static void
tile_f32(const struct cpu_tile *t, int rows)
{
	tile_rows(t, false, rows);
}

static void
tile_bf16(const struct cpu_tile *t, int rows)
{
	tile_rows(t, true, rows);
}

/* ---- along a row ------------------------------------------------------ */

/* e^x to 2 units in the last place; below -87: 0. */
ALWAYS VEC
v_exp(VEC x)
{
	VEC in = v_max(v_set(-87.0f), x);
	VEC n = v_round(v_mul(in, v_set(1.44269504f)));
	VEC r = v_fma(n, v_set(-0.693359375f), in);
	VEC p = v_set(1.0f / 5040);

	r = v_fma(n, v_set(2.12194440e-4f), r);
	p = v_fma(p, r, v_set(1.0f / 720));
	p = v_fma(p, r, v_set(1.0f / 120));
	p = v_fma(p, r, v_set(1.0f / 24));
	p = v_fma(p, r, v_set(1.0f / 6));
	p = v_fma(p, r, v_set(0.5f));
	p = v_fma(p, r, v_set(1));
	p = v_fma(p, r, v_set(1));
	return v_keep(v_scale(p, n), x, v_set(-87.0f));
}

static void
rmsnorm(float *y, const float *x, const float *w, int cols, float eps)
{
	VEC sum = v_set(0);
	float total, scale;
	int c = 0;

	for (; c + LANES <= cols; c += LANES)
		sum = v_fma(v_load(x + c), v_load(x + c), sum);
	total = v_sum(sum);
	for (; c < cols; c++)
		total += x[c] * x[c];
	scale = 1 / sqrtf(total / (float)cols + eps);
	for (c = 0; c + LANES <= cols; c += LANES)
		v_store(y + c,
		    v_mul(v_mul(v_load(x + c), v_set(scale)), v_load(w + c)));
	for (; c < cols; c++)
		y[c] = x[c] * scale * w[c];
}

ALWAYS VEC
v_silu_mul(VEC gate, VEC up)
{
	VEC e = v_exp(v_max(v_set(-87.0f), v_mul(gate, v_set(-1))));
	VEC s = v_div(gate, v_add(v_set(1), e));

	return v_mul(s, up);
}

static void
silu_mul(float *gate, const float *up, int cols)
{
	float g[LANES] = { 0 }, u[LANES] = { 0 };
	int c = 0, left;

	for (; c + LANES <= cols; c += LANES)
		v_store(gate + c, v_silu_mul(v_load(gate + c), v_load(up + c)));
	if ((left = cols - c) == 0)
		return;
	memcpy(g, gate + c, (size_t)left * sizeof(*g));
	memcpy(u, up + c, (size_t)left * sizeof(*u));
	v_store(g, v_silu_mul(v_load(g), v_load(u)));
	memcpy(gate + c, g, (size_t)left * sizeof(*g));
}

/* ---- attention -------------------------------------------------------- */

/* LANES numbers of the cache at index i of an array of its kind. */
ALWAYS VEC
cache_at(const void *p, bool half, size_t i)
{
	return half ? v_bf16((const uint16_t *)p + i) :
		      v_load((const float *)p + i);
}

ALWAYS float
cache_one(const void *p, bool half, size_t i)
{
	return half ? cpu_widen(((const uint16_t *)p)[i]) :
		      ((const float *)p)[i];
}

/* Scores of n queries for the keys of one block: s[i][t] = q_i . K[:][t]. */
ALWAYS void
score_block(const struct cpu_attend *a, bool half, int n, const void *keys,
    float *s)
{
	int bt = a->block_tokens, t = 0;

	for (; t + LANES <= bt; t += LANES) {
		VEC sum[CPU_QUERIES];

		UNROLL
		for (int i = 0; i < n; i++)
			sum[i] = v_set(0);
		for (int d = 0; d < a->head_dim; d++) {
			VEC k = cache_at(keys, half, (size_t)d * bt + t);

			UNROLL
			for (int i = 0; i < n; i++)
				sum[i] = v_fma(v_set(a->q[i][d]), k, sum[i]);
		}
		UNROLL
		for (int i = 0; i < n; i++)
			v_store(s + (size_t)i * a->scratch_ld + t, sum[i]);
	}
	for (; t < bt; t++)
		for (int i = 0; i < n; i++) {
			float one = 0;

			for (int d = 0; d < a->head_dim; d++)
				one += a->q[i][d] *
				    cache_one(keys, half, (size_t)d * bt + t);
			s[(size_t)i * a->scratch_ld + t] = one;
		}
}

/* Scores of keys first .. end - 1 become weights, all others below `room` 0.
 * Returns 1 / their sum.  s[0] is a position that LANES divides. */
ALWAYS float
soften(float *s, int first, int end, int room)
{
	VEC most = v_set(-INFINITY), sum = v_set(0);
	float top;

	for (int t = 0; t < first; t++)
		s[t] = -INFINITY;
	for (int t = end; t < room; t++)
		s[t] = -INFINITY;
	for (int t = 0; t < room; t += LANES)
		most = v_max(most, v_load(s + t));
	top = v_most(most);
	for (int t = 0; t < room; t += LANES) {
		VEC e = v_exp(v_add(v_load(s + t), v_set(-top)));

		v_store(s + t, e);
		sum = v_add(sum, e);
	}
	return 1 / v_sum(sum);
}

/* out[i][d ..] = scale[i] * sum over keys of s[i][t] V[t][d ..] */
ALWAYS void
values(const struct cpu_attend *a, bool half, int n, int vecs, int d, int start,
    int end, const float *scale)
{
	VEC sum[CPU_QUERIES][VALUE_VECS];
	int bt = a->block_tokens;

	UNROLL
	for (int i = 0; i < n; i++)
		UNROLL
	for (int v = 0; v < vecs; v++)
		sum[i][v] = v_set(0);
	for (int t = start; t < end; t++) {
		const char *block = a->blocks[t / bt];
		size_t at = (size_t)(t % bt) * (size_t)a->head_dim + (size_t)d;
		VEC x[VALUE_VECS];

		UNROLL
		for (int v = 0; v < vecs; v++)
			x[v] = cache_at(block + a->v_offset, half,
			    at + (size_t)v * LANES);
		UNROLL
		for (int i = 0; i < n; i++) {
			VEC p = v_set(a->scratch[(size_t)i * a->scratch_ld +
			    (size_t)(t - start)]);

			UNROLL
			for (int v = 0; v < vecs; v++)
				sum[i][v] = v_fma(p, x[v], sum[i][v]);
		}
	}
	UNROLL
	for (int i = 0; i < n; i++)
		UNROLL
	for (int v = 0; v < vecs; v++)
		v_store(a->out[i] + d + v * LANES,
		    v_mul(sum[i][v], v_set(scale[i])));
}

/* The last head_dim % LANES numbers, one by one. */
ALWAYS void
values_rest(const struct cpu_attend *a, bool half, int n, int d, int start,
    int end, const float *scale)
{
	int bt = a->block_tokens;

	for (int i = 0; i < n; i++) {
		float sum = 0;

		for (int t = start; t < end; t++) {
			const char *block = a->blocks[t / bt];
			size_t at = (size_t)(t % bt) * (size_t)a->head_dim +
			    (size_t)d;

			sum += a->scratch[(size_t)i * a->scratch_ld +
				   (size_t)(t - start)] *
			    cache_one(block + a->v_offset, half, at);
		}
		a->out[i][d] = sum * scale[i];
	}
}

ALWAYS void
attend_n(const struct cpu_attend *a, bool half, int n)
{
	int bt = a->block_tokens, low = a->first[0], end = a->end[0];
	int step = bt % CPU_LANES == 0 ? bt : bt * CPU_LANES;
	int start, room, d = 0;
	float scale[CPU_QUERIES];

	for (int i = 1; i < n; i++) {
		low = a->first[i] < low ? a->first[i] : low;
		end = a->end[i] > end ? a->end[i] : end;
	}
	/* Where the lanes begin must not depend on who shares the tile. */
	start = low / step * step;
	for (int t = start; t < end; t += bt)
		score_block(a, half, n,
		    (const char *)a->blocks[t / bt] + a->k_offset,
		    a->scratch + (t - start));
	room = (end - start + LANES - 1) / LANES * LANES;
	for (int i = 0; i < n; i++)
		scale[i] = soften(a->scratch + (size_t)i * a->scratch_ld,
		    a->first[i] - start, a->end[i] - start, room);
	for (; d + VALUE_VECS * LANES <= a->head_dim; d += VALUE_VECS * LANES)
		values(a, half, n, VALUE_VECS, d, start, end, scale);
	for (; d + LANES <= a->head_dim; d += LANES)
		values(a, half, n, 1, d, start, end, scale);
	for (; d < a->head_dim; d++)
		values_rest(a, half, n, d, start, end, scale);
}

#define ATTEND_CASE(count)                                                     \
	case count:                                                            \
		attend_n(a, half, count);                                      \
		break;

ALWAYS void
attend(const struct cpu_attend *a, bool half)
{
	switch (a->n) {
		ATTEND_CASE(1)
		ATTEND_CASE(2)
		ATTEND_CASE(3)
		ATTEND_CASE(4)
		ATTEND_CASE(5)
		ATTEND_CASE(6)
		ATTEND_CASE(7)
		ATTEND_CASE(8)
	}
}

static void
attend_f32(const struct cpu_attend *a)
{
	attend(a, false);
}

static void
attend_bf16(const struct cpu_attend *a)
{
	attend(a, true);
}

/* ---- adapters --------------------------------------------------------- */

/* An adapter's rows are short, read once, and mostly neighbours: what comes n
 * rows later is asked for meanwhile, since the processor's own prefetcher begins
 * anew with each page.  A wrong guess costs a line. */
ALWAYS void
fetch(const void *const *row, int n, bool half, int length, int c)
{
	size_t size = half ? 2 : 4;
	size_t far = (size_t)n * (((size_t)length * size + 63) / 64 * 64);

	UNROLL
	for (int j = 0; j < n; j++)
		__builtin_prefetch((const void *)((uintptr_t)row[j] + far +
				       (size_t)c * size),
		    0, 2);
}

ALWAYS void
shrink_tile(float *t, size_t ldt, const float *x, size_t ldx, int rows,
    const void *const *a, bool half, int ranks, int cols)
{
	VEC sum[4][4];
	int c = 0;

	UNROLL
	for (int r = 0; r < rows; r++)
		UNROLL
	for (int j = 0; j < ranks; j++)
		sum[r][j] = v_set(0);
	for (; c + LANES <= cols; c += LANES) {
		VEC in[4];

		if (rows == 1)
			fetch(a, ranks, half, cols, c);
		UNROLL
		for (int r = 0; r < rows; r++)
			in[r] = v_load(x + (size_t)r * ldx + c);
		UNROLL
		for (int j = 0; j < ranks; j++) {
			VEC w = cache_at(a[j], half, (size_t)c);

			UNROLL
			for (int r = 0; r < rows; r++)
				sum[r][j] = v_fma(in[r], w, sum[r][j]);
		}
	}
	UNROLL
	for (int r = 0; r < rows; r++)
		UNROLL
	for (int j = 0; j < ranks; j++) {
		float s = v_sum(sum[r][j]);

		for (int k = c; k < cols; k++)
			s += x[(size_t)r * ldx + (size_t)k] *
			    cache_one(a[j], half, (size_t)k);
		t[(size_t)r * ldt + (size_t)j] = s;
	}
}

ALWAYS void
shrink_rows(float *t, size_t ldt, const float *x, size_t ldx, int rows,
    const void *const *a, bool half, int ranks, int cols)
{
	int j = 0;

	for (; j + 4 <= ranks; j += 4)
		shrink_tile(t + j, ldt, x, ldx, rows, a + j, half, 4, cols);
	for (; j < ranks; j++)
		shrink_tile(t + j, ldt, x, ldx, rows, a + j, half, 1, cols);
}

ALWAYS void
shrink(float *t, size_t ldt, const float *x, size_t ldx, int rows,
    const void *const *a, bool half, int ranks, int cols)
{
	for (; rows >= 4; rows -= 4, t += 4 * ldt, x += 4 * ldx)
		shrink_rows(t, ldt, x, ldx, 4, a, half, ranks, cols);
	for (; rows > 0; rows--, t += ldt, x += ldx)
		shrink_rows(t, ldt, x, ldx, 1, a, half, ranks, cols);
}

/* Adds ranks j .. j + n - 1, in this order, to columns [from, to). */
ALWAYS void
expand_ranks(float *y, const float *t, const void *const *b, bool half, int n,
    int from, int to, bool first)
{
	VEC w[4];
	int c = from;

	UNROLL
	for (int j = 0; j < n; j++)
		w[j] = v_set(t[j]);
	for (; c + LANES <= to; c += LANES) {
		VEC sum = v_load(y + c);

		if (first)
			fetch(b, n, half, to, c);
		UNROLL
		for (int j = 0; j < n; j++)
			sum = v_fma(w[j], cache_at(b[j], half, (size_t)c), sum);
		v_store(y + c, sum);
	}
	for (; c < to; c++)
		for (int j = 0; j < n; j++)
			y[c] += t[j] * cache_one(b[j], half, (size_t)c);
}

ALWAYS void
expand(float *y, size_t ldy, const float *t, size_t ldt, int rows,
    const void *const *b, bool half, int ranks, int from, int to)
{
	int j = 0;

	for (; j + 4 <= ranks; j += 4)
		for (int r = 0; r < rows; r++)
			expand_ranks(y + (size_t)r * ldy,
			    t + (size_t)r * ldt + j, b + j, half, 4, from, to,
			    r == 0);
	for (; j < ranks; j++)
		for (int r = 0; r < rows; r++)
			expand_ranks(y + (size_t)r * ldy,
			    t + (size_t)r * ldt + j, b + j, half, 1, from, to,
			    r == 0);
}

static void
shrink_f32(float *t, size_t ldt, const float *x, size_t ldx, int rows,
    const void *const *a, int ranks, int cols)
{
	shrink(t, ldt, x, ldx, rows, a, false, ranks, cols);
}

static void
shrink_bf16(float *t, size_t ldt, const float *x, size_t ldx, int rows,
    const void *const *a, int ranks, int cols)
{
	shrink(t, ldt, x, ldx, rows, a, true, ranks, cols);
}

static void
expand_f32(float *y, size_t ldy, const float *t, size_t ldt, int rows,
    const void *const *b, int ranks, int from, int to)
{
	expand(y, ldy, t, ldt, rows, b, false, ranks, from, to);
}

static void
expand_bf16(float *y, size_t ldy, const float *t, size_t ldt, int rows,
    const void *const *b, int ranks, int from, int to)
{
	expand(y, ldy, t, ldt, rows, b, true, ranks, from, to);
}

static const struct cpu_kernels KERNELS_TABLE = {
	.name = KERNELS_NAME,
	.rows = TILE_ROWS,
	.tile_f32 = tile_f32,
	.tile_bf16 = tile_bf16,
	.attend_f32 = attend_f32,
	.attend_bf16 = attend_bf16,
	.rmsnorm = rmsnorm,
	.silu_mul = silu_mul,
	.shrink_f32 = shrink_f32,
	.shrink_bf16 = shrink_bf16,
	.expand_f32 = expand_f32,
	.expand_bf16 = expand_bf16,
};
