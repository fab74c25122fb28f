/* Numbers as short as a column of a console wants them. */
#include "tui/text.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

static const char unknown[] = "-";

char *
text_time(char *buf, nsec t)
{
	long long s = t / SECOND;

	if (t < 0)
		snprintf(buf, TEXT_MAX, "%s", unknown);
	else if (t == 0)
		snprintf(buf, TEXT_MAX, "0");
	else if (t < 10 * MILLISECOND)
		snprintf(buf, TEXT_MAX, "%.1fms", clock_ms(t));
	else if (t < SECOND)
		snprintf(buf, TEXT_MAX, "%.0fms", floor(clock_ms(t)));
	else if (s < 100)
		snprintf(buf, TEXT_MAX, "%lld.%llds", s,
		    (long long)(t % SECOND / (SECOND / 10)));
	else if (s < 6000)
		snprintf(buf, TEXT_MAX, "%lldm%02lld", s / 60, s % 60);
	else if (s < 360000)
		snprintf(buf, TEXT_MAX, "%lldh%02lld", s / 3600, s / 60 % 60);
	else
		snprintf(buf, TEXT_MAX, "%lldd%02lld", s / 86400,
		    s / 3600 % 24);
	return buf;
}

char *
text_long(char *buf, nsec t)
{
	long long s = t / SECOND;

	if (t < 0)
		snprintf(buf, TEXT_MAX, "%s", unknown);
	else if (t == 0)
		snprintf(buf, TEXT_MAX, "0");
	else if (t < SECOND)
		snprintf(buf, TEXT_MAX, "%.*f ms", t < 10 * MILLISECOND,
		    clock_ms(t));
	else if (s < 60)
		snprintf(buf, TEXT_MAX, "%lld.%lld s", s,
		    (long long)(t % SECOND / (SECOND / 10)));
	else if (s < 3600)
		snprintf(buf, TEXT_MAX, "%lld min %02lld s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, TEXT_MAX, "%lld h %02lld min", s / 3600,
		    s / 60 % 60);
	else
		snprintf(buf, TEXT_MAX, "%lld d %02lld h", s / 86400,
		    s / 3600 % 24);
	return buf;
}

char *
text_clock(char *buf, nsec wall)
{
	time_t s = (time_t)(wall / SECOND);
	struct tm tm;

	if (gmtime_r(&s, &tm) == NULL ||
	    strftime(buf, TEXT_MAX, "%H:%M:%SZ", &tm) == 0)
		snprintf(buf, TEXT_MAX, "%s", unknown);
	return buf;
}

/* Three digits or so, and a letter. */
static char *
scaled(char *buf, double n, double step, const char *letters)
{
	int k = 0;

	while (n >= step && letters[k + 1] != '\0') {
		n /= step;
		k++;
	}
	snprintf(buf, TEXT_MAX, "%.*f%.1s", k > 0 && n < 99.95, n,
	    letters[k] == ' ' ? "" : letters + k);
	return buf;
}

char *
text_bytes(char *buf, double n)
{
	if (!(n >= 0))
		snprintf(buf, TEXT_MAX, "%s", unknown);
	else
		(void)scaled(buf, n, 1024, "BKMGTP");
	return buf;
}

char *
text_count(char *buf, double n)
{
	if (!isfinite(n))
		snprintf(buf, TEXT_MAX, "%s", unknown);
	else if (fabs(n) < 1e5)
		snprintf(buf, TEXT_MAX, "%.0f", n);
	else
		(void)scaled(buf, n, 1000, " kMGTP");
	return buf;
}

char *
text_real(char *buf, double x)
{
	if (!isfinite(x))
		snprintf(buf, TEXT_MAX, "%s", unknown);
	else if (fabs(x) >= 99995)
		snprintf(buf, TEXT_MAX, "%.1e", x);
	else
		snprintf(buf, TEXT_MAX, "%.*f",
		    fabs(x) < 9.995	 ? 2 :
			fabs(x) < 999.95 ? 1 :
					   0,
		    x);
	return buf;
}

char *
text_percent(char *buf, double share)
{
	if (!isfinite(share))
		snprintf(buf, TEXT_MAX, "%s", unknown);
	else
		snprintf(buf, TEXT_MAX, "%.0f%%", share * 100);
	return buf;
}
