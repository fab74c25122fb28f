/* A low-rank adapter of a linear layer.  Source: arXiv 2106.09685. */
#include "gpuexec/cpu/reference/ref.h"

#include <stddef.h>

void
ref_lora(float *y, const float *x, const float *a, const float *b, int rows,
    int rank, int in, int out)
{
	for (int r = 0; r < rows; r++, x += in, y += out)
		for (int j = 0; j < rank; j++) {
			double t = 0;

			for (int i = 0; i < in; i++)
				t += (double)x[i] * a[(size_t)j * in + i];
			for (int o = 0; o < out; o++)
				y[o] += (float)(t * b[(size_t)j * out + o]);
		}
}
