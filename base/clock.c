/* Time, from the operating system. */
#include "base/clock.h"

#include <time.h>

static nsec
read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

nsec
clock_mono(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

nsec
clock_wall(void)
{
	return read_clock(CLOCK_REALTIME);
}

void
clock_sleep(nsec length)
{
	struct timespec ts = { length / SECOND, length % SECOND };

	nanosleep(&ts, NULL);
}
