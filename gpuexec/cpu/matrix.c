/* Packing the weights of a linear layer into panels. */
#include "gpuexec/cpu/matrix.h"

#include <string.h>

#include "gpuexec/cpu/kernels.h"

#define BLOCK 64 /* columns turned at a time: they stay in the first cache */

int
cpu_matrix_panels(const struct cpu_matrix *m)
{
	return (m->rows + CPU_PANEL - 1) / CPU_PANEL;
}

size_t
cpu_matrix_panel_bytes(const struct cpu_matrix *m)
{
	return (size_t)m->cols * CPU_PANEL * (m->half ? 2 : 4);
}

size_t
cpu_matrix_bytes(const struct cpu_matrix *m)
{
	return (size_t)cpu_matrix_panels(m) * cpu_matrix_panel_bytes(m);
}

void *
cpu_matrix_panel(const struct cpu_matrix *m, int i)
{
	return (char *)m->panels + (size_t)i * cpu_matrix_panel_bytes(m);
}

/* Column j of a bf16 panel is the low or high half of word j % 16: as 16-bit
 * numbers of a little-endian machine, place 2 * (j % 16) + j / 16. */
static size_t
place(const struct cpu_matrix *m, int j)
{
	if (!m->half)
		return (size_t)j;
	return (size_t)(2 * (j % (CPU_PANEL / 2)) + j / (CPU_PANEL / 2));
}

static void
turn_half(uint16_t *to, const uint16_t *from, int cols)
{
	for (int k = 0; k < cols; k++)
		to[(size_t)k * CPU_PANEL] = from[k];
}

static void
turn_float(float *to, const float *from, int cols)
{
	for (int k = 0; k < cols; k++)
		to[(size_t)k * CPU_PANEL] = from[k];
}

void
cpu_matrix_pack(const struct cpu_matrix *m, int i, const void *rows, int n)
{
	void *panel = cpu_matrix_panel(m, i);

	if (n < CPU_PANEL)
		memset(panel, 0, cpu_matrix_panel_bytes(m));
	for (int k = 0; k < m->cols; k += BLOCK) {
		int cols = m->cols - k < BLOCK ? m->cols - k : BLOCK;

		for (int j = 0; j < n; j++) {
			size_t to = (size_t)k * CPU_PANEL + place(m, j);
			size_t from = (size_t)j * (size_t)m->cols + (size_t)k;

			if (m->half)
				turn_half((uint16_t *)panel + to,
				    (const uint16_t *)rows + from, cols);
			else
				turn_float((float *)panel + to,
				    (const float *)rows + from, cols);
		}
	}
}

void
cpu_matrix_row(const struct cpu_matrix *m, int r, float *out)
{
	const void *panel = cpu_matrix_panel(m, r / CPU_PANEL);
	size_t at = place(m, r % CPU_PANEL);

	for (int k = 0; k < m->cols; k++, at += CPU_PANEL)
		out[k] = m->half ? cpu_widen(((const uint16_t *)panel)[at]) :
				   ((const float *)panel)[at];
}
