/* Matrix products as cuBLASLt does them: column-major, float sums in one
 * order. */
#include "sim.h"
#include <cublasLt.h>

#include <vector>

extern "C" {
#include "model/tensors.h"
}

struct cudasim_blas {
	int unused;
};
struct cudasim_matmul {
	cublasOperation_t turn[2];
};
struct cudasim_layout {
	cudaDataType type;
	uint64_t rows, cols;
	int64_t ld;
};
struct cudasim_preference {
	size_t workspace;
};

static float
number(const void *p, cudaDataType type, size_t i)
{
	if (type == CUDA_R_32F)
		return ((const float *)p)[i];
	return type == CUDA_R_16BF ?
	    tensor_from_bf16(((const uint16_t *)p)[i]) :
	    tensor_from_f16(((const uint16_t *)p)[i]);
}

static void
put(void *p, cudaDataType type, size_t i, float v)
{
	if (type == CUDA_R_32F)
		((float *)p)[i] = v;
	else
		((uint16_t *)p)[i] = type == CUDA_R_16BF ? tensor_bf16(v) :
							   tensor_f16(v);
}

/* Line i of op(M), over k: as floats that lie together. */
static std::vector<float>
lines(const void *p, cudasim_layout l, bool turned, uint64_t n, uint64_t k)
{
	std::vector<float> out(n * k);

	for (uint64_t i = 0; i < n; i++)
		for (uint64_t j = 0; j < k; j++) {
			uint64_t row = turned ? j : i, col = turned ? i : j;

			out[i * k + j] = number(p, l.type,
			    row + col * (uint64_t)l.ld);
		}
	return out;
}

/* Eight sums at a time keep the machine busy; joined in one order. */
static float
dot(const float *a, const float *b, uint64_t n)
{
	float sum[8] = {}, all = 0;
	uint64_t i = 0;

	for (; i + 8 <= n; i += 8)
		for (int j = 0; j < 8; j++)
			sum[j] += a[i + j] * b[i + j];
	for (; i < n; i++)
		all += a[i] * b[i];
	for (int j = 0; j < 8; j++)
		all += sum[j];
	return all;
}

struct job {
	cudasim_matmul what;
	const void *a, *b, *c;
	void *d;
	cudasim_layout la, lb, lc, ld;
	float alpha, beta;
};

static void
multiply(const job &j)
{
	bool turn_a = j.what.turn[0] == CUBLAS_OP_T;
	bool turn_b = j.what.turn[1] == CUBLAS_OP_T;
	uint64_t m = j.ld.rows, n = j.ld.cols;
	uint64_t k = turn_a ? j.la.rows : j.la.cols;
	std::vector<float> a = lines(j.a, j.la, turn_a, m, k);
	/* op(B) is (k, n): its columns are the lines of its turn. */
	std::vector<float> b = lines(j.b, j.lb, !turn_b, n, k);

	for (uint64_t c = 0; c < n; c++)
		for (uint64_t r = 0; r < m; r++) {
			float v = j.alpha * dot(&a[r * k], &b[c * k], k);

			if (j.beta != 0)
				v += j.beta *
				    number(j.c, j.lc.type,
					r + c * (uint64_t)j.lc.ld);
			put(j.d, j.ld.type, r + c * (uint64_t)j.ld.ld, v);
		}
}

static size_t
bytes(cudasim_layout l)
{
	return ((l.cols - 1) * (uint64_t)l.ld + l.rows) *
	    (l.type == CUDA_R_32F ? 4 : 2);
}

extern "C" {

cublasStatus_t
cublasLtCreate(cublasLtHandle_t *out)
{
	SIM_LOCKED;
	cudaError_t e = sim_enter("cublasLtCreate");

	*out = e == cudaSuccess ? new cudasim_blas() : nullptr;
	return e == cudaSuccess ? CUBLAS_STATUS_SUCCESS :
				  CUBLAS_STATUS_NOT_INITIALIZED;
}

cublasStatus_t
cublasLtDestroy(cublasLtHandle_t h)
{
	delete h;
	return CUBLAS_STATUS_SUCCESS;
}

size_t
cublasLtGetVersion(void)
{
	return 130000;
}

cublasStatus_t
cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *out, cublasComputeType_t,
    cudaDataType_t)
{
	*out = new cudasim_matmul();
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t
cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t d)
{
	delete d;
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t
cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t d,
    cublasLtMatmulDescAttributes_t what, const void *value, size_t n)
{
	if (n != sizeof(cublasOperation_t))
		return CUBLAS_STATUS_INVALID_VALUE;
	memcpy(&d->turn[what == CUBLASLT_MATMUL_DESC_TRANSB], value, n);
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t
cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *out, cudaDataType type,
    uint64_t rows, uint64_t cols, int64_t ld)
{
	if (ld < (int64_t)rows || rows == 0 || cols == 0)
		return CUBLAS_STATUS_INVALID_VALUE;
	*out = new cudasim_layout{ type, rows, cols, ld };
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t
cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t l)
{
	delete l;
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t
cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *out)
{
	*out = new cudasim_preference();
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t
cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t p)
{
	delete p;
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t
cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t p,
    cublasLtMatmulPreferenceAttributes_t, const void *value, size_t n)
{
	if (n != sizeof(p->workspace))
		return CUBLAS_STATUS_INVALID_VALUE;
	memcpy(&p->workspace, value, n);
	return CUBLAS_STATUS_SUCCESS;
}

static bool
match(cublasLtMatmulDesc_t d, cublasLtMatrixLayout_t a,
    cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t out)
{
	uint64_t m = d->turn[0] == CUBLAS_OP_T ? a->cols : a->rows;
	uint64_t k = d->turn[0] == CUBLAS_OP_T ? a->rows : a->cols;
	uint64_t n = d->turn[1] == CUBLAS_OP_T ? b->rows : b->cols;
	uint64_t kb = d->turn[1] == CUBLAS_OP_T ? b->cols : b->rows;

	return m == out->rows && n == out->cols && k == kb;
}

cublasStatus_t
cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t h, cublasLtMatmulDesc_t d,
    cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
    cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t out,
    cublasLtMatmulPreference_t p, int requested,
    cublasLtMatmulHeuristicResult_t *results, int *returned)
{
	*returned = 0;
	if (h == nullptr || c == nullptr || p == nullptr || requested < 1 ||
	    !match(d, a, b, out))
		return CUBLAS_STATUS_INVALID_VALUE;
	memset(results, 0, sizeof(*results));
	results->algo.data[0] = 1;
	*returned = 1;
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t
cublasLtMatmul(cublasLtHandle_t h, cublasLtMatmulDesc_t d, const void *alpha,
    const void *a, cublasLtMatrixLayout_t la, const void *b,
    cublasLtMatrixLayout_t lb, const void *beta, const void *c,
    cublasLtMatrixLayout_t lc, void *out, cublasLtMatrixLayout_t lout,
    const cublasLtMatmulAlgo_t *algo, void *workspace, size_t workspace_bytes,
    cudaStream_t stream)
{
	SIM_LOCKED;
	cudaError_t e = sim_enter("cublasLtMatmul");
	job j = { *d, a, b, c, out, *la, *lb, *lc, *lout, *(const float *)alpha,
		*(const float *)beta };

	if (e != cudaSuccess)
		return CUBLAS_STATUS_EXECUTION_FAILED;
	if (h == nullptr || algo == nullptr || algo->data[0] != 1 ||
	    !match(d, la, lb, lout) || !sim_is_device(a, bytes(*la)) ||
	    !sim_is_device(b, bytes(*lb)) || !sim_is_device(c, bytes(*lc)) ||
	    !sim_is_device(out, bytes(*lout)) ||
	    !sim_is_device(workspace, workspace_bytes))
		return CUBLAS_STATUS_INVALID_VALUE;
	sim_queue(stream, [j] { multiply(j); });
	return CUBLAS_STATUS_SUCCESS;
}

} /* extern "C" */
