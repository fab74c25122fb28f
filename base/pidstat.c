/* /proc/PID/stat. */
#include "base/pidstat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As proc(5) counts them; the second is the name, the third the state. */
enum {
	FIELD_STATE = 3,
	FIELD_USER = 14,
	FIELD_SYSTEM = 15,
	FIELD_START = 22,
	FIELD_RSS = 24
};

bool
pidstat_read(pid_t pid, struct pidstat *s)
{
	char path[64], text[1024], *p;
	unsigned long long v[FIELD_RSS + 1] = { 0 };
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (pid <= 0 || (f = fopen(path, "re")) == NULL)
		return false;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	/* The name may hold anything, spaces and brackets too. */
	if ((p = strrchr(text, ')')) == NULL || p[1] != ' ' || p[2] == 'Z' ||
	    p[2] == 'X')
		return false;
	p += 3;
	for (int i = FIELD_STATE + 1; i <= FIELD_RSS; i++)
		v[i] = strtoull(p, &p, 10);
	s->start_time = v[FIELD_START];
	s->cpu_ns = (nsec)((v[FIELD_USER] + v[FIELD_SYSTEM]) *
	    (SECOND / (unsigned long long)sysconf(_SC_CLK_TCK)));
	s->rss_bytes = v[FIELD_RSS] * (uint64_t)sysconf(_SC_PAGESIZE);
	return v[FIELD_START] != 0;
}
