/* A linear layer. */
#include "gpuexec/cpu/reference/ref.h"

#include <stddef.h>

void
ref_matmul(float *y, const float *x, const float *w, const float *bias,
    int rows, int in, int out)
{
	for (int r = 0; r < rows; r++, x += in)
		for (int o = 0; o < out; o++, y++) {
			double sum = bias == NULL ? 0 : (double)bias[o];

			for (int i = 0; i < in; i++)
				sum += (double)x[i] * w[(size_t)o * in + i];
			*y = (float)sum;
		}
}
