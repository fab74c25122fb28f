/* Which inner loops this processor gets. */
#include "gpuexec/cpu/kernels.h"

#include <stdlib.h>
#include <string.h>

const struct cpu_kernels *
cpu_kernels_pick(void)
{
	const struct cpu_kernels *all[] = { cpu_kernels_avx512(),
		cpu_kernels_avx2(), cpu_kernels_plain() };
	const char *wish = getenv("CHAMELEON_KERNELS");
	const struct cpu_kernels *best = NULL;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i] == NULL)
			continue;
		if (wish != NULL && strcmp(wish, all[i]->name) == 0)
			return all[i];
		if (best == NULL)
			best = all[i];
	}
	return best;
}
