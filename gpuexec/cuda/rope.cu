/*
 * From the products q, k, v of each row to what attention reads:
 *
 *	a bias is added; with q_norm and k_norm every head of q and k is
 *	normed (Qwen3); the pair (i, i + n), n = rotary_dim / 2, of every head of
 *	q and k is turned by position * frequency[i], cos and sin times scale
 *
 *	qkv (rows, (heads + 2 kv_heads) * head_dim) float
 *	q (rows, heads * head_dim), keys and values in their blocks: bf16 or f16
 *
 * A warp a head; eight heads of a row a block, which share its cosines and sines:
 * those take longer than the memory does.  Bound by memory, 6 bytes a number.  Angles
 * are float products of float numbers, as the models were trained with and the
 * cpu has them.  Defined by cpu/reference/rmsnorm.c and rope.c; tested to 2e-5
 * and one rounding of the output's kind.  Source: arXiv 2104.09864.
 */
#include "gpuexec/cuda/sum.h"

#define WARPS 8
#define EACH (CUDA_HEAD_MAX / 32) /* numbers of a head that a lane has */

/* Where head `head` of q, then k, then v of row r goes. */
template <typename T>
static __device__ __forceinline__ T *
place(const struct cuda_rope &o, const struct cuda_step *step, int r, int head)
{
	int position = step->position[r], slot = position % o.block_tokens;
	bool value = head >= o.heads + o.kv_heads;
	int kv = head - o.heads - (value ? o.kv_heads : 0);
	size_t one = (size_t)o.block_tokens * o.head_dim;
	size_t at = ((size_t)o.layer * 2 + value) * o.kv_heads + kv;
	uint64_t block;

	if (head < o.heads)
		return (T *)o.q + ((size_t)r * o.heads + head) * o.head_dim;
	block = step->block[step->row_block[r] + position / o.block_tokens];
	return (T *)block + at * one + (size_t)slot * o.head_dim;
}

/* Numbers lane, lane + 32, ... of a head, with its bias. */
static __device__ __forceinline__ void
take_head(float *v, const struct cuda_rope &o, int r, int head)
{
	size_t row = (size_t)(o.heads + 2 * o.kv_heads) * o.head_dim;
	const float *from = o.qkv + r * row + (size_t)head * o.head_dim;

	for (int k = 0; k < EACH; k++) {
		int i = threadIdx.x + 32 * k;

		v[k] = i < o.head_dim ? from[i] : 0;
		if (o.bias != NULL && i < o.head_dim)
			v[k] += o.bias[(size_t)head * o.head_dim + i];
	}
}

static __device__ __forceinline__ void
norm_head(float *v, const float *w, int head_dim, float eps)
{
	float sum = 0, scale;

	for (int k = 0; k < EACH; k++)
		sum += v[k] * v[k];
	scale = 1 / sqrtf(warp_sum(sum) / head_dim + eps);
	for (int k = 0; k < EACH; k++) {
		int i = threadIdx.x + 32 * k;

		if (i < head_dim)
			v[k] = v[k] * scale * w[i];
	}
}

/* What the heads of a row share. */
struct turns {
	float c[CUDA_HEAD_MAX / 2], s[CUDA_HEAD_MAX / 2];
};

static __device__ __forceinline__ void
make_turns(struct turns *to, const struct cuda_rope &o, int position)
{
	int i = threadIdx.y * 32 + threadIdx.x;
	float s, c;

	if (i >= o.rotary_dim / 2)
		return;
	sincosf((float)position * o.frequency[i], &s, &c);
	to->c[i] = c * o.scale;
	to->s[i] = s * o.scale;
}
static_assert(32 * WARPS >= CUDA_HEAD_MAX / 2, "a thread a turn");

/* Through shared memory: the other of a pair may be any lane's. */
static __device__ __forceinline__ void
turn_head(float *v, float *head, const struct turns &by, int n, int head_dim)
{
	for (int k = 0; k < EACH; k++)
		if (threadIdx.x + 32 * k < (unsigned)head_dim)
			head[threadIdx.x + 32 * k] = v[k];
	__syncwarp();
	for (int k = 0; k < EACH; k++) {
		int i = threadIdx.x + 32 * k;
		int pair = i < n ? i : i - n;

		if (i < 2 * n)
			v[k] = i < n ?
			    head[pair] * by.c[pair] -
				head[pair + n] * by.s[pair] :
			    head[pair + n] * by.c[pair] +
				head[pair] * by.s[pair];
	}
}

template <typename T>
static __global__ void
__launch_bounds__(32 * WARPS)
rope_rows(struct cuda_rope o, const struct cuda_step *step)
{
	__shared__ float shared[WARPS][CUDA_HEAD_MAX];
	__shared__ struct turns by;
	int r = blockIdx.x, head = blockIdx.y * WARPS + threadIdx.y;
	bool have = head < o.heads + 2 * o.kv_heads;
	float v[EACH];
	T *to;

	let_next_begin();
	wait_for_earlier();
	if (r >= step->rows)
		return;
	if (have)
		take_head(v, o, r, head);
	make_turns(&by, o, step->position[r]);
	__syncthreads();
	if (!have)
		return;
	if (head < o.heads && o.q_norm != NULL)
		norm_head(v, o.q_norm, o.head_dim, o.eps);
	if (head >= o.heads && head < o.heads + o.kv_heads && o.k_norm != NULL)
		norm_head(v, o.k_norm, o.head_dim, o.eps);
	if (head < o.heads + o.kv_heads)
		turn_head(v, shared[threadIdx.y], by, o.rotary_dim / 2,
		    o.head_dim);
	to = place<T>(o, step, r, head);
	for (int k = 0; k < EACH; k++)
		if (threadIdx.x + 32 * k < (unsigned)o.head_dim)
			to[threadIdx.x + 32 * k] = narrow<T>(v[k]);
}

int
cuda_rope_keep(cudaStream_t stream, const struct cuda_rope *o,
    const struct cuda_step *step, int rows_max)
{
	int heads = o->heads + 2 * o->kv_heads;
	dim3 grid(rows_max, (heads + WARPS - 1) / WARPS), block(32, WARPS);

	CUDA_BY_DTYPE(o->dtype, T,
	    LAUNCH_EARLY(rope_rows<T>, grid, block, 0, stream, *o, step));
	return cuda_launched("rope");
}
