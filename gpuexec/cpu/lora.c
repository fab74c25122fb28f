/* Where the rows of an adapter's module lie. */
#include "gpuexec/cpu/lora.h"

#include "model/adapter.h"

static const void *
row(const struct cpu_lora *l, uint64_t start, int length, int i)
{
	uint64_t bytes = (uint64_t)length * (l->half ? 2 : 4);
	uint64_t at = adapter_row(start, bytes, l->page_bytes, (uint32_t)i);

	if (l->page_bytes == 0)
		return (const char *)l->pages[0] + at;
	return (const char *)l->pages[at / l->page_bytes] + at % l->page_bytes;
}

const void *
cpu_lora_a(const struct cpu_lora *l, int i)
{
	return row(l, l->a, l->in, i);
}

const void *
cpu_lora_token(const struct cpu_lora *l, int token)
{
	return row(l, l->a, l->rank, token);
}

const void *
cpu_lora_b(const struct cpu_lora *l, int i)
{
	return row(l, l->b, l->out, i);
}
