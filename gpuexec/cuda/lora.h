/*
 * lora.h -- what the kernels of adapters share: where an image's rows lie, and
 * numbers as tensor cores take them; for *.cu alone.
 *
 * Tensor cores multiply numbers of 16 bits.  Where both sides of a product are
 * of one such kind they go in as they are.  Any other number goes in as a sum
 * of bf16, each part the rounding of what is left: one of 16 bits in two parts,
 * a float in three, and nothing is lost.  A product of two numbers is then the
 * sum of the products of their parts, but for those below 2^-24 of it.
 */
#ifndef GPUEXEC_CUDA_LORA_H
#define GPUEXEC_CUDA_LORA_H

#include "gpuexec/cuda/mma.h"
#include "model/adapter.h"

#define LORA_RANKS 16 /* that a tile of tensor cores has */

/* ---- where rows lie --------------------------------------------------- */

/* The rows of one array, by adapter_row's rule (model/adapter_image.c). */
struct lora_rows {
	const char *start;    /* of row 0 */
	const uint64_t *next; /* the pages behind row 0's */
	uint32_t stride;
	uint32_t first, each; /* rows in the first page, in every other */
};

static __device__ __forceinline__ struct lora_rows
lora_rows(const struct cuda_adapter *a, uint64_t start, uint32_t row_bytes)
{
	const uint64_t *page = a->page;
	uint32_t bytes = a->page_bytes;
	struct lora_rows r;

	r.stride = (row_bytes + ADAPTER_ALIGN - 1) / ADAPTER_ALIGN *
	    ADAPTER_ALIGN;
	r.first = r.each = 0xffffffffu;
	if (bytes != 0) {
		page += start / bytes;
		start %= bytes;
		r.first = (bytes - (uint32_t)start) / r.stride;
		r.each = bytes / r.stride;
	}
	r.start = (const char *)page[0] + start;
	r.next = page + 1;
	return r;
}

/* Most arrays lie in one page: no division then. */
static __device__ __forceinline__ const char *
lora_row(const struct lora_rows &r, uint32_t i)
{
	if (i < r.first)
		return r.start + (uint64_t)i * r.stride;
	i -= r.first;
	return (const char *)r.next[i / r.each] +
	    (uint64_t)(i % r.each) * r.stride;
}

static __device__ __forceinline__ struct cuda_lora_product
lora_product(const struct cuda_lora &l, int product)
{
	/* An index would put the whole struct into slow memory. */
	return product == 0 ? l.product[0] :
	    product == 1    ? l.product[1] :
			      l.product[2];
}
static_assert(CUDA_PRODUCTS == 3, "lora_product knows three");

static __device__ __forceinline__ struct cuda_module
lora_module(const struct cuda_lora &l, const struct cuda_adapter *a, int linear)
{
	return a->modules[linear < LINEAR_LAYER_COUNT ?
		l.layer * LINEAR_LAYER_COUNT + linear :
		l.layers * LINEAR_LAYER_COUNT + linear - LINEAR_LAYER_COUNT];
}

static __device__ __forceinline__ uint32_t
lora_number_bytes(const struct cuda_adapter *a)
{
	return a->dtype == TENSOR_F32 ? 4 : 2;
}

/* Where t of a row and a product is, ADAPTER_RANK_MAX floats. */
static __device__ __forceinline__ float *
lora_sums(const struct cuda_lora &l, int row, int product)
{
	return l.t + ((size_t)row * CUDA_PRODUCTS + product) * ADAPTER_RANK_MAX;
}

/* How many pieces there is work for: none, where nobody's adapter changes any of
 * these layers. */
static __device__ __forceinline__ int
lora_pieces(const struct cuda_lora &l, const struct cuda_step *step)
{
	uint32_t linears = 0;

#pragma unroll
	for (int p = 0; p < CUDA_PRODUCTS; p++)
		linears |= (uint32_t)(p < l.nproducts) << l.product[p].linear;
	if ((step->linears & linears) == 0)
		return 0;
	return l.head ? step->nhead_pieces : step->npieces;
}

static __device__ __forceinline__ struct cuda_piece
lora_piece(const struct cuda_lora &l, const struct cuda_step *step, int i)
{
	return (l.head ? step->head_piece : step->piece)[i];
}

/* ---- numbers of a product --------------------------------------------- */

/* The kind that tensor cores get for numbers of A and B. */
template <typename A, typename B> struct lora_kind {
	typedef bf16 type;
};
template <> struct lora_kind<f16, f16> {
	typedef f16 type;
};

/* How many numbers of kind M one of T is. */
template <typename M, typename T> struct lora_parts {
	static const int n = 2;
};
template <typename M> struct lora_parts<M, M> {
	static const int n = 1;
};
template <> struct lora_parts<bf16, float> {
	static const int n = 3;
};

/* The parts of a and b in N words, a in the low half. */
template <int N>
static __device__ __forceinline__ void
lora_split(uint32_t *to, float a, float b)
{
#pragma unroll
	for (int p = 0; p < N; p++) {
		to[p] = pair<bf16>(a, b);
		a -= __uint_as_float(to[p] << 16);
		b -= __uint_as_float(to[p] & 0xffff0000u);
	}
}

/* c += A B in all parts that matter: a[p] and b[q] of 2^-8p and 2^-8q. */
template <typename M, int P, int Q>
static __device__ __forceinline__ void
lora_multiply(float *c, const uint32_t (*a)[4], const uint32_t (*b)[2])
{
#pragma unroll
	for (int p = 0; p < P; p++)
#pragma unroll
		for (int q = 0; q < Q; q++)
			if (p + q < 3)
				mma<M>(c, a[p], b[q]);
}

#endif
