/*
 * clock.h -- the only file that reads the time.
 *
 * Everything else is handed `now`, so that the simulator can hand it another.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

typedef int64_t nsec; /* nanoseconds, a moment or a length of time */

#define MICROSECOND ((nsec)1000)
#define MILLISECOND ((nsec)1000000)
#define SECOND ((nsec)1000000000)

nsec clock_mono(void);	       /* since boot; the same in all processes */
nsec clock_wall(void);	       /* since 1970, for logs and ids alone */
void clock_sleep(nsec length); /* at least that long, unless signalled */

static inline double
clock_ms(nsec length)
{
	return (double)length / (double)MILLISECOND;
}

#endif
