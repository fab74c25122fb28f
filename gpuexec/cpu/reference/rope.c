/* Rotary positions, in the half-split form.  Source: arXiv 2104.09864. */
#include "gpuexec/cpu/reference/ref.h"

#include <math.h>

static void
turn(float *head, int position, const double *frequency, int n, float scale)
{
	for (int i = 0; i < n; i++) {
		double angle = position * frequency[i];
		float c = (float)cos(angle) * scale;
		float s = (float)sin(angle) * scale;
		float a = head[i], b = head[i + n];

		head[i] = a * c - b * s;
		head[i + n] = b * c + a * s;
	}
}

void
ref_rope(float *x, const int *position, const double *frequency, int rows,
    int heads, int head_dim, int rotary_dim, float scale)
{
	for (int r = 0; r < rows; r++)
		for (int h = 0; h < heads; h++, x += head_dim)
			turn(x, position[r], frequency, rotary_dim / 2, scale);
}
