/* A world is run, twice if wanted, and what must be true of its end looked at.
 */
#include "tests/swarm/world.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "shm/dir.h"
#include "tests/swarm/swarm.h"

struct swarm *
swarm_open(uint64_t seed)
{
	struct swarm *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->work.asks = w->asks;
	w->work.adapters = w->adapters;
	w->setup.work = &w->work;
	w->setup.acts = w->acts;
	swarm_draw(w, seed);
	return w;
}

void
swarm_close(struct swarm *w)
{
	free(w);
}

const struct sim_setup *
swarm_setup(const struct swarm *w)
{
	return &w->setup;
}

uint32_t
swarm_chunks(const struct swarm *w, uint32_t a)
{
	const struct sim_cost *c = &w->setup.cost;

	return dir_chunks(sim_cost_adapter_bytes(c, w->adapters[a].rank),
	    (uint64_t)c->chunk_bytes);
}

static void
breach(struct sim_result *r, const struct swarm *w, const char *what)
{
	if (*r->breach == '\0')
		snprintf(r->breach, sizeof(r->breach), "seed %llu: %s",
		    (unsigned long long)w->setup.seed, what);
}

/* Every request has ended: whole, denied, or its client gone. */
static void
look_at_end(const struct swarm *w, struct sim_result *r)
{
	for (uint64_t i = 0; i < w->work.n; i++) {
		const struct sim_ask *q = &w->asks[i];
		const struct sim_outcome *o = &r->outcomes[i];

		if (!o->failed && o->tokens != q->output)
			breach(r, w, "a request has no end");
		if (o->failed && o->tokens >= q->output)
			breach(r, w, "a request was answered and denied");
	}
	if (r->late_share > 1)
		breach(r, w, "somebody waited longer than the bound");
}

void
swarm_run(const struct swarm *w, struct sim_result *r)
{
	int e = sim_run(&w->setup, r);

	if (e == ERR_LAW)
		return;
	if (e != 0)
		breach(r, w, err_text());
	else
		look_at_end(w, r);
}

static bool
same(const struct swarm *w, const struct sim_result *a,
    const struct sim_result *b)
{
	struct sim_result x = *a, y = *b;

	x.outcomes = y.outcomes = NULL;
	x.samples = y.samples = NULL;
	return memcmp(&x, &y, sizeof(x)) == 0 &&
	    memcmp(a->outcomes, b->outcomes,
		w->work.n * sizeof(*a->outcomes)) == 0 &&
	    memcmp(a->samples, b->samples, a->nsamples * sizeof(*a->samples)) ==
	    0;
}

void
swarm_again(const struct swarm *w, struct sim_result *r)
{
	struct sim_result again;

	swarm_run(w, &again);
	if (!same(w, r, &again))
		breach(r, w, "the second run differs from the first");
	sim_result_free(&again);
}

/* One setting of the policy that is not the default. */
static void
print_setting(const struct conf *c, int i, FILE *f)
{
	struct conf_row row;

	if (conf_row(c, i, &row) && row.live)
		fprintf(f, " %s=%s", row.key + strlen("policy."), row.value);
}

static void
print_rules(const struct conf *c, const char *name, FILE *f)
{
	fprintf(f, "%s:", name);
	for (int i = 0; i < CONF_COUNT; i++)
		print_setting(c, i, f);
	fputc('\n', f);
}

void
swarm_print(const struct swarm *w, FILE *f)
{
	const struct sim_cost *c = &w->setup.cost;
	uint64_t acts[SIM_ACT_RULES + 1] = { 0 };

	for (uint64_t i = 0; i < w->setup.nacts; i++)
		acts[w->acts[i].kind]++;
	fprintf(f,
	    "world %llu: %g chunks, %g running, %u slots, %u adapters, blocks "
	    "of %g, %s steps; %llu pins, %llu commands, %llu clients leave\n",
	    (unsigned long long)w->setup.seed, c->pool_bytes / c->chunk_bytes,
	    c->batch_max, w->setup.slots, w->work.nadapters, c->block_tokens,
	    c->mixed_steps > 0 ? "mixed" : "separate",
	    (unsigned long long)acts[SIM_ACT_PIN],
	    (unsigned long long)(acts[SIM_ACT_LOAD] + acts[SIM_ACT_UNLOAD]),
	    (unsigned long long)acts[SIM_ACT_LEAVE]);
	print_rules(&w->setup.conf, "rules", f);
	for (uint64_t i = 0; i < w->setup.nacts; i++)
		if (w->acts[i].kind == SIM_ACT_RULES) {
			fprintf(f, "at %.6f s ", (double)w->acts[i].at / 1e9);
			print_rules(w->acts[i].conf, "other rules", f);
		}
}
