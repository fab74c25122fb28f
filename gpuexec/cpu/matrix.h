/*
 * matrix.h -- the weights of a linear layer as the inner loops read them.
 *
 * Panels of CPU_PANEL outputs (kernels.h), one after the other; the last is
 * filled up with zeros.
 *
 * Memory   The caller's; a matrix is a view.
 */
#ifndef GPUEXEC_CPU_MATRIX_H
#define GPUEXEC_CPU_MATRIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cpu_matrix {
	void *panels;
	float *bias; /* as long as the panels are wide; NULL: none */
	int rows;    /* outputs */
	int cols;    /* inputs */
	bool half;   /* bf16, else f32 */
};

int cpu_matrix_panels(const struct cpu_matrix *);
size_t cpu_matrix_panel_bytes(const struct cpu_matrix *);
size_t cpu_matrix_bytes(const struct cpu_matrix *);
void *cpu_matrix_panel(const struct cpu_matrix *, int i);

/* Fills panel i from n <= CPU_PANEL rows (n, cols) of its own kind of number:
 * uint16_t if half, else float. */
void cpu_matrix_pack(const struct cpu_matrix *, int i, const void *rows, int n);

/* Row r as floats: for embeddings that are also the head. */
void cpu_matrix_row(const struct cpu_matrix *, int r, float *out);

#endif
