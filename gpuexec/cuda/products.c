/* Matrix products by cuBLASLt, whose matrices are column-major: what we call
 * W (out, in) is its (in, out), to be turned; x and y are columns. */
#include "gpuexec/cuda/products.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/must.h"
#include "device/cuda_check.h"

#define WORKSPACE_BYTES (32u << 20) /* what cuBLAS itself takes on Hopper */
#define CHOICES_MAX 512

struct choice {
	int out, in, bucket;
	size_t ldy;
	bool add;
	cublasLtMatmulDesc_t what;
	cublasLtMatrixLayout_t w, x, y;
	cublasLtMatmulAlgo_t algorithm;
};

struct cuda_products {
	cublasLtHandle_t handle;
	cudaStream_t stream;
	cudaDataType_t type;
	void *workspace;
	int nchoices;
	struct choice choices[CHOICES_MAX];
};

int
cuda_bucket(int rows)
{
	static const int small[] = { 1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128,
		192, 256 };

	int step = 128;

	for (size_t i = 0; i < sizeof(small) / sizeof(small[0]); i++)
		if (rows <= small[i])
			return small[i];
	/* At most an eighth too many, and few algorithms to keep. */
	while (step * 8 < rows)
		step *= 2;
	return (rows + step - 1) / step * step;
}

static int
check(cublasStatus_t s, const char *doing)
{
	if (s == CUBLAS_STATUS_SUCCESS)
		return 0;
	return err_set(s == CUBLAS_STATUS_ALLOC_FAILED ? ERR_MEMORY :
							 ERR_DEVICE,
	    "cuBLAS: %s: status %d", doing, (int)s);
}

int
cuda_products_open(struct cuda_products **out, enum tensor_dtype dtype,
    cudaStream_t stream)
{
	struct cuda_products *p = calloc(1, sizeof(*p));
	int e;

	if (p == NULL)
		return err_set(ERR_MEMORY, "no memory for matrix products");
	p->stream = stream;
	p->type = dtype == TENSOR_BF16 ? CUDA_R_16BF : CUDA_R_16F;
	e = check(cublasLtCreate(&p->handle), "its start");
	if (e == 0)
		e = cuda_check(cudaMalloc(&p->workspace, WORKSPACE_BYTES),
		    "workspace of matrix products");
	if (e != 0) {
		cuda_products_close(p);
		return e;
	}
	*out = p;
	return 0;
}

static void
forget(struct choice *c)
{
	if (c->y != NULL)
		(void)cublasLtMatrixLayoutDestroy(c->y);
	if (c->x != NULL)
		(void)cublasLtMatrixLayoutDestroy(c->x);
	if (c->w != NULL)
		(void)cublasLtMatrixLayoutDestroy(c->w);
	if (c->what != NULL)
		(void)cublasLtMatmulDescDestroy(c->what);
	*c = (struct choice){ 0 };
}

void
cuda_products_close(struct cuda_products *p)
{
	if (p == NULL)
		return;
	while (p->nchoices > 0)
		forget(&p->choices[--p->nchoices]);
	if (p->workspace != NULL)
		(void)cudaFree(p->workspace);
	if (p->handle != NULL)
		(void)cublasLtDestroy(p->handle);
	free(p);
}

static int
describe(const struct cuda_products *p, struct choice *c)
{
	cublasOperation_t turned = CUBLAS_OP_T;
	uint64_t out = (uint64_t)c->out, in = (uint64_t)c->in;
	int e = check(cublasLtMatmulDescCreate(&c->what, CUBLAS_COMPUTE_32F,
			  CUDA_R_32F),
	    "a description");

	if (e == 0)
		e = check(cublasLtMatmulDescSetAttribute(c->what,
			      CUBLASLT_MATMUL_DESC_TRANSA, &turned,
			      sizeof(turned)),
		    "a description");
	if (e == 0)
		e = check(cublasLtMatrixLayoutCreate(&c->w, p->type, in, out,
			      (int64_t)in),
		    "a layout");
	if (e == 0)
		e = check(cublasLtMatrixLayoutCreate(&c->x, p->type, in,
			      (uint64_t)c->bucket, (int64_t)in),
		    "a layout");
	if (e == 0)
		e = check(cublasLtMatrixLayoutCreate(&c->y, CUDA_R_32F, out,
			      (uint64_t)c->bucket, (int64_t)c->ldy),
		    "a layout");
	return e;
}

static int
choose(const struct cuda_products *p, struct choice *c)
{
	cublasLtMatmulPreference_t want = NULL;
	cublasLtMatmulHeuristicResult_t found;
	size_t most = WORKSPACE_BYTES;
	int n = 0;
	int e = check(cublasLtMatmulPreferenceCreate(&want), "a preference");

	if (e == 0)
		e = check(cublasLtMatmulPreferenceSetAttribute(want,
			      CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &most,
			      sizeof(most)),
		    "a preference");
	if (e == 0)
		e = check(cublasLtMatmulAlgoGetHeuristic(p->handle, c->what,
			      c->w, c->x, c->y, c->y, want, 1, &found, &n),
		    "looking for an algorithm");
	if (e == 0 && n < 1)
		e = err_set(ERR_DEVICE,
		    "cuBLAS: no algorithm for (%d, %d) by %d rows", c->out,
		    c->in, c->bucket);
	if (e == 0)
		c->algorithm = found.algo;
	if (want != NULL)
		(void)cublasLtMatmulPreferenceDestroy(want);
	return e;
}

static bool
fits(const struct choice *c, const struct cuda_product *m, int bucket)
{
	return c->out == m->out && c->in == m->in && c->bucket == bucket &&
	    c->ldy == m->ldy && c->add == m->add;
}

/* The choice for a product, made at its first use. */
static int
find(struct cuda_products *p, const struct cuda_product *m, int bucket,
    const struct choice **out)
{
	struct choice *c;
	int e;

	for (int i = 0; i < p->nchoices; i++)
		if (fits(&p->choices[i], m, bucket)) {
			*out = &p->choices[i];
			return 0;
		}
	must(p->nchoices < CHOICES_MAX);
	c = &p->choices[p->nchoices];
	*c = (struct choice){ .out = m->out,
		.in = m->in,
		.bucket = bucket,
		.ldy = m->ldy,
		.add = m->add };
	if ((e = describe(p, c)) != 0 || (e = choose(p, c)) != 0) {
		forget(c);
		return e;
	}
	p->nchoices++;
	*out = c;
	return 0;
}

int
cuda_products_prepare(struct cuda_products *p, const struct cuda_product *m,
    int bucket)
{
	const struct choice *c;

	return find(p, m, bucket, &c);
}

int
cuda_product(struct cuda_products *p, const struct cuda_product *m, int bucket)
{
	float one = 1, add = m->add ? 1 : 0;
	const struct choice *c;
	int e = find(p, m, bucket, &c);

	if (e != 0)
		return e;
	return check(cublasLtMatmul(p->handle, c->what, &one, m->w, c->w, m->x,
			 c->x, &add, m->y, c->y, m->y, c->y, &c->algorithm,
			 p->workspace, WORKSPACE_BYTES, p->stream),
	    "a matrix product");
}
