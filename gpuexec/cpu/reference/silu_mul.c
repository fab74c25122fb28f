/* The gate of the feed-forward part.  Source: arXiv 2002.05202. */
#include "gpuexec/cpu/reference/ref.h"

#include <math.h>

void
ref_silu_mul(float *y, const float *gate, const float *up, int n)
{
	for (int i = 0; i < n; i++)
		y[i] = (float)((double)gate[i] / (1 + exp(-(double)gate[i])) *
		    up[i]);
}
