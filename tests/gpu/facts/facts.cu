/* Kernels that are there to be watched, or to fail. */
#include "gpuexec/cuda/launch.h"

extern "C" int fact_count(void *, uint64_t *, uint64_t);
extern "C" int fact_stray(void *);

static __global__ void
count_up(volatile uint64_t *word, uint64_t times)
{
	for (uint64_t i = 0; i < times; i++)
		*word = *word + 1;
}

static __global__ void
stray(volatile uint64_t *word)
{
	*word = 1;
}

int
fact_count(void *stream, uint64_t *word, uint64_t times)
{
	LAUNCH(count_up, 1, 1, 0, (cudaStream_t)stream, word, times);
	return cuda_launched("count");
}

int
fact_stray(void *stream)
{
	LAUNCH(stray, 1, 1, 0, (cudaStream_t)stream,
	    (volatile uint64_t *)(uintptr_t)0x700000000000u);
	return cuda_launched("stray");
}
