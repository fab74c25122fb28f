/*
 * mma_plain.h -- the functions of mma.h in plain code, for a compiler that
 * makes no code for a GPU; included by mma.h alone.
 *
 * Lanes exchange what they have through shared memory, two barriers of the warp
 * a function.  A copy happens as late as it may.
 */
#ifndef GPUEXEC_CUDA_MMA_PLAIN_H
#define GPUEXEC_CUDA_MMA_PLAIN_H

#include <math.h>
#include <string.h>

#include "gpuexec/cuda/number.h"

#define TWIN_WORDS 2 /* of an address */
#define COPIES_MAX 128

/* What each lane of this warp gives, until twin_over. */
static inline uint32_t (*twin_give(const uint32_t *mine, int n))[TWIN_WORDS]
{
	__shared__ uint32_t given[1024 / WARP][WARP][TWIN_WORDS];
	uint32_t(*warp)[TWIN_WORDS] = given[threadIdx.x / WARP];

	memcpy(warp[threadIdx.x % WARP], mine, n * sizeof(*mine));
	__syncwarp();
	return warp;
}

static inline void
twin_over(void)
{
	__syncwarp();
}

/* The two numbers of each of n words, as floats. */
template <typename T>
static inline void
twin_widen(float *to, const uint32_t *words, int n)
{
	T v[2];

	for (int i = 0; i < n; i++) {
		memcpy((void *)v, &words[i], sizeof(v));
		to[2 * i] = widen(v[0]);
		to[2 * i + 1] = widen(v[1]);
	}
}

/* Words of A: (row, k) is with lane row % 8 * 4 + k % 8 / 2, in word
 * row / 8 + k / 8 * 2; of B: (k, column) with column * 4 + k % 8 / 2, in word
 * k / 8.  Lanes give numbers, so that each is widened once. */
template <typename T>
static inline void
mma(float *c, const uint32_t *a, const uint32_t *b)
{
	__shared__ float given[1024 / WARP][WARP][12];
	int lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4;
	float(*of)[12] = given[threadIdx.x / WARP];

	twin_widen<T>(of[lane], a, 4);
	twin_widen<T>(of[lane] + 8, b, 2);
	__syncwarp();
	for (int k = 0; k < 16; k++) {
		const float *left = of[g * 4 + k % 8 / 2] + k / 8 * 4 + k % 2;

		for (int i = 0; i < 2; i++) {
			float right = of[(2 * t + i) * 4 + k % 8 / 2]
					[8 + k / 8 * 2 + k % 2];

			c[i] += left[0] * right;
			c[i + 2] += left[2] * right;
		}
	}
	__syncwarp();
}

/* Row i of matrix m, as its lane said where it is. */
static inline const uint16_t *
twin_row(uint32_t (*of)[TWIN_WORDS], int m, int i)
{
	const uint16_t *row;

	memcpy(&row, of[8 * m + i], sizeof(row));
	return row;
}

static inline void
load_matrices(uint32_t *to, const void *row)
{
	int g = threadIdx.x % WARP / 4, t = threadIdx.x % 4;
	uint32_t mine[2], (*of)[TWIN_WORDS];

	memcpy(mine, &row, sizeof(row));
	of = twin_give(mine, 2);
	for (int m = 0; m < 4; m++)
		memcpy(&to[m], twin_row(of, m, g) + 2 * t, sizeof(to[m]));
	twin_over();
}

static inline void
load_matrices_turned(uint32_t *to, const void *row)
{
	int g = threadIdx.x % WARP / 4, t = threadIdx.x % 4;
	uint32_t mine[2], (*of)[TWIN_WORDS];

	memcpy(mine, &row, sizeof(row));
	of = twin_give(mine, 2);
	for (int m = 0; m < 4; m++)
		to[m] = twin_row(of, m, 2 * t)[g] |
		    (uint32_t)twin_row(of, m, 2 * t + 1)[g] << 16;
	twin_over();
}

/* A copy happens as late as it may, and until then its place is poisoned: who
 * does not wait sees it. */
struct copies {
	struct {
		void *to;
		const void *from; /* NULL: zeros */
		int batch;
	} list[COPIES_MAX];
	int n, batch;
};

static inline void
copies_begin(struct copies *c)
{
	c->n = c->batch = 0;
}

static inline void
copy_later(struct copies *c, void *to, const void *from, bool have)
{
	if (c->n == COPIES_MAX || (uintptr_t)to % 16 != 0 ||
	    (uintptr_t)from % 16 != 0)
		__builtin_trap();
	c->list[c->n].to = to;
	c->list[c->n].from = have ? from : NULL;
	c->list[c->n++].batch = c->batch;
	memset(to, 0xff, 16);
}

static inline void
copies_close(struct copies *c)
{
	c->batch++;
}

template <int N>
static inline void
copies_wait(struct copies *c)
{
	int kept = 0;

	for (int i = 0; i < c->n; i++)
		if (c->list[i].batch >= c->batch - N)
			c->list[kept++] = c->list[i];
		else if (c->list[i].from == NULL)
			memset(c->list[i].to, 0, 16);
		else
			memcpy(c->list[i].to, c->list[i].from, 16);
	c->n = kept;
}

static inline void
fetch_to_l2(const void *)
{
}

template <typename T>
static inline uint32_t
pair(float first, float second)
{
	T v[2] = { narrow<T>(first), narrow<T>(second) };
	uint32_t word;

	memcpy(&word, v, sizeof(word));
	return word;
}

static inline float
power_of_two(float v)
{
	return exp2f(v);
}

#endif
