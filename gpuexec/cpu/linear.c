/* Linear layers: how products and adapters are cut into jobs. */
#include "gpuexec/cpu/linear.h"

#include "model/adapter.h"

#define X_BYTES (768 * 1024) /* of x that a job goes over at a time */
#define RANKS 64	     /* of a shrink job */
#define COLUMNS 8192	     /* of an expand job */
#define ROWS 32		     /* of either */
#define PANELS_MAX 16	     /* of a product job */

/* The loop that runs: products first, then jobs of uses. */
struct loop {
	const struct cpu_linear *l;
	int first[CPU_PRODUCTS + 1]; /* job numbers */
	int panels;		     /* of a product job */
};

size_t
cpu_linear_t_stride(void)
{
	return (size_t)CPU_PRODUCTS * ADAPTER_RANK_MAX + 16;
}

size_t
cpu_linear_jobs(int rows, int uses, int cols_max)
{
	size_t parts = ADAPTER_RANK_MAX / RANKS;
	size_t columns = ((size_t)cols_max + COLUMNS - 1) / COLUMNS;
	size_t blocks = (size_t)rows / ROWS + (size_t)uses;

	return CPU_PRODUCTS * blocks * (parts > columns ? parts : columns);
}

/* ---- the base model's part -------------------------------------------- */

/* Tiles of equal height: 32 rows are 11 + 11 + 10, not 14 + 14 + 4. */
static void
panel_rows(const struct cpu_linear *l, const struct cpu_product *p, int panel,
    int from, int to, bool last)
{
	int most = l->kernels->rows, left = to - from;
	struct cpu_tile t = {
		.w = cpu_matrix_panel(p->w, panel),
		.ldx = l->ldx,
		.ldy = p->ldy,
		.cols = p->w->cols,
		.add = p->add,
	};

	if (p->w->bias != NULL)
		t.bias = p->w->bias + (size_t)panel * CPU_PANEL;
	while (left > 0) {
		int tiles = (left + most - 1) / most;
		int rows = (left + tiles - 1) / tiles;

		t.x = l->x + (size_t)(to - left) * l->ldx;
		t.y = p->y + (size_t)(to - left) * p->ldy +
		    (size_t)panel * CPU_PANEL;
		left -= rows;
		/* The next panel comes while this one is used a last time. */
		if (left == 0 && !last)
			t.ahead = cpu_matrix_panel(p->w, panel + 1);
		if (p->w->half)
			l->kernels->tile_bf16(&t, rows);
		else
			l->kernels->tile_f32(&t, rows);
	}
}

/* A block of x stays in the second cache while the panels go by. */
static void
product_job(const struct loop *loop, int p, int job)
{
	const struct cpu_linear *l = loop->l;
	const struct cpu_product *product = &l->product[p];
	int panels = cpu_matrix_panels(product->w);
	int from = job * loop->panels, to = from + loop->panels;
	int most = l->kernels->rows;
	int block = X_BYTES / (product->w->cols * (int)sizeof(float));

	if (to > panels)
		to = panels;
	block = block < 2 * most ? 2 * most : block / most * most;
	for (int r = 0; r < l->rows; r += block) {
		int end = r + block < l->rows ? r + block : l->rows;

		for (int i = from; i < to; i++)
			panel_rows(l, product, i, r, end, i + 1 == to);
	}
}

/* ---- adapters --------------------------------------------------------- */

static void
shrink_job(const struct cpu_linear *l, const struct cpu_use_job *j)
{
	const struct cpu_use *u = &l->uses[j->use];
	const void *a[RANKS];
	size_t ldt = cpu_linear_t_stride();
	float *t = l->t + (size_t)j->row * ldt +
	    (size_t)u->product * ADAPTER_RANK_MAX + j->from;
	const float *x = l->x + (size_t)j->row * l->ldx;
	int ranks = j->to - j->from;

	for (int i = 0; i < ranks; i++)
		a[i] = cpu_lora_a(&u->lora, j->from + i);
	(u->lora.half ? l->kernels->shrink_bf16 : l->kernels->shrink_f32)(t,
	    ldt, x, l->ldx, j->rows, a, ranks, u->lora.in);
}

static void
expand_job(void *arg, int i, int thread)
{
	const struct cpu_linear *l = arg;
	const struct cpu_use_job *j = &l->jobs[i];
	const struct cpu_use *u = &l->uses[j->use];
	const struct cpu_product *p = &l->product[u->product];
	const void *b[ADAPTER_RANK_MAX];
	size_t ldt = cpu_linear_t_stride();
	const float *t = l->t + (size_t)j->row * ldt +
	    (size_t)u->product * ADAPTER_RANK_MAX;
	float *y = p->y + (size_t)j->row * p->ldy;

	(void)thread;
	for (int r = 0; r < u->lora.rank; r++)
		b[r] = cpu_lora_b(&u->lora, r);
	(u->lora.half ? l->kernels->expand_bf16 : l->kernels->expand_f32)(y,
	    p->ldy, t, ldt, j->rows, b, u->lora.rank, j->from, j->to);
}

/* Cuts every use into pieces of `step` ranks (columns) and ROWS rows. */
static void
cut(struct cpu_linear *l, int step, bool columns)
{
	l->njobs = 0;
	for (int u = 0; u < l->nuses; u++) {
		const struct cpu_use *use = &l->uses[u];
		int end = columns ? use->lora.out : use->lora.rank;

		for (int r = 0; r < use->rows; r += ROWS)
			for (int c = 0; c < end; c += step)
				l->jobs[l->njobs++] = (struct cpu_use_job){
					.use = u,
					.from = c,
					.to = c + step < end ? c + step : end,
					.row = use->row + r,
					.rows = use->rows - r < ROWS ?
					    use->rows - r :
					    ROWS,
				};
	}
}

/* ---- both ------------------------------------------------------------- */

static void
first_job(void *arg, int i, int thread)
{
	const struct loop *loop = arg;
	const struct cpu_linear *l = loop->l;

	(void)thread;
	for (int p = 0; p < l->products; p++)
		if (i < loop->first[p + 1]) {
			product_job(loop, p, i - loop->first[p]);
			return;
		}
	shrink_job(l, &l->jobs[i - loop->first[l->products]]);
}

void
cpu_linear_expand(struct cpu_linear *l)
{
	if (l->nuses == 0)
		return;
	cut(l, COLUMNS, true);
	pool_run(l->pool, expand_job, l, l->njobs);
}

void
cpu_linear_run(struct cpu_linear *l)
{
	struct loop loop = { .l = l };
	int panels = 0;

	for (int p = 0; p < l->products; p++)
		panels += cpu_matrix_panels(l->product[p].w);
	loop.panels = panels / (pool_threads(l->pool) * 8);
	loop.panels = loop.panels < 1 ? 1 :
	    loop.panels > PANELS_MAX  ? PANELS_MAX :
					loop.panels;
	for (int p = 0; p < l->products; p++) {
		int n = cpu_matrix_panels(l->product[p].w);

		loop.first[p + 1] = loop.first[p] +
		    (n + loop.panels - 1) / loop.panels;
	}
	cut(l, RANKS, false);
	pool_run(l->pool, first_job, &loop, loop.first[l->products] + l->njobs);
	cpu_linear_expand(l);
}
