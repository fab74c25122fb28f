/* RMSNorm.  Source: arXiv 1910.07467. */
#include "gpuexec/cpu/reference/ref.h"

#include <math.h>

void
ref_rmsnorm(float *y, const float *x, const float *w, int rows, int cols,
    float eps)
{
	for (int r = 0; r < rows; r++, x += cols, y += cols) {
		double sum = 0;
		float scale;

		for (int c = 0; c < cols; c++)
			sum += (double)x[c] * x[c];
		scale = (float)(1 / sqrt(sum / cols + (double)eps));
		for (int c = 0; c < cols; c++)
			y[c] = x[c] * scale * w[c];
	}
}
