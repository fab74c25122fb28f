/* When an adapter is expected: a histogram of the times between its uses. */
#include "policy/prefetch.h"

#include <stddef.h>
#include <string.h>

/* Percent of the gaps that are over before it is loaded, and before it goes. */
#define LOAD_PERCENT 5u
#define KEEP_PERCENT 99u

int
prefetch_find(const char *name)
{
	static const char *const names[] = {
		[PREFETCH_OFF] = "off",
		[PREFETCH_QUEUE] = "queue",
		[PREFETCH_HISTOGRAM] = "histogram",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

/* What came lately counts for more from now on. */
static void
halve(struct prefetch_history *h)
{
	h->total = h->beyond /= 2;
	for (int i = 0; i < PREFETCH_BINS; i++)
		h->total += h->gap[i] /= 2;
}

/* A count that a gap, in seconds, belongs to. */
static uint16_t *
bin(struct prefetch_history *h, nsec gap_s)
{
	if (gap_s >= PREFETCH_BINS)
		return &h->beyond;
	return &h->gap[gap_s > 0 ? gap_s : 0];
}

void
prefetch_note(struct prefetch_history *h, nsec now)
{
	nsec last = h->last_ns;

	/* A clock that starts at 0 has its first use a moment later. */
	h->last_ns = now > 0 ? now : 1;
	if (last == 0)
		return;
	if (*bin(h, (now - last) / SECOND) == UINT16_MAX)
		halve(h);
	++*bin(h, (now - last) / SECOND);
	h->total++;
}

/* The bin in which so many percent of the gaps are complete; PREFETCH_BINS: not
 * within ten minutes. */
static int
percentile(const struct prefetch_history *h, unsigned percent)
{
	uint64_t want = ((uint64_t)h->total * percent + 99) / 100, seen = 0;

	for (int i = 0; i < PREFETCH_BINS; i++)
		if ((seen += h->gap[i]) >= want)
			return i;
	return PREFETCH_BINS;
}

bool
prefetch_window(const struct prefetch_history *h, nsec *load_ns, nsec *keep_ns)
{
	int load = percentile(h, LOAD_PERCENT), keep;

	if (h->total < PREFETCH_LEAST || load == PREFETCH_BINS)
		return false;
	keep = percentile(h, KEEP_PERCENT);
	*load_ns = h->last_ns + load * SECOND;
	*keep_ns = h->last_ns +
	    (keep < PREFETCH_BINS ? keep + 1 : PREFETCH_BINS) * SECOND;
	return true;
}
