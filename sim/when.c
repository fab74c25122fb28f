/* A date or a number of seconds. */
#include "sim/when.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECONDS_MAX 5e9 /* of a time: fits a nsec */

/* Digits behind the point, as nanoseconds; what is finer is dropped. */
static nsec
fraction(const char **at)
{
	nsec unit = SECOND / 10, sum = 0;

	if (**at != '.')
		return 0;
	for (++*at; isdigit((unsigned char)**at); ++*at, unit /= 10)
		sum += (**at - '0') * unit;
	return sum;
}

/* "Z", "+02:00", "-0730" or nothing, as nanoseconds east of Greenwich. */
static nsec
zone(const char **at)
{
	int hours = 0, minutes = 0, n = 0;
	char sign = **at;

	if (sign == 'Z')
		++*at;
	if ((sign != '+' && sign != '-') ||
	    sscanf(*at + 1, "%2d%n", &hours, &n) != 1)
		return 0;
	*at += 1 + n + ((*at)[1 + n] == ':');
	if (sscanf(*at, "%2d%n", &minutes, &n) == 1)
		*at += n;
	return (sign == '-' ? -60 : 60) * (hours * 60 + minutes) * SECOND;
}

bool
sim_when(const char *text, nsec *t)
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%Y-%m-%d", &tm);
	char *end;

	if (rest != NULL && (*rest == ' ' || *rest == 'T') &&
	    (rest = strptime(rest + 1, "%H:%M:%S", &tm)) != NULL) {
		time_t whole = timegm(&tm);

		*t = fabs((double)whole) < SECONDS_MAX ? whole * SECOND : -1;
		*t += fraction(&rest);
		*t -= zone(&rest);
		return *rest == '\0';
	}
	double seconds = strtod(text, &end);

	if (end == text || *end != '\0' || !(fabs(seconds) < SECONDS_MAX))
		return false;
	*t = (nsec)llround(seconds * 1e9);
	return true;
}
