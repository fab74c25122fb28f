/*
 * lora.h -- one module of an adapter where it lies, and rows that use it.
 *
 * An image lies in pages that need not be neighbours; no row of A or B crosses
 * a page (model/adapter.h), so a row is one address.
 *
 * Memory   The pages are the pool's: readable as long as the step runs.
 */
#ifndef GPUEXEC_CPU_LORA_H
#define GPUEXEC_CPU_LORA_H

#include <stdbool.h>
#include <stdint.h>

struct cpu_lora {
	const void *const *pages;
	uint32_t page_bytes; /* 0: all in one page */
	bool half;	     /* bf16, else f32 */
	int rank;	     /* 0: the adapter leaves this layer alone */
	int in, out;
	uint64_t a, b; /* offsets of the first rows */
};

/* Row i of A (in numbers), of B transposed (out numbers). */
const void *cpu_lora_a(const struct cpu_lora *, int i);
const void *cpu_lora_b(const struct cpu_lora *, int i);

/* An embedding's A lies by token: its `rank` numbers for one. */
const void *cpu_lora_token(const struct cpu_lora *, int token);

#endif
