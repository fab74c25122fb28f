/*
 * t[r,:] = A[token[r],:], for the rows of each piece: an embedding's A lies by
 * token, (vocab, rank)
 *
 * Exactly, as cpu/reference/lora.c of a vector that is one at the token.  Bound
 * by memory, rank numbers a row.  lora_expand.cu takes it from there.
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
cuda_lora_look_up(cudaStream_t stream, const struct cuda_lora *l,
    const struct cuda_step *step, int pieces_max)
{
	LAUNCH(look_up, cuda_grid(pieces_max, BLOCKS), THREADS, 0, stream, *l,
	    step);
	return cuda_launched("lora look-up");
}
