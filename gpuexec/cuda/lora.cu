/*
 * t = x A^T, then y[r, column + o] += (t B)[o], for the rows of each piece
 *
 * Two launches for all adapters, all ranks and all layers that share x:
 * lora_shrink.cu and lora_expand.cu.  Ranks mix freely: an adapter of rank r has
 * r terms, and as many items.
 *
 * Of an embedding A lies by token, (vocab, rank), and t is a row of it: exactly,
 * as cpu/reference/lora.c of a vector that is one at the token.  Bound by
 * memory, rank numbers a row.
 */
#include "gpuexec/cuda/lora.h"

#define THREADS 128
#define BLOCKS 8 /* a multiprocessor */

static __global__ void
look_up(struct cuda_lora l, const struct cuda_step *step)
{
	int pieces = lora_pieces(l, step);

	for (int p = blockIdx.x; p < pieces; p += gridDim.x) {
		struct cuda_piece piece = step->piece[p];
		const struct cuda_adapter *a = &l.adapters[piece.adapter];
		struct cuda_module m = lora_module(l, a, l.product[0].linear);

		if (m.rank == 0)
			continue;
		struct lora_rows rows = lora_rows(a, m.a,
		    m.rank * lora_number_bytes(a));

		for (int i = threadIdx.x; i < piece.rows * m.rank;
		     i += blockDim.x) {
			int row = piece.row + i / m.rank, rank = i % m.rank;
			const char *at = lora_row(rows, step->token[row]);

			lora_sums(l, row, 0)[rank] = a->dtype == TENSOR_BF16 ?
			    widen(((const bf16 *)at)[rank]) :
			    a->dtype == TENSOR_F16 ?
			    widen(((const f16 *)at)[rank]) :
			    ((const float *)at)[rank];
		}
	}
}

int
cuda_lora(cudaStream_t stream, const struct cuda_lora *l,
    const struct cuda_step *step, int pieces_max)
{
	int e = cuda_lora_shrink(stream, l, step, pieces_max);

	return e != 0 ? e : cuda_lora_expand(stream, l, step, pieces_max);
}

int
cuda_lora_embed(cudaStream_t stream, const struct cuda_lora *l,
    const struct cuda_step *step, int pieces_max)
{
	int e;

	LAUNCH(look_up, cuda_grid(pieces_max, BLOCKS), THREADS, 0, stream, *l,
	    step);
	if ((e = cuda_launched("lora look-up")) != 0)
		return e;
	return cuda_lora_expand(stream, l, step, pieces_max);
}
