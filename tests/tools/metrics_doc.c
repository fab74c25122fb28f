/* Prints docs/METRICS.md. */
#include "monitor/metrics.h"

int
main(void)
{
	metrics_guide(stdout);
	return fflush(stdout) == 0 ? 0 : 1;
}
