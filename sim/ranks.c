/* Two laws: which rank, and which adapter of it. */
#include "sim/ranks.h"

#include "base/err.h"
#include "sim/draw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ADAPTERS_MAX (1u << 20)
#define RANK_MAX 1024

/* "8,16,32" in any order, no number twice. */
static int
parse(struct ranks *r, const char *text)
{
	char *end;

	for (const char *at = text;; at = end + 1) {
		unsigned long rank = strtoul(at, &end, 10);
		uint32_t i = r->n;

		if (end == at || *at < '0' || *at > '9' || rank < 1 ||
		    rank > RANK_MAX || (*end != ',' && *end != '\0') ||
		    r->n == RANKS_MAX)
			return err_set(ERR_USAGE,
			    "ranks '%.64s': want at most %d numbers of 1..%d "
			    "with commas between",
			    text, RANKS_MAX, RANK_MAX);
		for (; i > 0 && r->rank[i - 1] >= (int32_t)rank; i--)
			r->rank[i] = r->rank[i - 1];
		r->rank[i] = (int32_t)rank;
		if (i < r->n++ && r->rank[i + 1] == (int32_t)rank)
			return err_set(ERR_USAGE, "ranks '%.64s': %lu twice",
			    text, rank);
		if (*end == '\0')
			return 0;
	}
}

int
ranks_open(struct ranks *r, const struct sim_work_options *o)
{
	uint32_t most;
	int e;

	memset(r, 0, sizeof(*r));
	if (o->adapters == 0)
		return 0;
	if (o->adapters > ADAPTERS_MAX)
		return err_set(ERR_USAGE, "%u adapters: want at most %u",
		    o->adapters, ADAPTERS_MAX);
	if (!(o->zipf >= 0 && o->zipf <= 100 && fabs(o->rank_zipf) <= 100))
		return err_set(ERR_USAGE,
		    "popularity of adapters %g, of ranks %g: want 0..100 and "
		    "-100..100",
		    o->zipf, o->rank_zipf);
	if ((e = parse(r, o->ranks)) != 0)
		return e;
	r->nadapters = o->adapters;
	if (r->n > r->nadapters)
		r->n = r->nadapters;
	most = (r->nadapters + r->n - 1) / r->n;
	if ((r->popular = malloc(most * sizeof(*r->popular))) == NULL)
		return err_set(ERR_MEMORY, "no memory for %u adapters", most);
	draw_zipf_sums(r->popular, most, o->zipf);
	draw_zipf_sums(r->shares, r->n, fabs(o->rank_zipf));
	r->reversed = o->rank_zipf < 0;
	return 0;
}

void
ranks_close(struct ranks *r)
{
	free(r->popular);
	memset(r, 0, sizeof(*r));
}

int
ranks_list(const struct ranks *r, struct sim_work *w)
{
	if (r->nadapters == 0)
		return 0;
	w->adapters = malloc(r->nadapters * sizeof(*w->adapters));
	if (w->adapters == NULL)
		return err_set(ERR_MEMORY, "no memory for %u adapters",
		    r->nadapters);
	w->nadapters = r->nadapters;
	for (uint32_t i = 0; i < r->nadapters; i++)
		w->adapters[i] = (struct sim_adapter){
			.rank = r->rank[i % r->n]
		};
	return 0;
}

int32_t
ranks_draw(const struct ranks *r, struct rng *rank, struct rng *within)
{
	uint32_t which, of_rank;

	if (r->nadapters == 0)
		return -1;
	which = draw_share(rank, r->shares, r->n);
	if (r->reversed)
		which = r->n - 1 - which;
	of_rank = (r->nadapters - which + r->n - 1) / r->n;
	return (
	    int32_t)(draw_share(within, r->popular, of_rank) * r->n + which);
}
